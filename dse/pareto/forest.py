"""Whether any of many points dominates a point, exactly: a balanced tree of boxes for each group.

The index of the archive answers in constant time and misses what is dominated by near points only. Bounds of boxes
near the frontier are all of that kind: of such boxes a tree of the frontier leaves a sixth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from dse.pareto.dominance import canonical, nondominated

# Points of a leaf of a tree.
BUCKET = 8
# A tree is made anew when so many points are new for each that it has, and at least so many.
GROWTH, LEAST = 0.3, 64


@dataclass(frozen=True)
class Tree:
    """Points in the order of a tree that divides them by halves, and the least corner of every node, root first."""

    points: np.ndarray
    corners: np.ndarray
    size: int

    @property
    def held(self) -> np.ndarray:
        """The points, without what the tree is filled up with."""
        return self.points[(self.points < np.inf).any(axis=1)]

    @classmethod
    def of(cls, points: np.ndarray) -> Tree:
        """The tree of at least one point, shape (n, m)."""
        depth = max(0, int(np.ceil(np.log2(len(points) / BUCKET))))
        full = np.full((BUCKET << depth, points.shape[1]), np.inf)
        full[: len(points)] = points
        for level in range(depth):
            parts = full.reshape(1 << level, -1, full.shape[1])
            order = np.argsort(parts[:, :, level % full.shape[1]], axis=1)
            full = np.take_along_axis(parts, order[:, :, None], axis=1).reshape(full.shape)
        corners = [full.reshape(1 << depth, BUCKET, full.shape[1]).min(axis=1)]
        while len(corners[0]) > 1:
            corners.insert(0, np.minimum(corners[0][::2], corners[0][1::2]))
        return cls(full, np.concatenate(corners), len(points))


class Forest:
    """Good points of several groups, and whether any of them dominates other points."""

    def __init__(self, objectives: int, groups: int) -> None:
        self._objectives = objectives
        self._trees: dict[int, Tree] = {}
        self._new: dict[int, list[np.ndarray]] = {}
        self._first = np.zeros((2, groups), dtype=np.int64)
        self._leaves = np.zeros(groups, dtype=np.int64)
        self._arrays: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, points: np.ndarray, groups: np.ndarray) -> None:
        """Add points, shape (n, m), of groups, shape (n,). Those added last may not count yet."""
        # What is infinite in every column dominates nothing, and is what trees are filled up with.
        some = (points < np.inf).any(axis=1)
        for group, own in _by_group(points[some], groups[some]):
            self._add(group, own)

    def parts(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Points and groups of what stands in trees, and of what does not yet: what `restore` takes."""
        known = {group: [tree.held] for group, tree in self._trees.items()}
        return self._table(known), self._table(self._new)

    def restore(self, known: tuple[np.ndarray, np.ndarray], fresh: tuple[np.ndarray, np.ndarray]) -> None:
        """Make an empty forest one that answers as the one did that `parts` was asked of."""
        self._trees = {group: Tree.of(points) for group, points in _by_group(*known)}
        self._new = {group: [points] for group, points in _by_group(*fresh)}

    def _table(self, parts: Mapping[int, Sequence[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        none = np.empty((0, self._objectives)), np.empty(0, dtype=np.int64)
        tables = [(own, np.full(len(own), group)) for group, all_own in parts.items() for own in all_own]
        points, groups = zip(none, *tables, strict=True)
        return np.concatenate(points), np.concatenate(groups)

    def _add(self, group: int, points: np.ndarray) -> None:
        new, tree = self._new.setdefault(group, []), self._trees.get(group)
        new.append(canonical(points))
        waiting = sum(map(len, new))
        if tree is None or waiting > max(LEAST, GROWTH * tree.size):
            known = [] if tree is None else [tree.held]
            every = _distinct(np.concatenate([*known, *new]))
            self._trees[group] = Tree.of(every[nondominated(every)])
            self._new[group] = []
            self._arrays = None

    def dominates(self, points: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Mask of the points that a good point of the same group dominates after rounding, shape (n,)."""
        found = np.zeros(len(points), dtype=bool)
        if len(points) and self._trees:
            if self._arrays is None:
                self._arrays = self._joined(list(self._trees.items()))
            _compiled()(*self._arrays, *self._first, self._leaves, canonical(points), groups, BUCKET, found)
        return found

    def _joined(self, trees: Sequence[tuple[int, Tree]]) -> tuple[np.ndarray, np.ndarray]:
        """All trees in two arrays; where each begins is noted."""
        point = node = 0
        for group, tree in trees:
            self._first[:, group] = point, node
            self._leaves[group] = len(tree.points) // BUCKET
            point, node = point + len(tree.points), node + len(tree.corners)
        return np.concatenate([t.points for _, t in trees]), np.concatenate([t.corners for _, t in trees])


def _distinct(points: np.ndarray) -> np.ndarray:
    """Each point once, in order of its columns.

    Not by `np.unique(axis=0)`: an interrupt in the midst of it comes out as another error.
    """
    points = points[np.lexsort(points.T[::-1])]
    first = np.append(True, (points[1:] != points[:-1]).any(axis=1))[: len(points)]
    return np.asarray(points[first])


def _by_group(points: np.ndarray, groups: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    order = np.argsort(groups, kind="stable")
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    for rows in np.split(order, edges) if len(order) else ():
        yield int(groups[rows[0]]), points[rows]


@cache
def _compiled() -> Any:
    from dse.grid.codegen import native

    return native(dominated)


def dominated(points, corners, first_point, first_node, leaves, asked, groups, bucket, found):  # type: ignore[no-untyped-def]
    """Mark the points of `asked` that a point of their tree dominates: no larger in any column, smaller in one."""
    m = points.shape[1]
    stack = np.empty(128, np.int64)
    for i in range(asked.shape[0]):
        group = groups[i]
        size = 1 if leaves[group] > 0 else 0
        stack[0] = 0
        while size > 0 and not found[i]:
            size -= 1
            node = stack[size]
            inside = True
            for j in range(m):
                inside &= corners[first_node[group] + node, j] <= asked[i, j]
            if not inside:
                continue
            if node < leaves[group] - 1:
                stack[size] = 2 * node + 2
                stack[size + 1] = 2 * node + 1
                size += 2
                continue
            start = first_point[group] + (node - leaves[group] + 1) * bucket
            for k in range(start, start + bucket):
                better, equal = True, True
                for j in range(m):
                    better &= points[k, j] <= asked[i, j]
                    equal &= points[k, j] == asked[i, j]
                if better and not equal:
                    found[i] = True
                    break
