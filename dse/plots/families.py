"""Families of frontiers: one curve for each value of an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from dse.errors import InputError, unknown
from dse.plots import choice
from dse.plots.cloud import Lattice
from dse.plots.frontier import MOST_COLOURED, draw_frontier
from dse.plots.frontier_data import MOST_PANELS, FrontierData, group_rows, natural, subtitle_and_limits
from dse.plots.frontier_panels import Builder, Group, Panel
from dse.plots.kinds import NotInResult, plot
from dse.plots.style import readable
from dse.plots.summary import counts_text, none_left
from dse.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_USUAL = ("precision", "device", "network")
_NOTHING = np.empty(0, dtype=int)


def prepare(result: Any, *, by: str = "", x: str = "", y: str = "") -> FrontierData:
    """The frontier of each value of the axis `by`, over the same two objectives.

    Where the result has no frontier for each of them, its space is cut again.

    Raises
    ------
    NotInResult
        For fewer than two objectives, no axis of several values, or no feasible design.
    InputError
        For a name that is no axis or no objective of the result.
    """
    manifest = result.manifest
    if len(manifest["objectives"]) < 2:
        raise NotInResult("families", f"needs two objectives; the result has {len(manifest['objectives'])}")
    by = _axis(manifest, by)
    cut = result.per(by)
    frontier = cut.frontier
    if frontier.sizes["design"] == 0:
        raise NotInResult("families", none_left(manifest))
    others = [a for a in manifest["per"] if a != by]
    values = sorted(group_rows(frontier, [by]), key=natural)
    names = _names(frontier, by, values)
    places = sorted(group_rows(frontier, others), key=natural)
    if len(places) > MOST_PANELS:
        raise NotInResult(
            "families",
            f"{len(places)} panels, one for each of {', '.join(others)}, are too many; at most {MOST_PANELS}",
        )
    rows = group_rows(frontier, [*others, by])
    first, second, _ = choice.named_axes(frontier, manifest["objectives"], list(rows.values()), (x, y, ""))
    builder = Builder(cut, first, second, None, _no_cells(), (1, 1), labelled=False)
    panels = [_panel(builder, others, place, names, rows) for place in places]
    text, drawn = subtitle_and_limits(manifest, {}, builder, [*others, by])
    lacking = _without(manifest, by, values)
    notes = [
        f"Each curve: the designs of one {readable(by)} that no other of them beats in these two objectives.",
        *([lacking] if lacking else []),
    ]
    if len(values) > MOST_COLOURED:
        notes.append(f"The first {MOST_COLOURED} of {len(values)} have a colour.")
    better = tuple(-1.0 if o["direction"] == "min" else 1.0 for o in (first, second))
    footer = " ".join([counts_text(cut.manifest), *notes])
    return FrontierData(
        f"{manifest['name']}, by {readable(by)}",
        text,
        footer,
        builder.x,
        builder.y,
        None,
        (better[0], better[1]),
        None,
        None,
        drawn,
        tuple(panels),
    )


def _axis(manifest: Any, by: str) -> str:
    axes = manifest["axes"]
    several = [n for n, number in axes.items() if number > 1]
    if by:
        if by not in several:
            raise InputError(unknown("axis of several values", by, several, "plot 'families'"))
        return by
    usual = [*(n for n in _USUAL if n in several), *several]
    usual.sort(key=lambda n: axes[n] > MOST_COLOURED)
    if not usual:
        raise NotInResult("families", "the result has no axis of several values")
    return str(usual[0])


def _without(manifest: Any, by: str, values: Sequence[tuple[str, ...]]) -> str:
    missing = manifest["axes"].get(by, len(values)) - len(values)
    return f"{missing} of its values have no feasible design." if missing > 0 else ""


def _panel(builder: Builder, others: Sequence[str], place: Group, values: Mapping[Group, str], rows: Any) -> Panel:
    series = [builder.series(text, _edge(builder, rows.get((*place, *v), _NOTHING)), 0) for v, text in values.items()]
    return Panel(builder.name(place, others), tuple(series), None, None)


def _edge(builder: Builder, rows: np.ndarray) -> np.ndarray:
    """Those of the designs at `rows` that no other beats in the two objectives shown."""
    x, y = (choice.column(builder.frontier, s.metric)[rows].astype(float) for s in (builder.x, builder.y))
    _, edge = choice.staircase(x, y, *(o["direction"] for o in builder.objectives))
    return np.asarray(rows[edge])


def _names(frontier: xr.Dataset, by: str, values: Sequence[Group]) -> dict[Group, str]:
    """Values of the axis as they are told: numbers with their unit."""
    unit = str(frontier[by].attrs.get("units", "1"))
    number = frontier[by].dtype.kind in "fi"
    return {v: format_quantity(float(v[0]), unit, 3) if number else v[0] for v in values}


def _no_cells() -> Lattice:
    empty = np.empty(0, dtype=int)
    return Lattice(empty, empty, empty, empty.astype(bool), empty, 1)


@plot("families", prepare, kept=False)
def draw(figure: Figure, data: FrontierData) -> None:
    """Families of frontiers: one curve for each value of an axis, such as number format or device."""
    draw_frontier(figure, data)
