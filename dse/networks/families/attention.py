"""Kinds of attention of a decoder: grouped queries with a cache of keys and values, and a cache of latents."""

from __future__ import annotations

from dse.networks.net import Net
from dse.networks.tensors import Tensor


def grouped_attention(
    net: Net, x: Tensor, span, *, heads, kv_heads, d_head, qkv_bias, output_bias, qk_norm, sink_logits
) -> Tensor:
    """Attention whose heads share `kv_heads` keys and values: multi-head, grouped-query or multi-query."""
    d_model = x.features
    q = net.linear(x, heads * d_head, bias=qkv_bias, name="q")
    k = net.linear(x, kv_heads * d_head, bias=qkv_bias, name="k")
    v = net.linear(x, kv_heads * d_head, bias=qkv_bias, name="v")
    if qk_norm:
        q = net.norm(q, shift=0, features=d_head, name="q_norm")
        k = net.norm(k, shift=0, features=d_head, name="k_norm")
    attended = net.attention(q, k, v, span, heads, sinks=sink_logits)
    return net.linear(attended, d_model, bias=output_bias, name="output")


def latent_attention(
    net: Net, x: Tensor, span, *, decode, heads, q_lora_rank, kv_lora_rank, d_nope, d_rope, d_value, qkv_bias,
    output_bias,
) -> Tensor:  # fmt: skip
    """Multi-head latent attention: keys and values of all heads are compressed to one cached latent.

    Prefill expands the latents to keys and values. Decode (`decode` 1) leaves the cache compressed: the same
    matrices take the queries to the latents and the results from there, so that a token costs as many MACs for
    them, but scores and sums are over `kv_lora_rank` in place of `d_nope` and `d_value` features of each head.

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
        return net.linear_by_head(q, heads, d_nope, kv_lora_rank, d_kept=d_rope, name="k_up")

    def absorb_values(result: Tensor) -> Tensor:
        return net.linear_by_head(result, heads, kv_lora_rank, d_value, name="v_up")

    expanded = net.optional(decode == 0, expand, latent)
    expanded = net.select(expanded, x.positions * (1 - decode))
    q = net.optional(decode == 1, absorb_keys, q)
    d_result = decode * kv_lora_rank + (1 - decode) * d_value
    result = net.latent_attention(q, latent, expanded, heads * d_result, span, heads)
    result = net.optional(decode == 1, absorb_values, result)
    return net.linear(result, d_model, bias=output_bias, name="output")
