"""Breakdown of one design: which ops cost its time, its energy and its traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.kinds import DESIGN, plot
from dse.plots.layout import (
    Room,
    Words,
    kind_colour,
    kind_marks,
    legend_below,
    op_words,
    panels,
    quantity,
)
from dse.plots.names import fitted, longest
from dse.plots.style import Scale, make_scale
from dse.units import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS, _ROWS_BELOW = 16, 9
_COSTS = {"time": "time by roofline", "energy": "energy of operations", "bytes": "bytes moved"}
_MEMORY_BOUND = "waits for memory"
COMMUNICATION = "communication"
# Points.
_ROW_NAME = 8.0


@dataclass(frozen=True)
class Cost:
    """One column of bars: a value for each row, in the unit of the scale."""

    title: str
    scale: Scale
    values: np.ndarray


@dataclass(frozen=True)
class BreakdownData:
    """The whole plot: n rows from the first op to the last; `memory_bound` says of which rows the time is waiting."""

    words: Words
    rows: tuple[str, ...]
    kinds: tuple[str, ...]
    memory_bound: tuple[bool, ...]
    costs: tuple[Cost, ...]


def prepare(design: Any, *, rows: int = 0) -> BreakdownData:
    """The ops that cost most, in the order of the network, and all others as one row; 0 for as many as have room."""
    # Where panels stand below each other, all of them together are no taller than a page.
    rows = rows or (_ROWS_BELOW if style.current().narrow else MOST_ROWS)
    ops = design.ops
    costs = {n: ops[n].values.astype(float) for n in _COSTS if np.isfinite(ops[n].values).all()}
    shares = np.column_stack([v / v.sum() if v.sum() > 0 else v for v in costs.values()])
    ranked = np.argsort(-shares.max(axis=1), kind="stable")
    shown = np.sort(ranked[: max(rows, 1)]) if len(ranked) > rows + 1 else np.arange(len(ranked))
    rest = np.setdiff1d(np.arange(len(ranked)), shown)
    often = ops["executions"].values
    names = [f"{ops['name'].values[i]}" + (f" ×{often[i]:,.0f}" if often[i] > 1 else "") for i in shown]
    kinds = [str(ops["kind"].values[i]) for i in shown]
    waits = ops["memory_time"].values > ops["compute_time"].values
    bound = [bool(waits[i]) for i in shown]
    if len(rest):
        names, kinds, bound = [*names, f"{len(rest)} other ops"], [*kinds, ""], [*bound, False]
    devices, exchange = float(ops["devices"]), float(ops["communication_time"])
    if devices > 1:
        names, kinds, bound = [*names, COMMUNICATION], [*kinds, ""], [*bound, False]
    found = []
    for name, title in _COSTS.items():
        if name in costs:
            extra = [exchange if name == "time" else 0.0] * (devices > 1)
            values = np.array([*costs[name][shown], *([costs[name][rest].sum()] if len(rest) else []), *extra])
            unit = str(ops[name].attrs["units"])
            scale = make_scale(name, {"units": unit}, [0.0, values.max() * 1.22])
            found.append(Cost(f"{title}: {quantity(values.sum(), unit)}", scale, values))
    told = f"{design.per or 'one pass'}, whole batch"
    footer = f"Sum over all executions, {told}."
    footer += " Energy is that of counted operations and bytes, by the energy profile." if "energy" in costs else ""
    whole = costs["time"].sum() + exchange
    note = f"{percent(costs['time'][waits].sum() / whole)} of the time goes to ops that wait for memory"
    if devices > 1:
        footer += f" Time is that of each of {devices:.0f} devices, which share every op evenly; bytes and energy are"
        footer += " those of all. Communication is what no computing hides."
        note += f", {percent(exchange / whole)} to communication between {devices:.0f} devices"
    note += "."
    return BreakdownData(op_words(design, footer, note), tuple(names), tuple(kinds), tuple(bound), tuple(found))


@plot("breakdown", prepare, of=DESIGN)
def draw(figure: Figure, data: BreakdownData) -> None:
    """Breakdown of one design: the ops that cost most of its time, energy and bytes."""
    from matplotlib.patches import Patch

    marks = kind_marks([k for k in data.kinds if k])
    if any(data.memory_bound):
        marks[_MEMORY_BOUND] = Patch(facecolor="white", edgecolor=style.QUIET, hatch="//////", linewidth=0.6)
    names = fitted(data.rows, min(2.55, 0.35 * style.width()), _ROW_NAME)
    left = 0.35 + longest(names, _ROW_NAME)
    inner = 0.35 + 0.235 * len(data.rows)
    room = Room(left=left, right=0.15, gap=left + 0.1 if style.current().narrow else 0.22, head=0.32)
    grid = panels(figure, data.words, inner, len(data.costs), room, legend=list(marks))
    for number, (axes, cost) in enumerate(zip(grid, data.costs, strict=True)):
        _draw_cost(axes, cost, data, names if number == 0 or style.current().narrow else [""] * len(names))
    legend_below(figure, marks, data.words)


def _draw_cost(axes: Axes, cost: Cost, data: BreakdownData, names: Sequence[str]) -> None:
    places = np.arange(len(data.rows))
    colours = [kind_colour(k) if k else style.FAINT for k in data.kinds]
    shown = cost.scale.show(cost.values)
    bars = axes.barh(places, shown, 0.74, color=colours, linewidth=0, zorder=2)
    if cost.scale.metric == "time":
        for bar, waits in zip(bars, data.memory_bound, strict=True):
            if waits:
                bar.set(hatch="//////", edgecolor="white")
    share = cost.values / cost.values.sum() if cost.values.sum() > 0 else cost.values
    for place, value, part in zip(places, shown, share, strict=True):
        text = percent(part, 1) if part >= 0.0005 else "0" if part == 0 else "<0.1 %"
        style_of: dict[str, Any] = {"xytext": (3, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(text, (value, place), fontsize=style.points(7.5), color=style.QUIET, **style_of)
    style.set_axis(axes, "x", cost.scale, 5)
    axes.set_xlim(0, cost.scale.high / cost.scale.factor)
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.set_yticks(places, names, fontsize=style.points(_ROW_NAME))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(cost.scale.label)
    axes.set_title(cost.title, loc="left", pad=4)
