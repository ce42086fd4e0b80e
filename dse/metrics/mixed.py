"""The phase "mixed", of continuous batching with chunked prefill: one pass makes a token of each sequence of the batch,
and reads `chunk_tokens` tokens of one more prompt.

The unit is one generated token, to which its share of the prompt is counted. Names with the prefix `chunk_` are those
of a part of a prompt on its own, with the mean number of tokens before it; with `decode_` those of a token at the mean
context. Work is as much as apart; weights are read once for both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.registry import metric

MIXED: dict[str, Any] = {"phase": "mixed", "unit": "1", "direction": "min"}


@metric("macs", **MIXED, counted="MAC")
def mixed_macs(decode_macs, chunk_macs, batch):
    """Multiply-accumulates of a generated token and its share of the prompt's."""
    return decode_macs + chunk_macs / batch


@metric("activations", **MIXED)
def mixed_activations(decode_activations, chunk_activations, batch):
    """Sum of the outputs of all layers, for a generated token and its share of the prompt's."""
    return decode_activations + chunk_activations / batch


@metric("weights_read", **MIXED)
def mixed_weights_read(decode_weights_read, chunk_weights_read):
    """Weight elements that one pass reads: those of the larger of its two parts, which of dense networks are all.

    Of a mixture both parts together may touch a few more experts.
    """
    return np.maximum(decode_weights_read, chunk_weights_read)


@metric("expert_weights_read", phase="mixed", unit="1")
def mixed_expert_weights_read(decode_expert_weights_read, chunk_expert_weights_read):
    """Weight elements of experts that one pass reads: those of the larger of its two parts."""
    return np.maximum(decode_expert_weights_read, chunk_expert_weights_read)


@metric("activation_traffic", **MIXED)
def mixed_activation_traffic(decode_activation_traffic, chunk_activation_traffic, batch):
    """Input and output elements of every op, for a generated token and its share of the prompt's."""
    return decode_activation_traffic + chunk_activation_traffic / batch


@metric("cache_traffic", **MIXED)
def mixed_cache_traffic(decode_cache_traffic, chunk_cache_traffic, batch):
    """Elements of the cache read and written, for a generated token and its share of the prompt's."""
    return decode_cache_traffic + chunk_cache_traffic / batch


@metric("cache_elements", **MIXED)
def mixed_cache_elements(last_cache_elements, prefill_cache_elements, batch):
    """Elements of keys and values of a sequence when its last token is made, and its share of the prompt's."""
    return last_cache_elements + prefill_cache_elements / batch


@metric("cached_tokens", **MIXED, domain="language")
def mixed_cached_tokens(last_cached_tokens):
    """Tokens of a sequence that the cache holds when the last one is made."""
    return last_cached_tokens * 1.0


@metric("peak_activations", **MIXED)
def mixed_peak_activations(last_peak_activations, chunk_peak_activations, batch):
    """Most activation elements live at once, of a token and its share of the prompt's."""
    return last_peak_activations + chunk_peak_activations / batch


@metric("peak_activations_in_place", **MIXED)
def mixed_peak_activations_in_place(last_peak_activations_in_place, chunk_peak_activations_in_place, batch):
    """As peak_activations, but a depthwise convolution overwrites its input."""
    return last_peak_activations_in_place + chunk_peak_activations_in_place / batch


@metric("peak_activations_simple", **MIXED)
def mixed_peak_activations_simple(last_peak_activations_simple, chunk_peak_activations_simple, batch):
    """Largest sum of input and output of one layer, of a token and its share of the prompt's."""
    return last_peak_activations_simple + chunk_peak_activations_simple / batch


@metric("exchanges", phase="mixed", unit="1")
def mixed_exchanges(decode_exchanges, chunk_exchanges):
    """Sums over devices that a pass makes: both parts go through a layer together."""
    return np.maximum(decode_exchanges, chunk_exchanges)


@metric("exchanged_elements", phase="mixed", unit="1")
def mixed_exchanged_elements(decode_exchanged_elements, chunk_exchanged_elements, batch):
    """Elements of these sums, for a token and its share of the prompt's."""
    return decode_exchanged_elements + chunk_exchanged_elements / batch


@metric("routed_layers", phase="mixed", unit="1")
def mixed_routed_layers(decode_routed_layers, chunk_routed_layers):
    """Layers whose tokens go to experts: both parts go through them together."""
    return np.maximum(decode_routed_layers, chunk_routed_layers)


@metric("routed_elements", phase="mixed", unit="1")
def mixed_routed_elements(decode_routed_elements, chunk_routed_elements, batch):
    """Elements of the tokens that go to experts, for a token and its share of the prompt's."""
    return decode_routed_elements + chunk_routed_elements / batch


@metric("boundary_elements", phase="mixed", unit="1")
def mixed_boundary_elements(decode_boundary_elements, chunk_boundary_elements, batch):
    """Elements that go from one layer to the next, for a token and its share of the prompt's."""
    return decode_boundary_elements + chunk_boundary_elements / batch


@metric("time_to_first_token", phase="mixed", unit="s", direction="min", domain="mixed")
def mixed_time_to_first_token(latency, prompt_tokens, chunk_tokens):
    """Time of the passes that a prompt takes, a part in each; it waits for no other prompt."""
    return np.ceil(prompt_tokens / chunk_tokens) * latency


@metric("time_per_token", phase="mixed", unit="s", direction="min", domain="mixed")
def mixed_time_per_token(latency):
    """Time between two tokens of one sequence while a prompt is read beside: the latency of a pass."""
    return latency * 1.0
