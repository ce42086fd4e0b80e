"""What 10 % more of each hardware figure buys one design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.kinds import DESIGN, NotInResult, plot
from dse.plots.layout import Room, Words, design_words, legend_below, panels
from dse.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Percent below which a figure has no effect on a metric.
_NOTHING = 0.005
# Inches of one bar, of a figure at least, between figures, and of a heading.
_BAR, _LEAST, _APART, _HEADING = 0.19, 0.3, 0.14, 0.27


@dataclass(frozen=True)
class SensitivityData:
    """The whole plot: percent by which each metric gets better, shape (figures, metrics).

    The first `gains` figures make something better when there is more of them; all others are costs.
    """

    words: Words
    figures: tuple[str, ...]
    metrics: tuple[str, ...]
    better: np.ndarray
    gains: int


def prepare(design: Any, *, metrics: Sequence[str] = ()) -> SensitivityData:
    """By how much metrics get better with 10 % more of each figure: what buys most first, what it costs last.

    Raises
    ------
    NotInResult
        When no figure changes any of the metrics.
    """
    found = design.sensitivity([metrics] if isinstance(metrics, str) else metrics)
    signs = np.where(found["direction"].values == "max", 1.0, -1.0)
    better = 100 * found["change"].values * signs + 0.0
    known = np.isfinite(better).any(axis=0)
    labels = [style.readable(str(n)) for n in found["metric"].values]
    undefined = list(dict.fromkeys(n.partition(" (")[0] for n, k in zip(labels, known, strict=True) if not k))
    better = np.nan_to_num(better[:, known])
    telling = np.abs(better).max(axis=1, initial=0.0) >= _NOTHING
    if not telling.any():
        raise NotInResult("sensitivity", "10 % more of any figure of the hardware changes none of the metrics")
    gain, most = better.max(axis=1) >= _NOTHING, np.abs(better).max(axis=1)
    order = [i for i in np.lexsort((-most, ~gain)).tolist() if telling[i]]
    told = list(zip(*(found[n].values for n in ("figure", "value", "unit")), strict=True))
    names = [f"{style.readable(str(n))}\n{format_quantity(float(v), str(u))}" for n, v, u in told]
    columns = tuple(n for n, k in zip(labels, known, strict=True) if k)
    idle = [style.readable(str(told[i][0])) for i in np.flatnonzero(~telling)]
    footer = (
        "Each figure by itself is 10 % larger, all others as they are (but for what an own device states to follow)."
    )
    footer += " Whole network: one roofline of all ops; each op: the sum of the rooflines of single ops."
    footer += f" Undefined for this design: {', '.join(undefined)}." if undefined else ""
    if idle:
        have = "has" if len(idle) == 1 else "have"
        footer += f" {len(idle)} figure{'s' if len(idle) > 1 else ''} {have} no effect: {', '.join(idle)}."
    note = "To the right a metric gets better, to the left worse."
    kept = tuple(names[i] for i in order)
    return SensitivityData(design_words(design, footer, note), kept, columns, better[order], int(gain[order].sum()))


@plot("sensitivity", prepare, of=DESIGN)
def draw(figure: Figure, data: SensitivityData) -> None:
    """Sensitivity of one design: what 10 % more of each hardware figure buys, and what it costs."""
    # A bar for each effect, none for what has none; figures stand apart, and costs apart from gains.
    shown = np.abs(data.better) >= _NOTHING
    heights = np.maximum(_BAR * shown.sum(axis=1), _LEAST) + _APART
    room = _HEADING * (data.gains < len(heights)) + _HEADING * (data.gains > 0)
    longest = max(len(part) for f in data.figures for part in f.split("\n"))
    marks = _marks(data.metrics)
    (axes,) = panels(
        figure,
        data.words,
        float(heights.sum()) + room,
        room=Room(left=0.3 + 0.075 * longest, right=0.5),
        legend=data.metrics,
    )
    at, ticks = 0.0, []
    for number, height in enumerate(heights.tolist()):
        if number in (0, data.gains):
            at = _heading(axes, at, number < data.gains)
        ticks.append(at + height / 2)
        _draw_bars(axes, data, number, ticks[-1], marks)
        at += height
    axes.set_ylim(at, 0)
    axes.set_yticks(ticks, data.figures)
    _set_x(axes, data.better)
    legend_below(figure, marks, data.words)


def _marks(metrics: Sequence[str]) -> dict[str, Any]:
    from matplotlib.patches import Patch

    marks = {}
    bases = list(dict.fromkeys(n.partition(" (")[0] for n in metrics))
    for name in metrics:
        base, _, model = name.partition(" (")
        look: dict[str, Any] = {"facecolor": style.PALETTE[bases.index(base) % len(style.PALETTE)], "linewidth": 0}
        if model.startswith("each"):
            look |= {"alpha": 0.55, "hatch": "////", "edgecolor": "white"}
        marks[name] = Patch(**look)
    return marks


def _heading(axes: Axes, at: float, gains: bool) -> float:
    text = "what more of it buys" if gains else "costs: what more of it takes"
    axes.annotate(
        text,
        (0, at + _HEADING * 0.75),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        va="bottom",
        fontsize=style.points(8.5),
        fontweight="bold",
        color=style.QUIET,
    )
    if at:
        axes.axhline(at, color=style.FAINT, linewidth=0.9, zorder=1)
    return at + _HEADING


def _draw_bars(axes: Axes, data: SensitivityData, number: int, middle: float, marks: dict[str, Any]) -> None:
    effects = [
        (name, float(v)) for name, v in zip(data.metrics, data.better[number], strict=True) if abs(v) >= _NOTHING
    ]
    for place, (name, value) in enumerate(effects):
        patch = marks[name]
        look: dict[str, Any] = {"facecolor": patch.get_facecolor(), "linewidth": 0, "zorder": 2}
        if patch.get_hatch():
            look |= {"hatch": patch.get_hatch(), "edgecolor": "white"}
        y = middle + (place - (len(effects) - 1) / 2) * _BAR
        axes.barh(y, value, _BAR * 0.92, **look)
        side: dict[str, Any] = {"ha": "left" if value >= 0 else "right", "va": "center", "color": style.QUIET}
        offset: dict[str, Any] = {"xytext": (3 if value >= 0 else -3, 0), "textcoords": "offset points"}
        axes.annotate(f"{value:+.3g} %", (value, y), fontsize=style.points(7.5), **side, **offset)


def _set_x(axes: Axes, better: np.ndarray) -> None:
    from matplotlib import ticker

    low, high = min(0.0, float(better.min())), max(0.0, float(better.max()))
    pad = (high - low) * (0.22 if style.current().narrow else 0.12)
    axes.set_xlim(low - pad * (low < 0) - 0.02 * (high - low), high + pad)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.axvline(0, color=style.INK, linewidth=0.9, zorder=3)
    axes.set_xlabel("improvement for 10 % more of the figure (%)")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(7))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
