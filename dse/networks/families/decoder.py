"""Decoder-only transformers with dense feed-forward networks."""

from __future__ import annotations

from functools import partial

import numpy as np

from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor


@family(
    structural=("gated", "qk_norm", "post_norm", "parallel", "shared_norm", "positions"),
    domain="language",
    source="Vaswani et al., NeurIPS 2017; Touvron et al. (Llama 2), 2023; Wang and Komatsuzaki (parallel blocks), 2021",
)
def decoder(
    net: Net,
    layers,
    d_model,
    heads,
    vocab,
    kv_heads=None,
    d_head=None,
    ffn=None,
    gated=1,
    tied=0,
    context=2048,
    phase=1,
    local_layers=0,
    window=None,
    norm_bias=0,
    qkv_bias=0,
    output_bias=0,
    ffn_bias=0,
    head_bias=0,
    qk_norm=0,
    post_norm=0,
    parallel=0,
    shared_norm=0,
    positions=0,
):
    """Dense decoder: Llama, Qwen, Mistral, Phi, Gemma, GPT-2, OPT, Pythia, GPT-J, Falcon.

    In prefill (`phase` 0) the tokens are the whole `context`, attention is the full square and logits are those of
    the last token; in decode (1) there is one token, and attention reads `context` positions, its own included.
    `local_layers` of the layers attend to the last `window` positions only.

    Left out: `kv_heads` is `heads` (multi-head attention); `d_head` is d_model / heads; `ffn` is 4·d_model where
    plain, and where gated 8/3·d_model rounded up to a multiple of 256; `window` is needed with local layers only.
    """
    kv_heads = heads if kv_heads is None else kv_heads
    if d_head is None:
        net.require("heads", d_model % heads == 0, "it must divide d_model where d_head is not given")
        d_head = d_model / heads
    if ffn is None:
        ffn = 256 * np.ceil(np.floor(8 * d_model / 3) / 256) if gated else 4 * d_model
    net.require("kv_heads", heads % kv_heads == 0, "it must divide heads")
    net.require("local_layers", local_layers <= layers, "there are not as many layers")
    net.require("window", np.equal(local_layers, 0) if window is None else True, "layers with a window need its width")
    net.require("shared_norm", bool(parallel) or not shared_norm, "only parallel blocks share one norm")
    net.require("context", context <= positions if positions else True, f"there are {positions} learned positions")

    tokens = context * (1 - phase) + phase
    norm = partial(net.norm, shift=norm_bias)
    attend = partial(
        _attention,
        net,
        heads=heads,
        kv_heads=kv_heads,
        d_head=d_head,
        qkv_bias=qkv_bias,
        output_bias=output_bias,
        qk_norm=qk_norm,
    )
    feed_forward = partial(_feed_forward, net, ffn=ffn, gated=gated, bias=ffn_bias)

    def block(x: Tensor, span) -> Tensor:
        h = norm(x, name="attention_norm")
        a = attend(h, span)
        if parallel:
            h = h if shared_norm else norm(x, name="ffn_norm")
            return net.add(net.add(a, feed_forward(h), "branches_add"), x)
        x = net.add(norm(a, name="attention_post_norm") if post_norm else a, x, "attention_add")
        f = feed_forward(norm(x, name="ffn_norm"))
        return net.add(norm(f, name="ffn_post_norm") if post_norm else f, x, "ffn_add")

    x = net.embedding(tokens, vocab, d_model)
    if positions:
        x = net.add(x, net.embedding(tokens, positions, d_model, "position_embedding"), "position_add")
    with net.scope("layer"):
        x = net.repeat(layers - local_layers, lambda x: block(x, context), x)
    if window is not None:
        with net.scope("local_layer"):
            x = net.repeat(local_layers, lambda x: block(x, np.minimum(context, window)), x)
    x = net.select(norm(x, name="final_norm"), 1.0)
    return net.linear(x, vocab, bias=head_bias, stored=1 - tied, name="head")


def _attention(net: Net, x: Tensor, span, *, heads, kv_heads, d_head, qkv_bias, output_bias, qk_norm) -> Tensor:
    d_model = x.features
    q = net.linear(x, heads * d_head, bias=qkv_bias, name="q")
    k = net.linear(x, kv_heads * d_head, bias=qkv_bias, name="k")
    v = net.linear(x, kv_heads * d_head, bias=qkv_bias, name="v")
    if qk_norm:
        q = net.norm(q, shift=0, features=d_head, name="q_norm")
        k = net.norm(k, shift=0, features=d_head, name="k_norm")
    return net.linear(net.attention(q, k, v, span, heads), d_model, bias=output_bias, name="output")


def _feed_forward(net: Net, x: Tensor, *, ffn, gated, bias) -> Tensor:
    d_model = x.features
    hidden = net.linear(x, ffn, bias=bias, name="up")
    if gated:
        hidden = net.multiply(net.linear(x, ffn, bias=bias, name="gate"), hidden, "gate_multiply")
    return net.linear(hidden, d_model, bias=bias, name="down")
