"""How large a batch may be: what memory holds whatever the batch, and what each sample or sequence adds to it."""

from __future__ import annotations

import numpy as np

from dse import formulas
from dse.registry import metric


@metric("cached_tokens", setting="in_flight", phase="request", unit="1", direction="min", domain="language")
def cached_tokens_in_flight(decode_cached_tokens):
    """Tokens that the cache holds of a sequence on average, over all that are in flight: those at the mean context."""
    return decode_cached_tokens * 1.0


@metric("cache_elements", setting="in_flight", phase="request", unit="1", direction="min")
def cache_elements_in_flight(decode_cache_elements):
    """Elements of keys and values of a sequence on average: those at the mean context."""
    return decode_cache_elements * 1.0


@metric(unit="B", direction="min")
def cache_of_sequence(cache_elements, kv_bits):
    """Cache of one sequence at the context reached."""
    return formulas.activations_to_bytes(cache_elements, kv_bits)


@metric(unit="1", direction="min")
def sequence_activations(peak_activations):
    """Activations live at once of each sample or sequence of the batch."""
    return peak_activations * 1.0


@metric(unit="1", direction="min", faces=False)
def common_activations():
    """Activations live at once whatever the batch: none, but where a part of one prompt is read beside it."""
    return 0.0


@metric(unit="B", direction="min")
def sequence_memory(cache_of_sequence, sequence_activations, activation_bits):
    """Bytes on a device for each sample or sequence of the batch: cache, and the activations live at once."""
    return cache_of_sequence + formulas.activation_memory(sequence_activations, activation_bits)


@metric("sequence_memory", phase="train", unit="B", direction="min")
def stored_activations(activations, activation_bits):
    """Bytes of the stored activations of each sample of the batch."""
    return formulas.activation_memory(activations, activation_bits)


@metric(unit="B", direction="min")
def fixed_memory(device_weights, draft_size, common_activations, activation_bits):
    """Bytes on a device whatever the batch: weights, those of a draft model too, and activations of no sequence."""
    return device_weights + draft_size + formulas.activation_memory(common_activations, activation_bits)


@metric("fixed_memory", phase="train", unit="B", direction="min")
def training_state(
    params, trained_params, adapter_params, weight_bits, grad_bits, optimizer_bits, adapter_bits, index_bits
):
    """Bytes whatever the batch: weights and adapters, gradients and optimizer state."""
    state = formulas.training_memory(params, trained_params, 0.0, weight_bits, grad_bits, optimizer_bits, 0.0)
    return state + formulas.params_to_bytes(adapter_params, adapter_bits) + index_bits / 8


@metric(unit="1", direction="max")
def max_batch(memory_capacity, memory_share, fixed_memory, sequence_memory):
    """Largest batch of a replica that the main memory holds, of the share that a model may fill; 0: not even one."""
    return np.maximum(np.floor((memory_capacity * memory_share - fixed_memory) / sequence_memory), 0.0)
