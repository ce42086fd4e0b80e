"""What designs that fit no device need of its memory, and what it has: told where nothing is left of a job."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dse.grid.blocks import Grid
from dse.grid.space import Space
from dse.jobs.resolve import Job
from dse.pareto.cut import FIT, MCU, NEEDS, WITNESS, apply, is_mcu
from dse.pareto.groups import flat_column
from dse.pareto.regions import thinned
from dse.pareto.scanner import TILE
from dse.pareto.tally import Tally

# Designs of which every one is evaluated once more; of more a coarse grid is.
MOST = 10**8


def nearest_unfit(job: Job, tally: Tally) -> dict[str, dict[str, Any]]:
    """By memory that nothing fits in (`FIT`), the need of the design that comes nearest, and what the device has.

    Both in bytes; what a device has is without its reserve, and in training without the weights that are trained.
    Empty where anything is feasible. Scans do not gather needs: where a tally is without them the designs are
    evaluated once more, of a large space a coarse grid.
    """
    broken = [name for name in FIT if tally.broken.get(f"fit: {name}")]
    if tally.feasible or not broken:
        return {}
    found, coarse = tally, False
    if any(f"fit: {n}" not in tally.misses or math.isnan(tally.misses[f"fit: {n}"].need) for n in broken):
        found, coarse = Tally(), job.size > MOST
        for grid in job.grids:
            for part in _parts(job, grid, coarse):
                _apply(job, grid, part, found)
    misses = {name: found.misses[f"fit: {name}"] for name in broken if f"fit: {name}" in found.misses}
    told = {n: {"needs": m.need, "has": m.need + m.value, "unit": "B"} for n, m in misses.items()}
    return {n: {**facts, **({"of_a_coarse_grid": True} if coarse else {})} for n, facts in told.items()}


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
    apply(cut, columns, mcu, tally, ~np.isnan(columns[WITNESS]))
