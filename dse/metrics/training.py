"""Metrics of one training step: forward pass, backward pass, and what must be kept for them.

Names with the prefix `forward_` are those of the forward pass over all tokens with all logits; for other networks than
language models it is the pass of inference. With `lora_rank` only low-rank adapters are trained; `recompute` keeps the
inputs of repeated blocks alone; `backprop_fraction` is the share of the activations that sparse back-propagation keeps.
"""

from __future__ import annotations

import numpy as np

from dse import formulas
from dse.networks import training as counts
from dse.registry import metric, metrics

# The backward pass multiplies twice as much as the forward pass: once for the inputs, once for the weights.
PASSES = 3


@metric(unit="1", kind="count", counted="MAC")
def weight_macs(trace):
    """Multiply-accumulates of layers with weights: all but those of products of two activations."""
    return counts.weight_macs(trace)


@metric(unit="1", kind="count", counted="MAC")
def block_macs(trace):
    """Multiply-accumulates of the blocks that repeat."""
    return counts.block_macs(trace)


@metric(unit="1", kind="count")
def checkpointed_activations(trace):
    """Activations held where of the blocks that repeat only the inputs are kept, and one is computed again."""
    return counts.checkpointed_activations(trace)


@metric(unit="1", kind="count")
def adapter_features_qv(trace):
    """Parameters of adapters of rank 1 beside the matrices of queries and values."""
    return counts.adapter_features(trace, "qv")


@metric(unit="1", kind="count")
def adapter_features_all(trace):
    """Parameters of adapters of rank 1 beside all matrices but the classifier and routers."""
    return counts.adapter_features(trace, "all")


@metric(unit="1", kind="count", counted="MAC")
def adapter_macs_qv(trace):
    """Multiply-accumulates of adapters of rank 1 beside the matrices of queries and values."""
    return counts.adapter_macs(trace, "qv")


@metric(unit="1", kind="count", counted="MAC")
def adapter_macs_all(trace):
    """Multiply-accumulates of adapters of rank 1 beside all matrices but the classifier and routers."""
    return counts.adapter_macs(trace, "all")


@metric(unit="1", direction="min")
def adapter_params(adapter_features_qv, adapter_features_all, lora_rank, lora_targets):
    """Parameters of the low-rank adapters: rank · (d_in + d_out) for each matrix."""
    return lora_rank * (adapter_features_qv * (1 - lora_targets) + adapter_features_all * lora_targets)


@metric(unit="1", direction="min")
def trained_params(params, adapter_params, trainable_share, lora_rank):
    """Parameters that are trained: the adapters where there are any, else a share of the network's."""
    return params * trainable_share * (1 - np.minimum(lora_rank, 1)) + adapter_params


@metric("macs", phase="train", unit="1", direction="min", counted="MAC")
def training_macs(
    forward_macs,
    forward_weight_macs,
    forward_block_macs,
    forward_product_macs,
    forward_adapter_macs_qv,
    forward_adapter_macs_all,
    trainable_share,
    lora_rank,
    lora_targets,
    recompute,
    recompute_attention,
):
    """Multiply-accumulates of forward and backward pass, of adapters, and of what is computed again.

    The backward pass multiplies as much as the forward pass for the inputs, and as much for the weights that are
    trained; products of two activations are twice those of the forward pass. Frozen layers pass gradients on.
    """
    frozen = 1 - trainable_share * (1 - np.minimum(lora_rank, 1))
    adapters = forward_adapter_macs_qv * (1 - lora_targets) + forward_adapter_macs_all * lora_targets
    whole = PASSES * (forward_macs + lora_rank * adapters)
    again = recompute * forward_block_macs + (1 - recompute) * recompute_attention * forward_product_macs
    return whole - frozen * forward_weight_macs + again


@metric("saved_macs", phase="train", unit="1", direction="min", counted="MAC", faces=False)
def training_saved_macs():
    """None: no part of a training step runs as Winograd."""
    return 0.0


WEIGHTS, OF_FORWARD = "weights_read expert_weights_read", "forward_{} trainable_share lora_rank"


@metrics(WEIGHTS, OF_FORWARD, phase="train", unit="1", direction="min")
def training_weights_read(forward, trainable_share, lora_rank):
    """Weight elements read forward and backward, and gradients written of those that are trained.

    Neither the optimizer's step nor what adapters hold is counted.
    """
    return (PASSES - 1 + trainable_share * (1 - np.minimum(lora_rank, 1))) * forward


@metric("index_bits_read", phase="train", unit="bit", direction="min")
def training_index_bits_read(forward_index_bits_read):
    """Bits that say which of pruned weights are left, read with the weights."""
    return PASSES * forward_index_bits_read


@metric("activation_traffic", phase="train", unit="1", direction="min")
def training_activation_traffic(forward_activation_traffic):
    """Input and output elements of every op, forward, and of both products of its backward pass."""
    return PASSES * forward_activation_traffic


@metric("activations", phase="train", unit="1", direction="min")
def training_activations(
    forward_activations,
    forward_checkpointed_activations,
    forward_attention_scores,
    recompute,
    recompute_attention,
    backprop_fraction,
):
    """Outputs of convolutions, linear layers and attention products that are stored until the backward pass."""
    kept = forward_activations - recompute_attention * forward_attention_scores
    stored = kept * (1 - recompute) + forward_checkpointed_activations * recompute
    return formulas.sparse_backprop_activations(stored, backprop_fraction)


@metric("memory", phase="train", unit="B", direction="min")
def training_memory(
    params,
    trained_params,
    adapter_params,
    activations,
    batch,
    weight_bits,
    grad_bits,
    optimizer_bits,
    activation_bits,
    adapter_bits,
    index_bits,
):
    """Weights and adapters, gradients and optimizer state of what is trained, and every stored activation of the batch.

    `optimizer_bits` holds a master copy where there is one: 96 for Adam with 16-bit weights, 64 without.
    """
    step = formulas.training_memory(
        params, trained_params, activations * batch, weight_bits, grad_bits, optimizer_bits, activation_bits
    )
    return step + formulas.params_to_bytes(adapter_params, adapter_bits) + index_bits / 8


@metric("kv_cache", phase="train", unit="B", direction="min")
def training_kv_cache(kv_bits, batch):
    """None: keys and values are among the activations stored until the backward pass."""
    return formulas.activations_to_bytes(0 * batch, kv_bits)


@metric("live_bytes", phase="train", unit="B", direction="min")
def training_live_bytes(memory, model_size, adapter_params, adapter_bits):
    """Bytes that a training step holds beside weights: gradients, optimizer state, stored activations of the batch."""
    return memory - model_size - formulas.params_to_bytes(adapter_params, adapter_bits)


@metric("sram_free", phase="train", unit="B", direction="max", signed=True)
def training_sram_free(live_bytes, trained_params, adapter_params, weight_bits, adapter_bits, sram_bank):
    """On-chip memory that stays free in the largest bank: weights that are trained are held there, frozen ones are not.

    Negative where the design does not fit.
    """
    trained = formulas.params_to_bytes(trained_params - adapter_params, weight_bits)
    return sram_bank - live_bytes - trained - formulas.params_to_bytes(adapter_params, adapter_bits)
