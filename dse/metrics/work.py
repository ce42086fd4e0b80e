"""Work of a network by kind, for one sample, prompt or token: what a calibrated latency is a sum over."""

from __future__ import annotations

import numpy as np

from dse.networks import kinds_of_work
from dse.registry import metric, metrics


@metric(unit="1", kind="count", counted="MAC")
def layer_macs(trace):
    """Multiply-accumulates of convolutions, but for depthwise ones, and of linear layers."""
    return kinds_of_work.layer_macs(trace)


@metric(unit="1", kind="count", counted="MAC")
def product_macs(trace):
    """Multiply-accumulates between activations: attention and other products."""
    return kinds_of_work.product_macs(trace)


@metric(unit="1", kind="count", counted="MAC")
def depthwise_macs(trace):
    """Multiply-accumulates of depthwise convolutions."""
    return kinds_of_work.depthwise_macs(trace)


@metric(unit="1", kind="count")
def window_traffic(trace):
    """Input elements that layers multiply, each as often as a window of a convolution holds it."""
    return kinds_of_work.window_traffic(trace)


@metric(unit="1", kind="count")
def depthwise_traffic(trace):
    """Input and output elements of depthwise convolutions."""
    return kinds_of_work.depthwise_traffic(trace)


@metric(unit="1", kind="count")
def streamed_traffic(trace):
    """Input and output elements of layers, of attention without its scores, and of fused element-wise passes."""
    return kinds_of_work.streamed_traffic(trace)


@metric(unit="1", kind="count")
def rearranged_traffic(trace):
    """Input and output elements of pooling, concatenation, gates and copies, beside what they stream."""
    return kinds_of_work.rearranged_traffic(trace)


@metric(unit="1", kind="count")
def attention_scores(trace):
    """Scores of all attention: one for each pair of positions and head."""
    return kinds_of_work.attention_scores(trace)


# Written by the first product, read and written by softmax and by dropout or mask, read by the second product.
SCORE_PASSES = 6


@metric(unit="1")
def score_traffic(attention_scores):
    """Elements of attention scores read and written where attention is not one kernel."""
    return SCORE_PASSES * attention_scores


@metric("score_traffic", phase="train", unit="1")
def training_score_traffic(forward_attention_scores, recompute, recompute_attention):
    """Elements of attention scores forward, backward, and again where attention is computed again."""
    return SCORE_PASSES * forward_attention_scores * (3 + np.maximum(recompute, recompute_attention))


@metric(unit="1", faces=False)
def repeated_cache_traffic():
    """Elements of keys and values read again for every query head that shares them: none where prompts are read."""
    return 0.0


# Of the bandwidth of the main memory: keys and values that were just read come from the last cache.
REPEATED_RATE = 1.6


@metric("repeated_cache_traffic", phase="decode", unit="1")
def of_every_query_head(product_macs, cache_reads):
    """Elements of keys and values once for every query head, as many as are multiplied; 0 where heads share them.

    In units of main memory's traffic: the last cache serves them 1.6 times as fast.
    """
    return product_macs * cache_reads / REPEATED_RATE


@metric(unit="1", kind="count")
def kernel_launches(trace):
    """Kernels started: one for each layer and product, and one for each fused element-wise pass, pooling or copy."""
    return kinds_of_work.kernel_launches(trace)


MOVED = "window_traffic depthwise_traffic streamed_traffic rearranged_traffic kernel_launches"


@metrics(MOVED, "forward_{} recompute", phase="train", unit="1")
def of_each_pass(forward, recompute):
    """Of the passes forward and backward, of both products, and of the one in which blocks are computed again."""
    return (3 + recompute) * forward


@metric("layer_macs", phase="train", unit="1", counted="MAC")
def training_layer_macs(macs):
    """All multiply-accumulates of a training step: they are fitted at one rate."""
    return macs * 1.0


@metrics("product_macs depthwise_macs", "", phase="train", unit="1", counted="MAC", faces=False)
def among_those_of_layers():
    """None in training: they count among those of layers."""
    return 0.0
