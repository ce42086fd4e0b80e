"""Peak activations: which buffers are live at each op, in the order of execution.

A buffer lives from the op that writes it to the last one that reads it. Batch norm, activation functions and
flattening happen in place and are no ops; a sum overwrites an input that nothing reads afterwards; a depthwise
convolution does so where the engine supports it (its buffer has the larger of both sizes while it runs, the
output's afterwards, at stride 2 too). The key-value cache and attention scores are no activations here.

A value that only skipped blocks (count 0) would read counts as live until them.

Which buffers are live follows from the graph alone; only their sizes are arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dse.networks.tensors import DEPTHWISE, FRESH, Count, Op, Region, Tensor, Term, sum_of


@dataclass(slots=True)
class _Span:
    """Life of a buffer, by index of op; `last` ends on a half where it outlives an op but not the next.

    `other` is a buffer that this one shares memory with at the points of `shared`.
    """

    born: int
    last: float = -1.0
    other: Tensor | None = None
    shared: Any = False
    sharers: list[Tensor] = field(default_factory=list)


def live_terms(ops: Sequence[Op], regions: Sequence[Region], in_place_depthwise: bool) -> Iterator[list[Term]]:
    """Elements of the buffers live while each op runs, as terms to sum; 0 at points where the op is not executed."""
    spans = _spans(ops, regions)
    alive: list[Tensor] = [buffer for buffer, span in spans.items() if span.born < 0]
    arriving: dict[int, list[Tensor]] = {}
    for buffer, span in spans.items():
        arriving.setdefault(span.born, []).append(buffer)
    for index, op in enumerate(ops):
        alive = [buffer for buffer in alive if spans[buffer].last >= index]
        alive += (buffer for buffer in arriving.get(index, ()) if buffer is not op.writes)
        overwritten = _overwritten(index, op, spans) if op.in_place != FRESH else None
        if op.in_place == DEPTHWISE and not in_place_depthwise:
            overwritten = None
        terms = _working_set(index, op, alive, overwritten, spans)
        yield terms if isinstance(op.repeat, int) else [(count * (op.repeat > 0), at) for count, at in terms]
        alive.append(op.writes)


def _spans(ops: Sequence[Op], regions: Sequence[Region]) -> dict[Tensor, _Span]:
    spans: dict[Tensor, _Span] = {op.writes: _Span(index, index) for index, op in enumerate(ops)}
    for region in regions:
        spans[region.inner] = _Span(region.start, region.start)
    for index, op in enumerate(ops):
        for tensor in op.reads:
            spans.setdefault(tensor.buffer, _Span(-1)).last = index
    for region in regions:
        outer = spans.setdefault(region.outer, _Span(-1))
        outer.last = max(outer.last, region.start - 0.5)
        spans[region.result].last = max(spans[region.result].last, region.stop - 1)
    # Inner regions end before those around them and come first: what a body reads from outside is read again
    # by the next execution, and so lives as long as the region.
    for region in regions:
        read = [tensor.buffer for op in ops[region.start : region.stop] for tensor in op.reads]
        read += [nested.outer for nested in regions if region.start <= nested.start < nested.stop <= region.stop]
        for buffer in read:
            if buffer is not region.outer and spans[buffer].born < region.start:
                spans[buffer].last = max(spans[buffer].last, region.stop - 0.5)
    for region in regions:
        if spans[region.outer].last >= region.start:
            _share(spans, region.inner, region.outer, region.count == 1)
            _share(spans, region.result, region.outer, region.count == 0)
    return spans


def _share(spans: dict[Tensor, _Span], buffer: Tensor, outer: Tensor, where: Any) -> None:
    """Where a block runs once its input is the outer value itself; where it does not run, so is its result."""
    if np.any(where):
        spans[buffer].other, spans[buffer].shared = outer, where
        spans[outer].sharers.append(buffer)


def _overwritten(index: int, op: Op, spans: dict[Tensor, _Span]) -> Tensor | None:
    """The input whose buffer the op may overwrite, because nothing reads it afterwards."""
    dying = [tensor.buffer for tensor in op.reads if spans[tensor.buffer].last == index]
    unshared = [buffer for buffer in dying if spans[buffer].other is None]
    return next(iter(unshared or dying), None)


def _working_set(
    index: int, op: Op, alive: Sequence[Tensor], overwritten: Tensor | None, spans: dict[Tensor, _Span]
) -> list[Term]:
    out = op.writes
    terms = [_own(buffer, alive, spans) for buffer in alive if buffer is not overwritten]
    if overwritten is None:
        return [*terms, out.term]
    own = _own(overwritten, alive, spans)
    # Where another buffer still needs the same memory, nothing is overwritten.
    kept = [spans[other].shared for other in spans[overwritten].sharers if spans[other].last > index]
    if kept:
        both = np.where(np.any(np.broadcast_arrays(*kept), axis=0), sum_of([own, out.term]), _larger(own, out.term))
        return [*terms, (both, 1.0)]
    if own[0] is out.features:
        return [*terms, (out.features, own[1] if own[1] is out.positions else np.maximum(own[1], out.positions))]
    return [*terms, (_larger(own, out.term), 1.0)]


def _own(buffer: Tensor, alive: Sequence[Tensor], spans: dict[Tensor, _Span]) -> Term:
    """Elements of a buffer, 0 where they are counted already with the outer buffer that it shares memory with."""
    span = spans[buffer]
    if span.other is not None and span.other in alive:
        return buffer.features * np.logical_not(span.shared), buffer.positions
    return buffer.term


def _larger(a: Term, b: Term) -> Count:
    return np.maximum(sum_of([a]), sum_of([b]))
