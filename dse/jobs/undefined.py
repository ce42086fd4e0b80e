"""Why designs are undefined: for each metric that a cut needs, how many designs for which reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from dse import registry
from dse.errors import InputError
from dse.grid.blend import LOAD, Blend, projected
from dse.grid.blocks import Grid
from dse.grid.dataset import attributes
from dse.grid.engines import PLAIN_LIMIT
from dse.grid.evaluate import evaluate_values
from dse.grid.inputs import ENERGIES, MADE_OF, PROFILE_AXIS, calibrated, compute_peak, leaf, tables
from dse.grid.labelled import Labelled
from dse.grid.program import MODEL_AXIS, PHASE_AXIS, REUSE_AXIS, has_meaning, plan_of
from dse.grid.quality import source_of
from dse.grid.sharing import DIVIDED, refusals
from dse.grid.space import Space
from dse.jobs.resolve import Job
from dse.pareto.cut import WITNESS
from dse.pareto.regions import thinned
from dse.pareto.scanner import TILE

NO_NETWORK = "the axes make no network"
NO_VALUE = "the formula has no value here"
# By metric, with the network's name before it where there are several: reason -> number of designs.
Reasons = dict[str, dict[str, int]]


@dataclass
class _Tally:
    reasons: Reasons = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    explained: int = 0

    def add(self, metric: str, reason: str, designs: int) -> None:
        own = self.reasons.setdefault(metric, {})
        own[reason] = own.get(reason, 0) + designs


def undefined_because(job: Job, undefined: int) -> Reasons:
    """Reasons of the undefined designs of a job, `undefined` in all.

    A design counts once at every metric that it lacks, under the first reason that is found; where its axes make no
    network it counts there alone. Of a large space a coarse grid is counted, and the reasons say so.
    """
    if not undefined:
        return {}
    if job.size > PLAIN_LIMIT:
        tally = _Tally()
        parts = [thinned(grid.space, TILE // len(job.grids)).space for grid in job.grids]
        for grid, part in zip(job.grids, parts, strict=True):
            _count(job, grid, part, tally, by_value=True)
        sample = f" (of {sum(p.size for p in parts):,} designs of a coarse grid)"
        return {m: {f"{reason}{sample}": n for reason, n in found.items()} for m, found in tally.reasons.items()}
    # Values are looked at where figures, formats and phases do not explain every design.
    for by_value in (False, True):
        tally = _Tally()
        for grid in job.grids:
            for _, part in grid.space.tiles(TILE):
                _count(job, grid, part, tally, by_value)
        if tally.explained >= undefined:
            break
    return tally.reasons


def _count(job: Job, grid: Grid, part: Space, tally: _Tally, by_value: bool) -> None:
    shape = tuple(part.sizes.values())
    lost = np.zeros(shape, dtype=bool)
    told = {column: np.zeros(shape, dtype=bool) for column in _needed(job, grid)}
    _by_reason(job, grid, part, tally, lost, told)
    if by_value:
        _by_value(grid, part, tally, lost, told)
    tally.explained += int(np.logical_or.reduce([lost, *told.values()]).sum())


def _by_reason(
    job: Job, grid: Grid, part: Space, tally: _Tally, lost: np.ndarray, told: Mapping[str, np.ndarray]
) -> None:
    """Count what networks, figures, formats and phases make undefined; mark it in `lost` and, by column, in `told`."""
    for name, space, joint, metrics in _members(job, grid, part):
        before = f"{name}: " if name else ""
        wrong = _without_network(space)
        invalid = _spread(wrong, joint, part)
        if (new := invalid & ~lost).any():
            example = tally.examples.setdefault(name, _example(space, wrong))
            tally.add(f"{before}network", f"{NO_NETWORK}; the first: {example}", int(new.sum()))
        np.logical_or(lost, invalid, out=lost)
        for metric, columns in metrics.items():
            open_ = ~invalid
            for reason, mask in _masks(space, metric):
                found = open_ & _spread(mask, joint, part)
                if found.any():
                    tally.add(f"{before}{metric}", reason, int(found.sum()))
                    open_ &= ~found
            for column in columns:
                np.logical_or(told[column], ~open_, out=told[column])


def _by_value(grid: Grid, part: Space, tally: _Tally, lost: np.ndarray, told: Mapping[str, np.ndarray]) -> None:
    """Count what formulas themselves have no value for, such as logarithms of nothing, and mark it in `told`."""
    before = f"{grid.name}: " if grid.name else ""
    values = grid.evaluate(part, list(told))
    for column, known in told.items():
        found = np.isnan(values[column].over(part.dims)) & ~(known | lost)
        if found.any():
            tally.add(f"{before}{grid.metric(column)}", NO_VALUE, int(found.sum()))
            np.logical_or(known, found, out=known)


def _needed(job: Job, grid: Grid) -> list[str]:
    """Columns without which a design is undefined."""
    cut = job.cut_of(grid)
    return list(dict.fromkeys([*(o.metric for o in cut.objectives), *(b.column for b in cut.budgets)]))


def _members(job: Job, grid: Grid, part: Space) -> Iterator[tuple[str, Space, Mapping[str, str], dict[str, list[str]]]]:
    """The networks of a part of a grid: name, space, what its dimensions are called in the part, metrics needed.

    Each metric with the columns that need it.
    """
    needed = _needed(job, grid)
    if not isinstance(grid, Blend):
        yield grid.name, part, {d: d for d in part.dims}, {grid.metric(c): [c] for c in needed}
        return
    for member in grid.members:
        space, joint = projected(member.space, member.name, part)
        metrics: dict[str, list[str]] = {}
        for column in needed:
            network, _, metric = column.rpartition(".")
            if network in ("", member.name):
                metrics.setdefault("latency" if column == LOAD else metric, []).append(column)
        yield member.name, space, joint, metrics


def _spread(mask: Labelled, joint: Mapping[str, str], part: Space) -> np.ndarray:
    """A mask over the dimensions of one network as one over those of the part."""
    names = [joint[d] for d in mask.dims]
    dims = tuple(d for d in part.dims if d in names)
    ordered = Labelled(dims, np.transpose(mask.data, [names.index(d) for d in dims]))
    return np.broadcast_to(ordered.over(part.dims), tuple(part.sizes.values()))


def _without_network(space: Space) -> Labelled:
    found = evaluate_values(space, [WITNESS])[WITNESS]
    return Labelled(found.dims, np.isnan(found.data))


def _example(space: Space, wrong: Labelled) -> str:
    """What is wrong with the first network that cannot be built."""
    everywhere = np.broadcast_to(wrong.over(space.dims), tuple(space.sizes.values()))
    try:
        evaluate_values(space.designs(np.flatnonzero(everywhere)[:1]).first(), [WITNESS])
    except InputError as error:
        return str(error)
    return "it has no parameters that can be counted"


def _masks(space: Space, metric: str) -> Iterator[tuple[str, Labelled]]:
    """What makes a metric undefined, each reason with where."""
    for name in (MODEL_AXIS, PHASE_AXIS, REUSE_AXIS):
        axis = space.axes.get(name)
        if axis is not None and len(set(axis.values)) > 1:
            for value in dict.fromkeys(axis.values):
                rows = np.array([v == value for v in axis.values])
                for reason, mask in _masks(space.isel(str(axis.dim), np.flatnonzero(rows)), metric):
                    yield reason, _in_rows(mask, str(axis.dim), rows, space)
            return
    plan = plan_of(space, [metric])
    for step in plan.steps:
        if not has_meaning(step, space):
            yield attributes(step, space)["reason"], Labelled((), np.array(True))
    if any(n in DIVIDED for n in plan.leaves):
        yield from refusals(space)
    yield from _of_figures(space, [n for n in plan.device_figures if n != "peak_ops"])
    if "peak_ops" in plan.device_figures:
        yield from _of_rates(space)
    if "latency_spread" in plan.leaves and not calibrated(space):
        yield "a lower bound has no interval: set latency_model = calibrated", Labelled((), np.array(True))
    if "active_power" in plan.leaves:
        value = leaf(space, "active_power")
        yield "no power is measured of this device, software and format", Labelled(value.dims, np.isnan(value.data))
    for name in (n for n in ENERGIES if n in plan.leaves):
        value = leaf(space, name)
        text = f"the energy profile {', '.join(space.axes[PROFILE_AXIS].values)} has no energy of a MAC in the format"
        yield text, Labelled(value.dims, np.isnan(value.data))
    found = tables(space, plan)
    for record in plan.tables:
        yield from _of_table(space, record, found)


def _in_rows(mask: Labelled, dim: str, rows: np.ndarray, space: Space) -> Labelled:
    dims = tuple(d for d in space.dims if d == dim or d in mask.dims)
    full = np.zeros([space.sizes[d] for d in dims], dtype=bool)
    place = tuple(rows if d == dim else slice(None) for d in dims)
    full[place] = np.broadcast_to(mask.over(dims), full[place].shape)
    return Labelled(dims, full)


def _of_figures(space: Space, figures: list[str]) -> Iterator[tuple[str, Labelled]]:
    for figure in figures:
        value = leaf(space, figure)
        for device, own in _of_devices(space):
            mask = Labelled(own.dims, own.data) if own.dims else Labelled((), np.array(True))
            dims = tuple(d for d in space.dims if d in (*value.dims, *mask.dims))
            yield (
                f"{device} lacks {MADE_OF.get(figure, figure)}",
                Labelled(dims, np.isnan(value.over(dims)) & mask.over(dims)),
            )


def _of_rates(space: Space) -> Iterator[tuple[str, Labelled]]:
    """Devices that lack a unit for a number format."""
    rate = compute_peak(space)[0]
    axis = space.axes["precision"]
    for device, own in _of_devices(space):
        for form in dict.fromkeys(space.schemes[p].compute for p in axis.values):
            right = np.array([space.schemes[p].compute == form for p in axis.values])
            chosen = Labelled((axis.dim,), right) if axis.dim else Labelled((), right[0])
            dims = tuple(d for d in space.dims if d in (*rate.dims, *own.dims, *chosen.dims))
            mask = np.isnan(rate.over(dims)) & own.over(dims) & chosen.over(dims)
            yield f"{device} computes neither in {form} nor in a wider format", Labelled(dims, mask)


def _of_devices(space: Space) -> Iterator[tuple[str, Labelled]]:
    axis = space.axes["device"]
    for device in dict.fromkeys(axis.values):
        own = np.array([d == device for d in axis.values])
        yield device, Labelled((axis.dim,), own) if axis.dim else Labelled((), own[0])


def _of_table(space: Space, record: registry.Record, found: Mapping[str, Labelled]) -> Iterator[tuple[str, Labelled]]:
    value = found[record.name]
    missing = np.isnan(value.data)
    if not missing.any():
        return
    if "scheme" in record.inputs:
        yield "undefined for this number format", Labelled(value.dims, missing)
    else:
        source = found[source_of(record.name)]
        texts = np.broadcast_to(source.over(value.dims), missing.shape)
        for text in dict.fromkeys(texts[missing].tolist()):
            yield str(text), Labelled(value.dims, missing & (texts == text))
