"""One look for all plots: colours that colour-blind readers tell apart, and axes that know their unit."""

from __future__ import annotations

import itertools
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.errors import InputError
from dse.plots.frames import frame, frame_heights
from dse.plots.look import INK, LEGEND, PLAIN, QUIET, TITLE, WIDTH, blank_figure, current, drawing_style, points, width
from dse.plots.names import fitted
from dse.units import duration_unit, parse_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "EXCLUDED",
    "FAINT",
    "FEASIBLE",
    "FRONTIER",
    "INK",
    "LEGEND",
    "MANY",
    "MARKERS",
    "PALETTE",
    "PLAIN",
    "QUIET",
    "TITLE",
    "WIDTH",
    "Scale",
    "blank_figure",
    "current",
    "drawing_style",
    "frame",
    "frame_heights",
    "log_ticks",
    "make_scale",
    "points",
    "prefixed",
    "readable",
    "set_axis",
    "tick_text",
    "widened",
    "width",
    "wrapped",
    "wrapped_titles",
]

# Okabe and Ito, "Color Universal Design", 2008; yellow last, for it is faint on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D")
FAINT = "#d9d9d9"
FEASIBLE = ("#dcecf7", "#5fa8d3")
EXCLUDED = ("#f0f0f0", "#c2c2c2")
FRONTIER = PALETTE[1]
# More marks than this are pixels in vector files too: each as a path of its own would take seconds and megabytes.
MANY = 2_000

# People never read a thousand grams of a kilogram.
_PREFIXES = ("T", "G", "M", "k", "", "m", "u", "n", "p")
_BINARY_PREFIXES = ("Ti", "Gi", "Mi", "Ki", "")
_COUNTS = {1e12: "trillions", 1e9: "billions", 1e6: "millions", 1e3: "thousands", 1.0: ""}
_SPELLING = {"sram": "SRAM", "kv": "KV", "macs": "MACs", "flops": "FLOPs", "sqnr": "SQNR", "pue": "PUE", "wh": "Wh"}
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TENTHS = tuple(i / 10 for i in range(10, 100))
# Values in these units are compared by differences, over whatever range.
_NEVER_LOG = ("%", "dB")


@dataclass(frozen=True)
class Scale:
    """How one metric stands on an axis.

    Values are divided by `factor`; `unit` names what they are then in; `low` and `high` bound the values, before
    the division; `note` says what the number is, such as "roofline, lower bound".
    """

    metric: str
    unit: str
    factor: float
    log: bool
    low: float
    high: float
    note: str = ""
    binary: bool = False

    @property
    def label(self) -> str:
        """The axis label: "latency (ms), roofline, lower bound"."""
        unit = f" ({self.unit})" if self.unit else ""
        return readable(self.metric) + unit + (f", {self.note}" if self.note else "")

    def show(self, values: Any) -> np.ndarray:
        """Values in the unit of the axis."""
        return np.asarray(values, dtype=float) / self.factor

    def limits(self, margin: float = 0.06) -> tuple[float, float]:
        """Ends of the axis, a margin beyond the values, in the unit of the axis."""
        low, high = self.low / self.factor, self.high / self.factor
        if self.log:
            pad = (high / low) ** margin
            return low / pad, high * pad
        pad = (high - low) * margin or abs(high) * 0.1 or 1.0
        return low - pad, high + pad


def make_scale(metric: str, attrs: Mapping[str, Any], values: Any) -> Scale:
    """The scale of an axis that shows finite `values` of a metric.

    Logarithmic when they are all positive and span more than a decade, but for percentages and decibels. The prefix
    is the one that leaves the numbers short: by the largest value on a linear axis, by the middle on a logarithmic one.

    Parameters
    ----------
    attrs
        `units`; `counted`, what a count counts; `long_name`, whose last parentheses are the note.
    """
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 1.0)
    unit = str(attrs.get("units", "1"))
    log = low > 0 and high / low > 10 and unit not in _NEVER_LOG
    typical = math.sqrt(low * high) if log else max(abs(low), abs(high))
    text, factor = prefixed(unit, typical, str(attrs.get("counted", "")))
    found = re.search(r"\(([^()]*)\)$", str(attrs.get("long_name", "")))
    return Scale(metric, text, factor, log, low, high, found[1] if found else "", unit == "B")


def widened(scale: Scale, direction: str, share: float = 0.12) -> Scale:
    """The scale with room for words on its better side, where no designs are; never across zero."""
    low, high = scale.low, scale.high
    room = (high / low) ** share if scale.log else (high - low) * share
    if direction == "min":
        least = -math.inf if low < 0 else 0.0
        return replace(scale, low=low / room if scale.log else max(low - room, least))
    return replace(scale, high=high * room if scale.log else high + room)


def prefixed(unit: str, typical: float, counted: str = "") -> tuple[str, float]:
    """A unit with the prefix that suits a typical value, and the factor to divide by.

    >>> prefixed("s", 0.004), prefixed("B", 327680.0), prefixed("FLOP/s", 8e8), prefixed("1", 3e6)
    (('ms', 0.001), ('KiB', 1024.0), ('MFLOP/s', 1000000.0), ('millions', 1000000.0))
    """
    if unit == "1" and not _takes_prefix(counted):
        steps = [(factor, word) for factor, word in _COUNTS.items() if abs(typical) >= factor or factor == 1.0]
        return steps[0][1], steps[0][0]
    head, slash, rest = (counted if unit == "1" else unit).partition("/")
    factor = 1.0
    if head == "kg":
        head, factor = "g", 1e-3
    tail = (slash + rest).replace("mm2", "mm²")
    if typical == 0 or not math.isfinite(typical) or not _takes_prefix(head) or unit in ("FLOP/B", "OP/B"):
        return unit.replace("mm2", "mm²"), 1.0
    if unit == "s" and (duration := duration_unit(typical)) != "s":
        return duration, parse_unit(duration).scale
    choices: tuple[str, ...] = _BINARY_PREFIXES if unit == "B" else _PREFIXES
    if head == "s":
        choices = choices[choices.index("") :]
    factors = [parse_unit(p + head).scale / parse_unit(head).scale * factor for p in choices]
    place = next((i for i, f in enumerate(factors) if abs(typical) >= f * 0.9999), len(factors) - 1)
    return choices[place].replace("u", "µ") + head + tail, factors[place]


def _takes_prefix(head: str) -> bool:
    try:
        parse_unit("k" + head)
    except InputError:
        return False
    return bool(head)


def readable(name: str) -> str:
    """A metric's name for people: "peak_sram" is "peak SRAM"."""
    return " ".join(_SPELLING.get(word, word) for word in name.split("_"))


def wrapped(label: str, inches: float) -> str:
    """The label of an axis, broken into lines that long."""
    return "\n".join(textwrap.wrap(label, max(int(inches / 0.078), 8)))


def wrapped_titles(titles: Sequence[str], inches: float) -> list[str]:
    """Titles of panels of one width in lines that long, words shortened where one alone is longer."""
    words = list(dict.fromkeys(word for title in titles for word in title.split(" ")))
    short = dict(zip(words, fitted(words, inches, TITLE), strict=True))
    return [wrapped(" ".join(short[word] for word in title.split(" ")), inches) for title in titles]


def set_axis(axes: Axes, which: str, scale: Scale, ticks: int) -> None:
    """Scale, ends and about `ticks` plain ticks for the x or y axis."""
    from matplotlib import ticker

    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = scale.limits()
    if scale.log:
        base = 2 if scale.binary else 10
        (axes.set_xscale if which == "x" else axes.set_yscale)("log", base=base)
        axis.set_major_locator(ticker.FixedLocator(log_ticks(low, high, ticks, base)))
        axis.set_minor_locator(ticker.NullLocator())
    else:
        axis.set_major_locator(ticker.MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: tick_text(value)))
    (axes.set_xlim if which == "x" else axes.set_ylim)(low, high)


def log_ticks(low: float, high: float, ticks: int, base: int = 10) -> list[float]:
    """Round places between two positive ends, at most `ticks`: powers of the base, and 2 and 5 of a short range.

    A single one tells no scale: there are two of decimals, less round where they must be, if two digits tell any apart.

    >>> log_ticks(0.8, 1200, 5), log_ticks(1.5, 30, 2), log_ticks(1.2, 1.8, 4)
    ([1.0, 10.0, 100.0, 1000.0], [2.0, 20.0], [1.2, 1.8])
    """
    first, last = math.ceil(math.log(low, base) - 1e-9), math.floor(math.log(high, base) + 1e-9)
    steps = range(math.floor(math.log(low, base)), last + 1)

    def inside(multiples: Sequence[float]) -> list[float]:
        places = (m * float(base) ** n for n, m in itertools.product(steps, multiples))
        return [v for v in places if low <= v <= high]

    finer: Sequence[Sequence[float]] = ((1, 2, 5), (1, 3)) if base == 10 else ()
    for multiples in finer:
        if 2 <= len(found := inside(multiples)) <= ticks:
            return found
    stride = max(1, math.ceil((last - first + 1) / ticks))
    powers = [float(base) ** n for n in range(first, last + 1) if n % stride == 0]
    if len(powers) > 1 or base != 10:
        return powers
    finer = ((1, 2, 5), (1, 1.5, 2, 3, 5, 7), _TENTHS)
    for multiples in finer:
        if len(found := inside(multiples)) > 1:
            return [found[0], found[-1]]
    return powers


def tick_text(value: float) -> str:
    """A tick's number: plain where short, a power of ten elsewhere."""
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:,.6g}" if abs(value) >= 1000 else f"{value:.4g}"
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    mantissa = value / 10.0**exponent
    front = "" if abs(mantissa - 1) < 1e-6 else f"{mantissa:.3g}·"
    return f"{front}10{str(exponent).translate(_RAISED)}"
