"""What training needs to know of a traced network: products with weights, repeated blocks, matrices to adapt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dse.networks.tensors import QUANTITIES, Count, Op, Region, sum_of
from dse.networks.tracing import Trace

# Matrices that low-rank adapters stand beside, by the last part of their names: those of queries and values, or all.
TARGETS = {"qv": ("q", "v"), "all": None}
# Matrices that nobody adapts: the classifier, and the router of experts.
_LEFT = ("head", "classifier", "router")
_WEIGHTED = ("conv", "depthwise", "linear")


def weight_macs(trace: Trace) -> Count:
    """MACs of layers with weights: all but those of products of two activations."""
    return _total(trace.ops, "macs", _WEIGHTED)


def block_macs(trace: Trace) -> Count:
    """MACs of all repeated blocks: what is computed again where only their inputs are kept."""
    return _total([op for region in _outer(trace) for op in trace.ops[region.start : region.stop]], "macs")


def checkpointed_activations(trace: Trace) -> Count:
    """Activations held where of repeated blocks only the inputs are kept: those, all others, and one block's own.

    Blocks that run once are not repeated; theirs are kept. The block is the one with the most activations.
    """
    inside = {i for region in _outer(trace) for i in range(region.start, region.stop)}
    kept = _total([op for i, op in enumerate(trace.ops) if i not in inside], "activations")
    largest: Count = 0.0
    for region in _outer(trace):
        every = _total(trace.ops[region.start : region.stop], "activations")
        runs = np.maximum(region.count, 1)
        kept, largest = kept + region.count * region.inner.elements, np.maximum(largest, every / runs)
    return kept + largest


def adapter_features(trace: Trace, targets: str) -> Count:
    """Input and output features of the adapted matrices: parameters of adapters of rank 1.

    0 where the network has no such matrices, or where rows of imported ones cannot be told from their elements.
    """
    return sum_of((op.repeat * op.copies.stored * _features(op), 1.0) for op in _adapted(trace, targets))


def adapter_macs(trace: Trace, targets: str) -> Count:
    """MACs of one sample in adapters of rank 1."""
    return sum_of((op.repeat * _features(op), op.writes.positions) for op in _adapted(trace, targets))


def _adapted(trace: Trace, targets: str) -> Iterator[Op]:
    names = TARGETS[targets]
    for op in trace.ops:
        last = op.name.rpartition(".")[2]
        if op.kind != "linear" or last in _LEFT or (names is not None and last not in names):
            continue
        if np.all(op.macs_per_position == op.reads[0].features * op.writes.features):
            yield op


def _features(op: Op) -> Count:
    return op.reads[0].features + op.writes.features


def _outer(trace: Trace) -> list[Region]:
    """Regions that are in no other one."""

    def within(region: Region, other: Region) -> bool:
        return other is not region and other.start <= region.start and region.stop <= other.stop

    return [r for r in trace.regions if not any(within(r, other) for other in trace.regions)]


def _total(ops: list[Op] | tuple[Op, ...], quantity: str, kinds: tuple[str, ...] | None = None) -> Count:
    chosen = [op for op in ops if kinds is None or op.kind in kinds]
    return sum_of((count * op.repeat, at) for op in chosen for count, at in QUANTITIES[quantity](op))
