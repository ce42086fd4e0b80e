"""Neighbours of the frontier, evaluated together until none of them changes it; while nothing is feasible, of what
breaks the budgets least.

First along every axis by itself; where that changes nothing any more along every two, then every three,
since budgets tie axes together: a network can be deeper only if it is narrower too. At the end of a search children of
the frontier follow, changed along any number of axes: where memory just holds the weights, or does not, what is better
lies far away.
"""

from __future__ import annotations

import numpy as np

from dse.search.evaluator import Evaluator

# Designs that are tried between two generations, and after the last one.
BETWEEN, LAST = 20_000, 500_000
# Children of the frontier that are drawn at a time, and after how many of them, or rounds, without any change of it the
# polish ends.
CHILDREN, BARREN, ROUNDS = 50_000, 150_000, 8
# Of a frontier that is larger only this many cells at a time have their neighbours tried.
AT_ONCE = 4096


class Polish:
    """Moves every design of the frontier along each axis, each two and each three, then crosses and changes them.

    Attributes
    ----------
    designs
        Designs that were evaluated.
    settled
        Whether no neighbour of the frontier was left untried by the last run.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator, self.designs, self.settled = evaluator, 0, False
        self._inner = max((part.inner for part in evaluator.space.parts), default=1)
        self._tried = {axes: np.empty(0, dtype=np.int64) for axes in (1, 2, 3)}

    def run(self, most: int, draw: np.random.Generator | None = None) -> None:
        """Try neighbours until the frontier does not change any more, or about `most` designs were evaluated.

        With random numbers to `draw`, children of the frontier too, until many of them change nothing.
        """
        first = self.evaluator.designs
        while True:
            frontier, left = self.evaluator.base_cells(), most - (self.evaluator.designs - first)
            fresh = {a: np.setdiff1d(frontier, tried, assume_unique=True) for a, tried in self._tried.items()}
            axes = next((a for a, cells in fresh.items() if len(cells)), 0)
            self.settled = not axes
            if left <= 0 or not len(frontier):
                break
            if axes:
                self._round(_spread(fresh[axes], AT_ONCE // axes**4), axes, left)
            elif draw is None or not self._breed(frontier, left, draw):
                break
        self.designs += self.evaluator.designs - first

    def _breed(self, frontier: np.ndarray, left: int, draw: np.random.Generator) -> bool:
        """Try children of the frontier, round by round; whether they have changed it."""
        tried = 0
        for _ in range(ROUNDS):
            candidates = self.evaluator.space.children(
                frontier, min(CHILDREN, max(1, (left - tried) // self._inner)), draw
            )
            candidates = candidates[self.evaluator.is_new(candidates)]
            self.evaluator.polish(candidates)
            tried += len(candidates) * self._inner
            if not np.array_equal(self.evaluator.base_cells(), frontier):
                return True
            if tried >= min(BARREN, left):
                break
        return False

    def _round(self, cells: np.ndarray, axes: int, left: int) -> None:
        """Try the neighbours of cells: of fewer of them, evenly chosen, where they are more than `left` designs."""
        candidates = self._new_neighbours(cells, axes)
        while len(candidates) * self._inner > left and len(cells) > 1:
            cells = _spread(
                cells, min(len(cells) - 1, max(1, int(len(cells) * left / (len(candidates) * self._inner))))
            )
            candidates = self._new_neighbours(cells, axes)
        self._tried[axes] = np.union1d(self._tried[axes], cells)
        self.evaluator.polish(candidates)

    def _new_neighbours(self, cells: np.ndarray, axes: int) -> np.ndarray:
        found = self.evaluator.space.neighbours(cells, axes)
        return np.asarray(found[self.evaluator.is_new(found)])


def _spread(cells: np.ndarray, wanted: int) -> np.ndarray:
    """At most so many of the cells, at even distances."""
    if len(cells) <= wanted:
        return cells
    return cells[np.unique(np.linspace(0, len(cells) - 1, wanted).astype(np.int64))]
