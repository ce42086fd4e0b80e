"""Work of a network by kind, for one sample, prompt or token: what a calibrated latency is a sum over."""

from __future__ import annotations

import numpy as np

from dse.networks import kinds_of_work
from dse.registry import metric, metrics

# Counts are the functions of `dse.networks.kinds_of_work` themselves.
for of_macs in (kinds_of_work.layer_macs, kinds_of_work.product_macs, kinds_of_work.depthwise_macs):
    metric(unit="1", kind="count", counted="MAC")(of_macs)
for of_trace in (
    kinds_of_work.window_traffic, kinds_of_work.depthwise_traffic, kinds_of_work.streamed_traffic,
    kinds_of_work.rearranged_traffic, kinds_of_work.attention_scores, kinds_of_work.kernel_launches,
):  # fmt: skip
    metric(unit="1", kind="count")(of_trace)

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
