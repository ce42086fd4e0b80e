"""What the frontier plot shows, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from dse.plots import choice
from dse.plots.cloud import Lattice, group_names, lattice
from dse.plots.kinds import NotInResult
from dse.plots.style import Scale, make_scale, readable
from dse.plots.summary import budget_limits, counts_text, objectives_text, unbroken

MOST_PANELS = 12
Group = tuple[str, ...]


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
    """One pair of axes: frontiers, and the designs counted in each visible cell, shape (rows, columns)."""

    title: str
    series: tuple[Series, ...]
    feasible: np.ndarray | None
    excluded: np.ndarray | None


@dataclass(frozen=True)
class Limit:
    """A budget on the metric of the x or the y axis."""

    which: str
    text: str
    low: float | None
    high: float | None


@dataclass(frozen=True)
class FrontierData:
    """The whole plot; `better` holds the signs of the direction in which designs get better."""

    title: str
    subtitle: str
    footer: str
    x: Scale
    y: Scale
    colour: Scale | None
    better: tuple[float, float]
    x_edges: np.ndarray | None
    y_edges: np.ndarray | None
    limits: tuple[Limit, ...]
    panels: tuple[Panel, ...]


def prepare(result: Any) -> FrontierData:
    """Frontier, cloud and budgets over the two objectives that tell most.

    Raises
    ------
    NotInResult
        For fewer than two objectives, or when no design was counted at all.
    """
    frontier, manifest = result.frontier, result.manifest
    objectives = manifest["objectives"]
    if len(objectives) < 2:
        raise NotInResult("frontier", f"needs two objectives; the result has {len(objectives)}")
    per = manifest["per"]
    rows = group_rows(frontier, per)
    x, y, colour = choice.choose_axes(frontier, objectives, list(rows.values()))
    cells = lattice(result.cloud, x["metric"], y["metric"])
    if frontier.sizes["design"] == 0 and cells.x.size == 0:
        raise NotInResult("frontier", "no design of the result has values of its objectives")
    names = group_names(result.cloud, per)
    counted = [names[g] for g in np.unique(cells.group)] if names is not None else []
    order = sorted({*rows, *counted}, key=_natural)
    overlay = len(order) > MOST_PANELS
    wanted = (90, 60) if overlay or len(order) == 1 else (44, 34)
    builder = _Builder(result, x, y, None if overlay else colour, cells, wanted)
    panels = builder.overlay(order, rows) if overlay else builder.panels(order, rows, names)
    told = [x, y] if overlay or colour is None else [x, y, colour]
    notes = [] if names is not None else ["The cloud of all designs does not name its groups and is left out."]
    left = [o for o in objectives if o not in told]
    followed = {
        o["metric"]: [t["metric"] for t in told if choice.follows(frontier, t, o, list(rows.values()))][:1]
        for o in left
    }
    subtitle, drawn = _subtitle(manifest, followed, builder)
    better = tuple(-1.0 if o["direction"] == "min" else 1.0 for o in (x, y))
    edges = (builder.x_edges, builder.y_edges) if names is not None else (None, None)
    return FrontierData(
        str(manifest["name"]),
        subtitle,
        " ".join([counts_text(manifest), *notes]),
        builder.x,
        builder.y,
        builder.colour,
        (better[0], better[1]),
        *edges,
        drawn,
        tuple(panels),
    )


def group_rows(frontier: xr.Dataset, per: Sequence[str]) -> dict[Group, np.ndarray]:
    """Rows of the frontier for each combination of values of the axes `per`."""
    if frontier.sizes["design"] == 0:
        return {}
    keys = list(zip(*(map(str, choice.column(frontier, a)) for a in per), strict=True))
    keys = keys or [()] * frontier.sizes["design"]
    found: dict[Group, list[int]] = {}
    for row, key in enumerate(keys):
        found.setdefault(key, []).append(row)
    return {key: np.array(where) for key, where in found.items()}


def _natural(group: Group) -> tuple[tuple[float, str], ...]:
    def key(text: str) -> tuple[float, str]:
        try:
            return float(text), ""
        except ValueError:
            return float("inf"), text

    return tuple(key(text) for text in group)


class _Builder:
    """Panels over axes whose scales and cells all of them share."""

    def __init__(
        self,
        result: Any,
        x: choice.Objective,
        y: choice.Objective,
        colour: choice.Objective | None,
        cells: Lattice,
        wanted: tuple[int, int],
    ) -> None:
        self.frontier, self.manifest, self.cells = result.frontier, result.manifest, cells
        self.objectives = (x, y)
        self.x, self.y = self._scale(x["metric"], "x"), self._scale(y["metric"], "y")
        self.colour = None if colour is None else self._scale(colour["metric"], "")
        counted = cells.x.size > 0
        self.x_edges = cells.edges("x", self.x.log, wanted[0]) if counted else None
        self.y_edges = cells.edges("y", self.y.log, wanted[1]) if counted else None
        self.axes = [a for a in self.manifest["axes"] if a in self.frontier.coords and a not in self.manifest["per"]]

    def _scale(self, metric: str, which: str) -> Scale:
        variable = self.frontier[metric]
        attrs = {"units": self.manifest["units"][metric], **variable.attrs}
        parts = [variable.values.astype(float).ravel()]
        if which:
            parts.append(self.cells.span(which))
        parts += [
            self.frontier[n].values.astype(float).ravel() for n in _bounds(metric) if n in self.frontier and which
        ]
        return make_scale(metric, attrs, np.concatenate(parts))

    def panels(
        self, order: Sequence[Group], rows: Mapping[Group, np.ndarray], names: Sequence[Group] | None
    ) -> Iterator[Panel]:
        """One panel a group."""
        wanted = 8 if len(order) == 1 else 5 if len(order) <= 4 else 3
        for group in order:
            own = rows.get(group, np.empty(0, dtype=int))
            title = ", ".join(
                self._heading(axis, value) for axis, value in zip(self.manifest["per"], group, strict=True)
            )
            common = self._common(own)
            feasible, excluded = self._counts(None if names is None else names.index(group))
            title = f"{title} ({common})" if title and common else title
            series = (self._series(title, own, wanted),) if len(own) else ()
            yield Panel(title, series, feasible if names else None, excluded if names else None)

    def overlay(self, order: Sequence[Group], rows: Mapping[Group, np.ndarray]) -> list[Panel]:
        """One panel with all groups, the best by the objective on x first."""
        series = [self._series(", ".join(g), rows[g], 0) for g in order if g in rows]
        sign = 1.0 if self.objectives[0]["direction"] == "min" else -1.0
        return [Panel("", tuple(sorted(series, key=lambda s: float(min(sign * s.x)))), *self._counts(-1))]

    def _counts(self, number: int | None) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Feasible and excluded designs a cell, of one group, or of all for −1."""
        if self.x_edges is None or self.y_edges is None or number is None:
            return None, None
        own = (self.cells.group == number) | (number == -1)
        feasible, excluded = (
            self.cells.rebin(np.flatnonzero(own & (self.cells.feasible == flag)), self.x_edges, self.y_edges)
            for flag in (True, False)
        )
        return feasible, excluded

    def _heading(self, axis: str, value: str) -> str:
        """Names speak for themselves, numbers do not."""
        try:
            return f"{readable(axis)} {float(value):g}"
        except ValueError:
            return value

    def _common(self, rows: np.ndarray) -> str:
        """What all designs of a group of several have in common, of what varies in the space."""
        if len(rows) < 2:
            return ""
        differing = choice.varying(self.frontier, self.axes, rows)
        same = [a for a in self.axes if a not in differing and self.manifest["axes"][a] > 1]
        return f"all {choice.design_text(self.frontier, same, rows[0])}" if same else ""

    def _series(self, name: str, rows: np.ndarray, wanted: int) -> Series:
        x, y = (choice.column(self.frontier, s.metric)[rows].astype(float) for s in (self.x, self.y))
        corners, edge = choice.staircase(x, y, *(o["direction"] for o in self.objectives))
        axes = choice.varying(self.frontier, self.axes, rows)
        if len(rows) == 1:
            axes = [a for a in self.axes if self.manifest["axes"][a] > 1]
        places = np.column_stack([_place(self.x, x[edge]), _place(self.y, y[edge])])
        chosen = [int(edge[i]) for i in choice.points_to_label(places, wanted)] if axes else []
        labels = {i: choice.design_text(self.frontier, axes, rows[i]) for i in chosen}
        colour = None if self.colour is None else choice.column(self.frontier, self.colour.metric)[rows].astype(float)
        errors = (self._errors(s.metric, v, rows) for s, v in ((self.x, x), (self.y, y)))
        return Series(name, x, y, colour, corners, edge, *errors, labels)

    def _errors(self, metric: str, values: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
        low, high = _bounds(metric)
        if low not in self.frontier or high not in self.frontier:
            return None
        ends = [choice.column(self.frontier, n)[rows].astype(float) for n in (low, high)]
        lengths = np.array([values - ends[0], ends[1] - values])
        known = np.where(np.isfinite(lengths), np.maximum(lengths, 0.0), 0.0)
        return known if known.any() else None


def _bounds(metric: str) -> tuple[str, str]:
    return f"{metric}_low", f"{metric}_high"


def _place(scale: Scale, values: np.ndarray) -> np.ndarray:
    """Values as parts of the length of their axis."""
    low, high = scale.limits()
    shown = scale.show(values)
    if scale.log:
        return np.asarray(np.log(shown / low) / np.log(high / low))
    return np.asarray((shown - low) / (high - low))


def _subtitle(
    manifest: Mapping[str, Any], followed: Mapping[str, Sequence[str]], b: _Builder
) -> tuple[str, tuple[Limit, ...]]:
    """The words under the title, and the limits to be drawn: those that lie within the axes."""
    drawn, named = [], []
    for budget in manifest["budgets"]:
        which = {b.x.metric: "x", b.y.metric: "y"}.get(budget["metric"])
        limits = budget_limits(budget)
        if which and any(_within(b.x if which == "x" else b.y, v) for v in limits if v is not None):
            drawn.append(Limit(which, budget["text"], *limits))
        else:
            named.append(budget["text"])
    text = objectives_text(manifest["objectives"], manifest["per"], followed)
    if b.frontier.sizes["design"] == 0:
        text = f"No design meets the budgets. {text}"
    return text + (f" Budgets: {unbroken(named)}." if named else ""), tuple(drawn)


def _within(scale: Scale, value: float) -> bool:
    low, high = scale.limits()
    return low < value / scale.factor < high
