"""Cut a finished result again: the same space under other objectives and budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import xarray as xr

from dse.jobs.manifest import code_key
from dse.jobs.resolve import Job, read_job
from dse.jobs.result import GRID, Result
from dse.jobs.run import compute
from dse.jobs.spec import read_spec
from dse.jobs.store import stored_values
from dse.pareto.cut import WITNESS
from dse.pareto.units import Source


def recut(
    result: Result,
    *,
    minimize: Sequence[str] = (),
    maximize: Sequence[str] = (),
    budgets: Mapping[str, Any] | None = None,
    per: Sequence[str] = (),
    ties: str = "",
) -> Result:
    """The frontier of the result's space for other objectives, budgets or groups; what is not given stays as it was.

    Values come from the grid that the result keeps, where it has them and formulas have not changed since; else the
    space is evaluated again, a matter of the kernel's speed.

    Raises
    ------
    InputError
        For unknown metrics or axes, and limits of the wrong kind.
    """
    document = read_spec(result.manifest["spec"]).document()
    if minimize or maximize:
        document["objectives"] |= {"minimize": list(minimize), "maximize": list(maximize)}
    if per:
        document["objectives"] |= {"per": list(per)}
    if ties:
        document["objectives"] |= {"ties": ties}
    if budgets:
        document["budgets"] = dict(budgets)
    job = read_job(document, table=result.table, assumptions=result.assumed)
    return compute(job, sources=_kept(result, job))


def _kept(result: Result, job: Job) -> dict[str, Source]:
    """Where the values of each grid are read from; empty where the result keeps none that can be used."""
    if result.path is None or not (result.path / GRID).exists() or result.manifest["code"] != code_key():
        return {}
    grid = result.grid
    found = {"": grid} if isinstance(grid, xr.Dataset) else {n: tree.to_dataset() for n, tree in grid.children.items()}
    needed = {g.name: {*job.cut_of(g).columns, WITNESS} for g in job.grids}
    return {n: partial(stored_values, data) for n, data in found.items() if needed[n] <= set(data.data_vars)}
