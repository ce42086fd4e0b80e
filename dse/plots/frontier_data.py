"""What the frontier plot shows, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from dse.plots import choice
from dse.plots.cloud import group_names, lattice
from dse.plots.frontier_panels import Builder, Group, Panel
from dse.plots.kinds import NotInResult
from dse.plots.style import Scale, readable
from dse.plots.summary import budget_limits, budget_text, counts_text, none_left, objectives_text, unbroken
from dse.units import value_text

MOST_PANELS = 12
# Frontiers of one of several panels.
MOST_SHARED = 12


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


def prepare(result: Any, *, x: str = "", y: str = "", colour: str = "") -> FrontierData:
    """Frontier, cloud and budgets over the two objectives that tell most, a third one by colour, or over those named.

    Raises
    ------
    NotInResult
        For fewer than two objectives, or when no design was counted at all.
    InputError
        For a name that is not an objective of the result.
    """
    frontier, manifest = result.frontier, result.manifest
    objectives = manifest["objectives"]
    if len(objectives) < 2:
        raise NotInResult("frontier", f"needs two objectives; the result has {len(objectives)}")
    per = manifest["per"]
    rows = group_rows(frontier, per)
    over, against, third = choice.named_axes(frontier, objectives, list(rows.values()), (x, y, colour))
    whole = lattice(result.cloud, over["metric"], against["metric"])
    across, up = (choice.column(frontier, o["metric"]).astype(float) for o in (over, against))
    cells = whole.near(across, up) if rows else whole
    if frontier.sizes["design"] == 0 and cells.x.size == 0:
        raise NotInResult("frontier", "no design of the result has values of its objectives")
    names = group_names(result.cloud, per)
    counted = [names[g] for g in np.unique(cells.group)] if names is not None else []
    order = sorted(rows or set(counted), key=natural)
    barren = sorted(set(_possible(result.cloud, names)) - set(rows), key=natural) if rows else []
    overlay = len(order) > MOST_PANELS
    place = _panel_axis(order) if overlay else None
    wanted = (90, 60) if (overlay and place is None) or len(order) == 1 else (44, 34)
    builder = Builder(result, over, against, None if overlay else third, cells, wanted, labelled=not overlay)
    panels: Iterable[Panel]
    if place is not None:
        panels = builder.shared(order, rows, names, place)
    elif overlay:
        panels = builder.overlay(order, rows)
    else:
        builder.part_ways(list(rows.values()))
        panels = builder.panels(order, rows, names)
    panels = tuple(panels)
    common = [] if overlay else builder.told_of_all(order)
    told = [over, against] if overlay or third is None else [over, against, third]
    shown = int(cells.designs.sum()) - builder.beyond(panels)
    outside = int(whole.designs.sum()) - shown
    notes = [*_sample(result.cloud, manifest), *_notes(outside, barren, manifest, named=names is not None)]
    notes += [f"Each panel has its own part of the axis of {readable(builder.x.metric)}."] if builder.length else []
    left = [o for o in objectives if o not in told]
    followed = {o["metric"]: _followed(frontier, o, told, list(rows.values())) for o in left}
    subtitle, drawn = subtitle_and_limits(manifest, followed, builder, per)
    better = tuple(-1.0 if o["direction"] == "min" else 1.0 for o in (over, against))
    edges = (builder.x_edges, builder.y_edges) if names is not None else (None, None)
    return FrontierData(
        str(manifest["name"]),
        subtitle,
        " ".join([counts_text(manifest), *common, *notes]),
        builder.x,
        builder.y,
        builder.colour,
        (better[0], better[1]),
        *edges,
        drawn,
        panels,
    )


def _panel_axis(order: Sequence[Group]) -> int | None:
    """Which axis of the groups divides them into panels of few frontiers each; None where none does."""
    found = []
    for place in range(len(order[0])):
        values = len({group[place] for group in order})
        others = len({(*group[:place], *group[place + 1 :]) for group in order})
        if 1 < values <= MOST_PANELS and 1 < others <= MOST_SHARED:
            found.append((others, place))
    return min(found)[1] if found else None


def _possible(cloud: xr.Dataset, names: Sequence[Group] | None) -> list[Group]:
    """Groups that designs can be in: of several networks one may lack an axis that another one has."""
    flags = cloud["possible"].values if "possible" in cloud else np.ones(len(names or ()), dtype=bool)
    return [name for name, possible in zip(names or (), flags, strict=True) if possible]


def _sample(cloud: xr.Dataset, manifest: Mapping[str, Any]) -> list[str]:
    """How many designs the cloud shows, where these are not all; of a search they are those that it tried."""
    if "search" in manifest:
        return []
    counted, designs = cloud.attrs.get("counted", 0), cloud.attrs.get("designs", 0)
    return [f"The cloud is a coarse grid of {counted:,} of the designs."] if counted < designs else []


def _notes(outside: int, barren: Sequence[Group], manifest: Mapping[str, Any], *, named: bool) -> list[str]:
    """What the picture leaves out."""
    if not named:
        return ["The cloud of all designs does not name its groups and is left out."]
    notes = []
    if barren:
        texts = [", ".join(filter(None, group)) for group in barren]
        notes.append(f"{_sentence(none_left(manifest))} for {'; '.join(texts)}.")
    if outside:
        notes.append(f"{outside:,} excluded or dominated designs lie outside the picture.")
    return notes


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _followed(
    frontier: xr.Dataset, objective: choice.Objective, told: Sequence[choice.Objective], groups: Sequence[np.ndarray]
) -> list[str]:
    """The first of the objectives drawn that another one follows, if any."""
    return [t["metric"] for t in told if choice.follows(frontier, t, objective, groups)][:1]


def group_rows(frontier: xr.Dataset, per: Sequence[str]) -> dict[Group, np.ndarray]:
    """Rows of the frontier for each combination of values of the axes `per`."""
    if frontier.sizes["design"] == 0:
        return {}
    keys = list(zip(*(map(value_text, choice.column(frontier, a)) for a in per), strict=True))
    keys = keys or [()] * frontier.sizes["design"]
    found: dict[Group, list[int]] = {}
    for row, key in enumerate(keys):
        found.setdefault(key, []).append(row)
    return {key: np.array(where) for key, where in found.items()}


def natural(group: Group) -> tuple[tuple[float, str], ...]:
    """Key that sorts groups as people do: numbers by size, then names."""

    def key(text: str) -> tuple[float, str]:
        try:
            return float(text), ""
        except ValueError:
            return float("inf"), text

    return tuple(key(text) for text in group)


def subtitle_and_limits(
    manifest: Mapping[str, Any], followed: Mapping[str, Sequence[str]], b: Builder, per: Sequence[str]
) -> tuple[str, tuple[Limit, ...]]:
    """The words under the title, and the limits to be drawn: those that lie within the axes."""
    drawn, named = [], []
    for budget in manifest["budgets"]:
        which = {b.x.metric: "x", b.y.metric: "y"}.get(budget["metric"])
        limits = budget_limits(budget)
        if which and any(_within(b.x if which == "x" else b.y, v) for v in limits if v is not None):
            drawn.append(Limit(which, budget_text(budget["text"]), *limits))
        else:
            named.append(budget_text(budget["text"]))
    text = objectives_text(manifest["objectives"], per, followed, searched="search" in manifest)
    if b.frontier.sizes["design"] == 0:
        text = f"{_sentence(none_left(manifest))}. {text}"
    return text + (f" Budgets: {unbroken(named)}." if named else ""), tuple(drawn)


def _within(scale: Scale, value: float) -> bool:
    low, high = scale.limits()
    return low < value / scale.factor < high
