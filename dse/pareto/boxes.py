"""Boxes of a grid: blocks of 2**level values along every dimension, held as the places of their blocks.

A batch of boxes shares its level; `boxes` are the places, shape (dims, n).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from dse.grid.pyramid import Level, top

# Places along one dimension: axes have at most a million values.
PLACE = np.int32
# Which share of how many, from 0; boxes that are dealt out for each of several.
Share = tuple[int, int]
WHOLE: Share = (0, 1)
DEALT = 64


def lengths(level: Level, sizes: Sequence[int]) -> tuple[int, ...]:
    """The number of blocks along each dimension."""
    return tuple(math.ceil(n / 2**k) for k, n in zip(level, sizes, strict=True))


def designs_in(level: Level, boxes: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """The number of designs in each box, shape (n,): blocks at the end of a dimension may be shorter."""
    number = np.ones(boxes.shape[1], dtype=np.int64)
    for own, k, n in zip(boxes, level, sizes, strict=True):
        number *= np.minimum(2**k, n - own.astype(np.int64) * 2**k)
    return number


def splittable(level: Level) -> list[int]:
    """Dimensions along which boxes of a level have several values."""
    return [d for d, k in enumerate(level) if k > 0]


def halved(level: Level, boxes: np.ndarray, dim: int, sizes: Sequence[int]) -> tuple[Level, np.ndarray]:
    """Both halves of every box along one dimension; a half without designs is left out."""
    finer = tuple(k - (d == dim) for d, k in enumerate(level))
    first, second = boxes.copy(), boxes.copy()
    first[dim] *= 2
    second[dim] = first[dim] + 1
    second = second[:, second[dim] < lengths(finer, sizes)[dim]]
    return finer, np.concatenate([first, second], axis=1)


def middles(level: Level, boxes: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """A design of each box: the one in its middle. Shape (dims, n)."""
    index = np.empty_like(boxes)
    for d, (own, k, n) in enumerate(zip(boxes, level, sizes, strict=True)):
        index[d] = np.minimum(own * 2**k + (2**k >> 1), n - 1)
    return index


def members(level: Level, boxes: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Every design of every box: places along each dimension, shape (dims, n)."""
    offsets = list(itertools.product(*(range(2**k) for k in level)))
    parts = [boxes * np.array([2**k for k in level], PLACE)[:, None] + np.array(own, PLACE)[:, None] for own in offsets]
    index = np.concatenate(parts, axis=1)
    return index[:, (index < np.array(sizes)[:, None]).all(axis=0)]


def roots(
    sizes: Sequence[int], single: Sequence[int], chunk: int, share: Share = WHOLE
) -> Iterator[tuple[Level, np.ndarray]]:
    """The boxes to begin with: all designs, divided by every value of the dimensions `single`, a chunk at a time.

    Of a share of several the boxes are finer, and dealt out as if by chance: each share has some of every region.
    """
    number, of = share
    level = tuple(0 if d in single else top(n) for d, n in enumerate(sizes))
    while of > 1 and any(level) and math.prod(lengths(level, sizes)) < DEALT * of:
        longest = max(range(len(level)), key=lambda d: level[d])
        level = tuple(k - (d == longest) for d, k in enumerate(level))
    shape = lengths(level, sizes)
    for start in range(0, math.prod(shape), chunk):
        flat = np.arange(start, min(start + chunk, math.prod(shape)))
        flat = flat[_dealt(flat) % of == number]
        places = np.unravel_index(flat, shape) if shape else ()
        yield level, np.array(places, dtype=PLACE).reshape(len(sizes), len(flat))


def _dealt(numbers: np.ndarray) -> np.ndarray:
    """Numbers as if by chance, the same each time (Fibonacci hashing, Knuth, The Art of Computer Programming 6.4)."""
    return (numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(33)).astype(np.int64)


class Queue:
    """Boxes still to be looked at, a batch for each level; deep ones first, so that few are held at a time."""

    def __init__(self, chunk: int, waiting: Sequence[tuple[Level, np.ndarray]] = ()) -> None:
        self._waiting: dict[Level, list[np.ndarray]] = {level: [boxes] for level, boxes in waiting if boxes.shape[1]}
        self._chunk = chunk

    def waiting(self) -> list[tuple[Level, np.ndarray]]:
        """The boxes of each level: a queue that is made of them gives the same as this one."""
        return [(level, np.concatenate(parts, axis=1)) for level, parts in self._waiting.items()]

    def put(self, level: Level, boxes: np.ndarray) -> None:
        """Add boxes."""
        if boxes.shape[1]:
            self._waiting.setdefault(level, []).append(boxes)

    def take(self) -> tuple[Level, np.ndarray] | None:
        """At most a chunk of boxes of one level: of the finest that fills a chunk, else of the coarsest."""
        if not self._waiting:
            return None
        number = {level: sum(b.shape[1] for b in parts) for level, parts in self._waiting.items()}
        full = [level for level, n in number.items() if n >= self._chunk]
        level = min(full, key=sum) if full else max(number, key=sum)
        parts = self._waiting.pop(level)
        boxes = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        self.put(level, boxes[:, self._chunk :])
        return level, boxes[:, : self._chunk]
