"""Whether any of many points dominates a point, exactly: a balanced tree of boxes for each group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from dse.pareto.archive import Archive
from dse.pareto.dominance import canonical

# Points of a leaf of the tree.
BUCKET = 8
# A forest is made anew when there are so many times as many points as it has.
GROWTH = 1.25


@dataclass(frozen=True)
class Forest:
    """Points of several groups, rounded as they are compared, and the least corner of every node of their trees.

    `first_point`, `first_node` and `depth` are those of each group's tree; depth is -1 for a group without points.
    """

    points: np.ndarray
    corners: np.ndarray
    first_point: np.ndarray
    first_node: np.ndarray
    depth: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, groups: np.ndarray, number: int) -> Forest:
        """The forest of points, shape (n, m), of groups numbered below `number`, shape (n,)."""
        rounded = canonical(points)
        trees, corners = [np.empty((0, points.shape[1]))], [np.empty((0, points.shape[1]))]
        first_point, first_node, depth = np.zeros(number, int), np.zeros(number, int), np.full(number, -1)
        order = np.argsort(groups, kind="stable")
        edges = np.searchsorted(groups[order], np.arange(number + 1))
        for group in np.unique(groups):
            tree, boxes, levels = _tree(rounded[order[edges[group] : edges[group + 1]]])
            first_point[group], first_node[group] = sum(map(len, trees)), sum(map(len, corners))
            depth[group] = levels
            trees.append(tree)
            corners.append(boxes)
        return cls(np.concatenate(trees), np.concatenate(corners), first_point, first_node, depth)

    def dominates(self, points: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Mask of the points that some point of the same group dominates after rounding, shape (n,)."""
        found = np.zeros(len(points), dtype=bool)
        if len(points) and len(self.points):
            arrays = (self.points, self.corners, self.first_point, self.first_node, self.depth)
            _compiled()(*arrays, canonical(points), groups, BUCKET, found)
        return found


class Rivals:
    """The frontier so far, and whether it dominates other points."""

    def __init__(self, objectives: int, groups: int) -> None:
        self._archive, self._groups = Archive(objectives, groups), groups
        self._forest: Forest | None = None
        self._new = self._size = 0

    def add(self, points: np.ndarray, places: np.ndarray, groups: np.ndarray) -> None:
        """Add points, shape (n, m), with their places and groups, shape (n,)."""
        stay = ~self.dominate(points, groups)
        self._new += int(stay.sum())
        self._archive.add(points[stay], places[stay], groups[stay])
        if self._new > (GROWTH - 1) * self._size + 500:
            own, codes = self._archive.frontier()
            self._forest, self._new, self._size = Forest.of(own, codes, self._groups), 0, len(own)

    def dominate(self, points: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Mask of the points that are surely dominated, shape (n,); points that were added last may not count yet."""
        if self._forest is None:
            return np.zeros(len(points), dtype=bool)
        return self._forest.dominates(points, groups)

    def places(self) -> np.ndarray:
        """Places of the frontier, ascending."""
        return np.unique(self._archive.places())


def _tree(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Points in the order of a tree that divides them by halves, least corners of its nodes by level, and its depth."""
    depth = max(0, int(np.ceil(np.log2(len(points) / BUCKET))))
    full = np.full((BUCKET << depth, points.shape[1]), np.inf)
    full[: len(points)] = points
    corners = []
    for level in range(depth + 1):
        parts = full.reshape(1 << level, -1, full.shape[1])
        corners.append(parts.min(axis=1))
        if level < depth:
            order = np.argsort(parts[:, :, level % full.shape[1]], axis=1, kind="stable")
            full = np.take_along_axis(parts, order[:, :, None], axis=1).reshape(full.shape)
    return full, np.concatenate(corners), depth


@cache
def _compiled() -> Any:
    from dse.pareto.kernels import native

    return native(dominated)


def dominated(points, corners, first_point, first_node, depths, asked, groups, bucket, found):  # type: ignore[no-untyped-def]
    """Mark the points of `asked` that a point of their tree dominates: no larger in any column, smaller in one."""
    m = points.shape[1]
    stack = np.empty(128, np.int64)
    for i in range(asked.shape[0]):
        depth = depths[groups[i]]
        if depth < 0:
            continue
        nodes, leaves, begin = first_node[groups[i]], (1 << depth) - 1, first_point[groups[i]]
        stack[0] = 0
        size = 1
        while size > 0 and not found[i]:
            size -= 1
            node = stack[size]
            inside = True
            for j in range(m):
                inside &= corners[nodes + node, j] <= asked[i, j]
            if not inside:
                continue
            if node < leaves:
                stack[size] = 2 * node + 2
                stack[size + 1] = 2 * node + 1
                size += 2
                continue
            start = begin + (node - leaves) * bucket
            for k in range(start, start + bucket):
                better, equal = True, True
                for j in range(m):
                    better &= points[k, j] <= asked[i, j]
                    equal &= points[k, j] == asked[i, j]
                if better and not equal:
                    found[i] = True
                    break
