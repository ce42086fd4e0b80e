"""The panels of the frontier plot: frontiers of groups, and the designs counted behind them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.plots import choice
from dse.plots.cloud import Lattice
from dse.plots.style import Scale, make_scale, readable, widened
from dse.plots.windows import opened, window, window_length

Group = tuple[str, ...]
# Letters of a label that stand in one line.
_LONG = 34


@dataclass(frozen=True)
class Series:
    """The frontier of one group of n designs, all values in the unit of the variable.

    `x`, `y` and `colour` (None without a third objective) have shape (n,); `corners` are the staircase's vertices,
    shape (k, 2), and `edge` the points on it, in order; `x_error` and `y_error` are lengths below and above, shape
    (2, n), or None; `labels` maps points to texts, the most telling first.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: np.ndarray | None
    corners: np.ndarray
    edge: np.ndarray
    x_error: np.ndarray | None
    y_error: np.ndarray | None
    labels: Mapping[int, str]


@dataclass(frozen=True)
class Panel:
    """One pair of axes: frontiers, and the designs counted in each visible cell, shape (rows, columns).

    `x` is the panel's own part of the axis, where it has one.
    """

    title: str
    series: tuple[Series, ...]
    feasible: np.ndarray | None
    excluded: np.ndarray | None
    x: Scale | None = None


class Builder:
    """Panels over axes whose scales and cells all of them share."""

    def __init__(
        self,
        result: Any,
        x: choice.Objective,
        y: choice.Objective,
        colour: choice.Objective | None,
        cells: Lattice,
        wanted: tuple[int, int],
        labelled: bool,
    ) -> None:
        self.frontier, self.manifest, self.cells = result.frontier, result.manifest, cells
        self.objectives = (x, y)
        self.x = self._scale(x["metric"], "x")
        if labelled:
            self.x = widened(self.x, x["direction"])
        self.y = self._scale(y["metric"], "y")
        if labelled and y["direction"] == "min":
            self.y = widened(self.y, "min")
        # Of a panel with an axis of its own: how long that is.
        self.length = 0.0
        self.wanted = wanted
        self.colour = None if colour is None else self._scale(colour["metric"], "")
        counted = cells.x.size > 0
        self.x_edges = cells.edges("x", self.x.log, wanted[0]) if counted else None
        self.y_edges = cells.edges("y", self.y.log, wanted[1]) if counted else None
        axes = [a for a in self.manifest["axes"] if a in self.frontier.coords and a not in self.manifest["per"]]
        self.axes = [a for a in axes if not choice.follows_network(self.frontier, a)]

    def _scale(self, metric: str, which: str) -> Scale:
        variable = self.frontier[metric]
        attrs = {"units": self.manifest["units"][metric], **variable.attrs}
        parts = [variable.values.astype(float).ravel()]
        if which:
            parts.append(self.cells.span(which))
            ends = [n for n in _bounds(metric) if n in self.frontier]
            parts += [self.frontier[n].values.astype(float).ravel() for n in ends]
        scale = make_scale(metric, attrs, np.concatenate(parts))
        return opened(scale) if which else scale

    def part_ways(self, groups: Sequence[np.ndarray]) -> None:
        """Give each panel its own part of x where the frontiers of groups, at these rows, lie far apart."""
        parts = [self._reached(rows) for rows in groups]
        self.length = window_length(self.x, parts)
        if self.length and self.x_edges is not None:
            whole = np.log(self.x.high / self.x.low) if self.x.log else self.x.high - self.x.low
            self.x_edges = self.cells.edges("x", self.x.log, int(self.wanted[0] * whole / self.length))

    def beyond(self, panels: Sequence[Panel]) -> int:
        """Counted designs that lie outside their panel's own part of x."""
        if self.x_edges is None:
            return 0
        middle = self.x.show((self.x_edges[1:] + self.x_edges[:-1]) / 2)
        found = 0
        for panel in panels:
            low, high = (panel.x or self.x).limits()
            outside = (middle < low) | (middle > high)
            found += sum(int(c[:, outside].sum()) for c in (panel.feasible, panel.excluded) if c is not None)
        return found

    def panels(
        self, order: Sequence[Group], rows: Mapping[Group, np.ndarray], names: Sequence[Group] | None
    ) -> Iterator[Panel]:
        """One panel a group."""
        wanted = 8 if len(order) == 1 else 5 if len(order) <= 4 else 3
        shared = self._everywhere(order)
        for group in order:
            own = rows.get(group, np.empty(0, dtype=int))
            title = self.name(group)
            common = self._common(own, shared)
            feasible, excluded = self._counts(None if names is None else [names.index(group)])
            remark = common if len(own) else "no feasible design"
            title = f"{title} ({remark})" if title and remark else title
            series = (self.series(title, own, wanted),) if len(own) else ()
            part = window(self.x, self._reached(own), self.length) if series and self.length else None
            yield Panel(title, series, feasible if names else None, excluded if names else None, part)

    def shared(
        self, order: Sequence[Group], rows: Mapping[Group, np.ndarray], names: Sequence[Group] | None, place: int
    ) -> Iterator[Panel]:
        """One panel for each value of the axis of `per` at a place, with all groups of it, the same in each panel."""
        per = self.manifest["per"]
        rest = [axis for i, axis in enumerate(per) if i != place]
        others = list(dict.fromkeys(_without(group, place) for group in order))
        for value in dict.fromkeys(group[place] for group in order):
            groups = [(*other[:place], value, *other[place:]) for other in others]
            numbers = None if names is None else [names.index(g) for g in groups if g in names]
            series = [
                self.series(self.name(other, rest) or "frontier", rows.get(group, np.empty(0, dtype=int)), 0)
                for group, other in zip(groups, others, strict=True)
            ]
            yield Panel(self.name((value,), [per[place]]), tuple(series), *self._counts(numbers))

    def overlay(self, order: Sequence[Group], rows: Mapping[Group, np.ndarray]) -> list[Panel]:
        """One panel with all groups, the best by the objective on x first."""
        series = [self.series(self.name(g), rows[g], 0) for g in order if g in rows]
        sign = 1.0 if self.objectives[0]["direction"] == "min" else -1.0
        return [
            Panel(
                "",
                tuple(sorted(series, key=lambda s: float(min(sign * s.x)))),
                *self._counts(np.unique(self.cells.group).tolist()),
            )
        ]

    def _counts(self, numbers: Sequence[int] | None) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Feasible and excluded designs a cell, of some groups."""
        if self.x_edges is None or self.y_edges is None or numbers is None:
            return None, None
        own = np.isin(self.cells.group, numbers)
        feasible, excluded = (
            self.cells.rebin(np.flatnonzero(own & (self.cells.feasible == flag)), self.x_edges, self.y_edges)
            for flag in (True, False)
        )
        return feasible, excluded

    def name(self, group: Group, axes: Sequence[str] | None = None) -> str:
        """A group in words: its values of the axes of `per`, or of those given."""
        # A network that lacks an axis has no value of it.
        named = [
            (axis, value)
            for axis, value in zip(self.manifest["per"] if axes is None else axes, group, strict=True)
            if value
        ]
        return ", ".join(itertools.starmap(_heading, named))

    def told_of_all(self, order: Sequence[Group]) -> list[str]:
        """What the designs of all panels have in common, which no title repeats."""
        shared = self._everywhere(order)
        return [f"All on the frontiers: {choice.design_text(self.frontier, shared, 0)}."] if shared else []

    def _everywhere(self, order: Sequence[Group]) -> list[str]:
        """Axes that vary in the space, and of which all designs of several panels have one value."""
        number = self.frontier.sizes["design"]
        if len(order) < 2 or number < 2:
            return []
        differing = choice.varying(self.frontier, self.axes, np.arange(number))
        return [a for a in self.axes if a not in differing and self.manifest["axes"][a] > 1]

    def _common(self, rows: np.ndarray, shared: Sequence[str]) -> str:
        """What all designs of a group of several have in common, of what varies in the space and among groups."""
        if len(rows) < 2:
            return ""
        differing = choice.varying(self.frontier, self.axes, rows)
        same = [a for a in self.axes if a not in (*differing, *shared) and self.manifest["axes"][a] > 1]
        return f"all {choice.design_text(self.frontier, same, rows[0])}" if same else ""

    def series(self, name: str, rows: np.ndarray, wanted: int) -> Series:
        """The frontier of the designs at `rows`, `wanted` of them with a label."""
        x, y = (choice.column(self.frontier, s.metric)[rows].astype(float) for s in (self.x, self.y))
        corners, edge = choice.staircase(x, y, *(o["direction"] for o in self.objectives))
        axes = choice.varying(self.frontier, self.axes, rows)
        if len(rows) == 1:
            axes = [a for a in self.axes if self.manifest["axes"][a] > 1]
            axes = axes or [a for a in ("network", "device", "precision") if a in self.axes]
        colour = None if self.colour is None else choice.column(self.frontier, self.colour.metric)[rows].astype(float)
        # With a third objective most designs lie off the edge that two of them make.
        told = edge if colour is None else np.argsort(colour, kind="stable")
        places = np.column_stack([_place(self.x, x[told]), _place(self.y, y[told])])
        chosen = [int(told[i]) for i in choice.points_to_label(places, wanted)] if axes else []
        alike = {i: int(((x == x[i]) & (y == y[i])).sum()) - 1 for i in chosen}
        named = choice.telling(self.frontier, axes, rows[chosen]) if chosen else []
        others = ", …" if len(named) < len(axes) else ""
        texts = {i: _in_lines(choice.design_text(self.frontier, named, rows[i]) + others) for i in chosen}
        labels = {i: text + (f" (+{alike[i]} alike)" if alike[i] else "") for i, text in texts.items()}
        errors = self._errors(self.x.metric, x, rows), self._errors(self.y.metric, y, rows)
        return Series(name, x, y, colour, corners, edge, *errors, labels)

    def _reached(self, rows: np.ndarray) -> np.ndarray:
        """Values on x of the designs at `rows`, and the known ends of the ranges around them."""
        names = [n for n in (self.x.metric, *_bounds(self.x.metric)) if n in self.frontier]
        values = np.concatenate([choice.column(self.frontier, n)[rows].astype(float) for n in names])
        return np.asarray(values[np.isfinite(values)])

    def _errors(self, metric: str, values: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
        low, high = _bounds(metric)
        if low not in self.frontier or high not in self.frontier:
            return None
        ends = [choice.column(self.frontier, n)[rows].astype(float) for n in (low, high)]
        lengths = np.array([values - ends[0], ends[1] - values])
        known = np.where(np.isfinite(lengths), np.maximum(lengths, 0.0), 0.0)
        return known if known.any() else None


def _in_lines(text: str) -> str:
    """A long label in two lines, for which there is more room."""
    breaks = [i + 1 for i, letter in enumerate(text) if text[i : i + 2] == ", "]
    if len(text) <= _LONG or not breaks:
        return text
    middle = min(breaks, key=lambda i: abs(i - len(text) / 2))
    return f"{text[:middle]}\n{text[middle + 1 :]}"


def _without(group: Group, place: int) -> Group:
    return (*group[:place], *group[place + 1 :])


def _heading(axis: str, value: str) -> str:
    """Names speak for themselves, numbers do not."""
    try:
        return f"{readable(axis)} {float(value):g}"
    except ValueError:
        return value


def _bounds(metric: str) -> tuple[str, str]:
    return f"{metric}_low", f"{metric}_high"


def _place(scale: Scale, values: np.ndarray) -> np.ndarray:
    """Values as parts of the length of their axis."""
    low, high = scale.limits()
    shown = scale.show(values)
    if scale.log:
        return np.asarray(np.log(shown / low) / np.log(high / low))
    return np.asarray((shown - low) / (high - low))
