"""Patch-based inference: the first layers are run on one patch of the image after the other.

The layers up to some place, the patch stage, are run for each of n × n parts of its output; only their buffers for one
part are live, beside the whole output. A part needs more of the input than its share, since windows reach over its
border: this halo is computed again for each part, and weights are read again. The image is read part by part, as from
a camera or flash. The stage ends where the peak with in-place depthwise convolutions is least (of several such places
the first); where no stage makes it smaller, there is none.

References
----------
.. [1] Lin et al., "MCUNetV2: Memory-efficient patch-based inference for tiny deep learning", NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from dse.networks.execution import Execution, Step, cases, given, last_uses, overwritten
from dse.networks.liveness import each_step
from dse.networks.ops import Op
from dse.networks.tensors import Region, Tensor
from dse.networks.terms import Count, times

# What takes windows of a feature map, or works on each element of it.
LOCAL = ("conv", "depthwise", "pool", "add", "multiply", "norm", "concat")
# Where a range of rows starts and ends (exclusive).
Range = tuple[Count, Count]


# What a patch stage does over again: multiply-accumulates, elements read and written, weight elements read.
AGAIN = ("macs", "inputs", "outputs", "weights")


@dataclass(slots=True)
class Cost:
    """Elements live while each op runs, by whether depthwise convolutions are in place, and what is done over again."""

    live: dict[bool, list[Count]]
    again: dict[str, Count]

    def peak(self, in_place_depthwise: bool) -> Count:
        """The most elements that are live at once."""
        return reduce(np.maximum, self.live[in_place_depthwise])

    def where(self, chosen: Any, other: Cost) -> Cost:
        """This where `chosen` holds, the other elsewhere."""
        live = {
            flag: [np.where(chosen, a, b) for a, b in zip(mine, other.live[flag], strict=True)]
            for flag, mine in self.live.items()
        }
        return Cost(live, {name: np.where(chosen, self.again[name], other.again[name]) for name in AGAIN})

    def op(self) -> Op:
        """What is done over again, as one row of the op table."""
        written, read = Tensor(self.again["outputs"], 1.0), Tensor(self.again["inputs"], 1.0)
        return Op(
            "patches", "recompute", (), written, (read,), macs_per_position=self.again["macs"],
            matrix_read=self.again["weights"],
        )  # fmt: skip


def patched(ops: Sequence[Op], regions: Sequence[Region], dims: int, grid: Count) -> Cost:
    """The network with `grid` parts along each side of its patch stage; 1 is no stage.

    Counts are arrays of at most `dims` dimensions.
    """
    nothing: list[Count] = [0.0 for _ in ops]
    best = Cost({True: nothing, False: nothing}, dict.fromkeys(AGAIN, 0.0))
    for repeats, where in cases(regions, None):
        steps = Execution(ops, regions, repeats, every=True).steps
        for parts in np.unique(grid):
            cost = _least(ops, steps, int(parts), dims)
            chosen = np.equal(grid, parts) & (True if where is None else where)
            best = cost if np.all(chosen) else cost.where(chosen, best)
    return best


def _least(ops: Sequence[Op], steps: Sequence[Step], parts: int, dims: int) -> Cost:
    """The stage whose peak is least, among all places where it could end."""
    last = last_uses(steps)
    whole = {flag: each_step(ops, steps, flag) for flag in (True, False)}
    best = Cost({flag: _by_op(ops, steps, live) for flag, live in whole.items()}, dict.fromkeys(AGAIN, 0.0))
    for end in _ends(ops, steps, last) if parts > 1 else ():
        stage = _Stage(ops, steps, last, end, parts, dims)
        held = {flag: stage.live(flag) for flag in whole}
        # Parts of longer stages are larger still.
        if np.all(np.greater_equal(reduce(np.maximum, held[True]) - stage.output.elements, best.peak(True))):
            break
        live = {flag: _by_op(ops, steps, [*held[flag], *whole[flag][end + 1 :]]) for flag in whole}
        cost = Cost(live, stage.again())
        # No part is without a row.
        enough = np.greater_equal(ops[steps[end].index].writes.side, parts)
        best = cost.where(enough & np.less(cost.peak(True), best.peak(True)), best)
    return best


def _by_op(ops: Sequence[Op], steps: Sequence[Step], live: Sequence[Count]) -> list[Count]:
    largest: list[Count] = [0.0] * len(ops)
    for step, elements in zip(steps, live, strict=True):
        largest[step.index] = np.maximum(largest[step.index], elements)
    return largest


def _ends(ops: Sequence[Op], steps: Sequence[Step], last: dict[Tensor, int]) -> Iterator[int]:
    """Steps behind which nothing but their own output is live, as far as all are local to a square map."""
    reach = 0
    for number, step in enumerate(steps):
        op = ops[step.index]
        tensors = (*op.reads, op.writes)
        if op.kind not in LOCAL or any(
            t.side is None or t.across is not None or np.any(t.frames != 1) for t in tensors
        ):
            return
        reach = max([reach, *(last[buffer] for buffer in step.reads)])
        if reach <= number:
            yield number


class _Stage:
    """The steps up to `end`, for each part along one side; by symmetry the largest part is as wide as high.

    The sum of live elements is Σ features·width·height: of all parts one on the diagonal has the largest, since the
    sum is an inner product of widths and heights. Parts are the leading dimension of the rows.
    """

    def __init__(
        self, ops: Sequence[Op], steps: Sequence[Step], last: dict[Tensor, int], end: int, parts: int, dims: int
    ) -> None:
        self.ops, self.steps, self.last, self.parts = ops, steps[: end + 1], last, parts
        self.output = steps[end].writes
        self.numbers = np.arange(float(parts)).reshape(-1, *[1] * dims)
        self.rows = self._needed()

    def _needed(self) -> dict[Tensor, Range]:
        """The rows of each buffer that each part of the output needs."""
        side = self.ops[self.steps[-1].index].writes.side
        first, behind = (np.floor(side * number / self.parts) for number in (self.numbers, self.numbers + 1))
        found: dict[Tensor, Range] = {self.output: (first, behind)}
        for step in reversed(self.steps):
            op = self.ops[step.index]
            if step.writes not in found:
                continue
            for buffer, tensor in zip(step.reads, op.reads, strict=True):
                rows = op.window.reach(found[step.writes], tensor.side)
                if (before := found.get(buffer)) is not None:
                    rows = np.minimum(rows[0], before[0]), np.maximum(rows[1], before[1])
                found[buffer] = rows
        return found

    def live(self, in_place_depthwise: bool) -> list[Count]:
        """The elements that are live at each step, of the part that has the most there."""
        sizes = {buffer: buffer.features * (end - start) ** 2 for buffer, (start, end) in self.rows.items()}
        sizes[self.output] = 0.0
        held = given(self.steps)
        found = []
        for number, step in enumerate(self.steps):
            lost = overwritten(self.ops[step.index], step, self.last, number, in_place_depthwise)
            live = sizes.get(step.writes, 0.0)
            if lost is not None:
                live = np.maximum(live, sizes[lost])
            for buffer in held:
                live = live if buffer is lost else live + sizes[buffer]
            found.append(self.output.elements + np.max(live, axis=0, initial=0.0))
            held = [buffer for buffer in held if self.last[buffer] > number]
            held += [step.writes] if self.last[step.writes] > number else []
        return found

    def again(self) -> dict[str, Count]:
        """Work on rows that several parts need, counted as often as it is repeated."""
        found: dict[str, Count] = dict.fromkeys(AGAIN, 0.0)
        for step in self.steps:
            op = self.ops[step.index]
            extra = _total(self.rows[step.writes]) ** 2 - op.writes.side**2
            found["macs"] = found["macs"] + times(op.pruning.computed, op.macs_per_position) * extra
            found["outputs"] = found["outputs"] + op.writes.features * extra
            for tensor in op.inputs:
                read = _total(op.window.reach(self.rows[step.writes], tensor.side)) ** 2
                found["inputs"] = found["inputs"] + tensor.features * (read - tensor.positions)
            found["weights"] = found["weights"] + (self.parts**2 - 1) * op.count("weights_read")
        return found


def _total(rows: Range) -> Count:
    """The rows of all parts together."""
    return np.sum(rows[1] - rows[0], axis=0)
