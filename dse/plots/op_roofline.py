"""The ops of one design under the roof of its device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.kinds import DESIGN, NotInResult, plot
from dse.plots.labels import place_labels
from dse.plots.layout import Words, kind_colour, kind_marks, legend_below, op_words, panels
from dse.plots.style import Scale, make_scale
from dse.units import operations_unit, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELLED = 8
# Pixels between the middles of marks that count as one.
_TOUCHING = 12.0


@dataclass(frozen=True)
class OpRooflineData:
    """The whole plot: intensity [FLOP/B], rate [FLOP/s] and share of the time of n ops, shape (n,) each.

    `peak` and `ridge` are the roof; `reached` is the share of peak rate and of bandwidth that the time assumes.
    """

    words: Words
    x: Scale
    y: Scale
    peak: float
    ridge: float
    reached: tuple[float, float]
    intensity: np.ndarray
    rate: np.ndarray
    share: np.ndarray
    kinds: tuple[str, ...]
    names: tuple[str, ...]


def prepare(design: Any) -> OpRooflineData:
    """The ops that compute, and what the roof is made of."""
    ops = design.ops
    peak, bandwidth = float(ops["peak_ops"]), float(ops["bandwidth"])
    time = ops["time"].values
    rows = np.flatnonzero((ops["macs"].values > 0) & (ops["bytes"].values > 0))
    if not len(rows):
        raise NotInResult("op_roofline", "no op computes and moves bytes: all of them stay on chip")
    intensity, rate = ops["intensity"].values[rows], ops["rate"].values[rows]
    ridge = peak / bandwidth
    reach = [*intensity, ridge]
    units = [operations_unit(unit, [design.compute_format]) for unit in ("FLOP/B", "FLOP/s")]
    x = make_scale("arithmetic_intensity", {"units": units[0]}, [min(reach) / 2.5, max(reach) * 3])
    y = make_scale("attained_performance", {"units": units[1]}, [rate.min() / 3, peak * 1.6])
    devices, exchange = float(ops["devices"]), float(ops["communication_time"])
    whole = time.sum() + exchange
    share = time[rows] / whole
    below = share[intensity < ridge].sum()
    note = f"{len(rows)} ops, the area of each is its share of the time: {percent(below)} below the ridge"
    note += f" at {ridge:.3g} {units[0]}." if share.sum() > 0 else "."
    still = 1 - share.sum() - exchange / whole
    footer = f"{design.per or 'One pass'}, whole batch. One MAC is two operations, of integers as of floats."
    footer += (
        f" {len(time) - len(rows)} ops without MACs take another {percent(still, 1)} of the time."
        if len(rows) < len(time)
        else ""
    )
    if devices > 1:
        footer += f" Rates are of each of {devices:.0f} devices that share every op evenly; their communication takes"
        footer += f" {percent(exchange / whole, 1)} of the time."
    reached = tuple(float(ops[n]) for n in ("compute_efficiency", "bandwidth_efficiency"))
    words = op_words(design, footer[0].upper() + footer[1:], note)
    kinds, names = (tuple(str(v) for v in ops[n].values[rows]) for n in ("kind", "name"))
    x, y = (replace(s, log=True, note="") for s in (x, y))
    share_of = (reached[0], reached[1])
    return OpRooflineData(words, x, y, peak, ridge, share_of, intensity, rate, share, kinds, names)


@plot("op_roofline", prepare, of=DESIGN)
def draw(figure: Figure, data: OpRooflineData) -> None:
    """Roofline with a point for each op of one design, as large as its share of the time."""
    from matplotlib.lines import Line2D

    marks = kind_marks(data.kinds)
    marks["roof of the device"] = Line2D([], [], color=style.INK, linewidth=1.5)
    limited = data.reached != (1.0, 1.0)
    if limited:
        marks["reached, by the efficiencies assumed"] = Line2D([], [], color=style.QUIET, linestyle=(0, (4, 2)))
    (axes,) = panels(figure, data.words, 3.2 if style.current().narrow else 4.8, legend=list(marks))
    style.set_axis(axes, "x", data.x, 7)
    style.set_axis(axes, "y", data.y, 7)
    axes.set_xlabel(data.x.label)
    axes.set_ylabel(data.y.label)
    line = _draw_roof(axes, data, 1.0, 1.0, style.INK, "-")
    if limited:
        _draw_roof(axes, data, *data.reached, style.QUIET, (0, (4, 2)))
    shown = np.column_stack([data.x.show(data.intensity), data.y.show(data.rate)])
    order = np.argsort(-data.share)
    sizes = 12 + 900 * data.share / max(data.share.max(), 0.15)
    colours = [kind_colour(data.kinds[i]) for i in order]
    axes.scatter(
        shown[order, 0],
        shown[order, 1],
        s=sizes[order],
        c=colours,
        alpha=0.75,
        edgecolors="white",
        linewidths=0.6,
        zorder=4,
    )
    figure.draw_without_rendering()
    together = _together(axes, shown, [i for i in order[:LABELLED].tolist() if data.share[i] >= 0.01])
    texts = ["\n".join(f"{data.names[i]} {percent(data.share[i])}" for i in ops) for ops in together]
    avoid = np.concatenate([shown, _rims(axes, shown, sizes)])
    firsts = shown[[ops[0] for ops in together]]
    place_labels(axes, firsts, texts, avoid, (1.0, -1.0), line, size=style.points(7.5))
    legend_below(figure, marks, data.words)


def _together(axes: Axes, shown: np.ndarray, ops: list[int]) -> list[list[int]]:
    """Ops whose marks lie on each other, which share a label."""
    places = axes.transData.transform(shown)
    found: list[list[int]] = []
    for op in ops:
        near = (group for group in found if np.hypot(*(places[group[0]] - places[op])) < _TOUCHING)
        group = next(near, None)
        if group is None:
            found.append([op])
        else:
            group.append(op)
    return found


def _draw_roof(
    axes: Axes, data: OpRooflineData, compute: float, bandwidth: float, colour: str, dashes: Any
) -> np.ndarray:
    low, high = (v * data.x.factor for v in data.x.limits())
    peak, slope = data.peak * compute, data.peak / data.ridge * bandwidth
    line = np.array([[low, slope * low], [peak / slope, peak], [high, peak]])
    shown = np.column_stack([data.x.show(line[:, 0]), data.y.show(line[:, 1])])
    axes.plot(*shown.T, color=colour, linestyle=dashes, linewidth=1.5, zorder=2)
    return shown


def _rims(axes: Axes, shown: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Points on the rims of marks of areas `sizes` [square points], for labels to keep clear of."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    turns = np.linspace(0, 2 * np.pi, 13)[:-1]
    radius = np.sqrt(sizes / np.pi) * figure.dpi / 72
    centres = axes.transData.transform(shown)
    rims = centres[:, None] + radius[:, None, None] * np.column_stack([np.cos(turns), np.sin(turns)])
    return np.asarray(axes.transData.inverted().transform(rims.reshape(-1, 2)))
