"""Designs of a whole space for the interactive report: all of them, or a fair sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from dse.grid.blocks import Grid
from dse.jobs.resolve import Job, read_job
from dse.jobs.result import Result
from dse.jobs.run import flat, joined
from dse.pareto.cut import is_mcu


def sample(result: Result, most: int, seed: int = 0) -> tuple[xr.Dataset, int]:
    """Designs of the space of a result, whether they meet its budgets or not.

    Parameters
    ----------
    most
        Where the space has no more designs, all are given; else as many of them, drawn evenly at random. The
        designs of the frontier are not added.

    Returns
    -------
    designs
        Along "design", every axis a coordinate, with what the spec's cut needs; `held_to_mcu` is 1 where SRAM and
        flash are what a design must fit, 0 where main memory is. Undefined designs are among them.
    size
        Designs in all.
    """
    job = read_job(result.manifest["spec"], table=result.table, assumptions=result.assumed)
    places = np.arange(job.size) if job.size <= most else _drawn(job.size, most, seed)
    parts = []
    start = 0
    for grid in job.grids:
        own = places[(places >= start) & (places < start + grid.space.size)] - start
        start += grid.space.size
        if len(own):
            parts.append(_part(job, grid, own))
    return (parts[0] if len(parts) == 1 else joined(parts, job.cut.per)), job.size


def _drawn(size: int, most: int, seed: int) -> np.ndarray:
    """Different numbers below `size`, in order."""
    random = np.random.default_rng(seed)
    if size <= 50 * most:
        return np.sort(random.choice(size, most, replace=False))
    return np.unique(random.integers(0, size, most))


def _part(job: Job, grid: Grid, places: np.ndarray) -> xr.Dataset:
    own: Sequence[str] = [c for c in job.cut_of(grid).columns if c not in job.metrics]
    found = flat(grid, places, [*job.metrics, *own])
    designs = grid.space.designs(places) if grid.space.dims else grid.space
    return found.assign(held_to_mcu=("design", np.broadcast_to(is_mcu(designs).data, (len(places),)).copy()))
