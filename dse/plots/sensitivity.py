"""What 10 % more of each hardware figure buys one design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.kinds import DESIGN, plot
from dse.plots.layout import Room, Words, design_words, legend_below, panels
from dse.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SensitivityData:
    """The whole plot: percent by which each metric gets better, shape (figures, metrics)."""

    words: Words
    figures: tuple[str, ...]
    metrics: tuple[str, ...]
    better: np.ndarray


def prepare(design: Any, *, metrics: Sequence[str] = ()) -> SensitivityData:
    """By how much metrics get better with 10 % more of each figure, the figure that buys most first."""
    found = design.sensitivity([metrics] if isinstance(metrics, str) else metrics)
    signs = np.where(found["direction"].values == "max", 1.0, -1.0)
    better = 100 * found["change"].values * signs + 0.0
    order = np.argsort(-np.nanmax(np.abs(better), axis=1), kind="stable")
    told = zip(*(found[n].values for n in ("figure", "value", "unit")), strict=True)
    names = [f"{style.readable(str(n))}\n{format_quantity(float(v), str(u))}" for n, v, u in told]
    figures = tuple(names[i] for i in order)
    columns = tuple(style.readable(str(n)) for n in found["metric"].values)
    footer = (
        "Each figure by itself is 10 % larger, all others as they are (but for what an own device states to follow)."
    )
    footer += " Whole network: one roofline of all ops; each op: the sum of the rooflines of single ops."
    note = "To the right a metric gets better, to the left worse."
    return SensitivityData(design_words(design, footer, note), figures, columns, better[order])


@plot("sensitivity", prepare, of=DESIGN)
def draw(figure: Figure, data: SensitivityData) -> None:
    """Sensitivity of one design: what 10 % more of each hardware figure buys."""
    from matplotlib import ticker
    from matplotlib.patches import Patch

    rows, bars = data.better.shape
    inner = max(1.2, rows * (0.2 + 0.2 * bars))
    room = Room(left=0.3 + 0.075 * max(len(part) for f in data.figures for part in f.split("\n")), right=0.5)
    (axes,) = panels(figure, data.words, inner, room=room, legend=data.metrics)
    marks = {}
    bases = list(dict.fromkeys(n.partition(" (")[0] for n in data.metrics))
    for number, name in enumerate(data.metrics):
        base, _, model = name.partition(" (")
        colour = style.PALETTE[bases.index(base) % len(style.PALETTE)]
        look: dict[str, Any] = {"facecolor": colour, "linewidth": 0}
        if model.startswith("each"):
            look |= {"alpha": 0.55, "hatch": "////", "edgecolor": "white"}
        places = np.arange(rows) + (number - (bars - 1) / 2) * 0.8 / bars
        axes.barh(places, data.better[:, number], 0.8 / bars, zorder=2, **look)
        for place, value in zip(places, data.better[:, number], strict=True):
            right = value >= 0
            at: dict[str, Any] = {"xytext": (3 if right else -3, 0), "textcoords": "offset points", "va": "center"}
            side = "left" if right else "right"
            text = "0" if abs(value) < 0.005 else f"{value:+.3g} %"
            axes.annotate(text, (value, place), ha=side, fontsize=style.points(7.5), color=style.QUIET, **at)
        marks[name] = Patch(**look)
    low, high = min(0.0, np.nanmin(data.better)), max(0.0, np.nanmax(data.better))
    pad = (high - low or 1.0) * (0.22 if style.current().narrow else 0.12)
    axes.set_xlim(low - pad * (low < 0) - 0.02 * (high - low or 1), high + pad)
    axes.set_ylim(rows - 0.45, -0.55)
    axes.set_yticks(range(rows), data.figures)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.axvline(0, color=style.INK, linewidth=0.9, zorder=3)
    axes.set_xlabel("improvement for 10 % more of the figure (%)")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(7))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
    legend_below(figure, marks, data.words)
