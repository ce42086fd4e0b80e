"""Which element-wise operations run as one with the operation before them: at each point of a grid as in its network.

Where a region runs once it is as if its ops stood there without it, and where it does not run, as if they were not
there. Where it runs several times, each execution has an input of its own, which no pass goes on with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np

from dse.networks.ops import Op
from dse.networks.tensors import Region, Tensor

ELEMENTWISE = ("norm", "add", "multiply", "pointwise")
# What no pass begins with: products between activations, lookups, and what is done over again.
ALONE = ("attention", "matmul", "embedding", "recompute")
# Where something holds: a truth value, or an array of them over the points of a grid.
Where = Any


class Fusion:
    """What the ops of a trace read of the op that is executed just before them."""

    def __init__(self, ops: Sequence[Op], regions: Sequence[Region]) -> None:
        self.ops = ops
        self.entered = {region.inner: region for region in regions}
        self.left = {region.leaving: region for region in regions}
        self.present: list[Where] = [True] * len(ops)
        for region in regions:
            if not np.all(runs := _runs(region)):
                inside = slice(region.start, region.stop)
                self.present[inside] = [where & runs for where in self.present[inside]]

    def joined(self, index: int) -> list[tuple[Tensor, Where]]:
        """Tensors that an op reads and that the pass just before it has made, each with where that is so."""
        op = self.ops[index]
        if op.kind not in ELEMENTWISE:
            return []
        before = {self.ops[i].writes: where for i, where in self._before(index) if self.ops[i].kind not in ALONE}
        found = []
        for tensor in op.reads:
            where: Where = False
            for origin, there in self._origins(tensor, True):
                where = where | (there & before.get(origin, False))
            if np.any(where):
                found.append((tensor, where))
        return found

    def fused(self, index: int) -> Where:
        """Where an op is part of the pass of the op before it."""
        return reduce(np.logical_or, (where for _, where in self.joined(index)), False)

    def _before(self, index: int) -> Iterator[tuple[int, Where]]:
        """The ops that are the last one executed before an op, each with where it is."""
        where = self.present[index]
        while index and np.any(where):
            index -= 1
            yield index, where & self.present[index]
            where = where & np.logical_not(self.present[index])

    def _origins(self, tensor: Tensor, where: Where) -> Iterator[tuple[Tensor, Where]]:
        """What a tensor is without regions, by where it is that."""
        if not np.any(where):
            return
        if (region := self.left.get(tensor)) is not None:
            yield from self._origins(region.returned, where & _runs(region))
            yield from self._origins(region.entering, where & np.logical_not(_runs(region)))
        elif (region := self.entered.get(tensor)) is not None:
            yield from self._origins(region.entering, where & np.equal(region.count, 1))
        else:
            yield tensor, where


def _runs(region: Region) -> Where:
    """Where the network has the ops of a region; weights that are shared it has even if it does not run them."""
    return True if region.shared else np.greater(region.count, 0)
