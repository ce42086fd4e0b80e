"""The phase "mixed", of continuous batching with chunked prefill: one pass makes a token of each sequence of the batch,
and reads `chunk_tokens` tokens of one more prompt.

The unit is one generated token, to which its share of the prompt is counted. Names with the prefix `chunk_` are those
of a part of a prompt on its own, with the mean number of tokens before it; with `decode_` those of a token at the mean
context. Work is as much as apart; weights are read once for both, and both go through the layers together.
"""

from __future__ import annotations

import numpy as np

from dse.registry import metric, metrics

WORK = """activations activation_traffic cache_traffic product_macs layer_macs depthwise_macs window_traffic
    depthwise_traffic streamed_traffic rearranged_traffic attention_scores exchanged_elements routed_elements
    boundary_elements"""
ONCE = "weights_read expert_weights_read exchanges routed_layers kernel_launches"
HELD = "peak_activations peak_activations_in_place peak_activations_simple"


@metrics("macs", "decode_{} chunk_{} batch", phase="mixed", unit="1", direction="min", counted="MAC")
@metrics(WORK, "decode_{} chunk_{} batch", phase="mixed", unit="1", direction="min")
@metrics(HELD, "last_{} chunk_{} batch", phase="mixed", unit="1", direction="min")
@metrics("cache_elements", "last_{} prefill_{} batch", phase="mixed", unit="1", direction="min")
def with_share_of_prompt(token, prompt, batch):
    """Of a generated token and its share of the prompt's."""
    return token + prompt / batch


@metric("cached_tokens", phase="mixed", unit="1", direction="min", domain="language")
def mixed_cached_tokens(last_cached_tokens):
    """Tokens of a sequence that the cache holds when the last one is made."""
    return last_cached_tokens * 1.0


@metrics(ONCE, "decode_{} chunk_{}", phase="mixed", unit="1", direction="min")
def once_for_both(token, prompt):
    """Of the larger of the two parts of a pass: of a mixture both together may touch a few more experts."""
    return np.maximum(token, prompt)


@metric("time_to_first_token", phase="mixed", unit="s", direction="min", domain="mixed")
def mixed_time_to_first_token(latency, prompt_tokens, chunk_tokens):
    """Time of the passes that a prompt takes, a part in each; it waits for no other prompt."""
    return np.ceil(prompt_tokens / chunk_tokens) * latency


@metric("time_per_token", phase="mixed", unit="s", direction="min", domain="mixed")
def mixed_time_per_token(latency):
    """Time between two tokens of one sequence while a prompt is read beside: the latency of a pass."""
    return latency * 1.0
