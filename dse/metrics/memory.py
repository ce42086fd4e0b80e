"""Memory of a design and whether it fits."""

from __future__ import annotations

from dse import formulas
from dse.registry import metric


@metric(unit="B", direction="min")
def model_size(params, weight_bits, index_bits):
    """Bytes of all parameters at the width of a weight, scales included; and what says which pruned ones are left."""
    return formulas.model_size(params, weight_bits) + index_bits / 8


@metric(unit="B", direction="min")
def flash(model_size):
    """Flash that the parameters need; the engine's code is not included."""
    return model_size * 1.0


@metric(unit="B", direction="min")
def flash_total(flash, engine_code):
    """Flash of the parameters and of the engine's code, where measurements of the `software` tell it; else 0 of it."""
    return flash + engine_code


@metric(unit="B", direction="min")
def activation_memory(activations, activation_bits, batch):
    """Bytes of all activations of a batch, when every one is stored."""
    return formulas.activation_memory(activations * batch, activation_bits)


@metric(unit="B", direction="min")
def peak_activation_memory(peak_activations, activation_bits, batch):
    """Bytes of the activations live at once, for the whole batch."""
    return formulas.activation_memory(peak_activations * batch, activation_bits)


@metric(unit="B", direction="min")
def peak_sram(peak_activations, peak_activations_in_place, in_place_depthwise, activation_bits, batch, engine_sram):
    """Bytes of on-chip memory for the activations live at once, by the engine's in-place rule, and for the engine.

    What the engine itself needs is told by measurements of the `software`; where none is named it is 0.
    """
    peak = in_place_depthwise * peak_activations_in_place + (1 - in_place_depthwise) * peak_activations
    return formulas.activation_memory(peak * batch, activation_bits) + engine_sram


@metric(unit="B", direction="min")
def kv_cache(cache_elements, kv_bits, batch):
    """Cache of keys and values at the context reached, for the whole batch."""
    return formulas.activations_to_bytes(cache_elements * batch, kv_bits)


@metric(unit="B", direction="min")
def memory(model_size, kv_cache, peak_activation_memory):
    """Weights, cache and the activations live at once, on the device."""
    return model_size + kv_cache + peak_activation_memory


@metric(unit="B", direction="min")
def live_bytes(peak_sram, kv_cache):
    """Bytes live at once while the network runs: activations by the engine's in-place rule, and cache."""
    return peak_sram + kv_cache


@metric(unit="B", direction="max", signed=True)
def memory_free(memory, memory_capacity, memory_share):
    """Main memory that stays free of the share that a model may fill; negative where the design does not fit."""
    return memory_capacity * memory_share - memory


@metric(unit="B", direction="max", signed=True)
def sram_free(live_bytes, sram_bank):
    """On-chip memory that stays free of activations and cache in the largest bank; negative: it does not fit."""
    return sram_bank - live_bytes


@metric(unit="B", direction="max", signed=True)
def flash_free(flash_total, flash_capacity):
    """Flash that stays free; negative where the design does not fit."""
    return flash_capacity - flash_total
