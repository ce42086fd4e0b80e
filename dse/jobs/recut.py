"""Cut a finished result again: the same space under other objectives and budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from dse.errors import InputError
from dse.grid.space import Space
from dse.jobs.assumptions import gather
from dse.jobs.files import GRID
from dse.jobs.manifest import code_key
from dse.jobs.resolve import Job, read_job
from dse.jobs.result import Result
from dse.jobs.run import compute
from dse.jobs.spec import read_spec
from dse.jobs.store import stored_values
from dse.pareto.cut import WITNESS
from dse.pareto.units import Source

CHANGED = (
    "formulas or catalogues have changed since the result was computed: figures of devices, formats, prices and carbon "
    "are those of the result, formulas, networks and accuracies those of the installed version"
)


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
    space is evaluated again, a matter of the kernel's speed, under the assumptions of the result: devices and figures
    are those that it was computed with, whatever the catalogues say today.

    Raises
    ------
    InputError
        For unknown metrics or axes, and limits of the wrong kind.
    """
    if result.search is not None:
        raise InputError(
            f"{result.path or result.name}: is the result of a search, which keeps its frontier alone; "
            "search or explore the spec with these objectives and budgets"
        )
    result.check_formulas()
    document = read_spec(result.manifest["spec"]).document()
    if minimize or maximize:
        document["objectives"] |= {"minimize": list(minimize), "maximize": list(maximize)}
    if per:
        document["objectives"] |= {"per": list(per)}
    if ties:
        document["objectives"] |= {"ties": ties}
    if budgets:
        document["budgets"] = dict(budgets)
    assumed = result.assumptions or gather(read_job(result.manifest["spec"], table=result.table))
    job = read_job(document, table=result.table, assumptions=assumed)
    found = compute(job, sources=_kept(result, job))
    return replace(found, messages=(CHANGED,)) if result.manifest["code"] != code_key() else found


def _kept(result: Result, job: Job) -> dict[str, Source]:
    """Where the values of each grid are read from; empty where the result keeps none that can be used.

    The new cut may be of other devices and regions: which of them have every figure depends on what is asked for.
    """
    if result.path is None or not (result.path / GRID).exists() or result.manifest["code"] != code_key():
        return {}
    grid = result.grid
    found = {"": grid} if isinstance(grid, xr.Dataset) else {n: tree.to_dataset() for n, tree in grid.children.items()}
    needed = {g.name: {*job.cut_of(g).columns, WITNESS} for g in job.grids}
    same = {g.name: _holds(found[g.name], g.space) for g in job.grids}
    return {n: partial(stored_values, d) for n, d in found.items() if needed[n] <= set(d.data_vars) and same[n]}


def _holds(data: xr.Dataset, space: Space) -> bool:
    """Whether a kept grid is one of just these designs."""
    given = {n: axis for n, axis in space.axes.items() if axis.dim is not None}
    return all(n in data.coords and np.array_equal(data[n].values, a.coordinate) for n, a in given.items()) and all(
        data[n].values == a.values[0] for n, a in space.axes.items() if a.dim is None and a.given and n in data.coords
    )
