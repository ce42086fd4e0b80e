"""What the fields of a config.json mean: decoders with layer norms and two matrices, GPT-2 and those after it."""

from __future__ import annotations

from dse.networks.ingest.config_fields import Fields
from dse.networks.ingest.hf_readers import Axes, reader, shape

# Biases of networks of this line: everywhere but at the head.
ALL_BIASES = {"norm_bias": 1, "qkv_bias": 1, "output_bias": 1, "ffn_bias": 1}


def plain(c: Fields, ffn: str, tied: bool = False, derived: bool = False) -> Axes:
    """Layer norm and two matrices: GPT-2 and those after it.

    With `derived` a file may leave their width out where it is four times that of the network.
    """
    axes = shape(c, tied)
    width = c.count("ffn", ffn, default=4 * axes["d_model"] if derived else None)
    return axes | {"gated": 0, "norm_bias": 1, "ffn": width}


@reader("phi")
def _phi(c: Fields) -> Axes:
    c.only("qk_layernorm", False, False, "norms of queries and keys with a shift are not modelled")
    axes = plain(c, "intermediate_size") | ALL_BIASES
    axes["kv_heads"] = c.count("kv_heads", "num_key_value_heads", default=axes["heads"])
    return axes | {"head_bias": 1, "parallel": 1, "shared_norm": 1}


@reader("gpt2")
def _gpt2(c: Fields) -> Axes:
    c.only("add_cross_attention", False, False, "the decoder has no encoder beside it")
    axes = plain(c, "n_inner", tied=True, derived=True)
    return axes | ALL_BIASES | {"positions": c.count("positions", "n_positions", "n_ctx")}


@reader("gpt_neox")
def _gpt_neox(c: Fields) -> Axes:
    bias = c.flag("attention_bias", True)
    axes = plain(c, "intermediate_size") | ALL_BIASES | {"qkv_bias": bias, "output_bias": bias}
    return axes | {"parallel": c.flag("use_parallel_residual", True)}


@reader("gptj")
def _gptj(c: Fields) -> Axes:
    return plain(c, "n_inner", derived=True) | {"ffn_bias": 1, "head_bias": 1, "parallel": 1, "shared_norm": 1}


@reader("opt")
def _opt(c: Fields) -> Axes:
    axes = plain(c, "ffn_dim", tied=True) | ALL_BIASES
    c.only("enable_bias", True, True, "all layers have biases")
    c.only("layer_norm_elementwise_affine", True, True, "norms have a scale and a shift")
    c.only("_remove_final_layer_norm", False, False, "the last norm is there wherever norms stand before the branches")
    width = c.count("d_embedding", "word_embed_proj_dim", default=axes["d_model"])
    axes |= {"sum_norm": 1 - c.flag("do_layer_norm_before", True)}
    axes |= {"d_embedding": None if width == axes["d_model"] else width}
    # The code adds two positions that it never uses.
    return axes | {"positions": c.count("positions", "max_position_embeddings") + 2}


@reader("falcon")
def _falcon(c: Fields) -> Axes:
    new = c.flag("new_decoder_architecture", False)
    axes = plain(c, "ffn_hidden_size", tied=True, derived=True)
    if new:
        kv_heads = c.count("kv_heads", "num_kv_heads", "n_head_kv", default=axes["heads"])
    else:
        kv_heads = 1 if c.flag("multi_query", True) else axes["heads"]
    parallel = 1 if new else c.flag("parallel_attn", True)
    norms = c.count("layers", "num_ln_in_parallel_attn", default=2 if new else 1)
    bias = c.flag("bias", False)
    biases = {"qkv_bias": bias, "output_bias": bias, "ffn_bias": bias}
    return axes | biases | {"kv_heads": kv_heads, "parallel": parallel, "shared_norm": int(parallel and norms == 1)}
