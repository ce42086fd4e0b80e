"""The frontier of points that arrive in parts, one frontier for each group."""

from __future__ import annotations

import numpy as np

from dse.pareto.dominance import nondominated


class StreamingFrontier:
    """Keeps the places of the non-dominated points among all that were added.

    The frontier of a union is the frontier of the parts' frontiers, so each part is filtered as it comes and the
    survivors are filtered again when they have doubled.
    """

    def __init__(self, objectives: int) -> None:
        self._points = np.empty((0, objectives))
        self._places = np.empty(0, dtype=np.int64)
        self._groups = np.empty(0, dtype=np.int64)
        self._filtered = 0

    def add(self, points: np.ndarray, places: np.ndarray, groups: np.ndarray) -> None:
        """Add points of shape (n, m), all columns to be minimised, with their places and groups, shape (n,)."""
        keep = _by_group(points, groups)
        self._points = np.concatenate([self._points, points[keep]])
        self._places = np.concatenate([self._places, places[keep]])
        self._groups = np.concatenate([self._groups, groups[keep]])
        if len(self._points) > 2 * self._filtered + 10_000:
            self._filter()

    def places(self) -> np.ndarray:
        """Places of the non-dominated points, ascending."""
        self._filter()
        return np.unique(self._places)

    def _filter(self) -> None:
        keep = _by_group(self._points, self._groups)
        self._points, self._places, self._groups = self._points[keep], self._places[keep], self._groups[keep]
        self._filtered = len(self._points)


def _by_group(points: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Places of the points that none of their own group dominates."""
    order = np.argsort(groups, kind="stable")
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    members = np.split(order, edges) if len(order) else []
    keep = [m[nondominated(points[m])] for m in members]
    return np.concatenate(keep) if keep else np.empty(0, dtype=np.int64)
