"""How the layers of a builder become an op table: names, repeats, and regions that run several times or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dse.errors import Fault, InputError
from dse.networks.ops import FRESH, Op
from dse.networks.tensors import Region, Tensor
from dse.networks.terms import Count, times


class Recorder:
    """Ops, regions and faults in the order in which a builder makes them."""

    def __init__(self, separable: bool = False) -> None:
        # Whether convolutions over space are replaced, and where any has been.
        self.separable = separable
        self.separated: Any = False
        self.inputs: list[Tensor] = []
        self.ops: list[Op] = []
        self.regions: list[Region] = []
        # Tower and axis, where what must hold does, and the problem where it does not.
        self.faults: list[tuple[str, str, Any, str]] = []
        self.patches_along_side: Count = 1
        self._count: Count = 1
        self._calls: Count = 1
        self._prefix = ""
        self._part = ""
        self._tower = ""

    def row(
        self, name: str, kind: str, reads: tuple[Tensor, ...], writes: Tensor, in_place: str, repeat: Count = 1,
        **counts: Any,
    ) -> None:  # fmt: skip
        """A row of a table that is given as such, with the counts of one execution."""
        before, self._count = self._count, times(self._count, repeat)
        self._record(name, kind, reads, writes, in_place, **counts)
        self._count = before

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix the names of the ops inside."""
        before, self._prefix = self._prefix, f"{self._prefix}{name}."
        try:
            yield
        finally:
            self._prefix = before

    @contextmanager
    def part(self, name: str, tower: str = "") -> Iterator[None]:
        """The ops inside are a part of the network, which is told apart; of nested parts the inner one stands.

        Where it is the builder of a `tower` that makes them, what it requires is said of the axes of that tower.
        """
        before, self._part, self._tower = (self._part, self._tower), name, tower
        try:
            with self.scope(name):
                yield
        except InputError as error:
            raise InputError(
                [Fault(f"{tower}_{f.where}" if tower else f.where, f.problem) for f in error.faults]
            ) from None
        finally:
            self._part, self._tower = before

    def repeat(self, count: Count, block: Callable[[Tensor], Tensor], x: Tensor, shared: bool = False) -> Tensor:
        """x after `count` blocks, each with weights of its own, or all with the same where `shared`; traced once.

        `count` may be an array: its points with 0 skip the block. The block keeps the shape of its input.
        """
        if np.ndim(count) == 0 and (count == 1 or (count == 0 and not shared)):
            return block(x) if count == 1 else x
        result = self._region(count, block, x, shared)
        if not (_equal(result.features, x.features) and _equal(result.positions, x.positions)):
            raise ValueError(f"a repeated block must keep the shape of its input ({self.ops[-1].name})")
        return result

    def call(self, count: Count, block: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """The block on `count` inputs of the size of x with the same weights, one after the other; what one gives.

        With 0 the network has the weights, but the block does not run, and there is no result.
        """
        if np.ndim(count) == 0 and count == 1:
            return block(x)
        return self._region(count, block, x, shared=True)

    def optional(self, present: Any, block: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """x after the block where `present` holds, x itself elsewhere; the block may change the shape."""
        if np.all(present) or not np.any(present):
            return block(x) if np.any(present) else x
        result = self._region(np.multiply(present, 1.0), block, x)
        if result is not x:
            result.features = _chosen(present, result.features, x.features)
            result.side = None if result.side is None else _chosen(present, result.side, x.side)
            result.positions = _chosen(present, result.positions, x.positions)
        return result

    def in_patches(self, patches: Count) -> None:
        """Run the first layers part by part, `patches` along each side (see `patching`); 1: whole maps."""
        self.patches_along_side = patches

    def require(self, axis: str, holds: Any, problem: str) -> None:
        """State what must hold at every point; where it does not, the value of `axis` is refused."""
        if not np.all(holds):
            self.faults.append((self._tower, axis, holds, problem))

    def _region(self, count: Count, block: Callable[[Tensor], Tensor], x: Tensor, shared: bool = False) -> Tensor:
        start, before = len(self.ops), (self._count, self._calls)
        inner = x.reshaped(x.features)
        if shared:
            self._calls = times(self._calls, count)
        else:
            self._count = times(self._count, count)
        result = block(inner)
        self._count, self._calls = before
        if len(self.ops) == start:
            return x
        self.regions.append(Region(start, len(self.ops), count, x, inner, result, leaving := result.view, shared))
        return leaving

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
        where = {"repeat": self._count, "calls": self._calls, "part": self._part}
        self.ops.append(Op(self._prefix + name, kind, reads, writes, inputs, in_place, **where, **counts))


def _chosen(present: Any, a: Count, b: Count) -> Count:
    # One and the same object stays so: sums go by it.
    return a if a is b else np.where(present, a, b)


def _equal(a: Count, b: Count) -> bool:
    return a is b or bool(np.all(a == b))
