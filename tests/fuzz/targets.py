"""What is fuzzed: each parser of a file or a text of the user's, with valid inputs to start from."""

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

from dse import units
from dse.errors import DseError
from tests.fuzz import calibrations, mutations, searches
from tests.fuzz.mutations import document, octets, to_json, to_toml
from tests.fuzz.results import change_json, change_toml, targets
from tests.fuzz.target import Target, folder

ROOT = Path(__file__).resolve().parents[2]


def _sources(*folders: str, suffix: str) -> list[bytes]:
    return [p.read_bytes() for folder in folders for p in sorted((ROOT / folder).glob(f"*{suffix}"))]


# Specs

CHIP: dict[str, Any] = {
    "network": {"family": "decoder", "layers": 2, "d_model": 64, "heads": 4, "vocab": 100},
    "hardware": {"device": "chip"},
    "device": {
        "chip": {
            "class": "edge",
            "peak_fp32": ["1 TFLOP/s", "3 TFLOP/s"],
            "bandwidth": {"start": "8 GB/s", "stop": "32 GB/s", "step": "8 GB/s"},
            "tdp": {"base": "0.05 W", "peak_fp32": "0.3 W/TOPS"},
            "area": {"base": "4 mm2", "tdp": "2 mm2/W"},
        }
    },
    "deployment": {"phase": "request", "prompt_tokens": [16, 64], "output_tokens": 8},
    "objectives": {"minimize": ["latency", "area"]},
}
LANGUAGE: dict[str, Any] = {
    "network": {"model": "llama-2-7b"},
    "precision": {"scheme": ["fp16", "mine"], "mine": {"weight_bits": [2, 4], "group_size": 64, "compute": "fp16"}},
    "hardware": {"device": ["a100-sxm-80gb", "mine"]},
    "device": {"mine": {"base": "l4", "tdp": {"base": "0.05 W", "peak_int8": "0.3 W/TOPS"}, "bandwidth": "1 TB/s"}},
    "deployment": {"phase": ["prefill", "decode"], "context": [512, 2048], "batch": {"start": 1, "stop": 8, "num": 3}},
    "objectives": {"minimize": ["latency", "memory"], "per": ["device"]},
    "budgets": {"memory": {"max": "80 GB"}},
}
SEVERAL: dict[str, Any] = {
    "workload": {"combine": "together", "arena": "separate"},
    "network": [
        {"name": "person", "family": "mobilenet_v2", "width": [0.35, 0.5], "rate": "2 /s", "budgets": {"latency": 1}},
        {"name": "word", "family": "ds_cnn", "rate": "1 /s"},
    ],
    "hardware": {"device": "class:mcu"},
    "precision": {"scheme": "int8"},
    "objectives": {"minimize": ["energy"], "maximize": ["person.accuracy"]},
    "output": {"metrics": ["params"], "grid": False},
    "fit": False,
    "bounds": "auto",
    "counting": "weights",
}


def _specs() -> list[bytes]:
    # Paths in them are relative to the file.
    (folder() / "accuracy.csv").write_bytes((ROOT / "tests/users/accuracy.csv").read_bytes())
    return [*_sources("tests/users", "sweeps", suffix=".toml"), *map(to_toml, (LANGUAGE, SEVERAL, CHIP))]


def _read_spec(path: Path) -> object:
    from dse.jobs.resolve import read_job

    return read_job(path).size


# Quantities

UNITS = ("B", "s", "J", "W", "FLOP/s", "B/s", "1", "%", "g/kWh", "USD/kWh", "token", "USD", "mm2")
QUANTITIES = ("320 KiB", "10 mJ", "0.3 W/TOPS", "1.5e3 GB/s", "0.2 USD/kWh", "1 mW/KiB", "2 /s", "3 g·s^-2", "25 %")


def _quantity(rng: random.Random, given: bytes) -> bytes:
    text = given.decode("utf-8", "replace")
    parts = [*QUANTITIES, *mutations.TEXTS, *(str(n) for n in mutations.NUMBERS if n < 10**30), *UNITS, " ", "/", "^"]
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(parts) + text[at + rng.randint(0, 4) :]
    return text.encode()


def _read_quantity(text: str) -> object:
    # In the unit that it has is none of these by chance: it is read in its own, too.
    own = text.strip().rpartition(" ")[2] if " " in text.strip() else "1"
    value = units.quantity(text, own)
    with suppress(DseError):
        units.quantity(text, UNITS[len(text) % len(UNITS)])
    return value


# Models


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


QUALITY = b"""width,resolution,precision,device,accuracy,accuracy_low,accuracy_high,loss
0.35,96,int8,esp32,80.1,79,81,0.6
0.5,128,fp32,esp32,83.5 %,82,84,0.5
1,160,int8,stm32u575,88,87,89,0.4
"""


def _read_quality(path: Path) -> object:
    from dse.errors import InputError
    from dse.jobs.quality import read_table

    faults: list[Any] = []
    table = read_table(path, ("width", "resolution", "precision", "device", "gated", "person.width"), faults)
    if faults:
        raise InputError(faults)
    return table


SMALL: dict[str, Any] = {
    "network": {"family": "mobilenet_v2", "width": [0.35, 1.0], "resolution": [96, 160]},
    "precision": {"scheme": ["fp32", "int8"]},
    "hardware": {"device": ["stm32u575", "esp32"]},
    "deployment": {"region": "france"},
    "objectives": {"minimize": ["latency", "energy", "operation_energy"], "maximize": ["accuracy"]},
}
WITHOUT_REGION = {name: part for name, part in SMALL.items() if name != "deployment"}


@cache
def _assumptions() -> list[bytes]:
    from dse.jobs.assumptions import to_toml as assumptions
    from dse.jobs.resolve import read_job
    from dse.regions import REGIONS

    spec = {**SMALL, "deployment": {"region": next(iter(REGIONS))}}
    return [assumptions(read_job(s)).encode() for s in (spec, {**SEVERAL, "precision": SMALL["precision"]})]


def _read_assumptions(path: Path) -> object:
    from dse.jobs.resolve import read_job

    return read_job(WITHOUT_REGION, assumptions=path).size


# What runs leave


@cache
def _partials() -> list[bytes]:
    import dse

    return [dse.explore(WITHOUT_REGION, shard=(1, 1), out=folder() / "shard").path.read_bytes()]


def _change_shard(rng: random.Random, given: bytes) -> bytes:
    """A whole file with another header, or other arrays in it."""
    import io

    try:
        with np.load(io.BytesIO(given)) as file:
            arrays = dict(file)
    except Exception:  # already past reading
        return octets(rng, given)
    if rng.random() < 0.5:
        header = document(rng, json.loads(str(arrays["header"])))
        arrays["header"] = np.array(json.dumps(header))
    for name in rng.sample(sorted(arrays), rng.randint(0, 2)):
        array = arrays[name]
        number = rng.choice([2**40, -1, 0, 5])
        others = [np.repeat(array, 2), array.astype(str), -np.ones_like(array, float), array.ravel()]
        others += [
            np.array(rng.choice(mutations.TEXTS)),
            np.full(array.shape, number),
            array[:-1] if array.ndim else array,
        ]
        arrays[name] = rng.choice(others)
    made = io.BytesIO()
    np.savez(made, **arrays)
    return made.getvalue()


def _read_shard(path: Path) -> object:
    import dse

    return dse.merge([path]).counts


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


TARGETS = {
    target.name: target
    for target in (
        Target("spec", ".toml", _specs, change_toml, _read_spec),
        Target("quantity", "", lambda: [q.encode() for q in QUANTITIES], _quantity, _read_quantity),
        Target("config", ".json", _configs, change_json, _read_model),
        Target("onnx", ".onnx", _onnx_seeds, _onnx, _read_onnx),
        Target("safetensors", ".safetensors", _safetensor_seeds, _change_safetensors, _read_weights),
        Target("gguf", ".gguf", _gguf_seeds, _gguf, _read_gguf),
        Target("npy", ".npy", _npy_seeds, _only_bytes, _read_npy),
        Target("layers-csv", ".csv", lambda: [LAYERS], mutations.table, _read_model),
        Target("model-toml", ".toml", _models_toml, change_toml, _read_model),
        Target("quality", ".csv", lambda: [QUALITY], mutations.table, _read_quality),
        Target("assumptions", ".toml", _assumptions, change_toml, _read_assumptions),
        Target("shard", ".npz", _partials, _change_shard, _read_shard),
        Target("network", ".safetensors", _network_seeds, _change_safetensors, _read_network),
        *targets([CHIP, LANGUAGE, SEVERAL, WITHOUT_REGION], WITHOUT_REGION),
        *calibrations.TARGETS,
        *searches.TARGETS,
    )
}


def load() -> None:
    """Import all that the parsers need, so that no input pays for it."""
    import dse.calibration.shipped
    import dse.jobs.resolve
    import dse.jobs.shards
    import dse.networks.ingest
    import dse.search.entry  # noqa: F401
