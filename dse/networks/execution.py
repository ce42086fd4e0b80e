"""The order in which the ops of a trace are executed, with a buffer for each output of each execution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dse.networks.ops import DEPTHWISE, FIRST, FRESH, Op
from dse.networks.tensors import Region, Tensor

# Executions of a region after which more of them hold nothing more.
_ENOUGH = 3
# What codes of int64 hold.
_LARGEST_CODE = 2**62


@dataclass(slots=True)
class Step:
    """One execution of an op: `counts` is False where another execution of it holds as much."""

    index: int
    reads: list[Tensor]
    writes: Tensor
    counts: bool


def cases(regions: Sequence[Region], enoughs: Sequence[int] | None) -> Iterator[tuple[list[int], Any]]:
    """How often each region runs, and at which points: None stands for all.

    `enoughs` are executions after which more of a region hold nothing more; None counts them all.
    """
    if enoughs is None:
        capped = [np.asarray(region.count) for region in regions]
    else:
        capped = [np.minimum(region.count, cap) for region, cap in zip(regions, enoughs, strict=True)]
    if all(count.min() == count.max() for count in capped):
        yield [int(count.min()) for count in capped], None
        return
    code = _codes(capped)
    everywhere = [np.broadcast_to(count, code.shape) for count in capped]
    places = range(code.size - 1, -1, -1)
    first = dict(zip(np.ravel(code)[::-1].tolist(), places, strict=True))
    for value, place in first.items():
        yield [int(count.flat[place]) for count in everywhere], code == value


def _codes(counts: Sequence[Any]) -> Any:
    """An integer for each point: the same where all counts are, and nowhere else."""
    code, size = np.zeros((), dtype=np.int64), 1
    for count in counts:
        rank, number = _ranks(count)
        if size * number > _LARGEST_CODE:
            code, size = _ranks(code)
        code, size = code * number + rank, size * number
    return code


def _ranks(values: Any) -> tuple[Any, int]:
    """The place of each value among the different ones, and how many these are."""
    # Not np.unique, which imports masked arrays at its first call: longer than a grid takes.
    different = np.array(sorted(set(np.ravel(values).tolist())))
    return np.searchsorted(different, values), len(different)


def enough(ops: Sequence[Op], regions: Sequence[Region]) -> list[int]:
    """Executions of each region after which more of them hold nothing more."""
    return [
        1 if _independent(region) or _alike(ops, regions, number) else _ENOUGH for number, region in enumerate(regions)
    ]


def segments(ops: Sequence[Op], regions: Sequence[Region]) -> Iterator[tuple[int, Sequence[Op], list[Region]]]:
    """Parts of a trace behind each of which its last output is all that is held: the number of their first op, their
    ops, and the regions among these.

    What a part holds does not depend on how often the regions of another run: their cases add up, and do not multiply.
    """
    last = _last_reads(ops, regions)
    own = {op.writes for op in ops} | {region.inner for region in regions}
    # The op up to which something is held that was there before the present one: inputs of the network at first.
    needed = max((until for buffer, until in last.items() if buffer not in own), default=-1)
    stops = {region.start: region.stop for region in regions}  # the outermost comes last
    start = stop = 0
    for index, op in enumerate(ops[:-1]):
        stop = max(stop, stops.get(index, 0))
        until = last.get(op.writes, -1)
        if stop <= index and needed <= index < until:
            yield start, ops[start : index + 1], _inside(regions, start, index + 1)
            start = index + 1
        needed = max(needed, until)
    yield start, ops[start:], _inside(regions, start, len(ops))


def _inside(regions: Sequence[Region], start: int, stop: int) -> list[Region]:
    """The regions of the ops from `start` to `stop`, which count from there."""
    found = [region for region in regions if start <= region.start < stop]
    return [replace(region, start=region.start - start, stop=region.stop - start) for region in found]


def _last_reads(ops: Sequence[Op], regions: Sequence[Region]) -> dict[Tensor, int]:
    """The number of the last op that reads each buffer, under whatever name regions hand it on."""
    last: dict[Tensor, int] = {}
    for index, op in enumerate(ops):
        last.update((tensor.buffer, index) for tensor in op.reads)
    # Later regions first, and inner ones before those around them. One that does not run hands on its input.
    for region in sorted(regions, key=lambda region: -region.start):
        known = (last.get(buffer, -1) for buffer in (region.outer, region.inner, region.result))
        last[region.outer] = max(region.stop - 1, *known)
    return last


def _independent(region: Region) -> bool:
    """Whether the executions of a region have inputs of their own: with the same weights, of another shape than what
    comes out."""
    return region.shared and not _same_shape(region.inner, region.result)


def _alike(ops: Sequence[Op], regions: Sequence[Region], number: int) -> bool:
    """Whether executions of a region hold the same: it is in no other, reads nothing from outside, ends in its result,
    which has the shape of its input, and leaves its input unread."""
    region = regions[number]
    if ops[region.stop - 1].writes is not region.result or not _same_shape(region.inner, region.result):
        return False
    if any(other.start <= region.start and region.stop <= other.stop for other in regions[number + 1 :]):
        return False
    inside = {op.writes for op in ops[region.start : region.stop]}
    inside |= {other.inner for other in regions[: number + 1] if region.start <= other.start}
    if any(tensor.buffer not in inside for op in ops[region.start : region.stop] for tensor in op.reads):
        return False
    if any(other.outer not in inside for other in regions[:number] if region.start <= other.start):
        return False
    # A region that never runs hands on its own input.
    inputs = {region.outer}
    for other in reversed(regions[:number]):
        inputs |= {other.outer} if other.result in inputs else set()
    later = (tensor.buffer for op in ops[region.stop :] for tensor in op.reads)
    waiting = (other.outer for other in regions[number + 1 :])
    return inputs.isdisjoint(later) and inputs.isdisjoint(waiting)


def _same_shape(a: Tensor, b: Tensor) -> bool:
    sizes = (a.features, b.features), (a.positions, b.positions)
    return all(one is other or bool(np.all(one == other)) for one, other in sizes)


def last_uses(steps: Sequence[Step]) -> dict[Tensor, int]:
    """The last step that reads each buffer; where none does, the one that writes it."""
    last: dict[Tensor, int] = {}
    for number, step in enumerate(steps):
        last[step.writes] = number
        for buffer in step.reads:
            last[buffer] = number
    return last


def given(steps: Sequence[Step]) -> list[Tensor]:
    """Buffers that no step writes: the inputs of the network."""
    written = {step.writes for step in steps}
    return list(dict.fromkeys(buffer for step in steps for buffer in step.reads if buffer not in written))


def overwritten(op: Op, step: Step, last: dict[Tensor, int], number: int, in_place_depthwise: bool) -> Tensor | None:
    """The input whose buffer the step writes to: one that may be, and that no later step reads."""
    if op.in_place == FRESH or (op.in_place == DEPTHWISE and not in_place_depthwise):
        return None
    candidates = step.reads[:1] if op.in_place == FIRST else step.reads
    return next((buffer for buffer in candidates if last[buffer] == number), None)


class Execution:
    """Runs the ops of a trace; each execution of one gets a buffer of its own.

    With `every`, all executions of a region count.
    """

    def __init__(self, ops: Sequence[Op], regions: Sequence[Region], times: Sequence[int], every: bool = False) -> None:
        self.every = every
        self.ops, self.regions, self.times = ops, regions, times
        self.starting: dict[int, list[int]] = {}
        for number, region in enumerate(regions):
            self.starting.setdefault(region.start, []).append(number)
        self.steps: list[Step] = []
        # The latest buffer of each tensor of the trace.
        self.buffers: dict[Tensor, Tensor] = {}
        self.run(0, len(ops), len(regions), True)

    def run(self, start: int, stop: int, within: int, counts: bool) -> None:
        """The ops `start` to `stop` inside the region numbered `within`."""
        index = start
        while index < stop:
            # Inner regions come before those around them: the last one is the outermost.
            inside = [number for number in self.starting.get(index, ()) if number < within]
            if inside:
                self.repeat(inside[-1], counts)
                index = self.regions[inside[-1]].stop
                continue
            op = self.ops[index]
            reads = [self.buffers.get(tensor.buffer, tensor.buffer) for tensor in op.reads]
            writes = Tensor(op.writes.features, op.writes.positions)
            self.buffers[op.writes] = writes
            self.steps.append(Step(index, reads, writes, counts))
            index += 1

    def repeat(self, number: int, counts: bool) -> None:
        """A region, each execution on the result of the one before, where it has no input of its own."""
        region, times = self.regions[number], self.times[number]
        value = self.buffers.get(region.outer, region.outer)
        for execution in range(times):
            self.buffers[region.inner] = value
            # Of three executions the second holds the most.
            self.run(region.start, region.stop, number, counts and (self.every or times < _ENOUGH or execution == 1))
            value = value if _independent(region) else self.buffers[region.result]
        # Counts below 0 are those of designs that make no network.
        value = self.buffers[region.result] if times > 0 else value
        self.buffers[region.result] = value
