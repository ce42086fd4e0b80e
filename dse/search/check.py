"""Trials that were read from a storage, held against the space and what their designs are: a damaged one is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from dse.errors import DseError
from dse.grid.space import NETWORK
from dse.search.evaluator import Outcome
from dse.search.samplers import GROUP
from dse.search.space import Parameter, SearchSpace

# Other machines may differ in the last digits.
CLOSE = 1e-9


def cells_of(space: SearchSpace, trials: Sequence[FrozenTrial]) -> list[int]:
    """The cells of trials; DseError for one that is of no design of the space."""
    for trial in trials:
        if not _is_in(space, trial):
            raise _damaged(trial, "is of no design of the space")
    return [space.encode(trial.params) for trial in trials]


def check(trials: Sequence[FrozenTrial], outcomes: Sequence[Outcome]) -> None:
    """Raise DseError for a trial that is told to be what its design is not."""
    for trial, outcome in zip(trials, outcomes, strict=True):
        if not _agrees(trial, outcome):
            raise _damaged(trial, "is not what its design is")


def _damaged(trial: FrozenTrial, problem: str) -> DseError:
    then = "its storage is damaged, or was changed; choose another one, or search anew with --fresh"
    return DseError(f"trial {trial.number} of the study {problem}: {then}")


def _is_in(space: SearchSpace, trial: FrozenTrial) -> bool:
    given = trial.params
    networks = [part.grid.name for part in space.parts]
    network = given.get(NETWORK) if space.network else None
    if space.network and network not in networks:
        return False
    parameters = {p.name: p for p in space.part_of(network).parameters}
    if given.keys() - {NETWORK} != parameters.keys() or not all(_has(p, given[n]) for n, p in parameters.items()):
        return False
    # Samplers of Optuna go by what a trial says that it was drawn from.
    return trial.distributions == {name: space.distributions[name] for name in given}


def _has(parameter: Parameter, given: Any) -> bool:
    if parameter.ordered:
        return isinstance(given, int) and 0 <= given < parameter.size
    return given in parameter.names


def _agrees(trial: FrozenTrial, outcome: Outcome) -> bool:
    if outcome.values is None or trial.state != TrialState.COMPLETE:
        return outcome.values is None and trial.state == TrialState.FAIL
    try:
        known = trial.constraints
        return (
            trial.user_attrs.get(GROUP, outcome.group) == outcome.group
            and all(type(v) is int for n, v in trial.system_attrs.items() if n.endswith(":generation"))
            and known.keys() == outcome.violations.keys()
            and _close([known[n] for n in outcome.violations], list(outcome.violations.values()))
            and _close(trial.values, outcome.values)
        )
    except (TypeError, ValueError, OverflowError, AttributeError):
        # Anything may stand in the place of numbers.
        return False


def _close(found: Sequence[float], expected: Sequence[float]) -> bool:
    # Lists in the place of numbers would be spread over all of them.
    numbers = len(found) == len(expected) and all(type(v) in (int, float) for v in found)
    return numbers and np.allclose(found, expected, rtol=CLOSE, atol=CLOSE)
