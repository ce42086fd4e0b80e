"""What devices that share a network need to know of it: what they exchange, what experts hold, where it ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dse.networks.ops import ONE_COPY, Op
from dse.networks.terms import Count, sum_of
from dse.networks.tracing import Trace

# Layers after which devices that have a part of each matrix must add up their results, by the last part of the name;
# and those where two of such results have been added before, so that one exchange serves both.
_EXCHANGED = ("embedding", "output", "down", "experts_sum")
_MERGED = "branches_add"
# The sum over experts is exchanged, not what each of them gives.
_INSIDE = ("experts", "shared_expert")


def exchanges(trace: Trace) -> Count:
    """Sums over devices that a pass makes where they share each matrix: after attention, feed-forward, embedding."""
    return sum_of((sign * op.executions, 1.0) for sign, op in _exchanged(trace))


def exchanged_elements(trace: Trace) -> Count:
    """Elements that the sums over devices are of, for one sample."""
    return sum_of((sign * op.executions * op.writes.features, op.writes.positions) for sign, op in _exchanged(trace))


def routed_layers(trace: Trace) -> Count:
    """Layers whose tokens go to experts."""
    return sum_of((op.executions, 1.0) for op in _routed(trace))


def routed_elements(trace: Trace) -> Count:
    """Elements of the tokens that go to experts, once for each expert that a token is routed to, for one sample."""
    return sum_of((op.executions * op.reads[0].features, op.reads[0].positions) for op in _routed(trace))


def expert_params(trace: Trace) -> Count:
    """Parameters of all experts that tokens are routed to."""
    return _stored([op for op in trace.ops if op.copies is not ONE_COPY])


def expert_weights_read(trace: Trace) -> Count:
    """Weight elements of experts that one pass reads."""
    return sum_of(term for op in trace.ops if op.copies is not ONE_COPY for term in op.total("weights_read"))


def outer_params(trace: Trace) -> Count:
    """Parameters before and after the layers that repeat."""
    first, last = _outside(trace)
    return _stored(first) + _stored(last)


def edge_params(trace: Trace) -> Count:
    """Parameters before or after the layers that repeat, the larger; a tied embedding is held at both ends."""
    first, last = _outside(trace)
    own = [op for op in last if not (op.kind == "linear" and op.name == "head")]
    heads = [op for op in last if op.kind == "linear" and op.name == "head"]
    held = _stored(own) + sum_of((op.matrix_read + op.biases, 1.0) for op in heads)
    return np.maximum(_stored(first), held)


def boundary_elements(trace: Trace) -> Count:
    """Elements that go from one layer to the next, for one sample; none where no layer repeats."""
    found: Count = 0.0
    for region in trace.regions:
        if not region.shared:
            found = np.maximum(found, region.inner.elements * np.greater(region.count, 1))
    return found


def _exchanged(trace: Trace) -> Iterator[tuple[float, Op]]:
    for op in trace.ops:
        *scopes, last = op.name.split(".")
        if last in _EXCHANGED and not (scopes and scopes[-1] in _INSIDE):
            yield 1.0, op
        elif last == _MERGED:
            yield -1.0, op


def _routed(trace: Trace) -> Iterator[Op]:
    for op in trace.ops:
        if op.name.endswith("experts.up"):
            yield op


def _outside(trace: Trace) -> tuple[list[Op], list[Op]]:
    """The ops before and after all layers: those of no scope."""
    layers = [i for i, op in enumerate(trace.ops) if "." in op.name]
    if not layers:
        return list(trace.ops), []
    alone = [(i, op) for i, op in enumerate(trace.ops) if "." not in op.name]
    return [op for i, op in alone if i < layers[0]], [op for i, op in alone if i > layers[0]]


def _stored(ops: list[Op]) -> Count:
    quantities = ("weights", "biases", "affine")
    return sum_of(term for op in ops for quantity in quantities for term in op.total(quantity))
