"""Axes, objectives and budgets of the designs of a frontier side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from dse.errors import InputError, unknown
from dse.plots import choice, style
from dse.plots.kinds import NotInResult, plot
from dse.plots.layout import Room, Words, colour_bar, colour_norm, panels
from dse.plots.names import fitted
from dse.plots.style import Scale, make_scale
from dse.plots.summary import budget_text, none_left, search_notes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Designs that are drawn, evenly chosen of more; and upright axes, objectives and budgets among them.
MOST_LINES, MOST_UPRIGHTS, _MOST_NARROW = 2_000, 14, 9
# Height of a tick's letters in points, and inches of the bar of colours at the right.
_TICK, _BAR = 7.0, 0.9
# Values of an axis that each have a tick of their own.
_MOST_VALUES = 12
# How far the lines of designs that share a value stand apart, as a part of the height.
_SPREAD = 0.025


@dataclass(frozen=True)
class Upright:
    """One upright axis: its name, what is asked of it, and ticks by their height from 0 to 1, which may be names."""

    name: str
    asked: str
    ticks: tuple[tuple[float, str], ...]
    names: bool = False


@dataclass(frozen=True)
class ParallelData:
    """Heights of designs on every upright, shape (designs, uprights), NaN where undefined; `colour` of each design."""

    words: Words
    uprights: tuple[Upright, ...]
    heights: np.ndarray
    colour: np.ndarray
    scale: Scale


def prepare(result: Any, *, axes: Sequence[str] = ()) -> ParallelData:
    """The frontier over its axes that vary (or those named), its objectives, and the metrics that have a budget.

    Of too many axes those are shown that an objective follows most.

    Raises
    ------
    NotInResult
        When no design is on the frontier.
    InputError
        For a name that is no axis of the frontier.
    """
    frontier, manifest = result.frontier, result.manifest
    number = frontier.sizes["design"]
    if not number:
        raise NotInResult("parallel", none_left(manifest))
    objectives = manifest["objectives"]
    metrics = list(dict.fromkeys([*(o["metric"] for o in objectives), *(b["metric"] for b in manifest["budgets"])]))
    metrics = [m for m in metrics if m in frontier]
    shown, left = _axes(
        frontier, manifest, axes, (_MOST_NARROW if style.current().narrow else MOST_UPRIGHTS) - len(metrics)
    )
    first = choice.column(frontier, objectives[0]["metric"]).astype(float)
    rows = np.unique(np.linspace(0, number - 1, min(number, MOST_LINES)).astype(int))
    order = rows[np.argsort(first[rows], kind="stable")]
    asked = _asked(manifest)
    columns = [_upright(frontier, name, order, asked.get(name, "")) for name in (*shown, *metrics)]
    said = f"{len(rows):,} of the {number:,}" if len(rows) < number else f"The {number:,}"
    known = [a for a, values in manifest["axes"].items() if values > 1 and a in frontier.coords]
    fixed = [a for a in known if a not in choice.varying(frontier, known, np.arange(number))]
    notes = [f"{said} designs of the frontier, a line each." if number > 1 else "The one design of the frontier."]
    notes += [f"All have {choice.design_text(frontier, fixed, 0)}."] if fixed else []
    notes += [f"Not drawn: {', '.join(map(style.readable, left))}."] if left else []
    footer = "Names are ordered by the first objective of their designs; lines that share a value stand side by side."
    footer = " ".join([*search_notes(manifest), footer])
    return ParallelData(
        Words(str(manifest["name"]), " ".join(notes), footer),
        tuple(upright for upright, _ in columns),
        np.column_stack([heights for _, heights in columns]),
        first[order],
        make_scale(objectives[0]["metric"], frontier[objectives[0]["metric"]].attrs, first[order]),
    )


def _axes(
    frontier: xr.Dataset, manifest: Mapping[str, Any], named: Sequence[str], room: int
) -> tuple[list[str], list[str]]:
    """Axes to be shown, in the order of the space, and those for which there is no room."""
    known = [a for a in manifest["axes"] if a in frontier.coords]
    named = [named] if isinstance(named, str) else list(named)
    if faults := [unknown("axis", a, known, "plot 'parallel'") for a in named if a not in known]:
        raise InputError(faults)
    if named:
        return named, []
    differing = choice.varying(frontier, known, np.arange(frontier.sizes["design"]))
    differing = [a for a in differing if not choice.follows_network(frontier, a)]
    ranked = sorted(differing, key=lambda a: -_told(frontier, a, manifest["objectives"]))
    kept = set(ranked[: max(room, 1)])
    return [a for a in differing if a in kept], [a for a in differing if a not in kept]


def _told(frontier: xr.Dataset, axis: str, objectives: Sequence[choice.Objective]) -> float:
    """How closely any objective follows an axis, from 0 to 1."""
    values = choice.column(frontier, axis)
    places = (
        values.astype(float) if values.dtype.kind in "fiub" else np.unique(values.astype(str), return_inverse=True)[1]
    )
    found = [choice.rank_correlation(places, choice.column(frontier, o["metric"]).astype(float)) for o in objectives]
    return max((abs(v) for v in found if np.isfinite(v)), default=0.0)


def _asked(manifest: Mapping[str, Any]) -> dict[str, str]:
    """By metric, what the spec asks of it."""
    found = {o["metric"]: o["direction"] for o in manifest["objectives"]}
    for budget in manifest["budgets"]:
        metric = budget["metric"]
        limit = budget_text(str(budget["text"]).removeprefix(metric).strip())
        found[metric] = "\n".join(filter(None, [found.get(metric, ""), limit]))
    return found


def _upright(frontier: xr.Dataset, name: str, rows: np.ndarray, asked: str) -> tuple[Upright, np.ndarray]:
    """The axis of a column, and the heights of designs on it; `rows` are in the order of the first objective."""
    values = choice.column(frontier, name)[rows]
    if values.dtype.kind not in "fiub":
        return _of_names(name, values.astype(str), asked)
    numbers = values.astype(float)
    scale = make_scale(name, frontier[name].attrs, numbers)
    if scale.factor > 1 and name in frontier.coords and frontier[name].attrs.get("units", "1") == "1":
        # The counts of a spec, as they stand there.
        scale = replace(scale, unit="", factor=1.0)
    title = style.readable(name) + (f" ({scale.unit})" if scale.unit else "")
    ends = scale.low, scale.high
    table = np.unique(numbers[np.isfinite(numbers)])
    if len(table) <= _MOST_VALUES and name in frontier.coords:
        # Few values stand apart evenly, whatever lies between them.
        ticks = tuple(
            (_even(i, len(table)), style.tick_text(float(f"{v:.4g}"))) for i, v in enumerate(scale.show(table))
        )
        heights = np.where(np.isfinite(numbers), np.searchsorted(table, numbers) / max(len(table) - 1, 1), np.nan)
        heights = np.where(np.isfinite(numbers), 0.5, np.nan) if len(table) == 1 else heights
        return Upright(title, asked, ticks), _apart(heights)
    places = _ticks(scale)
    return Upright(title, asked, tuple((float(_height(v, ends, scale.log)), t) for v, t in places)), _height(
        numbers, ends, scale.log
    )


def _of_names(name: str, values: np.ndarray, asked: str) -> tuple[Upright, np.ndarray]:
    ranks = np.arange(len(values))
    table = sorted(set(values.tolist()), key=lambda v: float(np.median(ranks[values == v])))
    places = {v: _even(i, len(table)) for i, v in enumerate(table)}
    told = table[:: -(-len(table) // (2 * _MOST_VALUES))]
    heights = np.array([places[v] for v in values.tolist()])
    return Upright(style.readable(name), asked, tuple((places[v], v) for v in told), names=True), _apart(heights)


def _even(place: int, number: int) -> float:
    return place / (number - 1) if number > 1 else 0.5


def _apart(heights: np.ndarray) -> np.ndarray:
    """Heights of which equal ones stand a little apart, in the order given."""
    found = heights.copy()
    room = min(_SPREAD, 0.3 / max(len(np.unique(heights[np.isfinite(heights)])), 1))
    for value in np.unique(heights[np.isfinite(heights)]):
        same = np.flatnonzero(heights == value)
        if len(same) > 1:
            found[same] += np.linspace(-room, room, len(same))
    return found


def _height(values: Any, ends: tuple[float, float], log: bool) -> np.ndarray:
    low, high = np.log(ends) if log else np.asarray(ends)
    array = np.log(values) if log else np.asarray(values, dtype=float)
    return np.asarray((array - low) / (high - low) if high > low else array * 0 + 0.5)


def _ticks(scale: Scale) -> list[tuple[float, str]]:
    """Round values between the ends of a scale, as values and texts."""
    from matplotlib import ticker

    low, high = scale.low / scale.factor, scale.high / scale.factor
    if not high > low:
        return [(scale.low, style.tick_text(float(f"{low:.4g}")))]
    places: Sequence[float] = style.log_ticks(low, high, 7, 2 if scale.binary else 10) if scale.log else []
    if len(places) < 2:
        places = list(map(float, ticker.MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)))
    slack = 1e-9 * (high - low)
    return [(v * scale.factor, style.tick_text(v)) for v in places if low - slack <= v <= high + slack]


@plot("parallel", prepare, kept=False)
def draw(figure: Figure, data: ParallelData) -> None:
    """Parallel coordinates: the axes, objectives and budgets of the designs of the frontier, by the first objective."""
    from matplotlib.collections import LineCollection

    narrow = style.current().narrow
    number = len(data.uprights)
    left, right = 0.6, 1.6
    each = (style.width() - left - right) / max(number - 1, 1)
    # Where names have no room beside each other they stand upright.
    upright = each < 0.62
    names = [_name(u, each, upright) for u in data.uprights]
    head = 0.15 + (0.072 * max(map(len, names)) if upright else 0.155 * max(n.count("\n") + 1 for n in names))
    room = Room(left=left, right=right, head=head, below=0.15)
    (axes,) = panels(figure, data.words, 3.2 if narrow else 4.6, room=room)
    axes.set(xlim=(0, max(number - 1, 1)), ylim=(-0.03, 1.03))
    axes.set_axis_off()
    count = len(data.heights)
    look: dict[str, Any] = {"alpha": 0.85 if count <= 60 else 0.55 if count <= 400 else 0.25}
    look |= {"linewidths": 1.3 if count <= 60 else 0.9, "rasterized": count > style.MANY // 4}
    paths = [np.column_stack([np.arange(number), h])[np.isfinite(h)] for h in data.heights]
    lines = LineCollection(paths, cmap="viridis", norm=colour_norm(data.scale), clip_on=False, zorder=2, **look)
    lines.set_array(data.scale.show(data.colour))
    axes.add_collection(lines)
    for place, (one, name) in enumerate(zip(data.uprights, names, strict=True)):
        _draw_upright(axes, place, one, name, upright, (each if place < number - 1 else right - _BAR) - 0.1)
    colour_bar(figure, [axes], data.scale)


def _name(upright: Upright, inches: float, turned: bool) -> str:
    if turned:
        return upright.name + (f", {upright.asked}".replace("\n", " ") if upright.asked else "")
    lines = textwrap.wrap(upright.name, max(8, int(min(inches, 1.2) / 0.075)), break_long_words=False)
    return "\n".join([*lines, *(upright.asked.split("\n") if upright.asked else [])])


def _draw_upright(axes: Axes, place: int, upright: Upright, name: str, turned: bool, room: float) -> None:
    from matplotlib.patheffects import withStroke

    halo: list[Any] = [withStroke(linewidth=2.4, foreground="white")]
    axes.plot([place, place], [0, 1], color=style.INK, linewidth=0.8, zorder=3, clip_on=False)
    words: dict[str, Any] = {"textcoords": "offset points", "annotation_clip": False}
    turn: dict[str, Any] = {"rotation": 90} if turned else {"linespacing": 1.2}
    axes.annotate(
        name, (place, 1.03), xytext=(0, 4), ha="center", va="bottom", fontsize=style.points(8), **words, **turn
    )
    texts = [text for _, text in upright.ticks]
    # A number that is cut is another number.
    texts = fitted(texts, room, _TICK) if upright.names else texts
    for (height, _), text in zip(upright.ticks, texts, strict=True):
        axes.plot([place], [height], marker="_", markersize=5, color=style.INK, zorder=3, clip_on=False)
        look: dict[str, Any] = {"fontsize": style.points(_TICK), "ha": "left", "va": "center", "zorder": 4}
        axes.annotate(text, (place, height), xytext=(4, 0), **words, **look).set_path_effects(halo)
