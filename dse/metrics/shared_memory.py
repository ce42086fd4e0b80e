"""Memory of the fullest of several devices that share a network."""

from __future__ import annotations

import numpy as np

from dse import formulas
from dse.registry import metric


@metric(unit="1", direction="min")
def device_params(params):
    """Parameters on the device that holds most."""
    return params * 1.0


@metric(unit="B", direction="min")
def device_weights(model_size):
    """Bytes of the weights on the device that holds most, and of what says which pruned ones are left."""
    return model_size * 1.0


@metric(unit="bit", direction="min")
def stored_bits(weight_bits, index_bits, params):
    """Bits that a parameter takes, with an even share of those that say which pruned ones are left."""
    return weight_bits + index_bits / np.maximum(params, 1)


@metric("device_weights", setting="several", unit="B", direction="min")
def several_device_weights(device_params, stored_bits):
    """Bytes of the weights on the device that holds most, and of what says which pruned ones are left."""
    return formulas.model_size(device_params, stored_bits)


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
    sequence_activations,
    activation_bits,
    tensor_shards,
    pipeline_parallel,
    expert_parallel,
    micro_batches,
    cache_shards,
):
    """Bytes on a device for each sequence of the batch of a replica: its cache, and activations of one micro-batch."""
    cache = cache_of_sequence / (pipeline_parallel * expert_parallel * cache_shards)
    live = formulas.activation_memory(sequence_activations, activation_bits)
    return cache + live / (tensor_shards * expert_parallel * micro_batches)


@metric("fixed_memory", setting="several", unit="B", direction="min")
def several_fixed_memory(
    device_weights, draft_size, common_activations, activation_bits, tensor_shards, expert_parallel, micro_batches
):
    """Bytes on a device whatever the batch: weights, a whole draft model, and activations of no sequence."""
    live = formulas.activation_memory(common_activations, activation_bits)
    return device_weights + draft_size + live / (tensor_shards * expert_parallel * micro_batches)


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


def shared_state(
    device_params,
    expert_params,
    share,
    weight_bits,
    grad_bits,
    optimizer_bits,
    zero_stage,
    held,
    expert_parallel,
    data_parallel,
):
    """Bytes of weights, gradients and optimizer state on a device, less what replicas share out by the ZeRO stage.

    A `share` of the parameters is trained. What is of no expert is the same in every group of experts too.
    """
    experts = expert_params / (held * expert_parallel)
    common = device_params - experts
    replicas = data_parallel * expert_parallel
    state = formulas.sharded_training_memory(
        common, common * share, weight_bits, grad_bits, optimizer_bits, replicas, zero_stage
    )
    return state + formulas.sharded_training_memory(
        experts, experts * share, weight_bits, grad_bits, optimizer_bits, data_parallel, zero_stage
    )


@metric("fixed_memory", setting="several", phase="train", unit="B", direction="min")
def several_training_state(
    device_params,
    expert_params,
    params,
    trained_params,
    adapter_params,
    stored_bits,
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
    state = shared_state(
        device_params, expert_params, trained_params / params, stored_bits, grad_bits, optimizer_bits, zero_stage, held,
        expert_parallel, data_parallel,
    )  # fmt: skip
    return state + formulas.params_to_bytes(adapter_params, adapter_bits) / held


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


@metric("live_bytes", setting="several", phase="train", unit="B", direction="min")
def several_training_live_bytes(
    device_params,
    expert_params,
    params,
    trained_params,
    grad_bits,
    optimizer_bits,
    zero_stage,
    tensor_shards,
    pipeline_parallel,
    expert_parallel,
    data_parallel,
    sequence_memory,
    batch,
):
    """Bytes that a training step holds on a device beside weights: gradients, optimizer state, stored activations."""
    held = tensor_shards * pipeline_parallel
    state = shared_state(
        device_params, expert_params, trained_params / params, 0.0, grad_bits, optimizer_bits, zero_stage, held,
        expert_parallel, data_parallel,
    )  # fmt: skip
    return state + sequence_memory * batch


@metric("sram_free", setting="several", phase="train", unit="B", direction="max", signed=True)
def several_training_sram_free(
    live_bytes,
    device_params,
    expert_params,
    params,
    trained_params,
    adapter_params,
    weight_bits,
    adapter_bits,
    zero_stage,
    tensor_shards,
    pipeline_parallel,
    expert_parallel,
    data_parallel,
    sram_bank,
):
    """On-chip memory that stays free on the device that holds most: of weights it holds its part of the trained ones.

    Negative where the design does not fit.
    """
    held = tensor_shards * pipeline_parallel
    share = (trained_params - adapter_params) / params
    trained = shared_state(
        device_params * share, expert_params * share, 0.0, weight_bits, 0.0, 0.0, zero_stage, held,
        expert_parallel, data_parallel,
    )  # fmt: skip
    return sram_bank - live_bytes - trained - formulas.params_to_bytes(adapter_params, adapter_bits) / held
