"""Decoder-only transformers, dense or with a mixture of experts."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from dse.networks.families.attention import LINEAR, SOFTMAX, attended, grouped_attention, latent_attention
from dse.networks.families.feed_forward import dense, mixture
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor


@family(
    structural=("attention", "gated", "qk_norm", "post_norm", "sum_norm", "parallel", "shared_norm", "positions"),
    divided={"tensor_parallel": "heads", "pipeline_parallel": "layers", "expert_parallel": "experts"},
    domain="language",
    source="Vaswani et al., NeurIPS 2017; Touvron et al. (Llama 2), 2023; Wang and Komatsuzaki (parallel blocks), "
    "2021; Jiang et al. (Mixtral), 2024; DeepSeek-AI (DeepSeek-V2), 2024",
)
def decoder(
    net: Net, layers, d_model, heads, vocab, kv_heads=None, d_head=None, ffn=None, gated=1, tied=0,
    context=2048, phase=1, batch=1, all_logits=0, attention=SOFTMAX, local_layers=0, window=None, sinks=0,
    experts=None, active_experts=None, shared_experts=0, expert_ffn=None, first_dense_layers=0,
    kv_lora_rank=None, q_lora_rank=None, d_nope=None, d_rope=None, d_value=None,
    norm_bias=0, qkv_bias=0, output_bias=0, ffn_bias=0, router_bias=0, head_bias=0, sink_logits=0,
    qk_norm=0, post_norm=0, sum_norm=0, parallel=0, shared_norm=0, positions=0, d_embedding=None, chunk_tokens=None,
    *, visual=None, adapter=None,
):  # fmt: skip
    """Decoder: Llama, Qwen, Mistral, Mixtral, DeepSeek, gpt-oss, Phi, Gemma, GPT-2, OPT, Pythia, GPT-J, Falcon.

    In prefill (`phase` 0) the tokens are the whole `context`, attention is the full square and logits are those of
    the last token; in decode (1) there is one token, and attention reads `context` positions, its own included.
    Training (`all_logits`) is prefill with the logits of every token. With `chunk_tokens` the tokens of prefill are
    only so many, the last of the `context`.
    `local_layers` of the layers attend to the last `window` positions only. `attention` says what the others do: read
    all positions, read them through a sum that does not grow (linear), a window too, or the window and the first
    `sinks` tokens (streaming).

    With `experts` the feed-forward networks of all layers but the `first_dense_layers` are mixtures of experts, of
    which each token uses `active_experts` and all `shared_experts`. The tokens of a `batch` together touch more of
    them: only the weights that a pass reads depend on it. With `kv_lora_rank` the cache holds latents in place of
    keys and values (multi-head latent attention); queries and keys have `d_nope` + `d_rope` features, values `d_value`.

    Left out: `kv_heads` is `heads` (multi-head attention); `d_head` is d_model / heads; `ffn` is 4·d_model where
    plain, and where gated 8/3·d_model rounded up to a multiple of 256; `expert_ffn` is `ffn`; `window` is needed
    with local layers, `active_experts` with experts; without `q_lora_rank` queries are not compressed; `d_nope` and
    `d_value` are 128, `d_rope` is 64.

    Norms stand before each branch, and after it too with `post_norm`; with `sum_norm` they stand after the sums alone.
    Embeddings of `d_embedding` features are projected to d_model, and back before the head.

    Other families give `visual` tokens that go before those of the text, and blocks that an `adapter` adds.
    """
    ffn = _default_ffn(d_model, gated) if ffn is None else ffn
    _require_fitting(net, layers, context, phase, attention, local_layers, window, positions)
    block = _blocks(net, norm_bias, post_norm, sum_norm, parallel, shared_norm)
    sizes = {"heads": heads, "kv_heads": kv_heads, "d_head": d_head, "qk_norm": qk_norm, "sink_logits": sink_logits}
    latent = {"q_lora_rank": q_lora_rank, "d_nope": d_nope, "d_rope": d_rope, "d_value": d_value}
    attend = _attention(net, d_model, phase, attention, sizes, {"kv_lora_rank": kv_lora_rank, **latent})
    attend = partial(attend, qkv_bias=qkv_bias, output_bias=output_bias)
    every = {"gated": gated, "bias": ffn_bias}
    routing = {"experts": experts, "active_experts": active_experts, "shared_experts": shared_experts}
    sparse = _mixture(
        net, expert_ffn, first_dense_layers, ffn, router_bias=router_bias, batch=batch, **routing, **every
    )
    groups = _groups(net, layers, local_layers, first_dense_layers, partial(dense, net, ffn=ffn, **every), sparse)

    prompt = context if chunk_tokens is None else np.minimum(chunk_tokens, context)
    tokens = prompt * (1 - phase) + phase
    x = _embedded(net, tokens, vocab, d_model, positions, d_embedding)
    if visual is not None:
        context = context + visual.positions
        x = net.concat(net.select(visual, visual.positions * (1 - phase)), x, "visual_concat")
    span = attended(net, attention, context, window, sinks)
    for name, count, local, feed in groups:
        with net.scope(name):
            x = net.repeat(count - local, partial(block, attend, feed, span), x)
        if window is not None:
            with net.scope(f"local_{name}"):
                x = net.repeat(local, partial(block, attend, feed, np.minimum(context, window)), x)
    x = x if adapter is None else adapter(x)
    x = x if sum_norm else net.norm(x, norm_bias, name="final_norm")
    x = net.select(x, 1 + all_logits * (tokens - 1))
    x = x if d_embedding is None else net.linear(x, d_embedding, bias=0, name="project_out")
    return net.linear(x, vocab, bias=head_bias, stored=1 - tied, name="head")


def _require_fitting(net: Net, layers, context, phase, attention, local_layers, window, positions) -> None:
    net.require("phase", phase <= 1, "a network is traced in prefill or decode, a request in its parts")
    net.require("local_layers", local_layers <= layers, "there are not as many layers")
    net.require("window", np.equal(local_layers, 0) if window is None else True, "layers with a window need its width")
    net.require("local_layers", attention != LINEAR or np.equal(local_layers, 0), "linear attention has no window")
    net.require("context", context <= positions if positions else True, f"there are {positions} learned positions")


def _embedded(net: Net, tokens, vocab, d_model, positions, d_embedding) -> Tensor:
    x = net.embedding(tokens, vocab, d_model if d_embedding is None else d_embedding)
    x = x if d_embedding is None else net.linear(x, d_model, bias=0, name="project_in")
    if positions:
        x = net.add(x, net.embedding(tokens, positions, d_model, "position_embedding"), "position_add")
    return x


def _blocks(net: Net, norm_bias, post_norm, sum_norm, parallel, shared_norm):
    """How attention and feed-forward network make a layer."""
    net.require("shared_norm", bool(parallel) or not shared_norm, "only parallel blocks share one norm")
    net.require("sum_norm", not sum_norm or not (parallel or post_norm), "norms stand after the sums alone")
    norm = partial(net.norm, shift=norm_bias)
    if sum_norm:
        return partial(_normed_sums, net, norm)
    return partial(_block, net, norm, post_norm=post_norm, parallel=parallel, shared_norm=shared_norm)


def _normed_sums(net: Net, norm, attend, feed_forward, span, x: Tensor) -> Tensor:
    x = norm(net.add(attend(x, span), x, "attention_add"), name="attention_norm")
    x = norm(net.add(feed_forward(x), x, "ffn_add"), name="ffn_norm")
    return x


def _block(net: Net, norm, attend, feed_forward, span, x: Tensor, *, post_norm, parallel, shared_norm) -> Tensor:
    h = norm(x, name="attention_norm")
    a = attend(h, span)
    if parallel:
        h = h if shared_norm else norm(x, name="ffn_norm")
        return net.add(net.add(a, feed_forward(h), "branches_add"), x)
    x = net.add(norm(a, name="attention_post_norm") if post_norm else a, x, "attention_add")
    f = feed_forward(norm(x, name="ffn_norm"))
    return net.add(norm(f, name="ffn_post_norm") if post_norm else f, x, "ffn_add")


def _default_ffn(d_model, gated):
    return 256 * np.ceil(np.floor(8 * d_model / 3) / 256) if gated else 4 * d_model


def _attention(net: Net, d_model, phase, attention, sizes, latent):
    """Attention by heads of queries, keys and values, or through latents."""
    if latent["kv_lora_rank"] is not None:
        net.require("attention", attention != LINEAR, "latent attention is not linear")
        return _latent(net, phase, sizes, latent)
    for axis, value in latent.items():
        net.require(axis, value is None, "it means nothing without kv_lora_rank")
    heads, kv_heads, d_head = sizes["heads"], sizes["kv_heads"], sizes["d_head"]
    kv_heads = heads if kv_heads is None else kv_heads
    if d_head is None:
        net.require("heads", d_model % heads == 0, "it must divide d_model where d_head is not given")
        d_head = d_model / heads
    net.require("kv_heads", heads % kv_heads == 0, "it must divide heads")
    own = {**sizes, "kv_heads": kv_heads, "d_head": d_head, "linear": attention == LINEAR, "decode": phase}
    return partial(grouped_attention, net, **own)


def _latent(net: Net, phase, sizes, latent):
    left_out = {"kv_heads": sizes["kv_heads"] is None, "d_head": sizes["d_head"] is None}
    left_out |= {"qk_norm": not sizes["qk_norm"], "sink_logits": np.equal(sizes["sink_logits"], 0)}
    for axis, holds in left_out.items():
        net.require(axis, holds, "latent attention (kv_lora_rank) has none")
    defaults = {"d_nope": 128, "d_rope": 64, "d_value": 128}
    found: dict[str, Any] = {axis: defaults.get(axis) if value is None else value for axis, value in latent.items()}
    return partial(latent_attention, net, decode=phase, heads=sizes["heads"], **found)


def _groups(net: Net, layers, local_layers, first_dense_layers, feed_forward, sparse):
    """Names, layers, those of them with a window, and the feed-forward network of each."""
    if sparse is None:
        return [("layer", layers, local_layers, feed_forward)]
    net.require("first_dense_layers", first_dense_layers <= layers, "there are not as many layers")
    # Which of the dense layers have a window changes no count: as few as can be.
    local_dense = np.maximum(0, first_dense_layers - (layers - local_layers))
    return [
        ("dense_layer", first_dense_layers, local_dense, feed_forward),
        ("layer", layers - first_dense_layers, local_layers - local_dense, sparse),
    ]


def _mixture(
    net: Net, expert_ffn, first_dense_layers, ffn, *, experts, active_experts, shared_experts, **rest
):  # fmt: skip
    """The mixture of experts of a layer; None where there are none."""
    if experts is None:
        given = {"active_experts": active_experts is None, "expert_ffn": expert_ffn is None}
        numbers = {"shared_experts": np.equal(shared_experts, 0), "first_dense_layers": np.equal(first_dense_layers, 0)}
        for axis, left_out in (given | numbers).items():
            net.require(axis, left_out, "it means nothing without experts")
        return None
    net.require("active_experts", active_experts is not None, "experts need the number of those that a token uses")
    active = experts if active_experts is None else active_experts
    net.require("active_experts", active <= experts, "there are not as many experts")
    routed = {"experts": experts, "active_experts": active, "shared_experts": shared_experts}
    return partial(mixture, net, expert_ffn=ffn if expert_ffn is None else expert_ffn, **routed, **rest)
