"""A growing set of integers, asked for many at a time."""

from __future__ import annotations

import numpy as np


class Seen:
    """Integers in sorted runs, each more than twice as long as the next: adding costs little however many there are."""

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []

    def add(self, values: np.ndarray) -> None:
        """Add integers that are ascending and not among those that are there."""
        run = values
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if len(run):
            self._runs.append(run)

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Mask of the integers that are there. Shape (n,)."""
        found = np.zeros(len(values), dtype=bool)
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, values), len(run) - 1)
            found |= run[place] == values
        return found

    def values(self) -> np.ndarray:
        """All of them, ascending."""
        return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *self._runs]))
