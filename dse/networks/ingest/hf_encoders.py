"""What the fields of a config.json mean: encoders, and encoders with decoders."""

from __future__ import annotations

from dse.networks.ingest.config_fields import Fields
from dse.networks.ingest.hf_readers import Axes, reader

# Kinds of feed-forward networks in T5: plain, or with a gate.
FEED_FORWARD = {"relu": 0, "gated-gelu": 1, "gated-silu": 1}


@reader("bert", family="encoder", note="heads of tasks are left out; the pooler is counted")
def _bert(c: Fields) -> Axes:
    c.only("position_embedding_type", "absolute", "absolute", "positions are learned, one vector each")
    c.only("is_decoder", False, False, "it is an encoder")
    c.only("add_cross_attention", False, False, "the encoder reads nothing else")
    positions = c.count("positions", "max_position_embeddings")
    return {
        "layers": c.count("layers", "num_hidden_layers"),
        "d_model": c.count("d_model", "hidden_size"),
        "heads": c.count("heads", "num_attention_heads"),
        "vocab": c.count("vocab", "vocab_size"),
        "ffn": c.count("ffn", "intermediate_size"),
        "token_types": c.count("token_types", "type_vocab_size", default=2),
        "positions": positions,
        "context": positions,
        "pre_norm": 1,
        "post_norm": 1,
        "final_norm": 0,
        "pooler": 1,
    }


@reader("roberta", "xlm-roberta", family="encoder", note="heads of tasks are left out; the pooler is counted")
def _roberta(c: Fields) -> Axes:
    # Numbers of positions begin after that of padding: as many vectors are stored, but those before are no tokens.
    c.only("pad_token_id", 1, 1, "positions are numbered from 2 on")
    axes = _bert(c)
    return axes | {"context": axes["positions"] - 2}


@reader("t5", family="encoder_decoder")
def _t5(c: Fields) -> Axes:
    layers = c.count("layers", "num_layers")
    decoder_layers = c.count("decoder_layers", "num_decoder_layers", default=layers)
    kind = c.values.get("feed_forward_proj") or "relu"
    if kind not in list(FEED_FORWARD):
        c.only("feed_forward_proj", list(FEED_FORWARD), kind, "a kind of feed-forward network that is not known")
    return {
        "layers": layers,
        "d_model": c.count("d_model", "d_model"),
        "heads": c.count("heads", "num_heads"),
        "vocab": c.count("vocab", "vocab_size"),
        "d_head": c.count("d_head", "d_kv"),
        "ffn": c.count("ffn", "d_ff"),
        "gated": FEED_FORWARD.get(kind, 0) if isinstance(kind, str) else 0,
        "tied": c.flag("tie_word_embeddings", True),
        "decoder_layers": None if decoder_layers == layers else decoder_layers,
        "position_buckets": c.count("position_buckets", "relative_attention_num_buckets", default=32),
    }
