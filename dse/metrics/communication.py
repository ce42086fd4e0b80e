"""Time of what several devices exchange, by the alpha-beta model.

A pass is cut into micro-batches: of these only the number of messages depends on it. Communication hides behind
computing by the share `communication_overlap`.
"""

from __future__ import annotations

import numpy as np

from dse import formulas
from dse.registry import metric


@metric(unit="1", direction="min", faces=False)
def pipeline_fill():
    """Time of a pass over the time that one device works: 1 on a single device."""
    return 1.0


@metric("pipeline_fill", setting="several", unit="1", direction="min")
def filled_once(pipeline_parallel, micro_batches, pipeline_chunks):
    """Time of a pass over the time that one stage works, where a pipeline fills and runs empty."""
    return formulas.pipeline_fill(pipeline_parallel, micro_batches, pipeline_chunks)


@metric("pipeline_fill", setting="several", phase="joint", unit="1", direction="min")
@metric("pipeline_fill", setting="several", phase="mixed", unit="1", direction="min")
@metric("pipeline_fill", setting="several", phase="decode", unit="1", direction="min")
def filled_without_end(pipeline_parallel, micro_batches):
    """Time of a token over the time that one stage works, where tokens follow each other without end."""
    return formulas.steady_pipeline_fill(pipeline_parallel, micro_batches)


@metric(unit="s", direction="min", faces=False)
def tensor_time():
    """Time of sums over the devices that share each matrix, for the whole batch."""
    return 0.0


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
    """Time of ring all-reduces after attention, feed-forward network and embedding, on one stage for the batch.

    In training backward too, and again where blocks are computed again.
    """
    sent = formulas.activations_to_bytes(exchanged_elements * batch / expert_parallel, activation_bits)
    waits = exchanges * micro_batches * link_latency
    whole = formulas.all_reduce_time(sent, tensor_parallel, link_bandwidth * link_efficiency, waits)
    return whole / pipeline_parallel


@metric(unit="s", direction="min", faces=False)
def expert_time():
    """Time in which tokens go to their experts and back, for the whole batch."""
    return 0.0


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


@metric(unit="s", direction="min", faces=False)
def pipeline_time():
    """Time of the messages from one stage to the next, for the whole batch."""
    return 0.0


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
    crossings,
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
    """Time of the messages that a stage sends on for the whole batch, each device a part of them; of gradients too."""
    share = crossings * batch * pipeline_chunks / (expert_parallel * tensor_parallel)
    sent = formulas.activations_to_bytes(boundary_elements * share, activation_bits)
    bandwidth = outside_bandwidth(link_bandwidth, link_efficiency, network_bandwidth)
    return between_stages(sent, crossings * micro_batches * pipeline_chunks, pipeline_parallel, bandwidth, link_latency)


@metric(unit="s", direction="min", faces=False)
def gradient_time():
    """Time of the exchange of gradients, and of weights where these are shared out, in a training step."""
    return 0.0


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


@metric(unit="s", direction="min", faces=False)
def communication_time():
    """Time of communication between devices that no computing hides, for the whole batch."""
    return 0.0


@metric("communication_time", setting="several", unit="s", direction="min")
def several_communication_time(
    tensor_time, expert_time, pipeline_time, pipeline_fill, gradient_time, communication_overlap
):
    """Time of communication that no computing hides: of stages as long as the pipeline takes, and of gradients."""
    return ((tensor_time + expert_time + pipeline_time) * pipeline_fill + gradient_time) * (1 - communication_overlap)
