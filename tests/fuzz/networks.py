"""What is fuzzed of networks: their files, headers of weights, tables of layers."""

from __future__ import annotations

import json
import os
import random
import struct
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dse.errors import DseError
from tests.fuzz import mutations
from tests.fuzz.mutations import document, octets, to_json, to_toml
from tests.fuzz.results import change_json, change_toml
from tests.fuzz.target import Target, folder

ROOT = Path(__file__).resolve().parents[2]


def _configs() -> list[bytes]:
    base = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_hidden_layers": 2}
    base |= {
        "vocab_size": 100,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "tie_word_embeddings": True,
        "hidden_act": "silu",
    }
    mixture = {"num_local_experts": 4, "num_experts_per_tok": 2}
    latent = {"kv_lora_rank": 16, "q_lora_rank": 24, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8}
    latent |= {"n_routed_experts": 4, "moe_intermediate_size": 32, "n_shared_experts": 1, "first_k_dense_replace": 1}
    gpt2 = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 128, "vocab_size": 100}
    t5 = {"d_model": 64, "d_ff": 128, "num_heads": 4, "num_layers": 2, "d_kv": 16, "vocab_size": 100}
    made = [{"model_type": kind, **base} for kind in ("llama", "mistral", "qwen2", "qwen3", "gemma2", "phi", "bert")]
    made += [{"model_type": "mixtral", **base, **mixture}, {"model_type": "gpt2", **gpt2}, {"model_type": "t5", **t5}]
    made += [{"model_type": "gemma3", "text_config": base}, {"model_type": "deepseek_v3", **base, **mixture, **latent}]
    return [to_json(c) for c in made]


def _read_model(path: Path) -> object:
    from dse.networks.models import load_model, model_toml

    model = load_model(path)
    return model_toml(model) if model.own_family is None else model.name


@cache
def _onnx_seeds() -> list[bytes]:
    sys.path.insert(0, str(ROOT / "tests" / "networks"))
    import onnx_networks
    from onnx import TensorProto

    path = folder() / "seed.onnx"
    made = []
    for style in ("products", "standard", "microsoft"):
        made.append(onnx_networks.vit(path, 1, 16, 2, 16, 8, style).read_bytes())
    for dynamic in (False, True):
        made.append(onnx_networks.mobilenet_v2(path, 0.1, 32, dynamic).read_bytes())
    g = onnx_networks.Graph({"x": (TensorProto.FLOAT, ["batch", 4, 8, "width"])})
    y = g.node("Conv", "x", g.weight(8, 4, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    first, second = g.node("Split", g.node("Relu", y), outputs=2, axis=1)
    y = g.node("Reshape", g.node("Add", first, second), g.integers(0, -1))
    made.append(g.save(path, g.node("ReduceMean", y, axes=[1])).read_bytes())
    made.append(onnx_networks.with_functions().SerializeToString())
    # The weights of the networks are zeros, which fill the file and say nothing.
    return sorted(made, key=len)


def _onnx(rng: random.Random, given: bytes) -> bytes:
    import onnx

    try:
        model = onnx.load_model_from_string(given)
    except Exception:  # already past parsing
        return octets(rng, given)
    mutations.message(rng, model)
    made: bytes = model.SerializeToString()
    return made


def _read_onnx(path: Path) -> object:
    from dse.networks.models import load_model
    from dse.networks.tracing import trace

    model = load_model(path)
    return trace(model.builds_from, dict.fromkeys(model.builds_from.required, 2)).params()


# Headers and tables


def _safetensors(entries: Any, data: int = 0) -> bytes:
    header = to_json(entries)
    return struct.pack("<Q", len(header)) + header + bytes(min(max(data, 0), 100_000))


def _safetensor_seeds() -> list[bytes]:
    first = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    second = {"dtype": "BF16", "shape": [4, 4], "data_offsets": [24, 56]}
    third = {"dtype": "I8", "shape": [], "data_offsets": [56, 57]}
    entries = {"__metadata__": {"format": "pt"}, "a": first, "b.weight": second, "c": third}
    return [_safetensors(entries, 57), _safetensors({"w": first}, 24)]


def _change_safetensors(rng: random.Random, given: bytes) -> bytes:
    try:
        length = struct.unpack("<Q", given[:8])[0]
        entries = json.loads(given[8 : 8 + length])
    except (ValueError, struct.error, RecursionError):
        return octets(rng, given)
    return _safetensors(document(rng, entries), rng.choice([len(given) - 8 - length, 0, 24, 1000]))


def _read_weights(path: Path) -> object:
    from dse.weights import matrices, read_header

    header = read_header(path)
    with np.errstate(all="ignore"):
        found = [float(np.sum(values, dtype=np.float64)) for _, values in matrices(str(path))]
    return header.types(), header.bits_per_weight, found


CONFIG = {"hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "vocab_size": 10}


def _network_seeds() -> list[bytes]:
    """The weights of a whole network, whose config.json lies beside them."""
    (folder() / "config.json").write_bytes(to_json({"model_type": "llama", **CONFIG}))
    shapes: dict[str, list[int]] = {
        "model.embed_tokens.weight": [10, 8],
        "model.norm.weight": [8],
        "lm_head.weight": [10, 8],
    }
    for layer in (f"model.layers.{n}" for n in range(2)):
        shapes |= {f"{layer}.self_attn.{n}_proj.weight": [8, 8] for n in "qkvo"}
        shapes |= {f"{layer}.mlp.{n}_proj.weight": [16, 8] for n in ("gate", "up")}
        shapes |= {f"{layer}.mlp.down_proj.weight": [8, 16]}
        shapes |= {f"{layer}.{n}_layernorm.weight": [8] for n in ("input", "post_attention")}
    entries, at = {}, 0
    for name, shape in shapes.items():
        size = 2 * int(np.prod(shape))
        entries[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return [_safetensors(entries, at)]


def _read_network(path: Path) -> object:
    found = _read_model(path)
    # As a table of layers, too, where nothing stands beside it.
    alone = folder() / "alone" / path.name
    alone.parent.mkdir(exist_ok=True)
    os.replace(path, alone)
    with suppress(DseError):
        _read_model(alone)
    return found


@cache
def _gguf_seeds() -> list[bytes]:
    import gguf

    made = []
    for kind in ("llama", "qwen3"):
        path = folder() / "seed.gguf"
        writer = gguf.GGUFWriter(str(path), kind)
        writer.add_array("tokenizer.ggml.tokens", ["a", "b", "c"])
        for key, number in {"block_count": 1, "embedding_length": 32, "feed_forward_length": 64}.items():
            writer.add_uint32(f"{kind}.{key}", number)
        writer.add_uint32(f"{kind}.attention.head_count", 2)
        shapes = {"token_embd.weight": (3, 32), "output_norm.weight": (32,), "blk.0.attn_norm.weight": (32,)}
        shapes |= {f"blk.0.attn_{n}.weight": (32, 32) for n in ("q", "k", "v", "output")}
        shapes |= {"blk.0.ffn_norm.weight": (32,), "blk.0.ffn_down.weight": (32, 64), "output.weight": (3, 32)}
        shapes |= {f"blk.0.ffn_{n}.weight": (64, 32) for n in ("gate", "up")}
        shapes |= {f"blk.0.attn_{n}_norm.weight": (16,) for n in ("q", "k")} if kind == "qwen3" else {}
        for name, shape in shapes.items():
            writer.add_tensor(name, np.zeros(shape, np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        made.append(path.read_bytes())
    return made


def _gguf(rng: random.Random, given: bytes) -> bytes:
    # All that is parsed stands in front of the data.
    head = given.find(bytes(512)) if bytes(512) in given else len(given)
    return octets(rng, given[:head]) + given[head:]


def _read_gguf(path: Path) -> object:
    from dse.weights import read_header

    header = read_header(path)
    return header.types(), header.bits_per_weight, _read_model(path)


LAYERS = b"""\
name,kind,reads,repeat,inputs,outputs,macs,weights,biases,c_in,c_out,k,h_out,w_out,tokens,context,heads,d_head
stem,conv,,1,3072,,,,8,3,8,3,16,16,,,,
deep,depthwise,stem,2,,,,,,,8,3,16,16,,,,
add,add,stem deep,1,,2048,0,0,,,,,,,,,,
mix,attention,add,1,,,,,,,,,,,16,16,2,4
head,linear,mix,,,,,,10,8,10,,,,1,,,
"""
LAYERS_TOML = {
    "op": [
        {"name": "stem", "kind": "conv", "inputs": 3072, "c_in": 3, "c_out": 8, "k": 3, "h_out": 16, "w_out": 16},
        {"name": "add", "kind": "add", "reads": "stem stem", "outputs": 2048, "repeat": 3},
        {"name": "head", "kind": "linear", "c_in": 8, "c_out": 10, "biases": 10},
    ]
}


def _models_toml() -> list[bytes]:
    from dse.networks.models import MODELS, model_toml

    names = ("resnet50", "llama-2-7b", "mixtral-8x7b", "mobilenet-v2", "vit-base-16", "bert-base-uncased")
    found = [MODELS[n] for n in names if n in MODELS] or list(MODELS.values())[:6]
    return [*(model_toml(m).encode() for m in found), to_toml(LAYERS_TOML)]


def _npy_seeds() -> list[bytes]:
    import io

    made = []
    for dtype in ("<f4", "<f8", "<f2", ">f4"):
        file = io.BytesIO()
        np.save(file, np.zeros((3, 4), dtype))
        made.append(file.getvalue())
    return made


def _read_npy(path: Path) -> object:
    from dse.weights import one_tensor

    with np.errstate(all="ignore"):
        return float(np.sum(one_tensor(str(path)), dtype=np.float64))


def _only_bytes(rng: random.Random, given: bytes) -> bytes:
    return octets(rng, given)


TARGETS = (
    Target("config", ".json", _configs, change_json, _read_model),
    Target("onnx", ".onnx", _onnx_seeds, _onnx, _read_onnx),
    Target("safetensors", ".safetensors", _safetensor_seeds, _change_safetensors, _read_weights),
    Target("gguf", ".gguf", _gguf_seeds, _gguf, _read_gguf),
    Target("npy", ".npy", _npy_seeds, _only_bytes, _read_npy),
    Target("layers-csv", ".csv", lambda: [LAYERS], mutations.table, _read_model),
    Target("model-toml", ".toml", _models_toml, change_toml, _read_model),
    Target("network", ".safetensors", _network_seeds, _change_safetensors, _read_network),
)
