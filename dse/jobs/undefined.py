"""Why designs are undefined: for each metric that a cut needs, how many designs for which reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dse.grid.blocks import Grid
from dse.grid.engines import PLAIN_LIMIT
from dse.grid.labelled import Labelled
from dse.grid.reasons import NO_NETWORK, NO_VALUE, example, in_part, masks, members, uncounted, without_network
from dse.grid.space import Space
from dse.jobs.resolve import Job
from dse.pareto.regions import thinned
from dse.pareto.scanner import TILE

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
        parts = [thinned(grid.space, TILE // len(job.grids), keep_names=True).space for grid in job.grids]
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
    for name, space, joint, metrics in members(grid, part, _needed(job, grid)):
        before = f"{name}: " if name else ""
        wrong = without_network(space)
        invalid = _spread(wrong, joint, part)
        if (new := invalid & ~lost).any():
            first = tally.examples.setdefault(name, example(space, wrong))
            tally.add(f"{before}network", f"{NO_NETWORK}; the first: {first}", int(new.sum()))
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
    """Count what is too large to be counted, and what formulas themselves have no value for; mark it in `told`."""
    before = f"{grid.name}: " if grid.name else ""
    values = grid.evaluate(part, list(told))
    for column, known in told.items():
        found = np.isnan(values[column].over(part.dims)) & ~(known | lost)
        for _, space, joint, metrics in members(grid, part, [column] if found.any() else []):
            for reason, mask in (r for metric in metrics for r in uncounted(space, metric)):
                beyond = found & _spread(mask, joint, part)
                if beyond.any():
                    tally.add(f"{before}{grid.metric(column)}", reason, int(beyond.sum()))
                np.logical_or(known, beyond, out=known)
                found = found & ~beyond
        if found.any():
            tally.add(f"{before}{grid.metric(column)}", NO_VALUE, int(found.sum()))
            np.logical_or(known, found, out=known)


def _needed(job: Job, grid: Grid) -> list[str]:
    """Columns without which a design is undefined."""
    cut = job.cut_of(grid)
    return list(dict.fromkeys([*(o.metric for o in cut.objectives), *(b.column for b in cut.budgets)]))


def _spread(mask: Labelled, joint: Mapping[str, str], part: Space) -> np.ndarray:
    """A mask over the dimensions of one network as one over all those of the part."""
    return np.broadcast_to(in_part(mask, joint, part).over(part.dims), tuple(part.sizes.values()))
