"""What the functions of the public interface that run a spec begin with."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dse import registry
from dse.jobs.replay import AssumptionsLike
from dse.jobs.resolve import Job, read_job
from dse.jobs.spec import SpecLike


def asked(
    spec: SpecLike,
    formulas: Sequence[Callable[..., Any]],
    settings: Mapping[str, Any] | None,
    assumptions: AssumptionsLike | None,
    out: str | os.PathLike[str] | None,
) -> tuple[Job, Path | None]:
    """The job of a spec and the folder of its result, from the arguments of `dse.explore` and `dse.search`.

    Raises
    ------
    InputError
        For formulas that were not decorated, and as `read_job`.
    """
    registry.check_recorded(formulas)
    return read_job(spec, settings, assumptions=assumptions), None if out is None else Path(out)
