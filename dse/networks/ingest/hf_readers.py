"""What the fields of a config.json mean, one reader a kind of network (`model_type`).

What a configuration leaves out has the default of the code that reads it on the hub; each reader states those that
published files do leave out, and asks for all other fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from dse.networks.ingest.config_fields import Fields

Axes = dict[str, Any]


class Reader(NamedTuple):
    """What reads the axes of a `family` from the fields of a kind of network; a `note` says what is left out."""

    family: str
    axes: Callable[[Fields], Axes]
    note: str = ""


READERS: dict[str, Reader] = {}

FULL, SLIDING = "full_attention", "sliding_attention"
# Biases of networks of the GPT-2 line: everywhere but at the head.
ALL_BIASES = {"norm_bias": 1, "qkv_bias": 1, "output_bias": 1, "ffn_bias": 1}


def reader(
    *kinds: str, family: str = "decoder", note: str = ""
) -> Callable[[Callable[[Fields], Axes]], Callable[[Fields], Axes]]:
    """Record what reads the axes of a family for these values of `model_type`."""

    def record(axes: Callable[[Fields], Axes]) -> Callable[[Fields], Axes]:
        READERS.update(dict.fromkeys(kinds, Reader(family, axes, note)))
        return axes

    return record


# Parts that many share.


def _shape(c: Fields, tied: bool = False, **defaults: int) -> Axes:
    return {
        "layers": c.count("layers", "num_hidden_layers", "n_layer"),
        "d_model": c.count("d_model", "hidden_size", "n_embd"),
        "heads": c.count("heads", "num_attention_heads", "n_head", default=defaults.get("heads")),
        "vocab": c.count("vocab", "vocab_size", default=defaults.get("vocab")),
        "tied": c.flag("tie_word_embeddings", tied),
    }


def _gated(c: Fields, tied: bool = False, multi_head: bool = False, **defaults: int) -> Axes:
    """RMS norm, gated feed-forward network, grouped queries: Llama and those after it.

    With `multi_head` a file may leave the heads of keys and values out where there are as many as of queries.
    """
    axes = _shape(c, tied, **defaults)
    kv_heads = axes["heads"] if multi_head else defaults.get("kv_heads")
    return axes | {
        "kv_heads": c.count("kv_heads", "num_key_value_heads", default=kv_heads),
        "d_head": c.optional_count("d_head", "head_dim") or defaults.get("d_head"),
        "ffn": c.count("ffn", "intermediate_size"),
    }


def _plain(c: Fields, ffn: str, tied: bool = False, derived: bool = False) -> Axes:
    """Layer norm and two matrices: GPT-2 and those after it.

    With `derived` a file may leave their width out where it is four times that of the network.
    """
    axes = _shape(c, tied)
    width = c.count("ffn", ffn, default=4 * axes["d_model"] if derived else None)
    return axes | {"gated": 0, "norm_bias": 1, "ffn": width}


def _attention_bias(c: Fields, default: bool = False) -> Axes:
    bias = c.flag("attention_bias", default)
    return {"qkv_bias": bias, "output_bias": bias}


def _window(c: Fields, layers: int, local: int, default: int | None = None) -> Axes:
    """Layers with a window: `local` of them unless the file lists the kind of each."""
    kinds = c.texts("layer_types", (FULL, SLIDING))
    if kinds is not None:
        if len(kinds) != layers:
            c.fault("layer_types", f"{len(kinds)} kinds for {layers} layers")
        local = kinds.count(SLIDING)
    # Null means no window; a field that is left out has the default.
    window = c.optional_count("window", "sliding_window") if "sliding_window" in c.values else default
    context = c.optional_count("context", "max_position_embeddings")
    if not local or window is None or (context is not None and window >= context):
        return {}
    return {"local_layers": local, "window": window}


def _experts(c: Fields, width: str, *names: str) -> Axes:
    return {
        "experts": c.count("experts", *names),
        "active_experts": c.count("active_experts", "num_experts_per_tok", "experts_per_token"),
        "expert_ffn": c.count("expert_ffn", width),
    }


# One reader a `model_type`.


@reader("llama")
def _llama(c: Fields) -> Axes:
    return _gated(c, multi_head=True) | _attention_bias(c) | {"ffn_bias": c.flag("mlp_bias", False)}


@reader("mistral")
def _mistral(c: Fields) -> Axes:
    axes = _gated(c, kv_heads=8)
    return axes | _window(c, axes["layers"], axes["layers"], default=4096)


@reader("mixtral")
def _mixtral(c: Fields) -> Axes:
    axes = _gated(c, kv_heads=8)
    experts = _experts(c, "intermediate_size", "num_local_experts")
    return axes | experts | {"ffn": None} | _window(c, axes["layers"], axes["layers"])


@reader("qwen2")
def _qwen2(c: Fields) -> Axes:
    axes = _gated(c) | {"qkv_bias": 1}
    return axes | _qwen_window(c, axes["layers"])


@reader("qwen3")
def _qwen3(c: Fields) -> Axes:
    axes = _gated(c, d_head=128) | _attention_bias(c) | {"qk_norm": 1}
    return axes | _qwen_window(c, axes["layers"])


@reader("qwen3_moe")
def _qwen3_moe(c: Fields) -> Axes:
    c.only("decoder_sparse_step", 1, 1, "every layer has experts")
    c.only("mlp_only_layers", [], [], "every layer has experts")
    axes = _gated(c) | _attention_bias(c) | {"qk_norm": 1, "ffn": None}
    return (
        axes
        | _experts(c, "moe_intermediate_size", "num_experts", "num_local_experts")
        | _qwen_window(c, axes["layers"])
    )


def _qwen_window(c: Fields, layers: int) -> Axes:
    if not c.flag("use_sliding_window", False):
        return {}
    full = c.count("local_layers", "max_window_layers")
    return _window(c, layers, max(0, layers - full))


@reader("gemma")
def _gemma(c: Fields) -> Axes:
    return _gated(c, tied=True, d_head=256) | _attention_bias(c)


@reader("gemma2")
def _gemma2(c: Fields) -> Axes:
    axes = _gated(c, tied=True, d_head=256) | _attention_bias(c) | {"post_norm": 1}
    # The first layer has a window, the second has none, and so on.
    return axes | _window(c, axes["layers"], (axes["layers"] + 1) // 2, default=4096)


@reader("gemma3", "gemma3_text")
def _gemma3(c: Fields) -> Axes:
    axes = _gated(c, tied=True, heads=8, kv_heads=4, d_head=256, vocab=262208) | _attention_bias(c)
    every = c.count("layers", "sliding_window_pattern", "_sliding_window_pattern", default=6)
    local = axes["layers"] - axes["layers"] // every
    return axes | {"qk_norm": 1, "post_norm": 1} | _window(c, axes["layers"], local, default=4096)


@reader("phi3")
def _phi3(c: Fields) -> Axes:
    axes = _gated(c, multi_head=True)
    return axes | _window(c, axes["layers"], axes["layers"])


@reader("phi")
def _phi(c: Fields) -> Axes:
    c.only("qk_layernorm", False, False, "norms of queries and keys with a shift are not modelled")
    axes = _plain(c, "intermediate_size") | ALL_BIASES
    axes["kv_heads"] = c.count("kv_heads", "num_key_value_heads", default=axes["heads"])
    return axes | {"head_bias": 1, "parallel": 1, "shared_norm": 1}


@reader("gpt2")
def _gpt2(c: Fields) -> Axes:
    c.only("add_cross_attention", False, False, "the decoder has no encoder beside it")
    axes = _plain(c, "n_inner", tied=True, derived=True)
    return axes | ALL_BIASES | {"positions": c.count("positions", "n_positions", "n_ctx")}


@reader("gpt_neox")
def _gpt_neox(c: Fields) -> Axes:
    bias = c.flag("attention_bias", True)
    axes = _plain(c, "intermediate_size") | ALL_BIASES | {"qkv_bias": bias, "output_bias": bias}
    return axes | {"parallel": c.flag("use_parallel_residual", True)}


@reader("gptj")
def _gptj(c: Fields) -> Axes:
    return _plain(c, "n_inner", derived=True) | {"ffn_bias": 1, "head_bias": 1, "parallel": 1, "shared_norm": 1}


@reader("opt")
def _opt(c: Fields) -> Axes:
    axes = _plain(c, "ffn_dim", tied=True) | ALL_BIASES
    c.only("do_layer_norm_before", True, True, "norms stand before attention and feed-forward network")
    c.only("word_embed_proj_dim", axes["d_model"], axes["d_model"], "embeddings are as wide as the network")
    c.only("enable_bias", True, True, "all layers have biases")
    # The code adds two positions that it never uses.
    return axes | {"positions": c.count("positions", "max_position_embeddings") + 2}


@reader("falcon")
def _falcon(c: Fields) -> Axes:
    new = c.flag("new_decoder_architecture", False)
    axes = _plain(c, "ffn_hidden_size", tied=True, derived=True)
    if new:
        kv_heads = c.count("kv_heads", "num_kv_heads", "n_head_kv", default=axes["heads"])
    else:
        kv_heads = 1 if c.flag("multi_query", True) else axes["heads"]
    parallel = 1 if new else c.flag("parallel_attn", True)
    norms = c.count("layers", "num_ln_in_parallel_attn", default=2 if new else 1)
    bias = c.flag("bias", False)
    biases = {"qkv_bias": bias, "output_bias": bias, "ffn_bias": bias}
    return axes | biases | {"kv_heads": kv_heads, "parallel": parallel, "shared_norm": int(parallel and norms == 1)}


@reader("deepseek_v2")
def _deepseek_v2(c: Fields) -> Axes:
    c.only("moe_layer_freq", 1, 1, "every layer after the dense ones has experts")
    axes = _shape(c) | {
        "ffn": c.count("ffn", "intermediate_size"),
        "kv_lora_rank": c.count("kv_lora_rank", "kv_lora_rank"),
        "q_lora_rank": c.optional_count("q_lora_rank", "q_lora_rank"),
        "d_nope": c.count("d_nope", "qk_nope_head_dim"),
        "d_rope": c.count("d_rope", "qk_rope_head_dim"),
        "d_value": c.count("d_value", "v_head_dim"),
        "shared_experts": c.count("shared_experts", "n_shared_experts", default=0),
        "first_dense_layers": c.count("first_dense_layers", "first_k_dense_replace"),
    }
    return axes | _attention_bias(c) | _experts(c, "moe_intermediate_size", "n_routed_experts")


@reader("deepseek_v3", "kimi_k2")
def _deepseek_v3(c: Fields) -> Axes:
    # The correction that balances the load of the experts is stored as a bias of the router.
    return _deepseek_v2(c) | {"router_bias": 1}


@reader("gpt_oss")
def _gpt_oss(c: Fields) -> Axes:
    axes = _gated(c, d_head=64) | _attention_bias(c, default=True)
    axes |= _experts(c, "intermediate_size", "num_local_experts", "num_experts")
    axes |= {"ffn": None, "ffn_bias": 1, "router_bias": 1, "sink_logits": 1}
    return axes | _window(c, axes["layers"], (axes["layers"] + 1) // 2, default=128)
