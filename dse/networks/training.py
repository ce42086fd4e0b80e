"""What training needs to know of a traced network: products with weights, repeated blocks, matrices to adapt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dse.networks.ops import Op
from dse.networks.tensors import Region
from dse.networks.terms import Count, sum_of
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
    return sum_of((_of_block(trace, block, "macs") * np.greater(block.count, 1), 1.0) for block in _blocks(trace))


def checkpointed_activations(trace: Trace) -> Count:
    """Activations held where of repeated blocks only the inputs are kept: those, all others, and one block's own.

    Blocks that run once are not repeated; theirs are kept. The block is the one with the most activations.
    """
    blocks = _blocks(trace)
    inside = {i for block in blocks for i in range(block.start, block.stop)}
    kept = _total([op for i, op in enumerate(trace.ops) if i not in inside], "activations")
    largest: Count = 0.0
    for block in blocks:
        every, repeated = _of_block(trace, block, "activations"), np.greater(block.count, 1)
        times_run = block.count * trace.ops[block.start].calls
        kept = kept + np.where(repeated, times_run * block.inner.elements, every)
        largest = np.maximum(largest, np.where(repeated, every / np.maximum(times_run, 1), 0.0))
    return kept + largest


def adapter_features(trace: Trace, targets: str) -> Count:
    """Input and output features of the adapted matrices: parameters of adapters of rank 1.

    0 where the network has no such matrices, or where rows of imported ones cannot be told from their elements.
    """
    return sum_of((op.repeat * op.copies.stored * features, 1.0) for op, features in _adapted(trace, targets))


def adapter_macs(trace: Trace, targets: str) -> Count:
    """MACs of one sample in adapters of rank 1."""
    return sum_of((op.executions * features, op.writes.positions) for op, features in _adapted(trace, targets))


def _adapted(trace: Trace, targets: str) -> Iterator[tuple[Op, Count]]:
    """Adapted matrices, each with its input and output features; 0 in networks where it is not one whole matrix."""
    names = TARGETS[targets]
    for op in trace.ops:
        last = op.name.rpartition(".")[2]
        if op.kind != "linear" or not op.reads or last in _LEFT or (names is not None and last not in names):
            continue
        if op.adapted is not None:
            yield op, op.adapted
            continue
        read, written = op.reads[0].features, op.writes.features
        # Of an imported matrix the elements need not be those of one from all that is read to all that is written.
        whole = np.equal(op.macs_per_position, read * written)
        if np.any(whole):
            yield op, whole * (read + written)


def _blocks(trace: Trace) -> list[Region]:
    """Regions that repeat with weights of their own, and are in no other one that does."""
    repeated = [region for region in trace.regions if not region.shared and np.any(np.greater(region.count, 1))]

    def within(region: Region, other: Region) -> bool:
        return other is not region and other.start <= region.start and region.stop <= other.stop

    return [region for region in repeated if not any(within(region, other) for other in repeated)]


def _of_block(trace: Trace, block: Region, quantity: str) -> Count:
    return _total(trace.ops[block.start : block.stop], quantity)


def _total(ops: list[Op] | tuple[Op, ...], quantity: str, kinds: tuple[str, ...] | None = None) -> Count:
    chosen = [op for op in ops if kinds is None or op.kind in kinds]
    return sum_of(term for op in chosen for term in op.total(quantity))
