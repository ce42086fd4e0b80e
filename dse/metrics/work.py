"""Work of a network by kind, for one sample, prompt or token: what a calibrated latency is a sum over."""

from __future__ import annotations

from dse.networks import kinds_of_work
from dse.registry import metric


@metric(unit="1", kind="count", counted="MAC")
def layer_macs(trace):
    """Multiply-accumulates of convolutions, but for depthwise ones, and of linear layers."""
    return kinds_of_work.layer_macs(trace.ops)


@metric(unit="1", kind="count", counted="MAC")
def product_macs(trace):
    """Multiply-accumulates between activations: attention and other products."""
    return kinds_of_work.product_macs(trace.ops)


@metric(unit="1", kind="count", counted="MAC")
def depthwise_macs(trace):
    """Multiply-accumulates of depthwise convolutions."""
    return kinds_of_work.depthwise_macs(trace.ops)


@metric(unit="1", kind="count")
def window_traffic(trace):
    """Input elements that layers multiply, each as often as a window of a convolution holds it."""
    return kinds_of_work.window_traffic(trace.ops)


@metric(unit="1", kind="count")
def depthwise_traffic(trace):
    """Input and output elements of depthwise convolutions."""
    return kinds_of_work.depthwise_traffic(trace.ops)


@metric(unit="1", kind="count")
def streamed_traffic(trace):
    """Input and output elements of layers, of attention without its scores, and of fused element-wise passes."""
    return kinds_of_work.streamed_traffic(trace.ops)


@metric(unit="1", kind="count")
def rearranged_traffic(trace):
    """Input and output elements of pooling, concatenation, gates and copies, beside what they stream."""
    return kinds_of_work.rearranged_traffic(trace.ops)


@metric(unit="1", kind="count")
def kernel_launches(trace):
    """Kernels started: one for each layer and product, and one for each fused element-wise pass, pooling or copy."""
    return kinds_of_work.kernel_launches(trace.ops)
