"""Kinds of attention: of one sequence with grouped queries, through latents, or of one sequence on another."""

from __future__ import annotations

import numpy as np

from dse.glossary import lookup
from dse.networks.net import Net
from dse.networks.tensors import Tensor

SOFTMAX, LINEAR, WINDOW, SINKS = lookup("attention").choices


def attended(net: Net, attention, context, window, sinks):
    """Positions that a query reads, by the kind of attention."""
    needs = attention in (WINDOW, SINKS)
    net.require("window", window is not None or not needs, "this attention needs the width of its window")
    only = "only attention = sinks keeps first tokens"
    net.require("sinks", True if attention == SINKS else np.equal(sinks, 0), only)
    if not needs or window is None:
        return context
    return np.minimum(context, window + sinks)


def self_attention(net: Net, x: Tensor, attention, heads, *, bias=1, biases=0.0) -> Tensor:
    """Attention of all positions on each other without a cache: softmax or linear; `bias` of q, k and v."""
    if attention not in (SOFTMAX, LINEAR):
        net.require("attention", False, "here it is softmax or linear")
    q, k, v = (net.linear(x, x.features, bias=bias, name=name) for name in ("q", "k", "v"))
    if attention == LINEAR:
        result = net.linear_attention(q, k, v, heads, cached=False)
    else:
        result = net.attention(q, k, v, x.positions, heads, cached=False, biases=biases)
    return net.linear(result, x.features, name="output")


def cross_attention(
    net: Net, x: Tensor, source: Tensor, *, heads, d_head, decode=0, cached=True, bias=0, output_bias=0
) -> Tensor:
    """Attention on another sequence, whose keys and values are made once, in prefill, where they are `cached`."""
    d_model, inner = x.features, heads * d_head
    q = net.linear(x, inner, bias=bias, name="q")

    def make(name: str) -> Tensor:
        made = net.call(1.0 - decode, lambda source: net.linear(source, inner, bias=bias, name=name), source)
        return net.view(made, source.positions * (1 - decode), inner)

    result = net.attention(q, make("k"), make("v"), source.positions, heads, cached=cached)
    return net.linear(result, d_model, bias=output_bias, name="output")


def grouped_attention(
    net: Net, x: Tensor, span, *, heads, kv_heads, d_head, qkv_bias, output_bias, qk_norm, sink_logits,
    linear=False, decode=0,
) -> Tensor:  # fmt: skip
    """Attention whose heads share `kv_heads` keys and values: multi-head, grouped-query or multi-query.

    With `linear` the keys and values are summed up, and `span` is not looked at.
    """
    d_model = x.features
    q = net.linear(x, heads * d_head, bias=qkv_bias, name="q")
    k = net.linear(x, kv_heads * d_head, bias=qkv_bias, name="k")
    v = net.linear(x, kv_heads * d_head, bias=qkv_bias, name="v")
    if qk_norm:
        q = net.norm(q, shift=0, features=d_head, name="q_norm")
        k = net.norm(k, shift=0, features=d_head, name="k_norm")
    if linear:
        result = net.linear_attention(q, k, v, kv_heads, resumed=decode)
    else:
        result = net.attention(q, k, v, span, heads, sinks=sink_logits)
    return net.linear(result, d_model, bias=output_bias, name="output")


def latent_attention(
    net: Net, x: Tensor, span, *, decode, heads, q_lora_rank, kv_lora_rank, d_nope, d_rope, d_value, qkv_bias,
    output_bias,
) -> Tensor:  # fmt: skip
    """Multi-head latent attention: keys and values of all heads are compressed to one cached latent.

    Prefill expands the latents to keys and values. Decode (`decode` 1) leaves the cache compressed: the same
    matrices take the queries to the latents and the results from there, so that a token costs as many MACs for
    them, but scores and sums are over `kv_lora_rank` in place of `d_nope` and `d_value` features of each head. An
    adapter stands beside the whole matrix, and is the same in both.

    References
    ----------
    .. [1] DeepSeek-AI, "DeepSeek-V2", 2024, sec. 2.1 (the absorbed matrices: sec. 2.1.2).
    """
    d_model = x.features
    if q_lora_rank is None:
        q = net.linear(x, heads * (d_nope + d_rope), bias=0, name="q")
    else:
        q = net.norm(net.linear(x, q_lora_rank, bias=qkv_bias, name="q_down"), shift=0, name="q_norm")
        q = net.linear(q, heads * (d_nope + d_rope), bias=0, name="q_up")
    latent = net.linear(x, kv_lora_rank + d_rope, bias=qkv_bias, name="kv_down")
    latent = net.norm(latent, shift=0, features=kv_lora_rank, name="kv_norm")

    def expand(latent: Tensor) -> Tensor:
        return net.linear(net.select(latent, features=kv_lora_rank), heads * (d_nope + d_value), bias=0, name="kv_up")

    def absorb_keys(q: Tensor) -> Tensor:
        adapted = kv_lora_rank + heads * d_nope
        return net.linear_by_head(q, heads, d_nope, kv_lora_rank, d_kept=d_rope, adapted=adapted, name="k_up")

    def absorb_values(result: Tensor) -> Tensor:
        return net.linear_by_head(result, heads, kv_lora_rank, d_value, adapted=heads * d_value, name="v_up")

    expanded = net.optional(decode == 0, expand, latent)
    expanded = net.select(expanded, x.positions * (1 - decode))
    q = net.optional(decode == 1, absorb_keys, q)
    d_result = decode * kv_lora_rank + (1 - decode) * d_value
    result = net.latent_attention(q, latent, expanded, heads * d_result, span, heads)
    result = net.optional(decode == 1, absorb_values, result)
    return net.linear(result, d_model, bias=output_bias, name="output")
