"""Speculative decoding: a draft model proposes tokens, and one pass of the network checks them all.

With the setting "speculative" (`draft_tokens` above 0) these functions stand for the counts of one generated token:
those of the pass that checks, and of the draft model, over the tokens that both give on average. The draft model reads
all its `draft_params` for each token that it proposes; its cache and its attention are left out. The pass reads the
cache once for all the tokens that it checks.
"""

from __future__ import annotations

from typing import Any

from dse import formulas
from dse.registry import metric

DECODE: dict[str, Any] = {"setting": "speculative", "phase": "decode", "unit": "1", "direction": "min"}


@metric(unit="1", direction="max", domain="decode request")
def tokens_per_pass(draft_tokens, acceptance):
    """Tokens that one pass gives on average: 1 where nothing is drafted."""
    return formulas.expected_tokens(acceptance, draft_tokens)


@metric(unit="B", direction="min", faces=False)
def draft_size():
    """Bytes of the weights of the draft model; 0 without one."""
    return 0.0


@metric("draft_size", setting="speculative", unit="B", direction="min")
def size_of_draft_model(draft_params, weight_bits):
    """Bytes of the weights of the draft model, in the format of the network's."""
    return formulas.model_size(draft_params, weight_bits)


@metric("macs", **DECODE, counted="MAC")
def speculative_macs(pass_macs, draft_tokens, draft_params, acceptance):
    """Multiply-accumulates of a generated token: of every token that is checked, and of every one proposed."""
    done = pass_macs * (draft_tokens + 1) + draft_params * draft_tokens
    return done / formulas.expected_tokens(acceptance, draft_tokens)


@metric("weights_read", **DECODE)
def speculative_weights_read(pass_weights_read, draft_tokens, draft_params, acceptance):
    """Weight elements read for a generated token: once for all that are checked, and by the draft model for each."""
    read = pass_weights_read + draft_params * draft_tokens
    return read / formulas.expected_tokens(acceptance, draft_tokens)


@metric("activation_traffic", **DECODE)
def speculative_activation_traffic(pass_activation_traffic, draft_tokens, acceptance):
    """Input and output elements of every op for a generated token, of every one that is checked."""
    return pass_activation_traffic * (draft_tokens + 1) / formulas.expected_tokens(acceptance, draft_tokens)


@metric("cache_traffic", **DECODE)
def speculative_cache_traffic(pass_cache_traffic, draft_tokens, acceptance):
    """Elements of the cache for a generated token, read once for all that are checked."""
    return pass_cache_traffic / formulas.expected_tokens(acceptance, draft_tokens)


@metric("memory", setting="speculative", unit="B", direction="min")
def speculative_memory(model_size, draft_size, kv_cache, peak_activation_memory):
    """Weights of the network and of the draft model, cache and the activations live at once."""
    return model_size + draft_size + kv_cache + peak_activation_memory
