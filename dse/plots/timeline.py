"""Memory over time: what is live while each op of one design runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.kinds import DESIGN, plot
from dse.plots.layout import Words, design_words, kind_colour, kind_marks, legend_below, panels
from dse.plots.style import Scale, make_scale
from dse.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A line this many times above the peak would leave nothing to see below it.
_FAR = 4.0


@dataclass(frozen=True)
class TimelineData:
    """The whole plot: live bytes at each of n steps, shape (n,), and the limit, NaN where it is not in the picture."""

    words: Words
    scale: Scale
    live: np.ndarray
    kinds: tuple[str, ...]
    peak: int
    peak_text: str
    limit: float
    limit_text: str


def prepare(design: Any) -> TimelineData:
    """Live bytes of each step, the peak and the memory of the device."""
    live = design.memory["live"].values
    names = [str(n) for n in design.memory["name"].values]
    peak = int(np.argmax(live))
    figure, capacity = design.capacity
    memory = "largest SRAM bank" if figure == "sram_bank" else "main memory"
    stated = np.isfinite(capacity)
    text = f"{memory} of {design.axes['device']}: {format_quantity(capacity, 'B')}" if stated else ""
    drawn = stated and capacity < _FAR * live[peak]
    notes = [f"One column for each of the {len(live):,} steps of {design.per or 'one pass'}, whole batch."]
    notes += (
        [f"The {text}, {capacity / live[peak]:,.3g} times the peak, is outside the picture."]
        if stated and not drawn
        else []
    )
    notes += (
        [] if stated else [f"The catalogue does not state the {memory} of {design.axes.get('device', 'the device')}."]
    )
    footer = "Buffers of activations that are live while a step runs; sums and, where the engine allows, depthwise"
    footer += " convolutions work in place. Weights and key-value cache are not among them."
    scale = make_scale(
        "live activations", {"units": "B"}, [0.0, live[peak] * 1.2, *([capacity * 1.05] if drawn else [])]
    )
    kinds = tuple(str(k) for k in design.memory["kind"].values)
    return TimelineData(
        design_words(design, footer, " ".join(notes)),
        scale,
        live,
        kinds,
        peak,
        f"peak {format_quantity(live[peak], 'B')} at {names[peak]}",
        capacity if drawn else float("nan"),
        text,
    )


@plot("timeline", prepare, of=DESIGN)
def draw(figure: Figure, data: TimelineData) -> None:
    """Memory timeline of one design: what is live at each op, the peak marked, under the memory of the device."""
    marks = kind_marks(data.kinds)
    (axes,) = panels(figure, data.words, 3.0 if style.current().narrow else 4.4, legend=list(marks))
    style.set_axis(axes, "y", data.scale, 7)
    axes.set_ylim(0, data.scale.high / data.scale.factor)
    steps = np.arange(1, len(data.live) + 1)
    width = 0.86 if len(steps) <= 160 else 1.0
    colours = [kind_colour(k) for k in data.kinds]
    many = len(steps) > style.MANY // 4
    axes.bar(steps, data.scale.show(data.live), width, color=colours, linewidth=0, rasterized=many, zorder=2)
    axes.set_xlim(0.5 - len(steps) * 0.01, len(steps) + 0.5 + len(steps) * 0.01)
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("step, in order of execution")
    axes.set_ylabel(data.scale.label)
    _mark_peak(axes, data)
    if np.isfinite(data.limit):
        shown = data.limit / data.scale.factor
        axes.axhline(shown, color=style.INK, linewidth=1.1, linestyle=(0, (4, 2)), zorder=3)
        place: dict[str, Any] = {"xytext": (-3, 3), "textcoords": "offset points", "ha": "right", "va": "bottom"}
        axes.annotate(
            data.limit_text, (1, shown), xycoords=("axes fraction", "data"), fontsize=style.points(8), **place
        )
    legend_below(figure, marks, data.words)


def _mark_peak(axes: Axes, data: TimelineData) -> None:
    from matplotlib.patheffects import withStroke

    left = data.peak < len(data.live) / 2
    top = float(data.scale.show(data.live[data.peak]))
    axes.plot(data.peak + 1, top, marker="v", markersize=6, color=style.INK, zorder=4, clip_on=False)
    place: dict[str, Any] = {"xytext": (8 if left else -8, 2), "textcoords": "offset points", "va": "bottom"}
    side = "left" if left else "right"
    note = axes.annotate(data.peak_text, (data.peak + 1, top), ha=side, fontsize=style.points(8.5), zorder=5, **place)
    note.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
