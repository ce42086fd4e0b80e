"""Designs of a space for the interactive report: all of them or a fair sample; of a search those that it evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from dse.errors import InputError
from dse.grid.blocks import Grid
from dse.grid.dataset import with_ends
from dse.grid.space import NETWORK
from dse.jobs.datasets import flat, joined
from dse.jobs.design import places_along
from dse.jobs.resolve import Job
from dse.jobs.result import Result
from dse.pareto.cut import FIT, is_mcu

# Where the manifest tells of a search, and its record of the places that were evaluated.
SEARCHED, EVALUATED = "search", "evaluated"
_NONE = xr.DataArray(np.empty(0, dtype=np.int64))


def sample(result: Result, most: int, seed: int = 0) -> tuple[xr.Dataset, list[dict[str, Any]], int]:
    """Designs of the space of a result, whether they meet its budgets or not.

    Parameters
    ----------
    most
        Where the space has no more designs, all are given; else as many of them, drawn evenly at random, and the
        whole frontier besides. Of a search they are drawn from the designs that it evaluated: others would make
        another frontier than the one that it found.

    Returns
    -------
    designs
        Along "design", every axis a coordinate, with what the spec's cut needs; `held_to_mcu` is 1 where SRAM and
        flash are what a design must fit, 0 where main memory is. Undefined designs are among them.
    limits
        What the designs are held to: `column`, `side` ("min" or "max"), `value`, `fit` ("mcu", "other" or "" for a
        budget), `network` that it holds for ("" for all); `given` is True.
    size
        Designs that were evaluated.
    """
    job = result.job()
    parts = []
    size = int(result.counts["enumerated"]) if SEARCHED in result.manifest else job.size
    whole = job.size <= most and SEARCHED not in result.manifest
    drawn = np.arange(job.size) if whole else _drawn(result, job.size, most, seed)
    start = 0
    for grid in job.grids:
        own = drawn[(drawn >= start) & (drawn < start + grid.space.size)] - start
        start += grid.space.size
        if not whole:
            own = np.union1d(own, _frontier_places(grid, result.frontier))
        if len(own):
            parts.append(_part(job, grid, own))
    if not parts:
        raise InputError(
            f"{result.path or result.name}: no design is on the frontier, and none beside it is to be shown"
        )
    limits = {tuple(sorted(li.items())): li for grid in job.grids for li in _limits(job, grid)}
    designs = parts[0] if len(parts) == 1 else joined(parts)
    return designs, list(limits.values()), size


def _limits(job: Job, grid: Grid) -> Iterator[dict[str, Any]]:
    """What the designs of a grid are held to."""
    cut = job.cut_of(grid)
    known: dict[str, Any] = {"given": True}
    for name, held in FIT.items() if cut.fit else ():
        yield {"column": name, "side": "min", "value": 0.0, "fit": held, "network": "", **known}
    for budget in cut.budgets:
        # Of networks to choose from one has budgets of its own.
        network = budget.network if grid.name else ""
        column = budget.metric if network else budget.column
        for side, value in (("min", budget.low), ("max", budget.high)):
            if np.isfinite(value):
                yield {"column": column, "side": side, "value": value, "fit": "", "network": network, **known}


def _frontier_places(grid: Grid, frontier: xr.Dataset) -> np.ndarray:
    """Where the designs of a frontier stand in a grid, of those that are of it."""
    own = frontier
    if grid.name and NETWORK in frontier.coords:
        own = frontier.isel(design=np.flatnonzero(frontier[NETWORK].values.astype(str) == grid.name))
    space = grid.space
    index = places_along(space, own)
    if not space.dims:
        return np.zeros(min(own.sizes["design"], 1), dtype=np.int64)
    return np.unique(np.ravel_multi_index([index[d] for d in space.dims], list(space.sizes.values())))


def _drawn(result: Result, size: int, most: int, seed: int) -> np.ndarray:
    """Different places below `size`, in order: at random, of a search among those that it evaluated."""
    random = np.random.default_rng(seed)
    if SEARCHED in result.manifest:
        # Results of earlier versions keep none.
        seen = np.empty(0, dtype=np.int64) if result.search is None else result.search.get(EVALUATED, _NONE).values
        return seen if len(seen) <= most else np.sort(random.choice(seen, most, replace=False))
    if size <= 50 * most:
        return np.sort(random.choice(size, most, replace=False))
    return np.unique(random.integers(0, size, most))


def _part(job: Job, grid: Grid, places: np.ndarray) -> xr.Dataset:
    cut = job.cut_of(grid)
    own = {b.column: b.metric for b in cut.budgets if grid.name and b.network}
    columns = dict.fromkeys([*with_ends(job.metrics, grid.space), *(own.get(c, c) for c in cut.columns)])
    found = flat(grid, places, list(columns))
    designs = grid.space.designs(places) if grid.space.dims else grid.space
    return found.assign(held_to_mcu=("design", np.broadcast_to(is_mcu(designs).data, (len(places),)).copy()))
