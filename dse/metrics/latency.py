"""Time of a batch on a device: lower bounds from the roofline."""

from __future__ import annotations

import numpy as np

from dse import formulas
from dse.registry import metric


@metric(unit="1", direction="min", counted="FLOP")
def flops(macs):
    """Operations of one sample, prompt or token: two for each multiply-accumulate."""
    return formulas.flops(macs)


@metric(unit="1", direction="min", counted="FLOP")
def executed_flops(flops, saved_macs):
    """Operations that take time: fewer than flops where convolutions run as Winograd."""
    return flops - formulas.flops(saved_macs)


@metric(unit="s", direction="min")
def compute_time(executed_flops, batch, peak_ops, compute_efficiency):
    """Time to compute the batch at the peak rate of the format that the kernel computes in."""
    return formulas.compute_time(executed_flops * batch, peak_ops * compute_efficiency)


@metric(unit="B", direction="min")
def weight_bytes(weights_read, weight_bits, index_bits_read):
    """Bytes of weights that one pass reads, once for the whole batch; and what says which pruned ones are left."""
    return formulas.params_to_bytes(weights_read, weight_bits) + index_bits_read / 8


@metric(unit="B", direction="min")
def activation_bytes(activation_traffic, cache_traffic, activation_bits, kv_bits, batch):
    """Bytes of layer inputs and outputs, and of cache read and written, for the whole batch."""
    layers = formulas.activations_to_bytes(activation_traffic * batch, activation_bits)
    return layers + formulas.activations_to_bytes(cache_traffic * batch, kv_bits)


@metric("weights_moved", variant="no_reuse", unit="1", faces=False)
def all_weights_moved():
    """1: all weights that a pass reads cross the memory interface."""
    return 1.0


@metric("weights_moved", variant="reuse", unit="1")
def weights_that_do_not_stay_moved(device_weights, live_bytes, sram):
    """0 where all weights stay on chip beside what is live, 1 where they cross the memory interface."""
    return 1 - 1.0 * np.greater_equal(sram, device_weights + live_bytes) - 0.0 * sram  # undefined without sram


@metric("activations_moved", variant="no_reuse", unit="1", faces=False)
def all_activations_moved():
    """1: all activations and the cache cross the memory interface."""
    return 1.0


@metric("activations_moved", variant="reuse", unit="1")
def activations_that_do_not_stay_moved(live_bytes, sram):
    """0 where activations and cache stay on chip, 1 where they cross the memory interface."""
    return 1 - 1.0 * np.greater_equal(sram, live_bytes) - 0.0 * sram


@metric(unit="B", direction="min")
def dram_bytes(weight_bytes, activation_bytes, weights_moved, activations_moved):
    """Bytes that cross the memory interface, for the whole batch: all, or what does not stay (`on_chip_reuse`)."""
    return weight_bytes * weights_moved + activation_bytes * activations_moved


@metric(unit="B", direction="min")
def sram_bytes(weight_bytes, activation_bytes, weights_moved, activations_moved):
    """Bytes that on-chip memory serves, for the whole batch: none, or what stays there (`on_chip_reuse`)."""
    return weight_bytes * (1 - weights_moved) + activation_bytes * (1 - activations_moved)


@metric(unit="s", direction="min")
def weight_time(weight_bytes, weights_moved, bandwidth, bandwidth_efficiency):
    """Time to read the weights once; none where they stay on chip."""
    return formulas.weight_time(weight_bytes * weights_moved, bandwidth * bandwidth_efficiency)


@metric(unit="s", direction="min")
def activation_time(activation_bytes, activations_moved, bandwidth, bandwidth_efficiency):
    """Time to move activations and cache; none where they stay on chip."""
    return formulas.activation_time(activation_bytes * activations_moved, bandwidth * bandwidth_efficiency)


@metric(unit="s", direction="min")
def memory_time(weight_time, activation_time):
    """Time to move weights, activations and cache."""
    return formulas.memory_time(weight_time, activation_time)


@metric("latency", variant="roofline", unit="s", direction="min", label="roofline, lower bound")
def roofline_latency(compute_time, memory_time):
    """The larger of compute and memory time of the whole network: a lower bound."""
    return formulas.roofline_latency(compute_time, memory_time)


# The ops of a network are those of its forward pass: a step of training has others besides.
@metric(
    "latency", variant="per_op", unit="s", direction="min", label="roofline of each op, lower bound", faces=False,
    undefined_in="train",
)  # fmt: skip
def per_op_latency(
    op_macs,
    op_weights,
    op_index_bits,
    op_traffic,
    op_cache_read,
    op_cache_written,
    op_repeat,
    batch,
    weight_bits,
    activation_bits,
    kv_bits,
    peak_ops,
    compute_efficiency,
    bandwidth,
    bandwidth_efficiency,
    weights_moved,
    activations_moved,
):
    """Sum over ops of the larger of their compute and memory time: a lower bound without overlap between ops.

    The arguments `op_*` are vectors over the ops of the network, for one execution of one sample. What stays on chip
    (`weights_moved` or `activations_moved` is 0) takes no memory time.
    """
    ops_per_second = peak_ops * compute_efficiency
    bytes_per_second = bandwidth * bandwidth_efficiency
    seconds = 0.0
    for i in range(len(op_macs)):
        compute = formulas.flops(op_macs[i] * batch) / ops_per_second
        activations = op_traffic[i] * activation_bits + (op_cache_read[i] + op_cache_written[i]) * kv_bits
        weights = op_weights[i] * weight_bits + op_index_bits[i]
        moved = (weights * weights_moved + activations * batch * activations_moved) / 8
        seconds += op_repeat[i] * formulas.roofline_latency(compute, moved / bytes_per_second)
    return seconds


@metric(unit="1/s", direction="max")
def throughput(batch, latency):
    """Samples, prompts or tokens a second, over the whole batch."""
    return formulas.throughput(batch, latency)


@metric(unit="B", direction="min")
def bytes_moved(dram_bytes):
    """Bytes that cross the memory interface for the batch, which take the time of its bandwidth."""
    return dram_bytes * 1.0


@metric(unit="FLOP/s", direction="max")
def achieved_ops_per_second(flops, throughput):
    """Operations a second that the design reaches."""
    return flops * throughput


@metric(unit="FLOP/s", direction="max")
def peak_performance(peak_ops):
    """Peak rate of the device in the format that it computes in."""
    return peak_ops * 1.0


@metric(unit="FLOP/B", direction="max")
def arithmetic_intensity(executed_flops, batch, bytes_moved):
    """Operations that take time for each byte moved, whole network and batch."""
    return formulas.arithmetic_intensity(executed_flops * batch, bytes_moved)


@metric(unit="FLOP/B")
def ridge_point(peak_ops, bandwidth):
    """Intensity above which the device computes longer than it moves data."""
    return formulas.ridge_point(peak_ops, bandwidth)


@metric(unit="1")
def compute_bound(arithmetic_intensity, ridge_point):
    """1 where the network as a whole is compute-bound, 0 where it is memory-bound."""
    # A comparison is 0 with what is undefined: the sum is undefined too.
    return formulas.compute_bound(arithmetic_intensity, ridge_point) + 0.0 * np.minimum(
        arithmetic_intensity, ridge_point
    )
