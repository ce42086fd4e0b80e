"""Why designs are undefined: for each metric that a cut needs, how many designs for which reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from dse.errors import InputError
from dse.grid.blend import LOAD, Blend, projected
from dse.grid.blocks import Grid
from dse.grid.engines import PLAIN_LIMIT
from dse.grid.evaluate import evaluate_values
from dse.grid.labelled import Labelled
from dse.grid.space import Space
from dse.jobs.reasons import masks
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
            for reason, mask in masks(space, metric):
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
