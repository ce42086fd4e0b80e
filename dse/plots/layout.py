"""Places of axes, legends and words, in inches, for plots of a few panels in a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dse.plots import style
from dse.plots.names import fitted, longest
from dse.plots.style import Scale
from dse.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What ops are: the colours of all plots that show them.
KIND_COLOURS = {
    "conv": style.PALETTE[0],
    "depthwise": style.PALETTE[1],
    "linear": style.PALETTE[2],
    "attention": style.PALETTE[3],
    "embedding": style.PALETTE[4],
    "norm": style.PALETTE[5],
    "add": "#8c6d31",
}
OTHER_KINDS = "#a6a6a6"
# Inches of a line of a legend, and of what stands before the words of an entry.
_ROW, _KEY = 0.21, 0.62


@dataclass(frozen=True)
class Words:
    """Title, subtitle and footer of a picture."""

    title: str
    subtitle: str
    footer: str


@dataclass(frozen=True)
class Room:
    """Inches beside the axes: left and right of all, between them, below for ticks and label, below all for a label."""

    left: float = 0.95
    right: float = 0.25
    gap: float = 0.95
    below: float = 0.58
    head: float = 0.12
    foot: float = 0.0


def panels(
    figure: Figure,
    words: Words,
    inner: float,
    number: int = 1,
    room: Room | None = None,
    legend: Sequence[str] = (),
    columns: int = 0,
) -> list[Axes]:
    """Axes beside each other, `inner` inches high, below each other where the picture is narrow.

    With `columns` they stand in rows of so many, and of fewer where the picture is narrow.

    The entries of a `legend` get room below all of them.
    """
    room = room or Room()
    columns = style.current().columns(columns) if columns else 1 if style.current().narrow else number
    rows = math.ceil(number / columns)
    top, bottom = style.frame_heights(words.subtitle, words.footer)
    under = bottom + legend_height(legend)
    height = top + rows * (room.head + inner + room.below) + room.foot + under
    style.frame(figure, height, words.title, words.subtitle, words.footer)
    width = (style.width() - room.left - room.right - (columns - 1) * room.gap) / columns
    found = []
    for place in range(number):
        row, column = divmod(place, columns)
        left = room.left + column * (width + room.gap)
        low = height - top - (row + 1) * (room.head + inner) - row * room.below
        found.append(figure.add_axes((left / style.width(), low / height, width / style.width(), inner / height)))
    return found


def legend_names(names: Sequence[str]) -> list[str]:
    """Entries of a legend below the axes, shortened where one alone is longer than the picture is wide."""
    return fitted(names, style.width() - 0.3 - _KEY, style.LEGEND)


def legend_columns(names: Sequence[str]) -> int:
    """Entries of a legend that there is room for beside each other."""
    entry = _KEY + longest(legend_names(names), style.LEGEND)
    return max(1, min(len(names), int((style.width() - 0.3) / entry)))


def legend_height(names: Sequence[str]) -> float:
    """Inches that a legend below the axes takes."""
    return _ROW * math.ceil(len(names) / legend_columns(names)) + 0.08 if names else 0.0


def legend_below(figure: Figure, marks: Mapping[str, Any], words: Words) -> None:
    """A legend between the axes and the footer."""
    height = figure.get_size_inches()[1] / style.current().scale
    _, bottom = style.frame_heights(words.subtitle, words.footer)
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.12 / style.width(), (bottom + 0.04) / height)}
    look: dict[str, Any] = {"borderaxespad": 0, "handlelength": 1.6, "columnspacing": 1.6}
    names = list(marks)
    figure.legend(list(marks.values()), legend_names(names), ncols=legend_columns(names), **place, **look)


def kind_colour(kind: str) -> str:
    """The colour of a kind of op."""
    return KIND_COLOURS.get(kind, OTHER_KINDS)


def kind_marks(kinds: Sequence[str]) -> dict[str, Any]:
    """Entries of a legend for the kinds of op among `kinds`."""
    from matplotlib.patches import Patch

    shown = [k for k in KIND_COLOURS if k in kinds]
    marks = {k: Patch(facecolor=KIND_COLOURS[k]) for k in shown}
    others = sorted({k for k in kinds if k not in KIND_COLOURS})
    return marks | (
        {", ".join(others[:4]) + (", …" if len(others) > 4 else ""): Patch(facecolor=OTHER_KINDS)} if others else {}
    )


def design_words(design: Any, footer: str, note: str = "", unsaid: Sequence[str] = ()) -> Words:
    """Title and subtitle of a picture of one design: its network, device and format; then its other axes.

    Axes that are `unsaid` are left out: those on which nothing in the picture depends.
    """
    axes = {n: v for n, v in design.told.items() if n not in unsaid}
    network, device, precision = design.network, axes.pop("device", ""), axes.pop("precision", "")
    computed = design.compute_format
    formats = f"{precision} (computes in {computed})" if computed not in ("", precision) else precision
    title = ", ".join(filter(None, [f"{network} on {device}" if device else network, str(formats)]))
    told = [f"{style.readable(n)} {v}" for n, v in list(axes.items())[:10]]
    told += ["…"] if len(axes) > 10 else []
    sentences = [", ".join(told) + "." if told else "", note]
    return Words(title, " ".join(filter(None, sentences)), footer)


def op_words(design: Any, footer: str, note: str = "") -> Words:
    """As `design_words`, of a picture of the ops: which are drawn by their roofline whatever the latency model."""
    bound = "Each op takes its roofline, the larger of its compute and memory time: a lower bound, whatever the"
    bound += " latency model."
    if design.modelled is not None:
        model, latency = design.modelled
        bound += f" The latency of the whole design by the {model} model is {quantity(latency, 's')}."
    return design_words(design, f"{footer} {bound}", note, unsaid=("latency_model",))


def quantity(value: float, unit: str, digits: int = 4) -> str:
    """A quantity as it stands in a picture: with the letter of micro."""
    text = format_quantity(value, unit, digits)
    return text.replace(" u", " µ") if unit != "USD" else text


def colour_norm(scale: Scale) -> Any:
    """From values in the unit of a scale to colours."""
    from matplotlib.colors import LogNorm, Normalize

    return (LogNorm if scale.log else Normalize)(scale.low / scale.factor, scale.high / scale.factor)


def colour_bar(figure: Figure, grid: Sequence[Axes], scale: Scale) -> None:
    """What the colours of marks mean, to the right of all axes, which leave an inch for it."""
    from matplotlib.cm import ScalarMappable

    boxes = [a.get_position() for a in grid]
    low, high = min(b.y0 for b in boxes), max(b.y1 for b in boxes)
    length = min(high - low, 3.6 / figure.get_size_inches()[1])
    room = figure.add_axes((1 - 0.86 / style.width(), high - length, 0.14 / style.width(), length))
    bar = figure.colorbar(ScalarMappable(colour_norm(scale), "viridis"), cax=room)
    label_bar(bar, scale, length * figure.get_size_inches()[1] / style.current().scale)


def label_bar(bar: Any, scale: Scale, inches: float) -> None:
    """Label and ticks of a bar of colours that is so long."""
    from matplotlib import ticker

    # Beside the bar there is room for so many lines; the note is what can be spared.
    label = style.wrapped(scale.label, inches)
    spare = label.count("\n") >= (1 if style.current().narrow else 2)
    bar.set_label(style.wrapped(replace(scale, note="").label, inches) if spare else label)
    if scale.log:
        places = style.log_ticks(scale.low / scale.factor, scale.high / scale.factor, 6, 2 if scale.binary else 10)
        bar.set_ticks(places)
        bar.ax.yaxis.set_minor_locator(ticker.NullLocator())
    bar.ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: style.tick_text(value)))
    bar.outline.set_linewidth(0)
