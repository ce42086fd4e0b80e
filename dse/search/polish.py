"""Neighbours of the frontier, evaluated together until none of them changes it."""

from __future__ import annotations

import numpy as np

from dse.search.evaluator import Evaluator

# Designs that are tried between two generations, and after the last one.
BETWEEN, LAST = 20_000, 10_000_000
# Of a frontier that is larger only this many cells at a time have their neighbours tried.
AT_ONCE = 4096


class Polish:
    """Moves every design of the frontier along each axis by itself; each design once.

    Attributes
    ----------
    designs
        Designs that were evaluated.
    settled
        Whether no neighbour of the frontier was left untried by the last run.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator, self.designs, self.settled = evaluator, 0, False
        self._tried = np.empty(0, dtype=np.int64)

    def run(self, most: int) -> None:
        """Try neighbours until the frontier does not change any more, or about `most` designs were evaluated."""
        first = self.evaluator.designs
        while True:
            fresh = np.setdiff1d(self.evaluator.frontier_cells(), self._tried, assume_unique=True)
            left = most - (self.evaluator.designs - first)
            self.settled = not len(fresh)
            if self.settled or left <= 0:
                break
            self._round(_spread(fresh, AT_ONCE), left)
        self.designs += self.evaluator.designs - first

    def _round(self, cells: np.ndarray, left: int) -> None:
        """Try the neighbours of cells: of fewer of them, evenly chosen, where they are more than `left` designs."""
        candidates = self._new_neighbours(cells)
        size = max(part.inner for part in self.evaluator.space.parts)
        while len(candidates) * size > left and len(cells) > 1:
            cells = _spread(cells, min(len(cells) - 1, max(1, int(len(cells) * left / (len(candidates) * size)))))
            candidates = self._new_neighbours(cells)
        self._tried = np.union1d(self._tried, cells)
        self.evaluator.polish(candidates)

    def _new_neighbours(self, cells: np.ndarray) -> np.ndarray:
        found = self.evaluator.space.neighbours(cells)
        return np.asarray(found[self.evaluator.is_new(found)])


def _spread(cells: np.ndarray, wanted: int) -> np.ndarray:
    """At most so many of the cells, at even distances."""
    if len(cells) <= wanted:
        return cells
    return cells[np.unique(np.linspace(0, len(cells) - 1, wanted).astype(np.int64))]
