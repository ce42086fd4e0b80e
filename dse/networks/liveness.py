"""Peak activations: which buffers are live at each op, in the order of execution.

A buffer lives from the op that writes it to the last one that reads it. Batch norm, activation functions and
flattening happen in place and are no ops; a sum overwrites an input that nothing reads afterwards; a depthwise
convolution does so where the engine supports it (its buffer has the larger of both sizes while it runs, the
output's afterwards, at stride 2 too). The gate of squeeze-and-excitation is multiplied in place. A concatenation is a
buffer of its own, beside its parts until they are read no more; half of the channels, split off, is a view of all. The
key-value cache and attention scores are no activations here.

Which buffers are live follows from the graph alone, with repeated blocks run 0, 1, 2 or more times; only their
sizes are arrays. From three times on the second execution stands for all: it holds the input of the first where
that is read again later, and what the next one reads from outside the block, so no other execution holds more. Where
neither happens, all executions are alike and one stands for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.networks.tensors import DEPTHWISE, FIRST, FRESH, Count, Op, Region, Tensor, Term, largest_of, sum_of

# Executions after which more of them hold nothing more.
_ENOUGH = 3


@dataclass(slots=True)
class _Step:
    """One execution of an op: `counts` is False where another execution of it holds as much."""

    index: int
    reads: list[Tensor]
    writes: Tensor
    counts: bool


def peak(ops: Sequence[Op], regions: Sequence[Region], in_place_depthwise: bool) -> Count:
    """The most elements that are live at once."""
    largest: Count = 0.0
    for times, where in _cases(regions, _enough(ops, regions)):
        of_case = largest_of(terms for _, terms in _live(ops, regions, times, in_place_depthwise))
        largest = of_case if where is None else np.where(where, of_case, largest)
    return largest


def timeline(ops: Sequence[Op], regions: Sequence[Region], in_place_depthwise: bool) -> list[Count]:
    """The most elements that are live while each op runs; 0 at points where it never does."""
    live: list[Count] = [0.0] * len(ops)
    for times, where in _cases(regions, _enough(ops, regions)):
        of_case: list[Count] = [0.0] * len(ops)
        for index, terms in _live(ops, regions, times, in_place_depthwise):
            of_case[index] = np.maximum(of_case[index], sum_of(terms))
        live = of_case if where is None else [np.where(where, a, b) for a, b in zip(of_case, live, strict=True)]
    return live


def _cases(regions: Sequence[Region], enoughs: Sequence[int]) -> Iterator[tuple[list[int], Any]]:
    """How often each region runs (at most as often as is enough), and at which points: None stands for all."""
    capped = [np.minimum(region.count, enough) for region, enough in zip(regions, enoughs, strict=True)]
    if all(count.min() == count.max() for count in capped):
        yield [int(count.min()) for count in capped], None
        return
    base = _ENOUGH + 1
    key = sum(count * base**number for number, count in enumerate(capped))
    for value in np.unique(key):
        yield [int(value // base**number % base) for number in range(len(capped))], key == value


def _enough(ops: Sequence[Op], regions: Sequence[Region]) -> list[int]:
    """Executions of each region after which more of them hold nothing more."""
    return [1 if _alike(ops, regions, number) else _ENOUGH for number in range(len(regions))]


def _alike(ops: Sequence[Op], regions: Sequence[Region], number: int) -> bool:
    """Whether a region is in no other, reads nothing from outside, ends in its result and leaves its input unread."""
    region = regions[number]
    if ops[region.stop - 1].writes is not region.result:
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


def _live(
    ops: Sequence[Op], regions: Sequence[Region], times: Sequence[int], in_place_depthwise: bool
) -> Iterator[tuple[int, list[Term]]]:
    """Index of each executed op, and the sizes of the buffers that are live meanwhile, to be summed."""
    steps = _Execution(ops, regions, times).steps
    last: dict[Tensor, int] = {}
    for number, step in enumerate(steps):
        last[step.writes] = number
        for buffer in step.reads:
            last[buffer] = number
    written = {step.writes for step in steps}
    held = [buffer for buffer in last if buffer not in written]
    for number, step in enumerate(steps):
        if step.counts:
            rule = ops[step.index].in_place
            may = rule != FRESH and (rule != DEPTHWISE or in_place_depthwise)
            dying = (buffer for buffer in step.reads[: 1 if rule == FIRST else None] if last[buffer] == number)
            yield step.index, _working_set(held, step.writes, next(dying, None) if may else None)
        held = [buffer for buffer in held if last[buffer] > number]
        if last[step.writes] > number:
            held.append(step.writes)


def _working_set(held: Sequence[Tensor], writes: Tensor, overwritten: Tensor | None) -> list[Term]:
    terms = [buffer.term for buffer in held if buffer is not overwritten]
    if overwritten is None:
        return [*terms, writes.term]
    if overwritten.features is not writes.features:
        return [*terms, (np.maximum(overwritten.elements, writes.elements), 1.0)]
    if overwritten.positions is writes.positions:
        return [*terms, writes.term]
    return [*terms, (writes.features, np.maximum(overwritten.positions, writes.positions))]


class _Execution:
    """Runs the ops of a trace; each execution of one gets a buffer of its own."""

    def __init__(self, ops: Sequence[Op], regions: Sequence[Region], times: Sequence[int]) -> None:
        self.ops, self.regions, self.times = ops, regions, times
        self.starting: dict[int, list[int]] = {}
        for number, region in enumerate(regions):
            self.starting.setdefault(region.start, []).append(number)
        self.steps: list[_Step] = []
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
            self.steps.append(_Step(index, reads, writes, counts))
            index += 1

    def repeat(self, number: int, counts: bool) -> None:
        """A region, each execution on the result of the one before."""
        region, times = self.regions[number], self.times[number]
        value = self.buffers.get(region.outer, region.outer)
        for execution in range(times):
            self.buffers[region.inner] = value
            # Of three executions the second holds the most.
            self.run(region.start, region.stop, number, counts and (times < _ENOUGH or execution == 1))
            value = self.buffers[region.result]
        self.buffers[region.result] = value
