"""The non-dominated points so far, and an index that tells at once of most points that they are dominated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dse.pareto.dominance import COMPILED, nondominated
from dse.pareto.kernels import MARGIN, SLACK, mark_dominated
from dse.pareto.pivots import evenly, pivots
from dse.pareto.slabs import in_parts

# Cells an axis of the index, by number of objectives, and those of all groups together.
CELLS = {1: 0, 2: 2**14, 3: 512, 4: 64, 5: 22}
MOST_CELLS = 2**20
LEAST_CELLS = 8
# Candidates that wait before they are filtered, beside as many as passed the last filter.
WAITING = 10_000
# The index is built anew when the points have become more by this factor and this number.
GROWTH, NEW = 1.25, 100
# Points of which pivots are chosen, taken before the first filter that removes most.
SEEN = 8192
# The share of lowest values that an axis of the index need not tell apart: a zero is as far from 1e-3 as from 1e300.
LOWEST = 0.01


@dataclass(frozen=True)
class Index:
    """Least last objectives over a lattice of the others, one lattice a group; read by `kernels.surely_dominated`.

    Attributes
    ----------
    base, shift
        Of each group and objective but the last, shape (groups, m - 1): a value with key k (its bits as an integer
        that keeps order, halved) lies in cell (k - base) >> shift, below 0 taken as 0.
    table
        Shape (groups, (cells + 1)**(m - 1)), row-major in the cells: the least last objective of the points whose
        cells are all below these; infinite where there are none.
    cells
        Cells of an axis; 0 where there are too many groups for an index.
    """

    base: np.ndarray
    shift: np.ndarray
    table: np.ndarray
    cells: int


class Archive:
    """Non-dominated points so far, one set a group, and an index that tells that a point is surely dominated.

    `seen` are some points, good and bad, and their groups, by which pivots are chosen; another archive may take them.

    The non-dominated points of a union are those of the parts' non-dominated points: archives of parts add up.
    """

    def __init__(self, objectives: int, groups: int = 1) -> None:
        """An empty archive of points with one to five objectives, in groups that are numbered from 0.

        Raises ValueError for another number of objectives.
        """
        if objectives not in CELLS:
            raise ValueError(f"{objectives} objectives; an archive has one to five")
        self._groups_in_all = groups
        self._points = np.empty((0, objectives))
        self._places = np.empty(0, dtype=np.int64)
        self._groups = np.empty(0, dtype=np.int64)
        self._new: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._size = self._filtered = 0
        self.seen = self._points, self._groups
        self._pivots: dict[int, np.ndarray] = {}
        self._index: Index | None = None
        self._indexed = 0

    @property
    def objectives(self) -> int:
        """Columns of its points."""
        return self._points.shape[1]

    @property
    def groups(self) -> int:
        """Groups that its points may be in."""
        return self._groups_in_all

    def add(self, points: np.ndarray, places: np.ndarray, groups: np.ndarray) -> None:
        """Add points.

        Parameters
        ----------
        points
            Shape (n, m), all columns to be minimised, no NaN.
        places, groups
            What each point is called, and the group it competes in, shape (n,).

        Raises
        ------
        ValueError
            For a group that the archive lacks, or NaN.
        """
        if len(groups) and not (groups.min() >= 0 and groups.max() < self._groups_in_all):
            raise ValueError(f"groups must lie in 0 to {self._groups_in_all - 1}")
        if np.isnan(points).any():
            raise ValueError("points must not hold NaN")
        if len(points) >= COMPILED and self._size:
            keep = np.flatnonzero(~self.surely_dominated(points, groups))
            points, places, groups = points[keep], places[keep], groups[keep]
        if len(points):
            self._new.append((points, places, groups))
            self._size += len(points)
        if self._size > 2 * self._filtered + WAITING:
            self._filter()

    def merge(self, other: Archive) -> None:
        """Add the points of another archive with the same objectives and groups."""
        self.add(*other.parts())

    def held(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All points that are held, as `add` takes them: those that others dominate may be among them."""
        self._join()
        return self._points, self._places, self._groups

    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The non-dominated points, each place once, their places and groups, as `add` takes them."""
        self._filter()
        places, first = np.unique(self._places, return_index=True)
        return self._points[first], places, self._groups[first]

    def places(self) -> np.ndarray:
        """Places of the non-dominated points, ascending, each once however often it was added."""
        self._filter()
        return np.asarray(np.unique(self._places))

    def pivots(self, group: int) -> np.ndarray:
        """A few points of a group that dominate many. Shape (n, m)."""
        if not self._filtered:
            self._filter()
        if group not in self._pivots:
            self._pivots[group] = self._chosen(group)
        return self._pivots[group]

    def _chosen(self, group: int) -> np.ndarray:
        own: np.ndarray = self._points[: self._filtered][self._groups[: self._filtered] == group]
        points, groups = self.seen
        return pivots(own, points[groups == group]) if len(own) else own

    def surely_dominated(self, points: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Mask of points, shape (n,), that a point of their own group dominates, as far as the index tells.

        Never true of a point that might stay, after rounding to 12 significant digits.
        """
        index = self.index()
        if len(points) < COMPILED:
            return look_up(index, points, groups)
        points = np.ascontiguousarray(points, dtype=np.float64)
        groups = np.ascontiguousarray(groups, dtype=np.int64)
        out = np.empty(len(points), dtype=bool)
        from dse.grid.codegen import native

        kernel, arrays = native(mark_dominated), (index.base, index.shift, index.table, index.cells)
        in_parts(lambda start, stop: kernel(points, groups, *arrays, start, stop, out), len(points))
        return out

    def index(self) -> Index:
        """The index of the points so far, built anew where they have become many more since the last one."""
        if self._index is None or self._size > GROWTH * self._indexed + NEW:
            self._join()
            self._index = build(self._points, self._groups, self._groups_in_all)
            self._indexed = self._size
        return self._index

    def __getstate__(self) -> dict[str, object]:
        # The index is built anew where the archive is read.
        return self.__dict__ | {"_index": None, "_indexed": 0}

    def _join(self) -> None:
        """Put what was added into the arrays."""
        if self._new:
            parts = [(self._points, self._places, self._groups), *self._new]
            self._points, self._places, self._groups = map(np.concatenate, zip(*parts, strict=True))
            self._new = []

    def _filter(self) -> None:
        if self._size == self._filtered:
            return
        self._join()
        keep = _by_group(self._points, self._groups)
        if not len(self.seen[0]) and len(keep) < len(self._points) / 2:
            seen = evenly(self._points, SEEN)
            self.seen = self._points[seen], self._groups[seen]
        self._points, self._places, self._groups = self._points[keep], self._places[keep], self._groups[keep]
        self._size = self._filtered = len(self._points)
        self._pivots = {}
        self._indexed = min(self._indexed, self._filtered)


def _by_group(points: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Places of the points that none of their own group dominates."""
    order = np.argsort(groups, kind="stable")
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    members = np.split(order, edges) if len(order) else []
    keep = [m[nondominated(points[m])] for m in members]
    return np.concatenate(keep) if keep else np.empty(0, dtype=np.int64)


def build(points: np.ndarray, group_of: np.ndarray, groups: int) -> Index:
    """The index of points, shape (n, m), in so many groups."""
    axes = points.shape[1] - 1
    cells = _cells(axes, groups)
    keys, side = _keys(points[:, :axes]), cells + 1
    base, shift = np.zeros((groups, axes), dtype=np.int64), np.zeros((groups, axes), dtype=np.int64)
    table = np.full((groups, side**axes), np.inf)
    if len(points) and (cells or not axes):
        order = np.argsort(group_of, kind="stable")
        present, starts = np.unique(group_of[order], return_index=True)
        for group, rows in zip(present, np.split(order, starts[1:]), strict=True):
            base[group], shift[group] = _lattice(keys[rows], cells)
            # What lies in a cell is surely smaller only than what lies in a higher one.
            places = np.maximum(keys[rows] - base[group] >> shift[group], 0) + 1
            inside = (places <= cells).all(axis=1)
            flat = places[inside] @ side ** np.arange(axes)[::-1]
            np.minimum.at(table[group], flat, points[rows[inside], -1])
            own = table[group].reshape((side,) * axes)
            for axis in range(axes):
                np.minimum.accumulate(own, axis=axis, out=own)
    return Index(base, shift, table, cells)


def _cells(axes: int, groups: int) -> int:
    most = CELLS[axes + 1]
    if axes and groups > 1:
        most = min(most, int((MOST_CELLS / groups) ** (1 / axes)))
        most = 0 if most < LEAST_CELLS else most
    return most


def _lattice(keys: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest key and width of a cell, as a number of bits, of each axis, so that the lattice spans the keys."""
    base = np.partition(keys, int(LOWEST * len(keys)), axis=0)[int(LOWEST * len(keys))]
    span = keys.max(axis=0) - base
    return base, np.array([max(0, int(s // max(1, cells)).bit_length()) for s in span], dtype=np.int64)


def _keys(values: np.ndarray) -> np.ndarray:
    """Integers in the order of the values, and no further apart than 2**63."""
    bits = np.ascontiguousarray(values).view(np.int64)
    return np.where(bits >= 0, bits, bits ^ np.int64(2**63 - 1)) >> 1


def look_up(index: Index, points: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """`kernels.surely_dominated` for many points, in NumPy. Shape (n, m) and (n,); a mask of shape (n,)."""
    points, place = np.asarray(points, dtype=np.float64), np.zeros(len(points), dtype=np.int64)
    keys = _keys(points[:, :-1]) - SLACK - index.base[groups] >> index.shift[groups]
    for cell in np.clip(keys, 0, index.cells).T:
        place = place * (index.cells + 1) + cell
    last = points[:, -1]
    with np.errstate(invalid="ignore"):  # of infinity: not dominated
        found = index.table[groups, place] < last - MARGIN * np.abs(last)
    return np.asarray(found & ~np.isnan(points).any(axis=1))
