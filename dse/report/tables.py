"""Tables of designs for people: units beside every number."""

from __future__ import annotations

import numpy as np
import xarray as xr

from dse.units import format_quantity


def frontier_rows(frontier: xr.Dataset, metrics: list[str], most: int) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of a frontier: the axes that vary, then the metrics with units; at most `most` rows, spread
    evenly over the frontier."""
    axes = [str(n) for n, c in frontier.coords.items() if c.dims == ("design",) and _varies(c) and _is_axis(str(n))]
    size = frontier.sizes["design"]
    places = np.unique(np.linspace(0, size - 1, min(most, size)).astype(int))
    rows = []
    for place in places:
        design = frontier.isel(design=place)
        cells = [_plain(design[a].item()) for a in axes]
        cells += [format_quantity(float(design[m]), _measure(frontier[m])) for m in metrics]
        rows.append(cells)
    return [*axes, *metrics], rows


def _is_axis(name: str) -> bool:
    return name not in ("accuracy_source", "compute_format")


def _varies(coordinate: xr.DataArray) -> bool:
    return len(set(coordinate.values.tolist())) > 1


def _measure(variable: xr.DataArray) -> str:
    return str(variable.attrs.get("counted") or variable.attrs.get("units", "1"))


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
