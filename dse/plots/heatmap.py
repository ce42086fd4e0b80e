"""A metric over two axes of a space, and where designs meet the budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from dse.plots import style
from dse.plots.kinds import DESIGN, NotInResult, plot
from dse.plots.layout import Room, Words, colour_norm, design_words, label_bar, legend_below, panels
from dse.plots.names import fitted, longest
from dse.plots.style import Scale, make_scale
from dse.plots.summary import budget_text
from dse.units import constraint_text, format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Cells that are told their number, and ticks of an axis.
_MOST_NUMBERED, _MOST_TICKS = 120, 16
# No two of them are mirror images, and neighbours differ in colour.
_HATCHES = ("////", "....", "xxxx", "----", "oo", "++", "||||")
_HATCH_COLOURS = ("#444444", style.PALETTE[0], style.PALETTE[1], style.PALETTE[2], style.PALETTE[3])
_UNDEFINED = -2


@dataclass(frozen=True)
class HeatmapData:
    """The whole plot: values of shape (rows, columns), NaN where undefined.

    `excluded_by` is −1 where a design is feasible. `place` is where the design stands, column and row.
    """

    words: Words
    x: tuple[str, ...]
    y: tuple[str, ...]
    labels: tuple[str, str]
    scale: Scale
    values: np.ndarray
    excluded_by: np.ndarray
    constraints: tuple[str, ...]
    place: tuple[int, int]


def prepare(design: Any, *, x: str = "", y: str = "", metric: str = "") -> HeatmapData:
    """The metric over two axes through the design; by default its first objective over the two longest axes.

    Raises
    ------
    NotInResult
        Where the space has not two axes of several values.
    InputError
        For an axis or metric that it does not have.
    """
    x, y = _axes(design, x, y)
    name = metric or design.metric
    found = design.around([x, y], [name]).transpose(y, x, ...)
    values = found[name].broadcast_like(found["feasible"]).transpose(y, x).values.astype(float)
    if not np.isfinite(values).any():
        raise NotInResult("heatmap", f"{name} is undefined over {x} and {y}")
    scale = make_scale(name, found[name].attrs, values)
    place = tuple(design.place.get(axis, 0) for axis in (x, y))
    constraints = tuple(map(str, found.attrs["constraints"]))
    feasible = found["feasible"].values
    note = (
        f"{feasible.sum():,} of {feasible.size:,} designs are feasible; all other axes are those of the design marked."
    )
    words = _words(design, note, constraints)
    ticks = [_ticks(found[axis]) for axis in (x, y)]
    labels = tuple(_axis_label(found[axis]) for axis in (x, y))
    return HeatmapData(
        words,
        ticks[0],
        ticks[1],
        (labels[0], labels[1]),
        scale,
        values,
        found["excluded_by"].values,
        constraints,
        (place[0], place[1]),
    )


def _axes(design: Any, x: str, y: str) -> tuple[str, str]:
    known = design.numeric_dims
    if len(known) < 2:
        raise NotInResult("heatmap", f"needs two axes of several values; there are: {', '.join(known) or 'none'}")
    # The longest ones, in the order of the space.
    free = sorted((n for n in known if n not in (x, y)), key=lambda n: -design.space.sizes[n])
    if x == y != "":
        raise NotInResult("heatmap", f"x and y are both {x!r}")
    taken = [n for n in known if n in free[: 2 - bool(x) - bool(y)]]
    return x or taken.pop(0), y or taken.pop(0)


def _words(design: Any, note: str, constraints: tuple[str, ...]) -> Words:
    held = [c for c in constraints if not c.startswith("fit: ")]
    fits = "what fits the device" if any(c.startswith("fit: ") for c in constraints) else ""
    footer = (
        f"Feasible: {' and '.join(filter(None, [fits, ', '.join(map(budget_text, held))]))}."
        if constraints
        else "No budgets."
    )
    footer += " A design is told by the first constraint that it breaks."
    words = design_words(design, footer, note)
    title = words.title if design.name in ("", design.network) else f"{design.name}: {words.title}"
    return replace(words, title=title)


def _ticks(axis: xr.DataArray) -> tuple[str, ...]:
    unit = str(axis.attrs.get("units", "1"))
    values = axis.values.tolist()
    return tuple(v if isinstance(v, str) else format_quantity(float(v), unit, 3) for v in values)


def _axis_label(axis: xr.DataArray) -> str:
    return style.readable(str(axis.name))


@plot("heatmap", prepare, of=DESIGN)
def draw(figure: Figure, data: HeatmapData) -> None:
    """Heat map of a metric over two axes, with the region of the feasible designs."""
    marks = _marks(data)
    # Names of either axis leave most of the picture to the map.
    named = [fitted(names, 0.3 * style.width(), style.PLAIN) for names in (data.x, data.y)]
    rows, long = len(data.y), longest(named[0], style.PLAIN)
    inner = min(max(0.24 * rows, 2.6), 3.4 if style.current().narrow else 5.0)
    left, right = 0.5 + longest(named[1], style.PLAIN), 1.3
    tilted = (long + 0.04) * len(data.x[:: _stride(data.x)]) > style.width() - left - right
    below = 0.62 + (0.75 * long if tilted else 0)
    room = Room(left=left, right=right, below=below)
    (axes,) = panels(figure, data.words, inner, room=room, legend=list(marks))
    shown = data.scale.show(data.values)
    norm = colour_norm(data.scale)
    edges = np.arange(len(data.x) + 1) - 0.5, np.arange(rows + 1) - 0.5
    axes.set_facecolor("#f4f4f4")
    mesh = axes.pcolormesh(*edges, np.ma.masked_invalid(shown), cmap="viridis", norm=norm, rasterized=True, zorder=1)
    for number in _broken(data):
        _hatch(axes, data.excluded_by == number, number)
    _outline(axes, data.excluded_by == -1)
    _write_numbers(axes, data, shown, norm)
    axes.plot(*data.place, **_DESIGN_MARK, zorder=6)
    _set_ticks(axes, data, named, tilted)
    _draw_bar(figure, axes, mesh, data.scale)
    legend_below(figure, marks, data.words)


_DESIGN_MARK: dict[str, Any] = {
    "marker": "s",
    "markersize": 9,
    "markerfacecolor": "none",
    "markeredgecolor": style.PALETTE[1],
    "markeredgewidth": 2.2,
    "linestyle": "",
}


def _broken(data: HeatmapData) -> list[int]:
    """What excludes any of the designs."""
    return [n for n in (*range(len(data.constraints)), _UNDEFINED) if (data.excluded_by == n).any()]


def _hatch_of(number: int) -> tuple[str, str]:
    """Hatch of what excludes designs, and its colour."""
    return _HATCHES[number % len(_HATCHES)], _HATCH_COLOURS[number % len(_HATCH_COLOURS)]


def _marks(data: HeatmapData) -> dict[str, Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: dict[str, Any] = {}
    for number in _broken(data):
        name = "undefined" if number == _UNDEFINED else _constraint(data.constraints[number])
        hatch, colour = _hatch_of(number)
        look: dict[str, Any] = {"facecolor": "#f0f0f0", "edgecolor": colour, "linewidth": 0}
        marks[f"excluded: {name}"] = Patch(hatch=hatch, **look)
    marks["feasible region"] = Line2D([], [], color=style.INK, linewidth=2.0)
    marks["the design"] = Line2D([], [], **_DESIGN_MARK)
    return marks


def _constraint(text: str) -> str:
    told = budget_text(constraint_text(text))
    return f"does not {told}" if told.startswith("fit (") else told


def _hatch(axes: Axes, mask: np.ndarray, number: int) -> None:
    from matplotlib.collections import PolyCollection

    # Runs of cells of a row are one rectangle.
    boxes = []
    for row, cells in enumerate(mask):
        ends = np.flatnonzero(np.diff(np.concatenate([[0], cells.astype(int), [0]]))).reshape(-1, 2) - 0.5
        low, high = row - 0.5, row + 0.5
        boxes += [[(a, low), (b, low), (b, high), (a, high)] for a, b in ends]
    hatch, colour = _hatch_of(number)
    look: dict[str, Any] = {"facecolors": (1, 1, 1, 0.62), "edgecolors": colour, "linewidths": 0}
    axes.add_collection(PolyCollection(boxes, hatch=hatch, zorder=2, **look))


def _outline(axes: Axes, feasible: np.ndarray) -> None:
    """The rim of the feasible region."""
    from matplotlib.collections import LineCollection

    padded = np.pad(feasible, 1)
    upright = zip(*np.nonzero(padded[:, 1:] != padded[:, :-1]), strict=True)
    level = zip(*np.nonzero(padded[1:] != padded[:-1]), strict=True)
    lines = [[(column - 0.5, row - 1.5), (column - 0.5, row - 0.5)] for row, column in upright]
    lines += [[(column - 1.5, row - 0.5), (column - 0.5, row - 0.5)] for row, column in level]
    axes.add_collection(LineCollection(lines, colors=style.INK, linewidths=2.0, zorder=4, capstyle="projecting"))


def _write_numbers(axes: Axes, data: HeatmapData, shown: np.ndarray, norm: Any) -> None:
    if data.values.size > (60 if style.current().narrow else _MOST_NUMBERED) or len(data.x) > 14:
        return
    for (row, column), value in np.ndenumerate(shown):
        if np.isfinite(value):
            dark = data.excluded_by[row, column] == -1 and norm(value) < 0.6
            text = f"{value:.3g}" if 1e-2 <= abs(value) < 1e4 else f"{value:.1e}"
            axes.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=style.points(7),
                color="white" if dark else style.INK,
                zorder=5,
            )


def _stride(ticks: tuple[str, ...]) -> int:
    return -(-len(ticks) // (_MOST_TICKS if not style.current().narrow else 9))


def _set_ticks(axes: Axes, data: HeatmapData, named: Sequence[Sequence[str]], tilted: bool) -> None:
    steps = _stride(data.x), -(-len(data.y) // 24)
    turned: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if tilted else {}
    axes.set_xticks(range(0, len(data.x), steps[0]), named[0][:: steps[0]], **turned)
    axes.set_yticks(range(0, len(data.y), steps[1]), named[1][:: steps[1]])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_xlabel(data.labels[0])
    axes.set_ylabel(data.labels[1])
    for side in axes.spines.values():
        side.set_visible(False)


def _draw_bar(figure: Figure, axes: Axes, mesh: Any, scale: Scale) -> None:
    box = axes.get_position()
    room = figure.add_axes((box.x1 + 0.18 / style.width(), box.y0, 0.16 / style.width(), box.height))
    length = box.height * figure.get_size_inches()[1] / style.current().scale
    label_bar(figure.colorbar(mesh, cax=room), scale, length)
