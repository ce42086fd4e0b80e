"""How the layers of a builder become an op table: names, repeats, and regions that run several times or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dse.networks.tensors import FRESH, Count, Op, Region, Tensor, times


class Recorder:
    """Ops, regions and faults in the order in which a builder makes them."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.regions: list[Region] = []
        self.faults: list[tuple[str, Any, str]] = []
        self.parts: Count = 1
        self._count: Count = 1
        self._prefix = ""

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix the names of the ops inside."""
        before, self._prefix = self._prefix, f"{self._prefix}{name}."
        try:
            yield
        finally:
            self._prefix = before

    def repeat(self, count: Count, block: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """x after `count` blocks, each with weights of its own; traced once.

        `count` may be an array: its points with 0 skip the block. The block keeps the shape of its input.
        """
        if np.ndim(count) == 0 and count <= 1:
            return block(x) if count == 1 else x
        result = self._region(count, block, x)
        if not (_equal(result.features, x.features) and _equal(result.positions, x.positions)):
            raise ValueError(f"a repeated block must keep the shape of its input ({self.ops[-1].name})")
        return result

    def optional(self, present: Any, block: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """x after the block where `present` holds, x itself elsewhere; the block may change the shape."""
        if np.all(present) or not np.any(present):
            return block(x) if np.any(present) else x
        result = self._region(np.multiply(present, 1.0), block, x)
        features = _chosen(present, result.features, x.features)
        side = None if result.side is None else _chosen(present, result.side, x.side)
        positions = _chosen(present, result.positions, x.positions)
        return Tensor(features, positions, side, result.buffer, result.across, result.frames)

    def in_patches(self, patches: Count) -> None:
        """Run the first layers part by part, `patches` along each side (see `patching`); 1: whole maps."""
        self.parts = patches

    def require(self, axis: str, holds: Any, problem: str) -> None:
        """State what must hold at every point; where it does not, the value of `axis` is refused."""
        if not np.all(holds):
            self.faults.append((axis, holds, problem))

    def _region(self, count: Count, block: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        start, before = len(self.ops), self._count
        inner = x.reshaped(x.features)
        self._count = times(before, count)
        result = block(inner)
        self._count = before
        if len(self.ops) == start:
            return x
        self.regions.append(Region(start, len(self.ops), count, x.buffer, inner, result.buffer))
        return result

    def _record(
        self,
        name: str,
        kind: str,
        reads: tuple[Tensor, ...],
        writes: Tensor,
        in_place: str = FRESH,
        inputs: tuple[Tensor, ...] | None = None,
        **counts: Any,
    ) -> None:
        inputs = reads if inputs is None else inputs
        self.ops.append(Op(self._prefix + name, kind, reads, writes, inputs, in_place, self._count, **counts))


def _chosen(present: Any, a: Count, b: Count) -> Count:
    # One and the same object stays so: sums go by it.
    return a if a is b else np.where(present, a, b)


def _equal(a: Count, b: Count) -> bool:
    return a is b or bool(np.all(a == b))
