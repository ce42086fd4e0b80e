"""The exact decision: points in slabs along the first column, each decided by itself, in threads.

A point of one slab is dominated where one of an earlier slab is no larger in all other columns: a question with one
column less. Within a slab moocore decides (Kung, Luccio and Preparata, J. ACM 22(4), 1975), or a sort.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from dse.pareto.kernels import beaten_in_order

Result = TypeVar("Result")
# Points worth a thread of their own.
SHARE = 200_000
# Points in a slab, by number of columns, and the fewest for which there are slabs at all.
SLAB = {2: 100_000, 3: 25_000, 4: 25_000}
SLABS_FROM = 30_000


def threads_for(size: int, share: int = SHARE) -> int:
    """Threads to use for so many points."""
    return max(1, min(os.cpu_count() or 1, size // share))


def in_parts(part: Callable[[int, int], Result], size: int) -> list[Result]:
    """The results of part(start, stop) over parts of range(size), in order, one part a thread."""
    threads = threads_for(size)
    if threads == 1:
        return [part(0, size)]
    edges = [size * i // threads for i in range(threads + 1)]
    # A pool for each call: one that outlives it would be dead, and waited for, in a forked process.
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(part, edges[:-1], edges[1:]))


def nondominated(points: np.ndarray) -> np.ndarray:
    """Mask of the points that no other dominates, compared as they are. Shape (n, m), m > 0, no NaN."""
    n, m = points.shape
    if not np.isfinite(points).all():
        # Ranks keep order and equality, and are finite where a value is infinite.
        points = np.column_stack([np.unique(column, return_inverse=True)[1] for column in points.T]).astype(float)
    if m == 1:
        return np.asarray(points[:, 0] == points[:, 0].min())
    if n < SLABS_FROM or m not in SLAB:
        return _slab(points)
    return _in_slabs(points)


def _slab(points: np.ndarray) -> np.ndarray:
    if points.shape[1] == 2 and len(points) >= SLABS_FROM // 4:
        return _by_sorting(points)
    import moocore

    return np.asarray(moocore.is_nondominated(points, keep_weakly=True))


def _by_sorting(points: np.ndarray) -> np.ndarray:
    """Of two columns: in order of the first, a point stays if its second is the least of its own first and before."""
    order = np.argsort(points[:, 0])
    first, second = points[order, 0], points[order, 1]
    new = np.flatnonzero(np.diff(first, prepend=-np.inf))
    least = np.minimum.reduceat(second, new)
    before = np.minimum.accumulate(np.concatenate([[np.inf], least[:-1]]))
    least[least >= before] = -np.inf
    mask = np.empty(len(points), dtype=bool)
    mask[order] = second == np.repeat(least, np.diff(new, append=len(points)))
    return mask


def _in_slabs(points: np.ndarray) -> np.ndarray:
    n, m = points.shape
    threads = threads_for(n, SLABS_FROM // 2)
    members = _members(points[:, 0], max(threads, n // SLAB[m]))
    mask = np.zeros(n, dtype=bool)
    before = np.empty((0, m - 1))

    def own(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        part = points[places]
        keep = _slab(part)
        return places[keep], part[keep, 1:]

    with ThreadPoolExecutor(threads) as pool:
        for places, rest in pool.map(own, members):
            stays = ~beaten(before, rest) if len(before) else np.ones(len(rest), dtype=bool)
            mask[places[stays]] = True
            before = np.concatenate([before, rest[stays]])
            before = before[_slab(before)] if m > 2 else before.min(axis=0, keepdims=True)
    return mask


def _members(column: np.ndarray, count: int) -> list[np.ndarray]:
    """Places of the points in each of about so many slabs of a column, in order; equal values share a slab."""
    sample = np.sort(column[:: max(1, len(column) // (100 * count))])
    edges = np.unique(sample[len(sample) * np.arange(1, count) // count])
    # NumPy sorts numbers of 16 bits by radix.
    slab = np.searchsorted(edges, column, side="right").astype(np.uint16)
    ends = np.cumsum(np.bincount(slab, minlength=len(edges) + 1))
    return [part for part in np.split(np.argsort(slab, kind="stable"), ends[:-1]) if len(part)]


def beaten(points: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Mask of the queries, shape (q, d), that are no smaller in any column than one of the points; d of 1 to 3."""
    columns = points.shape[1]
    if columns == 1:
        return np.asarray(queries[:, 0] >= points[:, 0].min())
    from dse.grid.codegen import native

    order = np.argsort(points[:, 0])
    if columns == 2:
        least = np.concatenate([[np.inf], np.minimum.accumulate(points[order, 1])])
        return np.asarray(least[np.searchsorted(points[order, 0], queries[:, 0], side="right")] <= queries[:, 1])
    asked = np.argsort(queries[:, 0])
    middle = np.sort(points[:, 1])
    rank = np.searchsorted(middle, points[order, 1], side="right")
    query_rank = np.searchsorted(middle, queries[asked, 1], side="right")
    out = np.empty(len(queries), dtype=bool)
    found = np.empty(len(queries), dtype=bool)
    native(beaten_in_order)(
        points[order, 0], rank, points[order, 2], queries[asked, 0], query_rank, queries[asked, 2], found
    )
    out[asked] = found
    return out
