"""Cut a finished result again: the same space under other objectives and budgets."""

from __future__ import annotations

from typing import Any

from dse.jobs.resolve import resolve
from dse.jobs.result import Result
from dse.jobs.run import run
from dse.jobs.spec import read_spec


def recut(
    result: Result,
    minimize: list[str],
    maximize: list[str],
    budgets: list[tuple[str, dict[str, Any]]],
    per: list[str],
) -> Result:
    """The frontier of the result's space for other objectives or budgets; what is not given stays as it was.

    Nothing of the grid is kept with a result, so the space is evaluated again: a matter of the kernel's speed.
    """
    document = read_spec(result.manifest["spec"]).document()
    if minimize or maximize:
        document["objectives"] |= {"minimize": minimize, "maximize": maximize}
    if per:
        document["objectives"] |= {"per": per}
    limits: dict[str, Any] = {}
    for metric, limit in budgets:
        limits[metric] = {**limits.get(metric, {}), **limit}
    if budgets:
        document["budgets"] = limits
    return run(resolve(read_spec(document)))
