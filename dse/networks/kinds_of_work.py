"""Work of a network by kind, as devices take their time with it: what a calibrated latency is a sum over.

Element-wise operations run fused: those that follow each other, norms and activation functions among them, are one
pass that reads what comes in and writes its last result. Each convolution and linear layer begins a pass, with the
norm and activation that the op table folds into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from dse.networks.fusion import ALONE, Fusion, Where
from dse.networks.ops import Op
from dse.networks.tensors import Tensor
from dse.networks.terms import Count, Term, sum_of, times
from dse.networks.tracing import Trace

LAYERS = ("conv", "linear")
PRODUCTS = ("attention", "matmul")
MULTIPLYING = (*LAYERS, *PRODUCTS, "depthwise")
# What moves data from one layout to another.
REARRANGING = ("pool", "concat", "multiply", "resize", "gather", "shift", "other")


def layer_macs(trace: Trace) -> Count:
    """Multiply-accumulates of convolutions, but for depthwise ones, and of linear layers."""
    return _total(trace, lambda op: op.count("macs"), LAYERS)


def product_macs(trace: Trace) -> Count:
    """Multiply-accumulates between activations: attention and other products."""
    return _total(trace, lambda op: op.count("macs"), PRODUCTS)


def depthwise_macs(trace: Trace) -> Count:
    """Multiply-accumulates of depthwise convolutions."""
    return _total(trace, lambda op: op.count("macs"), ("depthwise",))


def window_traffic(trace: Trace) -> Count:
    """Input elements that layers multiply, each as often as a window of a convolution holds it."""
    # An op without features, such as a classifier that only training runs, has no work either.
    return _total(trace, lambda op: op.count("macs") * op.groups / np.maximum(op.writes.features, 1), LAYERS)


def depthwise_traffic(trace: Trace) -> Count:
    """Input and output elements of depthwise convolutions."""
    return _total(trace, lambda op: op.count("traffic"), ("depthwise",))


def streamed_traffic(trace: Trace) -> Count:
    """Input and output elements of layers, of attention without its scores, and of fused element-wise passes."""
    fusion = Fusion(trace.ops, trace.regions)
    return sum_of(term for index in range(len(trace.ops)) for term in _streamed(fusion, index))


def rearranged_traffic(trace: Trace) -> Count:
    """Input and output elements of pooling, concatenation, gates and copies, beside what they stream."""
    return _total(trace, lambda op: op.count("traffic"), REARRANGING)


def attention_scores(trace: Trace) -> Count:
    """Scores of all attention: one for each pair of positions and head."""
    return _total(trace, lambda op: op.scores_per_position * op.writes.positions, PRODUCTS)


def kernel_launches(trace: Trace) -> Count:
    """Kernels started: one for each layer and product, and one for each fused pass, pooling or copy."""
    fusion = Fusion(trace.ops, trace.regions)
    started: Count = 0.0
    for index, op in enumerate(trace.ops):
        begun = 0.0 if op.kind in ALONE else 1.0 - fusion.fused(index)
        started = started + op.executions * ((op.kind in MULTIPLYING) + begun)
    return started


def _streamed(fusion: Fusion, index: int) -> Iterator[Term]:
    """What an op streams: what a pass goes on with it neither reads nor writes in between."""
    op = fusion.ops[index]
    yield from op.total("traffic") if op.kind in (*LAYERS, *PRODUCTS) else ()
    for tensor in _of_pass(op):
        yield times(op.executions, tensor.features), tensor.positions
    written: Where = False
    for tensor, where in fusion.joined(index):
        # Once as it is read and, whichever of the inputs it is, once as it was written.
        spared = 1.0 * where + (where & np.logical_not(written))
        written = written | where
        yield -op.executions * spared * tensor.features, tensor.positions


def _of_pass(op: Op) -> tuple[Tensor, ...]:
    """What an op reads and writes in a pass: of a layer the norm and activation that follow it."""
    if op.kind in ALONE:
        return ()
    return (op.writes, op.writes) if op.kind in (*LAYERS, "depthwise") else (*op.inputs, op.writes)


def _often(op: Op, count: Count) -> Count:
    return times(op.executions, count)


def _total(trace: Trace, count: Callable[[Op], Count], kinds: tuple[str, ...]) -> Count:
    return sum_of((_often(op, count(op)), 1.0) for op in trace.ops if op.kind in kinds)
