"""Counts of a network: reductions of its traced table of ops, for one sample, one prompt or one token."""

from __future__ import annotations

from dse.networks import levers
from dse.registry import metric


@metric(unit="1", direction="min", kind="count")
def params(trace, counting):
    """Parameters of the network, by the counting convention in force.

    "trainable" (default) counts weights, biases and the affine part of normalisation, as frameworks and model
    cards do; "weights" leaves biases and normalisation out, as the sheet does; "statistics" adds running means
    and variances.
    """
    return trace.params(counting)


@metric(unit="1", direction="min", kind="count")
def active_params(trace, counting):
    """Parameters that one token uses: all of them, but of a mixture only the experts that it is routed to."""
    return trace.active_params(counting)


@metric(unit="1", direction="min", kind="count", counted="MAC")
def macs(trace):
    """Multiply-accumulates of convolutions, linear layers and both attention products; nothing else.

    Those of pruned weights count where the device does not skip them (`zero_skipping`, `sparsity_pattern`). Up to 2^53
    they are exact; beyond it the float64 nearest to the exact number (relative error at most 2^-53), which is noted.
    """
    return trace.total("macs")


@metric(unit="1", direction="min", kind="count", counted="MAC")
def winograd_macs(trace):
    """Multiply-accumulates where dense 3×3 convolutions of stride 1 run as Winograd F(2, 3), over whole tiles."""
    return levers.winograd_macs(trace)


@metric(unit="1", direction="min", kind="count", counted="MAC")
def saved_macs(trace):
    """Multiply-accumulates that convolutions save where they run as Winograd (`winograd`).

    Its transforms are additions, and are not counted.
    """
    return trace.total("macs") - trace.total("executed_macs")


@metric(unit="bit", direction="min", kind="count")
def index_bits(trace):
    """Bits that say which of pruned weights are left.

    1 for each weight that there was where zeros are anywhere, 2 for each that is left of every 4, none for blocks.
    """
    return trace.total("index_bits")


@metric(unit="bit", direction="min", kind="count")
def index_bits_read(trace):
    """Bits that one pass reads to know which of pruned weights are left."""
    return trace.total("index_bits_read")


@metric(unit="1", direction="min", kind="count")
def activations(trace):
    """Sum of the outputs of all convolutions, linear layers and attention products."""
    return trace.total("activations")


@metric(unit="1", direction="min", kind="count")
def peak_activations(trace):
    """Most activation elements live at once over the graph, skip connections held, residual add in place."""
    return trace.peak(in_place_depthwise=False)


@metric(unit="1", direction="min", kind="count")
def peak_activations_in_place(trace):
    """As peak_activations, but a depthwise convolution overwrites its input."""
    return trace.peak(in_place_depthwise=True)


@metric(unit="1", direction="min", kind="count")
def peak_activations_simple(trace):
    """Largest sum of input and output of one layer: the sheet's peak, which forgets skip connections."""
    return trace.peak_simple()


@metric(unit="1", direction="min", kind="count")
def weights_read(trace):
    """Weight elements that one pass reads: rows of an embedding for its tokens, and the experts that a batch touches.

    Which experts a batch touches is taken by expectation, with tokens routed evenly, so this need not be an integer.
    """
    return trace.total("weights_read")


@metric(unit="1", direction="min", kind="count")
def activation_traffic(trace):
    """Input and output elements of every op that moves data; attention scores stay on chip."""
    return trace.total("traffic")


@metric(unit="1", direction="min", kind="count")
def cache_elements(trace):
    """Elements of keys and values held at the context reached, for one sequence, in whole pages (`page_tokens`)."""
    return trace.total("cache_held")


@metric(unit="1", direction="min", kind="count", domain="language")
def cached_tokens(trace):
    """Tokens of a sequence that the cache holds, in the layer that keeps the most: of a window only those inside."""
    return trace.cached_tokens()


@metric(unit="1", direction="min", kind="count")
def cache_traffic(trace):
    """Elements of the cache that one pass reads and writes, for one sequence."""
    return trace.total("cache_read") + trace.total("cache_written")
