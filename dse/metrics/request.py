"""Metrics of a whole request: a prompt is read, then tokens are generated one after another.

Names with a prefix are those of one part of the request: `prefill_` of the prompt, `decode_` of one token at the mean
context, `last_` of the last token. The first token comes with the prompt, so `output_tokens - 1` are decoded.
"""

from __future__ import annotations

import numpy as np

from dse.registry import metric


@metric("macs", phase="request", unit="1", direction="min", counted="MAC")
def request_macs(prefill_macs, decode_macs, output_tokens):
    """Multiply-accumulates of the prompt and of every generated token."""
    return prefill_macs + (output_tokens - 1) * decode_macs


@metric("saved_macs", phase="request", unit="1", direction="min", counted="MAC")
def request_saved_macs(prefill_saved_macs, decode_saved_macs, output_tokens):
    """Multiply-accumulates that convolutions save as Winograd, for the prompt and every generated token."""
    return prefill_saved_macs + (output_tokens - 1) * decode_saved_macs


@metric("activations", phase="request", unit="1", direction="min")
def request_activations(prefill_activations, decode_activations, output_tokens):
    """Sum of the outputs of all layers, for the prompt and every generated token."""
    return prefill_activations + (output_tokens - 1) * decode_activations


@metric("weights_read", phase="request", unit="1", direction="min")
def request_weights_read(prefill_weights_read, decode_weights_read, output_tokens):
    """Weight elements read for the prompt, and again for every generated token."""
    return prefill_weights_read + (output_tokens - 1) * decode_weights_read


@metric("index_bits_read", phase="request", unit="bit", direction="min")
def request_index_bits_read(prefill_index_bits_read, decode_index_bits_read, output_tokens):
    """Bits that say which of pruned weights are left, read for the prompt and again for every generated token."""
    return prefill_index_bits_read + (output_tokens - 1) * decode_index_bits_read


@metric("activation_traffic", phase="request", unit="1", direction="min")
def request_activation_traffic(prefill_activation_traffic, decode_activation_traffic, output_tokens):
    """Input and output elements of every op, for the prompt and every generated token."""
    return prefill_activation_traffic + (output_tokens - 1) * decode_activation_traffic


@metric("cache_traffic", phase="request", unit="1", direction="min")
def request_cache_traffic(prefill_cache_traffic, decode_cache_traffic, output_tokens):
    """Elements of the cache read and written, for the prompt and every generated token."""
    return prefill_cache_traffic + (output_tokens - 1) * decode_cache_traffic


@metric("cache_elements", phase="request", unit="1", direction="min")
def request_cache_elements(last_cache_elements):
    """Elements of keys and values held when the last token is made."""
    return last_cache_elements * 1.0


@metric("cached_tokens", phase="request", unit="1", direction="min", domain="language")
def request_cached_tokens(last_cached_tokens):
    """Tokens of a sequence that the cache holds when the last one is made."""
    return last_cached_tokens * 1.0


@metric("peak_activations", phase="request", unit="1", direction="min")
def request_peak_activations(prefill_peak_activations, last_peak_activations):
    """Most activation elements live at once: those of the prompt, or of the last token."""
    return np.maximum(prefill_peak_activations, last_peak_activations)


@metric("peak_activations_in_place", phase="request", unit="1", direction="min")
def request_peak_activations_in_place(prefill_peak_activations_in_place, last_peak_activations_in_place):
    """As peak_activations, but a depthwise convolution overwrites its input."""
    return np.maximum(prefill_peak_activations_in_place, last_peak_activations_in_place)


@metric("peak_activations_simple", phase="request", unit="1", direction="min")
def request_peak_activations_simple(prefill_peak_activations_simple, last_peak_activations_simple):
    """Largest sum of input and output of one layer, over the prompt and the last token."""
    return np.maximum(prefill_peak_activations_simple, last_peak_activations_simple)


@metric("latency", phase="request", unit="s", direction="min", label="prompt and generated tokens in turn")
def request_total_latency(request_latency):
    """Time of a whole request."""
    return request_latency * 1.0


@metric("token_throughput", phase="request", unit="1/s", direction="max")
def request_token_throughput(batch, output_tokens, request_latency):
    """Generated tokens a second of all requests of the batch, prompts included in the time."""
    return batch * output_tokens / request_latency


@metric("energy_per_token", phase="request", unit="J", direction="min")
def request_energy_per_token(energy, output_tokens):
    """Energy of one generated token, its share of the prompt included."""
    return energy / output_tokens


@metric("carbon_per_million_tokens", phase="request", unit="kg", direction="min")
def request_carbon_per_million_tokens(carbon, output_tokens):
    """Carbon dioxide equivalent of the electricity for a million generated tokens, prompts included."""
    return carbon / output_tokens * 1e6
