"""How nearly constraints were met, where nothing is left of a job: what designs need of memory, and what there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.grid.blocks import Grid
from dse.grid.space import Space
from dse.jobs.resolve import Job
from dse.pareto.cut import FIT, MCU, NEEDS, WITNESS, apply, is_mcu
from dse.pareto.groups import flat_column
from dse.pareto.regions import thinned
from dse.pareto.scanner import TILE
from dse.pareto.tally import Miss, Tally

# Designs of which every one is evaluated once more; of more a coarse grid is.
MOST = 10**8


@dataclass(frozen=True)
class Nearest:
    """The nearest miss of every constraint that designs break, where nothing is feasible.

    `coarse` says whether those of fit are of a coarse grid.
    """

    misses: Mapping[str, Miss]
    coarse: bool = False

    @property
    def values(self) -> dict[str, float]:
        """By constraint the value that comes nearest to meeting it, in the unit of its metric."""
        return {name: miss.value for name, miss in self.misses.items()}

    @property
    def unfit(self) -> dict[str, dict[str, Any]]:
        """By memory that nothing fits in (`FIT`) the need of the design that comes nearest, and what the device has.

        Both in bytes; what a device has is without its reserve, and in training without the weights that are trained.
        """
        own = {name: self.misses[f"fit: {name}"] for name in FIT if f"fit: {name}" in self.misses}
        coarse = {"of_a_coarse_grid": True} if self.coarse else {}
        return {n: {"needs": m.need, "has": m.need + m.value, "unit": "B", **coarse} for n, m in own.items()}


def nearest_misses(job: Job, tally: Tally) -> Nearest:
    """How nearly each constraint was met, from the counts of a job.

    Scans do not gather misses of fit, however they scan: where a tally is without them the designs are evaluated once
    more, of a large space a coarse grid.
    """
    if tally.feasible:
        return Nearest({})
    fit = [f"fit: {name}" for name in FIT]
    # What bounds skipped for another reason may not fit either.
    unfit = tally.skipped or any(tally.broken.get(name) for name in fit)
    if not job.cut.fit or not unfit or any(name in tally.misses for name in fit):
        return Nearest(tally.misses)
    found, coarse = Tally(), job.size > MOST
    for grid in job.grids:
        for part in _parts(job, grid, coarse):
            _apply(job, grid, part, found)
    return Nearest({n: found.misses[n] for n in fit if n in found.misses} | tally.misses, coarse)


def _parts(job: Job, grid: Grid, coarse: bool) -> list[Space]:
    if coarse:
        return [thinned(grid.space, TILE // len(job.grids), keep_names=True).space]
    return [part for _, part in grid.space.tiles(TILE)]


def _apply(job: Job, grid: Grid, part: Space, tally: Tally) -> None:
    cut = job.cut_of(grid)
    wanted = tuple(dict.fromkeys([*cut.columns, *NEEDS.values(), WITNESS]))
    values = grid.evaluate(part, wanted, designs=job.size)
    columns = {name: flat_column(part, values, name) for name in wanted}
    mcu = flat_column(part, {MCU: is_mcu(part)}, MCU) > 0
    apply(cut, columns, mcu, tally, ~np.isnan(columns[WITNESS]), needs=True)
