"""A few good points that many others are dominated by: compared with first, they spare most of all other work."""

from __future__ import annotations

import numpy as np

# Good points that are looked at, and points that they are held against; evenly many of all.
LOOKED_AT, AGAINST = 2048, 1024
# Points chosen out of the best looking ones, and the share of designs that each must add: a look at the index costs as
# much as some comparisons.
BEST, MOST, LEAST_GAIN = 64, 8, 0.04
# Points chosen where none was seen.
UNSEEN = 3


def evenly(points: np.ndarray, most: int) -> np.ndarray:
    """Places of at most so many points: steps of the golden ratio, so that no period of a grid makes them one-sided."""
    if len(points) <= most:
        return np.arange(len(points))
    return (np.arange(most) * 0.6180339887498949 % 1.0 * len(points)).astype(np.int64)


def by_looks(front: np.ndarray, seen: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the points `front`, the best first: by the share of those seen that each would dominate if
    the columns were independent."""
    share = np.ones(len(front))
    for column, own in zip(seen.T, front.T, strict=True):
        share *= len(seen) - np.searchsorted(np.sort(column), own)
    return np.asarray(front[np.argsort(-share, kind="stable")[:most]])


def in_turn(front: np.ndarray, seen: np.ndarray, most: int, least: float) -> np.ndarray:
    """Points of `front`, each chosen for what it adds to the ones before, as long as that is this share of those seen.

    The first is the first of `front`, unless another one dominates more. Shape (1 to most, m).
    """
    dominates = np.ones((len(front), len(seen)), dtype=bool)
    for column, own in zip(seen.T, front.T, strict=True):
        dominates &= column > own[:, None]
    chosen: list[int] = []
    while len(chosen) < min(most, len(front)):
        gains = np.count_nonzero(dominates, axis=1)
        if chosen and gains.max() < max(1.0, least * len(seen)):
            break
        chosen.append(int(np.argmax(gains)))
        dominates &= ~dominates[chosen[-1]]
    return np.asarray(front[chosen])


def pivots(good: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """A few of some good points, shape (n, m), that dominate many of those seen, shape (k, m), if there are any."""
    good, seen = good[evenly(good, LOOKED_AT)], seen[evenly(seen, AGAINST)]
    if not len(seen):
        return np.ascontiguousarray(by_looks(good, good, UNSEEN))
    looked_at = by_looks(good, seen, BEST)
    return np.ascontiguousarray(in_turn(looked_at, seen, MOST, LEAST_GAIN))
