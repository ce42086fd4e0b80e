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

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from dse.networks.execution import Execution, Step, cases, enough, given, last_uses, overwritten, segments
from dse.networks.ops import Op
from dse.networks.tensors import Region, Tensor
from dse.networks.terms import Count, Term, largest_of, sum_of


def peak(ops: Sequence[Op], regions: Sequence[Region], in_place_depthwise: bool) -> Count:
    """The most elements that are live at once."""
    largest: Count = 0.0
    everywhere: list[list[Term]] = []
    for _, part, inside in segments(ops, regions):
        of_part: Count = 0.0
        for times, where in cases(inside, enough(part, inside)):
            held = [terms for _, terms in _live(part, Execution(part, inside, times).steps, in_place_depthwise)]
            if where is None:
                everywhere += held
            else:
                of_part = np.where(where, largest_of(held), of_part)
        largest = np.maximum(largest, of_part)
    return np.maximum(largest, largest_of(everywhere))


def timeline(ops: Sequence[Op], regions: Sequence[Region], in_place_depthwise: bool) -> list[Count]:
    """The most elements that are live while each op runs; 0 at points where it never does."""
    live: list[Count] = [0.0] * len(ops)
    for times, where in cases(regions, enough(ops, regions)):
        of_case: list[Count] = [0.0] * len(ops)
        for index, terms in _live(ops, Execution(ops, regions, times).steps, in_place_depthwise):
            of_case[index] = np.maximum(of_case[index], sum_of(terms))
        live = of_case if where is None else [np.where(where, a, b) for a, b in zip(of_case, live, strict=True)]
    return live


def each_step(ops: Sequence[Op], steps: Sequence[Step], in_place_depthwise: bool) -> list[Count]:
    """The elements that are live at each step."""
    return [sum_of(terms) for _, terms in _live(ops, steps, in_place_depthwise)]


def _live(ops: Sequence[Op], steps: Sequence[Step], in_place_depthwise: bool) -> Iterator[tuple[int, list[Term]]]:
    """Index of each executed op, and the sizes of the buffers that are live meanwhile, to be summed."""
    last = last_uses(steps)
    ends: dict[int, list[Tensor]] = {}
    for buffer, until in last.items():
        ends.setdefault(until, []).append(buffer)
    inputs = given(steps)
    held = _Held(inputs, all(map(_is_whole, (*inputs, *(step.writes for step in steps)))))
    for number, step in enumerate(steps):
        if step.counts:
            lost = overwritten(ops[step.index], step, last, number, in_place_depthwise)
            yield step.index, [*held.terms(lost), _written(step.writes, lost)]
        held.add(step.writes)
        for buffer in ends.get(number, ()):
            held.remove(buffer)


class _Held:
    """Buffers that are live; where all sizes are whole numbers, `summed`, their sum: thousands cost as much as one."""

    def __init__(self, buffers: Iterable[Tensor], summed: bool) -> None:
        self.sum, self.summed = 0.0, summed
        self.buffers: dict[Tensor, None] = {}
        for buffer in buffers:
            self.add(buffer)

    def add(self, buffer: Tensor) -> None:
        if self.summed:
            self.sum += buffer.elements
        else:
            self.buffers[buffer] = None

    def remove(self, buffer: Tensor) -> None:
        if self.summed:
            self.sum -= buffer.elements
        else:
            del self.buffers[buffer]

    def terms(self, lost: Tensor | None) -> list[Term]:
        """The sizes of all but the buffer that is lost, to be summed."""
        if self.summed:
            return [(self.sum - (0.0 if lost is None else lost.elements), 1.0)]
        return [buffer.term for buffer in self.buffers if buffer is not lost]


def _is_whole(buffer: Tensor) -> bool:
    """Whether the size is one whole number, the same on the whole grid: sums and differences hold it exactly."""
    if not (isinstance(buffer.features, (int, float)) and isinstance(buffer.positions, (int, float))):
        return False
    return buffer.elements <= 2.0**53 and bool(buffer.elements % 1 == 0)


def _written(writes: Tensor, lost: Tensor | None) -> Term:
    """What is live of the output, and of the input that it overwrites."""
    if lost is None or (lost.positions is writes.positions and lost.features is writes.features):
        return writes.term
    if lost.features is not writes.features:
        return np.maximum(lost.elements, writes.elements), 1.0
    return writes.features, np.maximum(lost.positions, writes.positions)
