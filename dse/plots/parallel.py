"""All parameters and objectives of the trials of a search side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from dse.plots import style
from dse.plots.kinds import NotInResult, plot
from dse.plots.search_history import searched
from dse.plots.style import make_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Trials that are drawn: the best, and of all others evenly chosen ones.
MOST_LINES = 600
MOST_AXES = 32
# With more axes than these what stands at their ends is slanted.
MOST_LEVEL = 9


@dataclass(frozen=True)
class Upright:
    """One upright axis: what stands below and at both ends of it."""

    name: str
    low: str
    high: str


@dataclass(frozen=True)
class ParallelData:
    """Heights of trials on every axis from 0 to 1, shape (trials, axes), NaN where a trial has none; and the best."""

    title: str
    subtitle: str
    footer: str
    axes: tuple[Upright, ...]
    heights: np.ndarray
    best: np.ndarray


def prepare(result: Any) -> ParallelData:
    """Feasible trials of a search over its parameters and objectives.

    Raises
    ------
    NotInResult
        When the result is of no search, its trials had nothing to choose, or none was feasible.
    """
    data = searched("parallel", result)
    feasible = np.flatnonzero(data["feasible"].values)
    if not data.sizes["parameter"]:
        raise NotInResult("parallel", "needs a parameter: the trials of this search had nothing to choose")
    if not len(feasible):
        raise NotInResult("parallel", "no trial of the search meets the budgets")
    values = data["values"].values[feasible]
    best = data["best"].values[feasible].astype(bool)
    others = np.flatnonzero(~best)
    kept = max(0, MOST_LINES - int(best.sum()))
    if len(others) > kept:
        others = others[np.linspace(0, len(others) - 1, kept).astype(int)]
    rows = np.concatenate([others, np.flatnonzero(best)[:MOST_LINES]])
    uprights, columns = _parameters(data, feasible[rows])
    for number, name in enumerate(map(str, data["objective"].values)):
        scale = make_scale(name, result.frontier[name].attrs, values[:, number])
        uprights.append(Upright(scale.label.split(", ")[0], *(_end(scale.show(v)) for v in (scale.low, scale.high))))
        own = np.log(values[rows, number]) if scale.log else values[rows, number]
        ends = (np.log([scale.low, scale.high]) if scale.log else np.array([scale.low, scale.high])).tolist()
        columns.append((own - ends[0]) / ((ends[1] - ends[0]) or 1.0))
    per = " and ".join(map(style.readable, result.manifest["per"]))
    beaten = f"no other trial of the same {per} beats" if per else "no other trial beats"
    subtitle = f"{len(rows):,} of the {len(feasible):,} feasible trials; in colour those that {beaten}."
    left = data.sizes["parameter"] + len(data["objective"]) - len(uprights)
    footer = "Numbers run from the lowest to the highest value, names in the order of the spec." + (
        f" {left} parameters are not drawn." if left else ""
    )
    if result.manifest["search"]["inner"] == "enumerate":
        footer += " A trial is an architecture: each objective is the best over its designs, by itself."
    return ParallelData(
        str(result.manifest["name"]), subtitle, footer, tuple(uprights), np.column_stack(columns), best[rows]
    )


def _parameters(data: xr.Dataset, rows: np.ndarray) -> tuple[list[Upright], list[np.ndarray]]:
    shown = np.arange(data.sizes["parameter"])
    most = MOST_AXES - data.sizes["objective"]
    if len(shown) > most:
        told = data["importance"].values[0] if "importance" in data else -shown
        shown = np.sort(np.argsort(-told, kind="stable")[:most])
    first, last, size = (data[n].values for n in ("first_value", "last_value", "size"))
    names = [style.readable(str(n)) for n in data["parameter"].values]
    uprights = [Upright(names[i], str(first[i]), str(last[i])) for i in shown.tolist()]
    return uprights, [data["place"].values[rows, i] / max(1, size[i] - 1) for i in shown.tolist()]


def _end(value: Any) -> str:
    return style.tick_text(float(f"{float(value):.3g}"))


@plot("parallel", prepare)
def draw(figure: Figure, data: ParallelData) -> None:
    """Parameters and objectives of the trials of a search, on axes side by side."""
    from matplotlib.collections import LineCollection

    top, bottom = style.frame_heights(data.subtitle, data.footer)
    narrow = style.current().narrow
    slanted = len(data.axes) > (MOST_LEVEL // 2 if narrow else MOST_LEVEL)
    below_axes = 1.25 if slanted else 0.45
    height = top + 0.4 + 4.0 + below_axes + bottom
    style.frame(figure, height, data.title, data.subtitle, data.footer)
    wide = style.width() - 0.9
    axes = figure.add_axes((0.45 / style.width(), (bottom + below_axes) / height, wide / style.width(), 4.0 / height))
    number = len(data.axes)
    # Values that many trials share would hide each other: each trial stands a little beside them.
    jitter = np.random.default_rng(0).uniform(-0.012, 0.012, data.heights.shape)
    places = np.arange(number)
    looks = ((~data.best, style.FEASIBLE[1], 0.22, 0.5), (data.best, style.FRONTIER, 0.6, 0.8))
    for mask, colour, alpha, width in looks:
        lines = []
        for row in np.flatnonzero(mask):
            inside = np.isfinite(data.heights[row])
            lines.append(np.column_stack([places[inside], (data.heights + jitter)[row][inside]]))
        axes.add_collection(
            LineCollection(lines, colors=colour, alpha=alpha, linewidths=width, rasterized=len(lines) > 100)
        )
    for place, upright in enumerate(data.axes):
        axes.axvline(place, color=style.QUIET, linewidth=0.7)
        angle: dict[str, Any] = {"rotation": 55, "ha": "left"} if slanted else {"ha": "center"}
        axes.text(place, 1.035, upright.high, va="bottom", fontsize=style.points(7.5), color=style.QUIET, **angle)
        below: dict[str, Any] = {"rotation": 55, "ha": "right"} if slanted else {"ha": "center"}
        axes.text(place, -0.035, f"{upright.low}\n{upright.name}" if not slanted else upright.low, va="top",
                  fontsize=style.points(7.5), color=style.QUIET, **below)  # fmt: skip
        if slanted:
            axes.text(place, -0.13, upright.name, va="top", fontsize=style.points(8), **below)
    axes.set_xlim(-0.3, number - 0.7)
    axes.set_ylim(-0.02, 1.02)
    axes.set_axis_off()
