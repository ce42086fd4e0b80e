"""What training needs to know of a traced network: products with weights, repeated blocks, matrices to adapt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dse.networks.adapted import Adapted, is_adapted
from dse.networks.ops import Op
from dse.networks.tensors import Region
from dse.networks.terms import Count, sum_of, times
from dse.networks.tracing import Trace

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

    0 where the network has no such matrices, or where those of an imported one cannot be told.
    """
    return sum_of(
        (times(beside.stored, op.repeat) * op.copies.stored * beside.features(targets), 1.0)
        for op, beside in _adapted(trace, targets)
    )


def adapter_macs(trace: Trace, targets: str) -> Count:
    """MACs of one sample in adapters of rank 1."""
    return sum_of(
        (op.executions * beside.features(targets), op.writes.positions if beside.rows is None else beside.rows)
        for op, beside in _adapted(trace, targets)
    )


def _adapted(trace: Trace, targets: str) -> Iterator[tuple[Op, Adapted]]:
    """Ops with matrices that adapters stand beside, and these; 0 in networks where it is not one whole matrix."""
    for op in trace.ops:
        if op.kind != "linear" or not op.reads:
            continue
        if op.adapted is not None:
            yield op, op.adapted
        elif is_adapted(op.name, targets) and np.any(op.matrix):
            read, written = op.reads[0].features, op.writes.features
            features = np.equal(op.macs_per_position, read * written) * (read + written)
            yield op, Adapted(features, features)


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
