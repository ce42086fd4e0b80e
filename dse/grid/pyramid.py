"""Least and largest values of an array over aligned blocks of 2, 4, 8 … values along each of its dimensions."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dse.grid.labelled import OP, Labelled

Level = tuple[int, ...]
# Bytes of blocks that are kept at a time, over all arrays.
KEPT = 2**27


def top(size: int) -> int:
    """The level at which one block holds `size` values."""
    return (size - 1).bit_length()


@dataclass(frozen=True)
class Blocks:
    """Bounds of the blocks of one level: arrays over the dimensions of the values.

    `low` and `high` are NaN where a block holds nothing else; `some` tells where it holds any NaN, and is None for
    values without NaN.
    """

    low: np.ndarray
    high: np.ndarray
    some: np.ndarray | None

    @property
    def bytes(self) -> int:
        """Memory of the arrays."""
        return sum(a.nbytes for a in (self.low, self.high, self.some) if a is not None)

    def merged(self, steps: Sequence[int]) -> Blocks:
        """Blocks 2**step times as long along each dimension."""
        low, high, some = self.low, self.high, self.some
        for axis, step in enumerate(steps):
            if step:
                starts = np.arange(0, low.shape[axis], 2**step)
                low = np.fmin.reduceat(low, starts, axis)
                high = np.fmax.reduceat(high, starts, axis)
                some = None if some is None else np.logical_or.reduceat(some, starts, axis)
        return Blocks(low, high, some)


class Kept:
    """Blocks that were asked for, the least recently used of which give way to others."""

    def __init__(self, limit: int = KEPT) -> None:
        self._blocks: OrderedDict[tuple[str, Level], Blocks] = OrderedDict()
        self._limit, self._used = limit, 0

    def find(self, name: str, level: Level) -> Blocks | None:
        """The blocks of a level, where they are kept."""
        found = self._blocks.get((name, level))
        if found is not None:
            self._blocks.move_to_end((name, level))
        return found

    def below(self, name: str, level: Level) -> Level | None:
        """The kept level with fewest blocks that another level can be made from."""
        finer = [own for n, own in self._blocks if n == name and all(a <= b for a, b in zip(own, level, strict=True))]
        return max(finer, key=sum, default=None)

    def keep(self, name: str, level: Level, blocks: Blocks) -> None:
        """Keep the blocks of a level."""
        self._blocks[name, level] = blocks
        self._used += blocks.bytes
        while self._used > self._limit and len(self._blocks) > 1:
            _, gone = self._blocks.popitem(last=False)
            self._used -= gone.bytes


class Pyramid:
    """Bounds of a labelled array over aligned blocks, made when they are first asked for.

    Parameters
    ----------
    value
        The array; its dimensions but for "op" are among `dims`.
    dims
        All dimensions, in the order of levels and of indices.
    """

    def __init__(self, name: str, value: Labelled, dims: Sequence[str], kept: Kept) -> None:
        self._name, self._kept, self._data = name, kept, np.asarray(value.data, dtype=np.float64)
        self.over_ops = OP in value.dims
        own = [d for d in value.dims if d != OP]
        self.axes = tuple(dims.index(d) for d in own)

    @cached_property
    def _leaf(self) -> Blocks:
        missing = np.isnan(self._data)
        return Blocks(self._data, self._data, missing if missing.any() else None)

    @property
    def can_miss(self) -> bool:
        """Whether there is any NaN among the values."""
        return self._leaf.some is not None

    def blocks(self, level: Level) -> Blocks:
        """Bounds of all blocks of a level (one number for each of the dimensions)."""
        own = tuple(min(level[a], top(n)) for a, n in zip(self.axes, self._data.shape, strict=False))
        if not any(own):
            return self._leaf
        found = self._kept.find(self._name, own)
        if found is None:
            near = self._kept.below(self._name, own)
            base = self._kept.find(self._name, near) if near else None
            found = (base or self._leaf).merged([a - b for a, b in zip(own, near or (0,) * len(own), strict=True)])
            self._kept.keep(self._name, own, found)
        return found

    def places(self, level: Level, index: np.ndarray) -> np.ndarray | None:
        """Flat places among the blocks of a level of blocks given by an index along every dimension, shape (dims, n).

        None where the values vary along no dimension.
        """
        flat = None
        for axis, n in zip(self.axes, self._data.shape, strict=False):
            length = math.ceil(n / 2 ** level[axis])
            if length > 1:
                flat = index[axis].astype(np.int64) if flat is None else flat * length + index[axis]
        return flat

    def take(self, array: np.ndarray, places: np.ndarray | None) -> np.ndarray:
        """Values at flat places: shape (n,), of a vector over ops (ops, n); n is 1 where places are None."""
        rows = array.reshape(-1, array.shape[-1]) if self.over_ops else array.reshape(-1)
        found = rows[:1] if places is None else rows.take(places, axis=0)
        return np.ascontiguousarray(found.T)
