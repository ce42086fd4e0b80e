"""Metrics of a whole request: a prompt is read, then tokens are generated one after another.

Names with a prefix are those of one part of the request: `prefill_` of the prompt, `decode_` of one token at the mean
context, `last_` of the last token. The first token comes with the prompt, so `output_tokens - 1` are decoded.
"""

from __future__ import annotations

import numpy as np

from dse.registry import metric, metrics

WORK = "activations weights_read activation_traffic cache_traffic"


@metrics("macs saved_macs", "prefill_{} decode_{} output_tokens", phase="request", unit="1", counted="MAC")
@metrics(WORK, "prefill_{} decode_{} output_tokens", phase="request", unit="1", direction="min")
@metrics("index_bits_read", "prefill_{} decode_{} output_tokens", phase="request", unit="bit", direction="min")
@metrics("expert_weights_read", "prefill_{} decode_{} output_tokens", phase="request", unit="1")
@metrics("communication_time", "prefill_{} decode_{} output_tokens", phase="request", unit="s", direction="min")
def of_prompt_and_tokens(prompt, token, output_tokens):
    """Of the prompt and, again, of every generated token."""
    return prompt + (output_tokens - 1) * token


@metric("cache_elements", phase="request", unit="1", direction="min")
def request_cache_elements(last_cache_elements):
    """Elements of keys and values held when the last token is made."""
    return last_cache_elements * 1.0


@metric("cached_tokens", phase="request", unit="1", direction="min", domain="language")
def request_cached_tokens(last_cached_tokens):
    """Tokens of a sequence that the cache holds when the last one is made."""
    return last_cached_tokens * 1.0


PEAKS = "peak_activations peak_activations_in_place peak_activations_simple"


@metrics(PEAKS, "prefill_{} last_{}", phase="request", unit="1", direction="min")
def of_prompt_or_last_token(prompt, token):
    """Of the prompt or of the last token, the larger."""
    return np.maximum(prompt, token)


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


@metric("total_carbon_per_million_tokens", phase="request", unit="kg", direction="min")
def request_total_carbon_per_million_tokens(total_carbon, output_tokens):
    """Carbon dioxide equivalent of electricity and devices for a million generated tokens, prompts included."""
    return total_carbon / output_tokens * 1e6
