"""Tables for people: aligned columns that fit a width, units beside every number."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from dse.units import format_quantity, operations_unit

GAP = "  "
NARROWEST = 16


def format_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    prose: Sequence[str] = (),
    width: int | None = None,
) -> tuple[list[str], list[str]]:
    """Lines of a table, and the columns left out of it for want of width.

    Parameters
    ----------
    right
        Columns that stand at the right of their space: numbers.
    prose
        Columns that may be broken over several lines; others are left out from the last one on where they do not fit.
    width
        Characters of a line; None for as many as the table needs.
    """
    sizes = [max(len(c), *(len(r[i]) for r in rows)) if rows else len(c) for i, c in enumerate(columns)]
    if width is not None:
        sizes = _squeezed(columns, sizes, prose, width)
    kept = [i for i, size in enumerate(sizes) if size]
    lines = []
    for row in (columns, *rows):
        cells = [textwrap.wrap(row[i], sizes[i], break_on_hyphens=False) or [""] for i in kept]
        for n in range(max(map(len, cells))):
            parts = [
                _aligned(cell[n] if n < len(cell) else "", sizes[i], columns[i] in right)
                for i, cell in zip(kept, cells, strict=True)
            ]
            lines.append(GAP.join(parts).rstrip())
    return lines, [c for i, c in enumerate(columns) if i not in kept]


def _aligned(cell: str, size: int, right: bool) -> str:
    return cell.rjust(size) if right else cell.ljust(size)


def _squeezed(columns: Sequence[str], sizes: Sequence[int], prose: Sequence[str], width: int) -> list[int]:
    """Sizes that fit: prose shares what the others leave; then the last columns go, with size 0."""
    sizes = list(sizes)
    flexible = [i for i, c in enumerate(columns) if c in prose]
    gaps = len(GAP) * (len(columns) - 1)
    rest = width - gaps - sum(s for i, s in enumerate(sizes) if i not in flexible)
    for left, i in zip(range(len(flexible), 0, -1), sorted(flexible, key=lambda i: sizes[i]), strict=True):
        sizes[i] = min(sizes[i], max(NARROWEST, rest // left))
        rest -= sizes[i]
    used = -len(GAP)
    for i, size in enumerate(sizes):
        used += size + len(GAP)
        if used > width and i > 0:
            sizes[i:] = [0] * (len(sizes) - i)
            break
    return sizes


def frontier_rows(
    frontier: xr.Dataset, axes: Mapping[str, int], metrics: Sequence[str], most: int
) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of a frontier: the axes that have several values, then the metrics with units.

    Parameters
    ----------
    axes
        Number of values of each axis of the space.
    most
        Rows that are shown, spread evenly over the frontier.
    """
    from dse.plots.choice import follows_network

    varying = [n for n, number in axes.items() if number > 1 and n in frontier and not follows_network(frontier, n)]
    size = frontier.sizes["design"]
    places = np.unique(np.linspace(0, size - 1, min(most, size)).astype(int))
    rows = []
    for place in places:
        design = frontier.isel(design=place)
        cells = [_axis_value(design[a]) for a in varying]
        cells += [_cell(design, m) for m in metrics]
        rows.append(cells)
    return [*varying, *metrics], rows


def _cell(design: xr.Dataset, metric: str) -> str:
    """A value with its unit, and with both ends of its interval where it has one."""
    formats = [str(design["compute_format"].item())] if "compute_format" in design.coords else []
    unit = operations_unit(_measure(design[metric]), formats)
    ends = [float(design[n]) for n in (f"{metric}_low", f"{metric}_high") if n in design]
    if len(ends) < 2 or not np.isfinite(ends).all():
        return format_quantity(float(design[metric]), unit)
    low, high = (format_quantity(end, unit, 3) for end in ends)
    shared = low.rpartition(" ")[2]
    low = low.removesuffix(f" {shared}") if high.endswith(f" {shared}") else low
    return f"{format_quantity(float(design[metric]), unit)} ({low} to {high})"


def _measure(variable: xr.DataArray) -> str:
    return str(variable.attrs.get("counted") or variable.attrs.get("units", "1"))


def _axis_value(value: xr.DataArray) -> str:
    unit = str(value.attrs.get("units", "1"))
    number = value.dtype.kind in "fi" and unit not in ("1", "bit")
    return format_quantity(float(value), unit) if number else _plain(value.item())


def _plain(value: object) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:g}"
    return str(value)
