"""What the fields of a config.json mean: decoders with gated feed-forward networks, Llama and those after it."""

from __future__ import annotations

from dse.networks.ingest.config_fields import Fields
from dse.networks.ingest.hf_readers import Axes, attention_bias, experts, gated, reader, shape, window


@reader("llama")
def _llama(c: Fields) -> Axes:
    return gated(c, multi_head=True) | attention_bias(c) | {"ffn_bias": c.flag("mlp_bias", False)}


@reader("mistral")
def _mistral(c: Fields) -> Axes:
    axes = gated(c, kv_heads=8)
    return axes | window(c, axes["layers"], axes["layers"], default=4096)


@reader("mixtral")
def _mixtral(c: Fields) -> Axes:
    axes = gated(c, kv_heads=8)
    axes |= experts(c, "intermediate_size", "num_local_experts")
    return axes | {"ffn": None} | window(c, axes["layers"], axes["layers"])


@reader("qwen2")
def _qwen2(c: Fields) -> Axes:
    axes = gated(c) | {"qkv_bias": 1}
    return axes | _qwen_window(c, axes["layers"])


@reader("qwen3")
def _qwen3(c: Fields) -> Axes:
    axes = gated(c, d_head=128) | attention_bias(c) | {"qk_norm": 1}
    return axes | _qwen_window(c, axes["layers"])


@reader("qwen3_moe")
def _qwen3_moe(c: Fields) -> Axes:
    c.only("decoder_sparse_step", 1, 1, "every layer has experts")
    c.only("mlp_only_layers", [], [], "every layer has experts")
    axes = gated(c) | attention_bias(c) | {"qk_norm": 1, "ffn": None}
    return (
        axes | experts(c, "moe_intermediate_size", "num_experts", "num_local_experts") | _qwen_window(c, axes["layers"])
    )


def _qwen_window(c: Fields, layers: int) -> Axes:
    if not c.flag("use_sliding_window", False):
        return {}
    full = c.count("local_layers", "max_window_layers")
    return window(c, layers, max(0, layers - full))


@reader("smollm3")
def _smollm3(c: Fields) -> Axes:
    axes = gated(c, tied=True, kv_heads=4) | attention_bias(c) | {"ffn_bias": c.flag("mlp_bias", False)}
    if not c.flag("use_sliding_window", False):
        return axes
    # Where nothing else is told, every fourth layer goes without rotary positions, and these have the window.
    every = c.count("layers", "no_rope_layer_interval", default=4)
    return axes | window(c, axes["layers"], axes["layers"] // every)


@reader("gemma")
def _gemma(c: Fields) -> Axes:
    return gated(c, tied=True, d_head=256) | attention_bias(c)


@reader("gemma2")
def _gemma2(c: Fields) -> Axes:
    axes = gated(c, tied=True, d_head=256) | attention_bias(c) | {"post_norm": 1}
    # The first layer has a window, the second has none, and so on.
    return axes | window(c, axes["layers"], (axes["layers"] + 1) // 2, default=4096)


@reader("gemma3", note="text tower only")
def _gemma3(c: Fields) -> Axes:
    return _gemma3_text(c.inner("text_config"))


@reader("gemma3_text")
def _gemma3_text(c: Fields) -> Axes:
    axes = gated(c, tied=True, heads=8, kv_heads=4, d_head=256, vocab=262208) | attention_bias(c)
    every = c.count("layers", "sliding_window_pattern", "_sliding_window_pattern", default=6)
    local = axes["layers"] - axes["layers"] // every
    return axes | {"qk_norm": 1, "post_norm": 1} | window(c, axes["layers"], local, default=4096)


@reader("phi3")
def _phi3(c: Fields) -> Axes:
    axes = gated(c, multi_head=True)
    return axes | window(c, axes["layers"], axes["layers"])


@reader("deepseek_v2")
def _deepseek_v2(c: Fields) -> Axes:
    c.only("moe_layer_freq", 1, 1, "every layer after the dense ones has experts")
    axes = shape(c) | {
        "ffn": c.count("ffn", "intermediate_size"),
        "kv_lora_rank": c.count("kv_lora_rank", "kv_lora_rank"),
        "q_lora_rank": c.optional_count("q_lora_rank", "q_lora_rank"),
        "d_nope": c.count("d_nope", "qk_nope_head_dim"),
        "d_rope": c.count("d_rope", "qk_rope_head_dim"),
        "d_value": c.count("d_value", "v_head_dim"),
        "shared_experts": c.count("shared_experts", "n_shared_experts", default=0),
        "first_dense_layers": c.count("first_dense_layers", "first_k_dense_replace"),
    }
    return axes | attention_bias(c) | experts(c, "moe_intermediate_size", "n_routed_experts")


@reader("deepseek_v3", "kimi_k2")
def _deepseek_v3(c: Fields) -> Axes:
    # The correction that balances the load of the experts is stored as a bias of the router.
    return _deepseek_v2(c) | {"router_bias": 1}


@reader("gpt_oss")
def _gpt_oss(c: Fields) -> Axes:
    axes = gated(c, d_head=64) | attention_bias(c, default=True)
    axes |= experts(c, "intermediate_size", "num_local_experts", "num_experts")
    axes |= {"ffn": None, "ffn_bias": 1, "router_bias": 1, "sink_logits": 1}
    return axes | window(c, axes["layers"], (axes["layers"] + 1) // 2, default=128)
