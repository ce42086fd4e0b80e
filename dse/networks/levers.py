"""Levers that every network has as axes: how it is pruned, and how its layers are computed.

===============  ==================================================================================================
separable        dense convolutions become depthwise ones and pointwise ones (done by `Net.conv`)
sparsity         the share of the weights of convolutions and linear layers that is pruned; biases, norms and
                 embeddings stay
sparsity_pattern where the zeros are: anywhere, so many of every 4, or whole blocks
zero_skipping    whether the device leaves the products of pruned weights out; those of whole blocks every device does
winograd         whether dense 3×3 convolutions of stride 1 run as Winograd F(2, 3) where that is less
page_tokens      tokens of a page of the key-value cache, of which each layer holds whole ones
===============  ==================================================================================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.formulas.layers import winograd_macs as tiled_macs
from dse.formulas.memory import paged_tokens
from dse.glossary import lookup
from dse.networks.ops import Op, Pruning
from dse.networks.terms import Count, sum_of, times

if TYPE_CHECKING:
    from dse.networks.tracing import Trace

LEVERS: Mapping[str, Any] = MappingProxyType(
    {"separable": 0, "sparsity": 0, "sparsity_pattern": 0, "zero_skipping": 0, "winograd": 0, "page_tokens": 1}
)
STRUCTURAL = ("separable",)
# The lever of networks with a cache of keys and values alone.
OF_CACHE = "page_tokens"
# Levers that change how a network is run, and nothing of what it computes.
SAME_RESULT = ("zero_skipping", "winograd", "page_tokens")
UNSTRUCTURED, N_OF_4, STRUCTURED = range(len(lookup("sparsity_pattern").choices))
TILE, KERNEL = 2, 3
OF_EVERY_4 = "the pattern n:4 prunes 0 to 3 whole weights of every 4: allowed are 0, 0.25, 0.5, 0.75"
_WEIGHTED = ("conv", "depthwise", "linear")


def fits(sparsity: Count, pattern: Count) -> Any:
    """Where the share can be pruned in the pattern."""
    pruned = np.multiply(sparsity, 4)
    return np.not_equal(pattern, N_OF_4) | (np.equal(np.floor(pruned), pruned) & np.less(pruned, 4))


def apply(
    ops: Collection[Op], sparsity: Count, sparsity_pattern: Count, zero_skipping: Count, winograd: Count,
    page_tokens: Count,
) -> None:  # fmt: skip
    """What levers do to the ops of a traced network; all of them may be arrays."""
    for op in ops if np.any(np.greater(sparsity, 0)) else ():
        if op.kind in _WEIGHTED and np.any(np.greater(op.weights, 0)):
            # A layer that reuses the matrix of an embedding has none of its own to prune.
            op.pruning = _pruning(np.where(np.greater(op.weights, 0), sparsity, 0.0), sparsity_pattern, zero_skipping)
    for op in ops if np.any(winograd) else ():
        direct = op.count("macs")
        # Whole blocks that are pruned save their share of the tiles, too; single zeros do not survive the transform.
        kept = np.where(np.equal(sparsity_pattern, STRUCTURED), op.pruning.kept, 1)
        if (tiled := _tiled(op)) is not None:
            op.executed = direct - winograd * (direct - np.minimum(direct, kept * tiled))
    for op in ops if np.any(np.greater(page_tokens, 1)) else ():
        if np.any(op.cached_tokens):
            tokens = np.maximum(op.cached_tokens, 1.0)
            op.cache_held = op.cache_held / tokens * paged_tokens(tokens, page_tokens)


def winograd_macs(trace: Trace) -> Count:
    """MACs where dense 3×3 convolutions of stride 1 run as Winograd F(2, 3), over whole tiles, where that is less."""
    return sum_of((times(op.executions, _least_macs(op)), 1.0) for op in trace.ops)


def _least_macs(op: Op) -> Count:
    direct, tiled = op.count("macs"), _tiled(op)
    return direct if tiled is None else np.minimum(direct, tiled)


def _pruning(share: Count, pattern: Count, zero_skipping: Count) -> Pruning:
    skipped = np.where(np.equal(pattern, STRUCTURED), 1, zero_skipping)
    pruned = np.greater(share, 0)
    # A bit for each place, kept or not; or which of 4 places a kept one has.
    place, which = (bits * (np.equal(pattern, of) & pruned) for of, bits in ((UNSTRUCTURED, 1.0), (N_OF_4, 2.0)))
    return Pruning(1 - share, 1 - share * skipped, place, which)


def _tiled(op: Op) -> Count:
    """MACs as Winograd over whole tiles; None for an op that is no dense 3×3 convolution of stride 1."""
    if op.tiled_macs is not None or op.kind != "conv" or not op.reads:
        return op.tiled_macs
    x, y = op.reads[0], op.writes
    if x.side is None or y.side is None:
        return None
    dense = np.equal(op.macs_per_position, KERNEL * KERNEL * x.features * y.features)
    # Both may be arrays: those of a patch embedding are the size of a patch.
    dense = dense & np.equal(op.window.kernel, KERNEL) & np.equal(op.window.stride, 1)
    if not np.any(dense):
        return None
    across = y.side if y.across is None else y.across
    tiled = y.frames * tiled_macs(x.features, y.features, y.side, across, TILE, KERNEL)
    return np.where(dense, tiled, np.inf)
