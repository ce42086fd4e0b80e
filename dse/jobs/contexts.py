"""Contexts longer than a model was made for."""

from __future__ import annotations

from collections.abc import Iterator

from dse.errors import InputError
from dse.grid.counting import REQUEST, is_request
from dse.grid.space import Space
from dse.jobs.resolve import Job


def context_notes(job: Job) -> Iterator[str]:
    """What is said of models whose longest context is beyond the one that is published of them."""
    for space in job.networks.values():
        if space.model is None or not (longest := _longest(space)):
            continue
        try:
            known = job.catalogues.find_model(space.model).published.get("context")
        except InputError:
            # The file of a result that is cut again may be gone.
            continue
        if known is not None and longest > known.value:
            yield (
                f"a context of {longest:,.0f} tokens is beyond the {known.value:,.0f} that {space.model} was made for "
                f"({known.source}): costs are those of the formulas, answers may be worthless"
            )


def _longest(space: Space) -> float:
    """The most tokens in the context of any design; 0 where the network has none."""
    names = REQUEST if is_request(space) else ("context",)
    axes = [space.axes[n].values for n in names if n in space.axes]
    return float(sum(max((v for v in values if v is not None), default=0) for values in axes))
