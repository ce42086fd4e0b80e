"""The trials of a running search, in memory."""

from __future__ import annotations

from collections.abc import Container

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState


class Memory(InMemoryStorage):
    """Trials in memory, of which those that wait are known: asking for a trial does not look through all others."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[int] = []

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Add a trial."""
        number = super().create_new_trial(study_id, template_trial)
        if template_trial is not None and template_trial.state == TrialState.WAITING:
            self._waiting.append(number)
        return number

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Trials in given states, or in any."""
        if states != (TrialState.WAITING,):
            return super().get_all_trials(study_id, deepcopy, states)
        found = [self.get_trial(number) for number in self._waiting]
        found = [trial for trial in found if trial.state == TrialState.WAITING]
        self._waiting = [trial._trial_id for trial in found]
        return found
