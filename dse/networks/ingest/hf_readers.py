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


def reader(
    *kinds: str, family: str = "decoder", note: str = ""
) -> Callable[[Callable[[Fields], Axes]], Callable[[Fields], Axes]]:
    """Record what reads the axes of a family for these values of `model_type`."""

    def record(axes: Callable[[Fields], Axes]) -> Callable[[Fields], Axes]:
        READERS.update(dict.fromkeys(kinds, Reader(family, axes, note)))
        return axes

    return record


# Parts that many share.


def shape(c: Fields, tied: bool = False, **defaults: int) -> Axes:
    """Layers, widths and vocabulary; `defaults` are those of the code that reads the file."""
    return {
        "layers": c.count("layers", "num_hidden_layers", "n_layer"),
        "d_model": c.count("d_model", "hidden_size", "n_embd"),
        "heads": c.count("heads", "num_attention_heads", "n_head", default=defaults.get("heads")),
        "vocab": c.count("vocab", "vocab_size", default=defaults.get("vocab")),
        "tied": c.flag("tie_word_embeddings", tied),
    }


def gated(c: Fields, tied: bool = False, multi_head: bool = False, **defaults: int) -> Axes:
    """RMS norm, gated feed-forward network, grouped queries: Llama and those after it.

    With `multi_head` a file may leave the heads of keys and values out where there are as many as of queries.
    """
    axes = shape(c, tied, **defaults)
    kv_heads = axes["heads"] if multi_head else defaults.get("kv_heads")
    return axes | {
        "kv_heads": c.count("kv_heads", "num_key_value_heads", default=kv_heads),
        "d_head": c.optional_count("d_head", "head_dim") or defaults.get("d_head"),
        "ffn": c.count("ffn", "intermediate_size"),
    }


def attention_bias(c: Fields, default: bool = False) -> Axes:
    """Biases of all four projections of attention, or none."""
    bias = c.flag("attention_bias", default)
    return {"qkv_bias": bias, "output_bias": bias}


def window(c: Fields, layers: int, local: int, default: int | None = None) -> Axes:
    """Layers with a window: `local` of them unless the file lists the kind of each."""
    kinds = c.texts("layer_types", (FULL, SLIDING))
    if kinds is not None:
        if len(kinds) != layers:
            c.fault("layer_types", f"{len(kinds)} kinds for {layers} layers")
        local = kinds.count(SLIDING)
    # Null means no window; a field that is left out has the default.
    width = c.optional_count("window", "sliding_window") if "sliding_window" in c.values else default
    context = c.optional_count("context", "max_position_embeddings")
    if not local or width is None or (context is not None and width >= context):
        return {}
    return {"local_layers": local, "window": width}


def experts(c: Fields, width: str, *names: str) -> Axes:
    """A mixture: the fields of an expert's `width`, and of their number."""
    return {
        "experts": c.count("experts", *names),
        "active_experts": c.count("active_experts", "num_experts_per_tok", "experts_per_token"),
        "expert_ffn": c.count("expert_ffn", width),
    }
