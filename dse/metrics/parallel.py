"""Several devices that share the work of a replica, and replicas that train together.

With the setting "several" (any of the axes `tensor_parallel`, `pipeline_parallel`, `expert_parallel`, `data_parallel`)
these functions stand for metrics of one device. Every matrix, its gradients and the activations between matrices are
divided among `tensor_parallel` devices (with sequence parallelism, so that norms are divided too), layers in turn among
`pipeline_parallel`, experts and the sequences of the batch among `expert_parallel` groups. `device_count` is the
product of the three: the devices of one replica. `data_parallel` replicas each have a batch of their own; power, energy
and cost are of one of them. Work is shared evenly; memory is that of the fullest device. Communication follows the
alpha-beta model, and hides behind computing by the share `communication_overlap`.
"""

from __future__ import annotations

import numpy as np

from dse import formulas
from dse.networks import sharing
from dse.registry import metric

# What a single device does: nothing is exchanged.


@metric(unit="1", kind="count")
def exchanges(trace):
    """Sums over devices that a pass makes where they share each matrix."""
    return sharing.exchanges(trace)


@metric(unit="1", kind="count")
def exchanged_elements(trace):
    """Elements that these sums are of, for one sample."""
    return sharing.exchanged_elements(trace)


@metric(unit="1", kind="count")
def routed_layers(trace):
    """Layers whose tokens go to experts."""
    return sharing.routed_layers(trace)


@metric(unit="1", kind="count")
def routed_elements(trace):
    """Elements of the tokens that go to experts, once for each expert of a token, for one sample."""
    return sharing.routed_elements(trace)


@metric(unit="1", kind="count")
def boundary_elements(trace):
    """Elements that go from one layer to the next, for one sample."""
    return sharing.boundary_elements(trace)


@metric(unit="1", kind="count")
def expert_params(trace):
    """Parameters of the experts that tokens are routed to."""
    return sharing.expert_params(trace)


@metric(unit="1", kind="count")
def expert_weights_read(trace):
    """Weight elements of experts that one pass reads."""
    return sharing.expert_weights_read(trace)


@metric(unit="1", kind="count")
def outer_params(trace):
    """Parameters before and after the layers."""
    return sharing.outer_params(trace)


@metric(unit="1", kind="count")
def edge_params(trace):
    """Parameters before or after the layers, the larger; a tied embedding is held at both ends."""
    return sharing.edge_params(trace)


@metric("expert_weights_read", phase="request", unit="1")
def request_expert_weights_read(prefill_expert_weights_read, decode_expert_weights_read, output_tokens):
    """Weight elements of experts read for the prompt, and again for every generated token."""
    return prefill_expert_weights_read + (output_tokens - 1) * decode_expert_weights_read


@metric("expert_weights_read", phase="train", unit="1")
def training_expert_weights_read(forward_expert_weights_read):
    """Weight elements of experts read forward and backward, and gradients written."""
    return 3 * forward_expert_weights_read


@metric(unit="1", direction="min", faces=False)
def pipeline_fill():
    """Time of a pass over the time that one device works: 1 on a single device."""
    return 1.0


@metric(unit="s", direction="min", faces=False)
def tensor_time():
    """Time of sums over the devices that share each matrix, for the whole batch."""
    return 0.0


@metric(unit="s", direction="min", faces=False)
def expert_time():
    """Time in which tokens go to their experts and back, for the whole batch."""
    return 0.0


@metric(unit="s", direction="min", faces=False)
def pipeline_time():
    """Time of the messages from one stage to the next, for the whole batch."""
    return 0.0


@metric(unit="s", direction="min", faces=False)
def gradient_time():
    """Time of the exchange of gradients, and of weights where these are shared out, in a training step."""
    return 0.0


@metric(unit="s", direction="min", faces=False)
def communication_time():
    """Time of communication between devices that no computing hides, for the whole batch."""
    return 0.0


@metric("communication_time", phase="request", unit="s", direction="min")
def request_communication_time(prefill_communication_time, decode_communication_time, output_tokens):
    """Time of communication for the prompt and every generated token."""
    return prefill_communication_time + (output_tokens - 1) * decode_communication_time


@metric(unit="1", direction="min")
def device_params(params):
    """Parameters on the device that holds most."""
    return params * 1.0


@metric(unit="B", direction="min")
def device_weights(device_params, weight_bits):
    """Bytes of the weights on the device that holds most."""
    return formulas.model_size(device_params, weight_bits)


# Several devices: work of the replica, shared evenly.


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
def shared_activation_bytes(
    activation_traffic, cache_traffic, activation_bits, kv_bits, batch, tensor_parallel, cache_shards
):
    """Bytes of layer inputs and outputs, and of cache, which is copied where it has too few heads to divide."""
    layers = formulas.activations_to_bytes(activation_traffic * batch, activation_bits)
    copies = tensor_parallel / cache_shards
    return layers + formulas.activations_to_bytes(cache_traffic * batch, kv_bits) * copies


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
    tensor_parallel,
    cache_shards,
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
    copies = tensor_parallel / cache_shards
    seconds = 0.0
    for i in range(len(op_macs)):
        compute = formulas.flops(op_macs[i] * batch) / ops_per_second
        cache = (op_cache_read[i] + op_cache_written[i]) * kv_bits * copies
        activations = (op_traffic[i] * activation_bits + cache) * batch * activations_moved
        # An op is of experts as a whole, or not at all.
        groups = 1 + (expert_parallel - 1) * np.greater_equal(0.0, op_expert_weights[i])
        read = (op_weights[i] * weight_bits + op_index_bits[i]) * groups
        weights = read * micro_batches * weights_moved
        moved = (weights + activations) / 8
        seconds += op_repeat[i] * formulas.roofline_latency(compute, moved / bytes_per_second)
    return seconds * pipeline_fill + communication_time


# What is exchanged. A pass is cut into micro-batches: of these only the number of messages depends on it.


@metric("pipeline_fill", setting="several", unit="1", direction="min")
def filled_once(pipeline_parallel, micro_batches, pipeline_chunks):
    """Time of a pass over the time that one stage works, where a pipeline fills and runs empty."""
    return formulas.pipeline_fill(pipeline_parallel, micro_batches, pipeline_chunks)


@metric("pipeline_fill", setting="several", phase="mixed", unit="1", direction="min")
@metric("pipeline_fill", setting="several", phase="decode", unit="1", direction="min")
def filled_without_end(pipeline_parallel, micro_batches):
    """Time of a token over the time that one stage works, where tokens follow each other without end."""
    return formulas.steady_pipeline_fill(pipeline_parallel, micro_batches)


@metric("tensor_time", setting="several", unit="s", direction="min")
def several_tensor_time(
    exchanged_elements,
    exchanges,
    batch,
    activation_bits,
    tensor_parallel,
    pipeline_parallel,
    expert_parallel,
    micro_batches,
    link_bandwidth,
    link_efficiency,
    link_latency,
):
    """Time of ring all-reduces after attention, feed-forward network and embedding, on one stage for the batch."""
    sent = formulas.activations_to_bytes(exchanged_elements * batch / expert_parallel, activation_bits)
    waits = exchanges * micro_batches * link_latency
    whole = formulas.all_reduce_time(sent, tensor_parallel, link_bandwidth * link_efficiency, waits)
    return whole / pipeline_parallel


@metric("tensor_time", setting="several", phase="train", unit="s", direction="min")
def training_tensor_time(
    forward_exchanged_elements,
    forward_exchanges,
    recompute,
    batch,
    activation_bits,
    tensor_parallel,
    pipeline_parallel,
    expert_parallel,
    micro_batches,
    link_bandwidth,
    link_efficiency,
    link_latency,
):
    """Time of ring all-reduces forward, backward, and again where blocks are computed again."""
    passes = 2 + recompute
    sent = formulas.activations_to_bytes(forward_exchanged_elements * batch / expert_parallel, activation_bits) * passes
    waits = forward_exchanges * passes * micro_batches * link_latency
    whole = formulas.all_reduce_time(sent, tensor_parallel, link_bandwidth * link_efficiency, waits)
    return whole / pipeline_parallel


@metric("expert_time", setting="several", unit="s", direction="min")
def several_expert_time(
    routed_elements,
    routed_layers,
    batch,
    activation_bits,
    tensor_parallel,
    pipeline_parallel,
    expert_parallel,
    micro_batches,
    link_bandwidth,
    link_efficiency,
    link_latency,
):
    """Time of two all-to-alls in each layer with experts, on one stage for the whole batch: there and back."""
    share = batch / (expert_parallel * tensor_parallel)
    sent = formulas.activations_to_bytes(routed_elements * share, activation_bits)
    waits = routed_layers * micro_batches * link_latency
    one_way = formulas.all_to_all_time(sent, expert_parallel, link_bandwidth * link_efficiency, waits)
    return 2 * one_way / pipeline_parallel


@metric("expert_time", setting="several", phase="train", unit="s", direction="min")
def training_expert_time(
    forward_routed_elements,
    forward_routed_layers,
    recompute,
    batch,
    activation_bits,
    tensor_parallel,
    pipeline_parallel,
    expert_parallel,
    micro_batches,
    link_bandwidth,
    link_efficiency,
    link_latency,
):
    """Time of all-to-alls forward, backward, and again where blocks are computed again."""
    passes = 2 + recompute
    share = batch / (expert_parallel * tensor_parallel)
    sent = formulas.activations_to_bytes(forward_routed_elements * share, activation_bits) * passes
    waits = forward_routed_layers * passes * micro_batches * link_latency
    one_way = formulas.all_to_all_time(sent, expert_parallel, link_bandwidth * link_efficiency, waits)
    return 2 * one_way / pipeline_parallel


def between_stages(bytes, messages, pipeline_parallel, bandwidth, latency):
    """Mean over the stages: all but the last send."""
    return (1 - 1 / pipeline_parallel) * formulas.point_to_point_time(bytes, bandwidth, messages * latency)


def outside_bandwidth(link_bandwidth, link_efficiency, network_bandwidth):
    """Bandwidth between stages and between replicas: that of the network where it is given."""
    none = 1.0 * np.greater_equal(0.0, network_bandwidth)
    return (network_bandwidth + none * link_bandwidth) * link_efficiency


@metric("pipeline_time", setting="several", unit="s", direction="min")
def several_pipeline_time(
    boundary_elements,
    batch,
    activation_bits,
    tensor_parallel,
    pipeline_parallel,
    expert_parallel,
    micro_batches,
    pipeline_chunks,
    link_bandwidth,
    link_efficiency,
    network_bandwidth,
    link_latency,
):
    """Time of the messages that a stage sends on for the whole batch, each device a part of them."""
    share = batch * pipeline_chunks / (expert_parallel * tensor_parallel)
    sent = formulas.activations_to_bytes(boundary_elements * share, activation_bits)
    bandwidth = outside_bandwidth(link_bandwidth, link_efficiency, network_bandwidth)
    return between_stages(sent, micro_batches * pipeline_chunks, pipeline_parallel, bandwidth, link_latency)


@metric("pipeline_time", setting="several", phase="train", unit="s", direction="min")
def training_pipeline_time(
    forward_boundary_elements,
    batch,
    activation_bits,
    tensor_parallel,
    pipeline_parallel,
    expert_parallel,
    micro_batches,
    pipeline_chunks,
    link_bandwidth,
    link_efficiency,
    network_bandwidth,
    link_latency,
):
    """Time of the messages that a stage sends on forward, and of their gradients backward."""
    share = 2 * batch * pipeline_chunks / (expert_parallel * tensor_parallel)
    sent = formulas.activations_to_bytes(forward_boundary_elements * share, activation_bits)
    bandwidth = outside_bandwidth(link_bandwidth, link_efficiency, network_bandwidth)
    return between_stages(sent, 2 * micro_batches * pipeline_chunks, pipeline_parallel, bandwidth, link_latency)


def replicated_time(params, share, devices, grad_bits, weight_bits, zero_stage, bandwidth, latency):
    """Time in which devices that hold the same parameters exchange their gradients, and weights by the ZeRO stage.

    Without sharing gradients go round twice; with it once, and updated weights once; with shared weights these are
    gathered forward and backward.
    """
    sharded = 1.0 * np.greater_equal(zero_stage, 1)
    gathered = 1.0 * np.greater_equal(zero_stage, 3)
    bits = grad_bits * share * (2 - sharded) + weight_bits * (share * sharded * (1 - gathered) + 2 * gathered)
    rounds = 2 + gathered
    return (1 - 1 / devices) * params * bits / 8 / bandwidth + rounds * (devices - 1) * latency


@metric("gradient_time", setting="several", phase="train", unit="s", direction="min")
def training_gradient_time(
    params,
    trained_params,
    expert_params,
    grad_bits,
    weight_bits,
    zero_stage,
    tensor_parallel,
    pipeline_parallel,
    expert_parallel,
    data_parallel,
    link_bandwidth,
    link_efficiency,
    network_bandwidth,
    link_latency,
):
    """Time of the exchange over all replicas, of experts and of all else, that each device has a part in.

    What is no expert is trained by every group of experts too.
    """
    bandwidth = outside_bandwidth(link_bandwidth, link_efficiency, network_bandwidth)
    held = tensor_parallel * pipeline_parallel
    share = trained_params / params
    replicas = data_parallel * expert_parallel
    common = replicated_time(
        (params - expert_params) / held, share, replicas, grad_bits, weight_bits, zero_stage, bandwidth, link_latency
    )
    experts = replicated_time(
        expert_params / held / expert_parallel, share, data_parallel, grad_bits, weight_bits, zero_stage, bandwidth, 0.0
    )
    return common + experts


@metric("communication_time", setting="several", unit="s", direction="min")
def several_communication_time(
    tensor_time, expert_time, pipeline_time, pipeline_fill, gradient_time, communication_overlap
):
    """Time of communication that no computing hides: of stages as long as the pipeline takes, and of gradients."""
    return ((tensor_time + expert_time + pipeline_time) * pipeline_fill + gradient_time) * (1 - communication_overlap)


# Memory of the fullest device.


@metric("device_params", setting="several", unit="1", direction="min")
def several_device_params(
    params, expert_params, outer_params, edge_params, tensor_shards, pipeline_parallel, expert_parallel
):
    """Parameters on the device that holds most: a stage of layers, with the embedding or the classifier."""
    whole = params - expert_params * (1 - 1 / expert_parallel)
    staged = 1.0 * np.greater_equal(pipeline_parallel, 2)
    outside = outer_params * (1 - staged) + edge_params * staged
    return ((whole - outer_params) / pipeline_parallel + outside) / tensor_shards


@metric("sequence_memory", setting="several", unit="B", direction="min")
def several_sequence_memory(
    cache_of_sequence,
    peak_activations,
    activation_bits,
    tensor_shards,
    pipeline_parallel,
    expert_parallel,
    micro_batches,
    cache_shards,
):
    """Bytes on a device for each sequence of the batch of a replica: its cache, and activations of one micro-batch."""
    cache = cache_of_sequence / (pipeline_parallel * expert_parallel * cache_shards)
    live = formulas.activation_memory(peak_activations, activation_bits)
    return cache + live / (tensor_shards * expert_parallel * micro_batches)


@metric("memory", setting="several", unit="B", direction="min")
def several_memory(fixed_memory, sequence_memory, batch):
    """Weights, cache and the activations live at once, on the device that holds most."""
    return fixed_memory + sequence_memory * batch


@metric("live_bytes", setting="several", unit="B", direction="min")
def several_live_bytes(
    peak_sram, kv_cache, tensor_shards, pipeline_parallel, expert_parallel, micro_batches, cache_shards
):
    """Bytes live at once on a device: activations of a micro-batch by the engine's in-place rule, and cache."""
    cache = kv_cache / (pipeline_parallel * expert_parallel * cache_shards)
    return cache + peak_sram / (tensor_shards * expert_parallel * micro_batches)


@metric("fixed_memory", setting="several", phase="train", unit="B", direction="min")
def several_training_state(
    device_params,
    expert_params,
    params,
    trained_params,
    adapter_params,
    weight_bits,
    grad_bits,
    optimizer_bits,
    adapter_bits,
    zero_stage,
    tensor_shards,
    pipeline_parallel,
    expert_parallel,
    data_parallel,
):
    """Weights, adapters, gradients and optimizer state on a device, less what replicas share out by the ZeRO stage."""
    held = tensor_shards * pipeline_parallel
    experts = expert_params / (held * expert_parallel)
    common = device_params - experts
    share = trained_params / params
    replicas = data_parallel * expert_parallel
    state = formulas.sharded_training_memory(
        common, common * share, weight_bits, grad_bits, optimizer_bits, replicas, zero_stage
    )
    state_of_experts = formulas.sharded_training_memory(
        experts, experts * share, weight_bits, grad_bits, optimizer_bits, data_parallel, zero_stage
    )
    return state + state_of_experts + formulas.params_to_bytes(adapter_params, adapter_bits) / held


@metric("sequence_memory", setting="several", phase="train", unit="B", direction="min")
def several_stored_activations(
    activations,
    activation_bits,
    tensor_shards,
    pipeline_parallel,
    expert_parallel,
    micro_batches,
    pipeline_chunks,
):
    """Stored activations of a sample of the batch on the first stage, which holds a micro-batch for every stage.

    An interleaved schedule holds more of them (Korthikanti et al., "Reducing activation recomputation in large
    transformer models", MLSys 2023, sec. 4.2.3).
    """
    stored = formulas.activation_memory(activations, activation_bits)
    alive = np.minimum(pipeline_parallel, micro_batches) / micro_batches
    interleaved = 1.0 * np.greater_equal(pipeline_chunks, 2)
    more = 1 + interleaved * (1 - 1 / pipeline_parallel) / pipeline_chunks
    return stored * alive * more / (tensor_shards * pipeline_parallel * expert_parallel)


@metric("memory", setting="several", phase="train", unit="B", direction="min")
def several_training_memory(fixed_memory, sequence_memory, batch):
    """Weights, gradients, optimizer state and stored activations, on the device that holds most."""
    return fixed_memory + sequence_memory * batch


# What sharing the work gains.


@metric(unit="1", direction="min")
def total_devices(device_count, data_parallel):
    """Devices of all replicas."""
    return device_count * data_parallel


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
