"""Time of a batch as fitted to measurements, with the interval around it.

It is imported after `latency`: of the variants of a metric the first one defined is the default.
"""

from __future__ import annotations

import numpy as np

from dse.registry import metric


@metric("latency", variant="calibrated", unit="s", direction="min", label="calibrated")
@metric("latency", variant="calibrated", setting="several", unit="s", direction="min", label="calibrated")
def calibrated_latency(
    layer_macs,
    product_macs,
    depthwise_macs,
    window_traffic,
    depthwise_traffic,
    streamed_traffic,
    rearranged_traffic,
    score_traffic,
    cache_traffic,
    repeated_cache_traffic,
    weight_bytes,
    activation_traffic,
    kernel_launches,
    batch,
    activation_bits,
    kv_bits,
    peak_ops,
    compute_efficiency,
    bandwidth,
    bandwidth_efficiency,
    matrix_cost,
    product_cost,
    depthwise_cost,
    window_cost,
    depthwise_traffic_cost,
    stream_cost,
    rearrange_cost,
    score_cost,
    cache_cost,
    weight_cost,
    traffic_cost,
    resident_bytes,
    overlap,
    launch_time,
    call_time,
    sharing_devices,
    cache_copies,
    pipeline_fill,
    passes_on_device,
    communication_time,
):
    """A sum over kinds of work, each at a rate fitted to measurements of the device and its software.

    A cost is a time in units of the datasheet's: 2 MAC at the peak rate, or a byte at the bandwidth. Where `overlap`
    is 1, layers take the longer of computing and moving their bytes (weights, and activations where these have a
    `traffic_cost`), and attention the longer of computing and reading its cache; elsewhere both add up. Weights that
    stay on chip from call to call (`resident_bytes`) take no time. Several devices share the work evenly, at the rates
    of one; kernels start on each for every part of the batch.
    """
    mac = 2 * batch / (peak_ops * compute_efficiency * sharing_devices)
    byte = 1 / (bandwidth * bandwidth_efficiency * sharing_devices)
    element = activation_bits / 8 * batch * byte
    layers = layer_macs * mac * matrix_cost
    weights = np.maximum(weight_bytes - resident_bytes, 0) * byte * weight_cost
    bytes_moved = weights + activation_traffic * element * traffic_cost
    products = product_macs * mac * product_cost
    kept = np.maximum(cache_traffic * cache_copies * cache_cost, repeated_cache_traffic)
    cache = kept * (kv_bits / 8 * batch * byte)
    apart = layers + bytes_moved + products + cache
    together = np.maximum(layers, bytes_moved) + np.maximum(products, cache)
    maps = window_traffic * window_cost + depthwise_traffic * depthwise_traffic_cost
    moved = maps + streamed_traffic * stream_cost + rearranged_traffic * rearrange_cost + score_traffic * score_cost
    work = (1 - overlap) * apart + overlap * together + depthwise_macs * mac * depthwise_cost + moved * element
    started = kernel_launches * passes_on_device * launch_time
    return (work + started) * pipeline_fill + communication_time + call_time


@metric(unit="s", direction="min")
def latency_low(latency, latency_spread):
    """Lower end of the interval that holds 80 % of measurements of networks that were not fitted."""
    return latency / latency_spread


@metric(unit="s", direction="min")
def latency_high(latency, latency_spread):
    """Upper end of the interval that holds 80 % of measurements of networks that were not fitted."""
    return latency * latency_spread
