"""Predicted times beside measured ones, device by device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.errors import unknown
from dse.plots import style
from dse.plots.kinds import MEASURED, NotInResult, plot
from dse.plots.layout import Room, Words, legend_below, panels, quantity
from dse.plots.names import fitted
from dse.units import counted, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Panels of devices with most times; the times of all others share the last one.
PANELS = 12
_COLUMNS = 4
TICKS = 4
# Points.
_TITLE = 8.5
# Inches of a layout: of a row's titles and tick labels, and the tallest that all rows together may be in a column.
_HEAD, _BELOW, _TALLEST = 0.45, 0.36, 11.4
_INSIDE, _OUTSIDE = "the interval holds the measured time", "it does not"
_EQUAL = "predicted = measured"


@dataclass(frozen=True)
class Panel:
    """Times of one device [s], shape (n,) each: measured, predicted, and the ends of the interval around that."""

    name: str
    figures: str
    measured: np.ndarray
    predicted: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """Which intervals hold the measured time."""
        return np.asarray((self.low <= self.measured) & (self.measured <= self.high))


@dataclass(frozen=True)
class ValidationData:
    """The whole plot."""

    words: Words
    panels: tuple[Panel, ...]


def prepare(times: Any, *, device: str | None = None) -> ValidationData:
    """Measured and predicted times, the devices with most of them first; with `device` that one alone.

    `times` is a Dataset along "measurement": measured, predicted, low, high [s]; coordinates device, software,
    precision; attrs `source` and `fitted` (how the predictions come about).
    """
    names = times["device"].values.astype(str)
    found, counts = np.unique(names, return_counts=True)
    order = [str(n) for n in found[np.lexsort((found, -counts))]]
    if device is not None and device not in order:
        raise NotInResult("validation", str(unknown("measured device", device, order)))
    shown = [device] if device is not None else order if len(order) <= PANELS else order[: PANELS - 1]
    parts = [_panel(name, times.isel(measurement=names == name)) for name in shown]
    if device is None and (rest := order[len(shown) :]):
        parts.append(_panel(f"{len(rest)} other devices", times.isel(measurement=np.isin(names, rest))))
    inside = np.concatenate([p.inside for p in parts])
    share = percent(float(inside.mean()))
    subtitle = f"{len(inside):,} times, {share} of them inside the interval of their prediction, which is "
    subtitle += f"meant to hold {percent(float(times.attrs['held']))}. {times.attrs['fitted']}"
    footer = "Above each panel: times, and the median of their relative errors. Vertical lines are the intervals."
    words = Words(f"Predicted and measured time: {times.attrs['source']}", subtitle, footer)
    return ValidationData(words, tuple(parts))


def _panel(name: str, times: Any) -> Panel:
    measured, predicted, low, high = (times[n].values for n in ("measured", "predicted", "low", "high"))
    error = float(np.median(np.abs(predicted / measured - 1)))
    return Panel(name, f"{counted(len(measured), 'time')}, {percent(error, 1)}", measured, predicted, low, high)


@plot("validation", prepare, of=MEASURED)
def draw(figure: Figure, data: ValidationData) -> None:
    """Validation: predicted against measured times with their intervals, device by device."""
    from matplotlib.lines import Line2D

    marks: dict[str, Any] = {
        _INSIDE: Line2D([], [], marker="o", linestyle="", markersize=4, color=style.PALETTE[0]),
        _OUTSIDE: Line2D([], [], marker="D", linestyle="", markersize=4, color=style.PALETTE[1]),
        _EQUAL: Line2D([], [], color=style.QUIET, linewidth=1),
    }
    number = len(data.panels)
    columns = min(number, _COLUMNS)
    room = Room(left=0.95, right=0.3, gap=0.68, below=_BELOW, head=_HEAD, foot=0.2)
    narrow = style.current().narrow
    wide = style.current().columns(columns)
    inner = (3.2 if narrow else 4.6) if number == 1 else 1.3 if narrow else 1.75
    if narrow:
        inner = min(inner, _TALLEST / math.ceil(number / wide) - _HEAD - _BELOW)
    grid = panels(figure, data.words, inner, number, room, legend=list(marks), columns=columns)
    names = fitted([p.name for p in data.panels], grid[0].get_position().width * style.width() + 0.2, _TITLE)
    for place, (axes, panel, name) in enumerate(zip(grid, data.panels, names, strict=True)):
        _draw_panel(axes, panel, f"{name}\n{panel.figures}")
        axes.set_ylabel("predicted" if place % wide == 0 else "")
        axes.set_xlabel("measured" if place + wide >= number else "")
    legend_below(figure, marks, data.words)


def _draw_panel(axes: Axes, panel: Panel, title: str) -> None:
    from matplotlib import ticker

    every = np.concatenate([panel.measured, panel.predicted])
    low, high = float(every.min()) / 1.4, float(every.max()) * 1.4
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axes.plot([low, high], [low, high], color=style.QUIET, linewidth=1, zorder=1)
    looks: Sequence[tuple[np.ndarray, str, str]] = (
        (panel.inside, style.PALETTE[0], "o"),
        (~panel.inside, style.PALETTE[1], "D"),
    )
    for which, colour, marker in looks:
        x = panel.measured[which]
        axes.vlines(x, panel.low[which], panel.high[which], color=colour, alpha=0.22, linewidth=1.2, zorder=2)
        axes.scatter(x, panel.predicted[which], s=9, color=colour, marker=marker, linewidth=0, zorder=3)
    places = style.log_ticks(low, high, 2 if style.current().narrow else TICKS)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.FixedLocator(places))
        axis.set_minor_locator(ticker.NullLocator())
        axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: quantity(value, "s")))
    axes.set_title(title, loc="left", pad=4, fontsize=style.points(_TITLE))
