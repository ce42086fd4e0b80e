"""Cut a finished result again: the same space under other objectives and budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dse.jobs.resolve import read_job
from dse.jobs.result import Result
from dse.jobs.run import run
from dse.jobs.spec import read_spec


def recut(
    result: Result,
    *,
    minimize: Sequence[str] = (),
    maximize: Sequence[str] = (),
    budgets: Mapping[str, Any] | None = None,
    per: Sequence[str] = (),
) -> Result:
    """The frontier of the result's space for other objectives, budgets or groups; what is not given stays as it was.

    Nothing of the grid is kept with a result, so the space is evaluated again: a matter of the kernel's speed.

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
    if budgets:
        document["budgets"] = dict(budgets)
    return run(read_job(document))
