"""The roofline: what designs attain, under the peak rate and the bandwidth of their devices."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from dse.plots import style
from dse.plots.choice import column
from dse.plots.kinds import NotInResult, plot
from dse.plots.names import fitted
from dse.plots.style import Scale, make_scale
from dse.plots.summary import search_notes
from dse.units import counted, format_quantity, operations_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEEDED = ("arithmetic_intensity", "achieved_ops_per_second", "peak_performance", "ridge_point")
MOST_ROOFS = 10
# Axes whose values' product is the devices of a replica: its rate is that of all of them, a roof that of one.
_SHARED_BY = ("tensor_parallel", "pipeline_parallel", "expert_parallel")
# Share of the roof from which on a design is on it.
_REACHED = 0.99
# Two more than the palette without its faint yellow, distinct from it for colour-blind readers too.
_COLOURS = (*style.PALETTE[:7], "#8c6d31", "#999999", "#5b2a86")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)))


@dataclass(frozen=True)
class Roof:
    """A device in a number format, and its designs: intensity in FLOP/B, rates of one device in FLOP/s, shape (n,)."""

    device: str
    compute_format: str
    peak: float
    ridge: float
    intensity: np.ndarray
    attained: np.ndarray
    label: str

    @property
    def reached(self) -> np.ndarray:
        """Which designs are on the roof."""
        return np.asarray(self.attained > _REACHED * np.minimum(self.peak, self.peak / self.ridge * self.intensity))


@dataclass(frozen=True)
class RooflineData:
    """The whole plot."""

    title: str
    subtitle: str
    footer: str
    x: Scale
    y: Scale
    roofs: tuple[Roof, ...]


def prepare(result: Any) -> RooflineData:
    """Roofs of the devices on the frontier, those with most designs first.

    Raises
    ------
    NotInResult
        When the frontier lacks a metric that is needed, or holds no design with all of them.
    """
    frontier = result.frontier
    missing = [n for n in NEEDED if n not in frontier]
    if missing:
        raise NotInResult("roofline", f"needs the metrics {', '.join(missing)}; add them to output.metrics")
    values = np.column_stack([column(frontier, n).astype(float) for n in NEEDED])
    rows = np.flatnonzero((np.isfinite(values) & (values > 0)).all(axis=1))
    if len(rows) == 0:
        raise NotInResult("roofline", "no design on the frontier has an intensity and a rate")
    shares = [column(frontier, n).astype(float) for n in _SHARED_BY if n in frontier.coords]
    devices = np.prod([np.ones(len(values)), *shares], axis=0)
    values[:, NEEDED.index("achieved_ops_per_second")] /= devices
    roofs, others = _roofs(frontier, values, rows)
    reach = [v for r in roofs for v in (r.ridge, *r.intensity)]
    formats = [r.compute_format for r in roofs]
    intensity, rate = (operations_unit(unit, formats) for unit in ("FLOP/B", "FLOP/s"))
    x = make_scale("arithmetic_intensity", {"units": intensity}, [min(reach) / 2, max(reach) * 1.6])
    rates = [v for r in roofs for v in (r.peak, *r.attained)]
    y = make_scale("attained_performance", {"units": rate}, [min(rates) / 2, max(rates) * 1.5])
    designs = sum(len(r.intensity) for r in roofs)
    subtitle = f"The {counted(designs, 'design')} of the frontier, under the roofs of the devices that they run on."
    if others:
        subtitle = f"{designs:,} of the {len(rows):,} designs of the frontier, under the roofs that hold most of them;"
        subtitle += f" {others} more roofs are not drawn."
    left_out = len(values) - len(rows)
    footer = "Whole networks; weights, activations and cache count as moved."
    footer += " One MAC is two operations, of integers as of floats."
    if (devices > 1).any():
        footer += " Of devices that share a network the rate of each is drawn: that of all, divided by their number."
    footer += f" Left out for want of these metrics: {counted(left_out, 'design')}." if left_out else ""
    footer = " ".join([*search_notes(result.manifest), footer])
    return RooflineData(str(result.manifest["name"]), subtitle, footer, _both_log(x), _both_log(y), roofs)


def _both_log(scale: Scale) -> Scale:
    return Scale(**{**vars(scale), "log": True, "note": ""})


def _roofs(frontier: xr.Dataset, values: np.ndarray, rows: np.ndarray) -> tuple[tuple[Roof, ...], int]:
    """The roofs with most designs, highest first, and how many others there are."""
    names = [column(frontier, n) if n in frontier.coords else [""] * len(values) for n in ("device", "compute_format")]
    members: dict[tuple[str, str, float, float], list[int]] = {}
    for row in rows:
        peak, ridge = values[row, 2:]
        members.setdefault((str(names[0][row]), str(names[1][row]), peak, ridge), []).append(row)
    ranked = sorted(members, key=lambda key: (-len(members[key]), key))
    chosen = ranked[:MOST_ROOFS]
    alike = Counter(key[:2] for key in chosen)
    roofs = []
    for key in sorted(chosen, key=lambda key: (-key[2], key[3], key)):
        device, fmt, peak, ridge = key
        label = " ".join(filter(None, (device, fmt))) or "device"
        if alike[key[:2]] > 1:
            rate = format_quantity(peak, operations_unit("FLOP/s", [fmt]), 3)
            label += f", {rate}, {format_quantity(peak / ridge, 'B/s', 3)}"
        points = values[members[key]]
        roofs.append(Roof(device, fmt, peak, ridge, points[:, 0], points[:, 1], label))
    return tuple(roofs), len(ranked) - len(chosen)


@plot("roofline", prepare)
def draw(figure: Figure, data: RooflineData) -> None:
    """Operations a second that designs attain, by arithmetic intensity, under the roofs of their devices."""
    from matplotlib.lines import Line2D

    top, bottom = style.frame_heights(data.subtitle, data.footer)
    narrow = style.current().narrow
    # The legend has room beside the axes, or below them.
    inner, below = (3.2, 0.85 + 0.21 * (len(data.roofs) + 2)) if narrow else (4.8, 0.55)
    height = top + 0.1 + inner + below + bottom
    style.frame(figure, height, data.title, data.subtitle, data.footer)
    across = style.width() - (1.1 if narrow else 3.4)
    axes = figure.add_axes((0.95 / style.width(), (bottom + below) / height, across / style.width(), inner / height))
    style.set_axis(axes, "x", data.x, 7)
    style.set_axis(axes, "y", data.y, 7)
    axes.set_xlabel(data.x.label)
    axes.set_ylabel(data.y.label)
    devices = list(dict.fromkeys(r.device for r in data.roofs))
    formats = list(dict.fromkeys(r.compute_format for r in data.roofs))
    marks: dict[str, Line2D] = {}
    for number, roof in enumerate(data.roofs):
        alone = len(devices) == 1
        colour = _COLOURS[number if alone else devices.index(roof.device)]
        dashes = _DASHES[0 if alone else formats.index(roof.compute_format) % len(_DASHES)]
        # What lies beneath an equal roof is broader, so that both are seen.
        above = sum((r.peak, r.ridge) == (roof.peak, roof.ridge) for r in data.roofs[number + 1 :])
        _draw_roof(axes, roof, data, colour, dashes, above)
        marks[f"{roof.label} ({len(roof.intensity):,})"] = Line2D([], [], color=colour, linestyle=dashes, linewidth=1.5)
    diamond: dict[str, Any] = {"marker": "D", "markersize": 5, "markerfacecolor": "white"}
    stroke: dict[str, Any] = {"marker": "|", "markersize": 9, "linestyle": ""}
    if any(roof.reached.any() for roof in data.roofs):
        marks["design on the roof"] = Line2D([], [], color=style.QUIET, **stroke)
    marks["ridge point"] = Line2D([], [], linestyle="", color=style.QUIET, **diamond)
    title = "device and format (designs)"
    anchor = (
        (0.02, (bottom + below - 0.55) / height)
        if narrow
        else (1 - 2.3 / style.width(), (bottom + below + inner) / height)
    )
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": anchor, "alignment": "left", "borderaxespad": 0}
    room = style.width() - 0.75 if narrow else 2.3 - 0.6
    figure.legend(list(marks.values()), fitted(list(marks), room, style.LEGEND), title=title, **place)


def _draw_roof(axes: Axes, roof: Roof, data: RooflineData, colour: str, dashes: Any, above: int) -> None:
    low, high = data.x.limits()
    start = low * data.x.factor
    slope = roof.peak / roof.ridge
    line = np.array([[start, slope * start], [roof.ridge, roof.peak], [high * data.x.factor, roof.peak]])
    axes.plot(
        data.x.show(line[:, 0]),
        data.y.show(line[:, 1]),
        color=colour,
        linestyle=dashes,
        linewidth=1.5 + 2 * above,
        zorder=2,
    )
    ridge = data.x.show(roof.ridge), data.y.show(roof.peak)
    axes.plot(
        *ridge, "D", color=colour, markerfacecolor="white", markersize=5.5 + 3 * above, markeredgewidth=1.1, zorder=3
    )
    many = len(roof.intensity) > style.MANY
    # Dots in a row on a roof would merge: there each design is a stroke across it.
    looks: tuple[tuple[np.ndarray, dict[str, Any]], ...] = (
        (roof.reached, {"marker": "|", "s": 110 * (1 + above), "linewidths": 0.9, "alpha": 0.8}),
        (~roof.reached, {"marker": "o", "s": 24 * (1 + above) ** 2, "linewidths": 0.5, "edgecolors": "white"}),
    )
    for which, look in looks:
        if which.any():
            shown = data.x.show(roof.intensity[which]), data.y.show(roof.attained[which])
            axes.scatter(*shown, color=colour, zorder=4, rasterized=many, **look)
