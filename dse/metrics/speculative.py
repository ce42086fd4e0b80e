"""Speculative decoding: a draft model proposes tokens, and one pass of the network checks them all.

With the setting "speculative" (`draft_tokens` above 0) these functions stand for the counts of one generated token:
those of the pass that checks, and of the draft model, over the tokens that both give on average. The draft model reads
all its `draft_params` for each token that it proposes; its cache and its attention are left out. The pass reads the
cache once for all the tokens that it checks.
"""

from __future__ import annotations

from typing import Any

from dse import formulas
from dse.metrics.work import REPEATED_RATE
from dse.registry import metric, metrics

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


@metrics("macs layer_macs", "pass_{} draft_tokens draft_params acceptance", **DECODE, counted="MAC")
def of_checked_and_proposed(checked, draft_tokens, draft_params, acceptance):
    """Of a generated token: of every token that is checked, and of every one proposed."""
    done = checked * (draft_tokens + 1) + draft_params * draft_tokens
    return done / formulas.expected_tokens(acceptance, draft_tokens)


@metric("weights_read", **DECODE)
def speculative_weights_read(pass_weights_read, draft_tokens, draft_params, acceptance):
    """Weight elements read for a generated token: once for all that are checked, and by the draft model for each."""
    read = pass_weights_read + draft_params * draft_tokens
    return read / formulas.expected_tokens(acceptance, draft_tokens)


CHECKED = """activation_traffic product_macs depthwise_macs window_traffic depthwise_traffic streamed_traffic
    rearranged_traffic attention_scores"""


@metrics(CHECKED, "pass_{} draft_tokens acceptance", **DECODE)
def of_all_checked(checked, draft_tokens, acceptance):
    """Of a generated token, of every one that is checked."""
    return checked * (draft_tokens + 1) / formulas.expected_tokens(acceptance, draft_tokens)


@metrics("cache_traffic kernel_launches", "pass_{} draft_tokens acceptance", **DECODE)
def once_for_all_checked(checked, draft_tokens, acceptance):
    """Of a generated token, once for all that are checked; the draft model has no cache, and starts with them."""
    return checked / formulas.expected_tokens(acceptance, draft_tokens)


@metric("repeated_cache_traffic", **DECODE)
def repeated_once_for_all_checked(pass_product_macs, cache_reads, draft_tokens, acceptance):
    """Elements of keys and values once for every query head, for all tokens that are checked."""
    return pass_product_macs * cache_reads / REPEATED_RATE / formulas.expected_tokens(acceptance, draft_tokens)


@metric("memory", setting="speculative", unit="B", direction="min")
def speculative_memory(model_size, draft_size, kv_cache, peak_activation_memory):
    """Weights of the network and of the draft model, cache and the activations live at once."""
    return model_size + draft_size + kv_cache + peak_activation_memory
