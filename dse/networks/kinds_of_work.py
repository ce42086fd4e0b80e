"""Work of a network by kind, as devices take their time with it: what a calibrated latency is a sum over.

Element-wise operations run fused: those that follow each other, norms and activation functions among them, are one
pass that reads what comes in and writes its last result. Each convolution and linear layer begins a pass, with the
norm and activation that the op table folds into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from dse.networks.ops import Op
from dse.networks.tensors import Tensor
from dse.networks.terms import Count, Term, sum_of, times

LAYERS = ("conv", "linear")
PRODUCTS = ("attention", "matmul")
ELEMENTWISE = ("norm", "add", "multiply", "pointwise")
# What moves data from one layout to another.
REARRANGING = ("pool", "concat", "multiply", "resize", "gather", "shift", "other")


def layer_macs(ops: Sequence[Op]) -> Count:
    """Multiply-accumulates of convolutions, but for depthwise ones, and of linear layers."""
    return _total(ops, lambda op: op.count("macs"), LAYERS)


def product_macs(ops: Sequence[Op]) -> Count:
    """Multiply-accumulates between activations: attention and other products."""
    return _total(ops, lambda op: op.count("macs"), PRODUCTS)


def depthwise_macs(ops: Sequence[Op]) -> Count:
    """Multiply-accumulates of depthwise convolutions."""
    return _total(ops, lambda op: op.count("macs"), ("depthwise",))


def window_traffic(ops: Sequence[Op]) -> Count:
    """Input elements that layers multiply, each as often as a window of a convolution holds it."""
    # An op without features, such as a classifier that only training runs, has no work either.
    return _total(ops, lambda op: op.count("macs") * op.groups / np.maximum(op.writes.features, 1), LAYERS)


def depthwise_traffic(ops: Sequence[Op]) -> Count:
    """Input and output elements of depthwise convolutions."""
    return _total(ops, lambda op: op.count("traffic"), ("depthwise",))


def streamed_traffic(ops: Sequence[Op]) -> Count:
    """Input and output elements of layers, of attention without its scores, and of fused element-wise passes."""
    of_layers: list[Term] = [(_often(op, op.count("traffic")), 1.0) for op in ops if op.kind in (*LAYERS, *PRODUCTS)]
    return sum_of([*of_layers, *((times(p.executions, p.elements), 1.0) for p in passes(ops))])


def rearranged_traffic(ops: Sequence[Op]) -> Count:
    """Input and output elements of pooling, concatenation, gates and copies, beside what they stream."""
    return _total(ops, lambda op: op.count("traffic"), REARRANGING)


def attention_scores(ops: Sequence[Op]) -> Count:
    """Scores of all attention: one for each pair of positions and head."""
    return _total(ops, lambda op: op.scores_per_position * op.writes.positions, PRODUCTS)


def kernel_launches(ops: Sequence[Op]) -> Count:
    """Kernels started: one for each layer and product, and one for each fused pass, pooling or copy."""
    multiplying = (op.executions for op in ops if op.kind in (*LAYERS, *PRODUCTS, "depthwise"))
    return sum_of((count, 1.0) for count in [*multiplying, *(p.executions for p in passes(ops))])


def _often(op: Op, count: Count) -> Count:
    return times(op.executions, count)


def _total(ops: Sequence[Op], count: Callable[[Op], Count], kinds: tuple[str, ...]) -> Count:
    return sum_of((_often(op, count(op)), 1.0) for op in ops if op.kind in kinds)


@dataclass
class Pass:
    """Element-wise operations that run as one: how often, and what one execution reads and writes."""

    executions: Count
    result: Tensor
    inputs: list[Count] = field(default_factory=list)

    @property
    def elements(self) -> Count:
        """Elements read and written."""
        return sum_of([*((count, 1.0) for count in self.inputs), self.result.term])


def passes(ops: Sequence[Op]) -> Iterator[Pass]:
    """The fused passes of a network, and its pooling and copies, in order of execution."""
    run: Pass | None = None
    for op in ops:
        if run is not None and op.kind in ELEMENTWISE and any(tensor is run.result for tensor in op.reads):
            run.inputs += [tensor.elements for tensor in op.reads if tensor is not run.result]
            run.result = op.writes
            continue
        if run is not None:
            yield run
        run = _begun(op)
    if run is not None:
        yield run


def _begun(op: Op) -> Pass | None:
    """The pass that an op begins, or is; none for products, lookups, and what is done over again."""
    if op.kind in (*LAYERS, "depthwise"):
        return Pass(op.executions, op.writes, [op.writes.elements])
    if op.kind in (*PRODUCTS, "embedding", "recompute"):
        return None
    return Pass(op.executions, op.writes, [tensor.elements for tensor in op.inputs])
