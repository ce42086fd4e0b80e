"""The result of a search: as that of an exploration, with the study of Optuna and how the search went."""

from __future__ import annotations

from dataclasses import dataclass, field

import optuna

from dse.jobs.result import Result


@dataclass(frozen=True)
class SearchResult(Result):
    """A finished search.

    Attributes
    ----------
    study
        The study of Optuna with every trial. Designs that polishing found are on `frontier` alone.
    """

    study: optuna.Study = field(default=None)  # type: ignore[assignment]
