"""Several devices that share the work of a replica, and replicas that train together.

With the setting "several" (any of the axes `tensor_parallel`, `pipeline_parallel`, `expert_parallel`, `data_parallel`)
these functions stand for metrics of one device. Every matrix, its gradients and the activations between matrices are
divided among `tensor_parallel` devices (with sequence parallelism, so that norms are divided too), layers in turn among
`pipeline_parallel`, experts and the sequences of the batch among `expert_parallel` groups. `device_count` is the
product of the three: the devices of one replica. `data_parallel` replicas each have a batch of their own; power, energy
and cost are of one of them. Work is shared evenly.
"""

from __future__ import annotations

import numpy as np

from dse import formulas
from dse.registry import metric


@metric("compute_time", setting="several", unit="s", direction="min")
def shared_compute_time(executed_flops, batch, peak_ops, compute_efficiency, working_devices):
    """Time to compute the batch at the peak rates of all devices of the replica."""
    return formulas.compute_time(executed_flops * batch, peak_ops * compute_efficiency * working_devices)


@metric("weight_bytes", setting="several", unit="B", direction="min")
def shared_weight_bytes(
    weights_read, expert_weights_read, weight_bits, index_bits_read, expert_parallel, micro_batches
):
    """Bytes of weights that a replica's devices read: again for each micro-batch, and in each group of experts."""
    elements = (weights_read - expert_weights_read) * expert_parallel + expert_weights_read
    # Which of pruned weights are left is read as often as these.
    index = index_bits_read / np.maximum(weights_read, 1)
    return formulas.params_to_bytes(elements * micro_batches, weight_bits + index)


@metric("activation_bytes", setting="several", unit="B", direction="min")
def shared_activation_bytes(activation_traffic, cache_traffic, activation_bits, kv_bits, batch, cache_copies):
    """Bytes of layer inputs and outputs, and of cache, which is copied where it has too few heads to divide."""
    layers = formulas.activations_to_bytes(activation_traffic * batch, activation_bits)
    return layers + formulas.activations_to_bytes(cache_traffic * batch, kv_bits) * cache_copies


@metric(unit="1", faces=False)
def sharing_devices():
    """Devices that share the work of a replica: 1 where a single one does it."""
    return 1.0


@metric("sharing_devices", setting="several", unit="1")
def devices_of_replica(working_devices):
    """Devices that share the work of a replica, where the network can be divided among them."""
    return working_devices * 1.0


@metric(unit="1", direction="min", faces=False)
def cache_copies():
    """Copies of the cache over the devices of a replica: 1 on a single device."""
    return 1.0


@metric("cache_copies", setting="several", unit="1", direction="min")
def copies_of_few_heads(tensor_parallel, cache_shards):
    """Copies of the cache, where it has fewer heads than devices share a matrix."""
    return tensor_parallel / cache_shards


@metric(unit="1", direction="min", faces=False)
def passes_on_device():
    """Passes through the whole network that a device starts for a batch: 1 on a single device."""
    return 1.0


@metric("passes_on_device", setting="several", unit="1", direction="min")
def passes_of_micro_batches(micro_batches, pipeline_parallel):
    """Passes for a batch: one for each micro-batch, through the layers of one stage."""
    return micro_batches / pipeline_parallel


@metric("weight_time", setting="several", unit="s", direction="min")
def shared_weight_time(weight_bytes, weights_moved, bandwidth, bandwidth_efficiency, working_devices):
    """Time to read the weights at the bandwidths of all devices of the replica; none where they stay on chip."""
    return formulas.weight_time(weight_bytes * weights_moved, bandwidth * bandwidth_efficiency * working_devices)


@metric("activation_time", setting="several", unit="s", direction="min")
def shared_activation_time(activation_bytes, activations_moved, bandwidth, bandwidth_efficiency, working_devices):
    """Time to move activations and cache at the bandwidths of all devices; none where they stay on chip."""
    return formulas.activation_time(
        activation_bytes * activations_moved, bandwidth * bandwidth_efficiency * working_devices
    )


@metric("latency", variant="roofline", setting="several", unit="s", direction="min", label="roofline, lower bound")
def shared_roofline_latency(compute_time, memory_time, pipeline_fill, communication_time):
    """The larger of compute and memory time, while the pipeline fills too, and communication."""
    return formulas.roofline_latency(compute_time, memory_time) * pipeline_fill + communication_time


@metric(
    "latency", variant="per_op", setting="several", unit="s", direction="min", label="roofline of each op, lower bound",
    faces=False, undefined_in="train",
)  # fmt: skip
def shared_per_op_latency(
    op_macs,
    op_weights,
    op_expert_weights,
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
    working_devices,
    cache_copies,
    expert_parallel,
    micro_batches,
    pipeline_fill,
    communication_time,
):
    """Sum over ops of the larger of their compute and memory time, while the pipeline fills too, and communication.

    The arguments `op_*` are vectors over the ops of the network, for one execution of one sample.
    """
    ops_per_second = peak_ops * compute_efficiency * working_devices
    bytes_per_second = bandwidth * bandwidth_efficiency * working_devices
    seconds = 0.0
    for i in range(len(op_macs)):
        compute = formulas.flops(op_macs[i] * batch) / ops_per_second
        cache = (op_cache_read[i] + op_cache_written[i]) * kv_bits * cache_copies
        activations = (op_traffic[i] * activation_bits + cache) * batch * activations_moved
        # An op is of experts as a whole, or not at all.
        groups = 1 + (expert_parallel - 1) * np.greater_equal(0.0, op_expert_weights[i])
        read = (op_weights[i] * weight_bits + op_index_bits[i]) * groups
        weights = read * micro_batches * weights_moved
        moved = (weights + activations) / 8
        seconds += op_repeat[i] * formulas.roofline_latency(compute, moved / bytes_per_second)
    return seconds * pipeline_fill + communication_time


@metric(unit="1", direction="min")
def total_devices(device_count, data_parallel):
    """Devices of all replicas."""
    return device_count * data_parallel


@metric(unit="1/s", direction="max")
def throughput_per_device(throughput, device_count):
    """Samples, prompts or tokens a second, for each device of a replica; `data_parallel` does not change it."""
    return throughput / device_count


@metric(unit="1", direction="max")
def scalability_ratio(throughput, data_parallel, single_throughput):
    """Throughput of all devices against that of one with the same batch as a replica; its memory is not asked after."""
    return formulas.scalability_ratio(throughput * data_parallel, single_throughput)


@metric(unit="1", direction="max")
def parallel_efficiency(throughput, data_parallel, single_throughput, device_count):
    """Share of the ideal speed-up over one device that is reached."""
    return formulas.parallel_efficiency(throughput * data_parallel, single_throughput, device_count * data_parallel)


@metric(unit="1", direction="min")
def communication_overhead(communication_time, latency):
    """Share of the time in which devices communicate and do not compute."""
    return formulas.communication_overhead(communication_time, latency - communication_time)
