"""GGUF files of published models: names and shapes of their tensors as llama.cpp's converter writes them."""

from __future__ import annotations

import struct

import gguf
import pytest

import dse
from dse.errors import InputError
from dse.networks import load_model, trace
from dse.weights.headers import read_header

# Fields of the metadata after the architecture: layers, d, ffn, heads, kv_heads, context, and others.
KEYS = ("block_count", "embedding_length", "feed_forward_length", "attention.head_count", "attention.head_count_kv")
KEYS += ("context_length",)
# A block's tensors: name, and input and output in the letters of `model`; one letter is a vector, "+" has a bias.
SEPARATE = "attn_q dq attn_k dk attn_v dk attn_output qd"
GATED = "ffn_gate df ffn_up df ffn_down fd"
MOE = "ffn_gate_inp de ffn_gate_exps dfe ffn_up_exps dfe ffn_down_exps fde"
HEADS = "attn_q_norm h attn_k_norm h"
POST = "post_attention_norm d post_ffw_norm d"
PLAIN = "attn_norm+ d attn_qkv+ da attn_output+ qd ffn_up+ df ffn_down+ fd"
MODELS = {
    # name: architecture, numbers, head size, other fields, tensors outside, tensors of a block
    "mixtral-8x7b": (
        "llama", (32, 4096, 14336, 32, 8, 32768), 128, {"expert_count": 8, "expert_used_count": 2},
        "token_embd dv output dv output_norm d", f"attn_norm d ffn_norm d {SEPARATE} {MOE}",
    ),
    "qwen3-30b-a3b": (
        "qwen3moe", (48, 2048, 6144, 32, 4, 40960), 128,
        {"expert_count": 128, "expert_used_count": 8, "expert_feed_forward_length": 768, "attention.key_length": 128},
        "token_embd dv output dv output_norm d", f"attn_norm d ffn_norm d {SEPARATE} {HEADS} {MOE}",
    ),
    "gemma-2-2b": (
        "gemma2", (26, 2304, 9216, 8, 4, 8192), 256,
        {"attention.key_length": 256, "attention.value_length": 256, "attention.sliding_window": 4096},
        "token_embd dv output_norm d", f"attn_norm d ffn_norm d {SEPARATE} {GATED} {POST}",
    ),
    "gemma-3-1b": (
        "gemma3", (26, 1152, 6912, 4, 1, 32768), 256,
        {"attention.key_length": 256, "attention.value_length": 256, "attention.sliding_window": 512},
        "token_embd dv output_norm d", f"attn_norm d ffn_norm d {SEPARATE} {HEADS} {GATED} {POST}",
    ),
    "phi-3-mini-4k": (
        "phi3", (32, 3072, 8192, 32, 32, 4096), 96, {"attention.sliding_window": 2047},
        "token_embd dv output dv output_norm d rope_factors_long r rope_factors_short r",
        "attn_norm d ffn_norm d attn_qkv da attn_output qd ffn_up dg ffn_down fd",
    ),
    "gpt-oss-20b": (
        "gpt-oss", (24, 2880, 2880, 64, 8, 131072), 64,
        {"expert_count": 32, "expert_used_count": 4, "expert_feed_forward_length": 2880, "attention.key_length": 64,
         "attention.value_length": 64, "attention.sliding_window": 128},
        "token_embd dv output dv output_norm d",
        "attn_norm d post_attention_norm d attn_q+ dq attn_k+ dk attn_v+ dk attn_output+ qd attn_sinks n "
        "ffn_gate_inp+ de ffn_gate_exps+ dfe ffn_up_exps+ dfe ffn_down_exps+ fde",
    ),
    "gpt2": (
        "gpt2", (12, 768, 3072, 12, None, 1024), 64, {}, "token_embd dv position_embd dp output_norm+ d",
        f"{PLAIN} ffn_norm+ d",
    ),
    "pythia-70m": (
        "gptneox", (6, 512, 2048, 8, None, 2048), 64, {"use_parallel_residual": True},
        "token_embd dv output dv output_norm+ d", f"{PLAIN} ffn_norm+ d",
    ),
    "phi-2": (
        "phi2", (32, 2560, 10240, 32, 32, 2048), 80, {}, "token_embd dv output+ dv output_norm+ d", PLAIN,
    ),
    "falcon-7b": (
        "falcon", (32, 4544, 18176, 71, 1, 2048), 64, {}, "token_embd dv output_norm+ d",
        "attn_norm+ d attn_qkv da attn_output qd ffn_up df ffn_down fd",
    ),
    "falcon-40b": (
        "falcon", (60, 8192, 32768, 128, 8, 2048), 64, {}, "token_embd dv output_norm+ d",
        "attn_norm+ d attn_norm_2+ d attn_qkv da attn_output qd ffn_up df ffn_down fd",
    ),
    "smollm3-3b": (
        "smollm3", (36, 2048, 11008, 16, 4, 65536), 128, {}, "token_embd dv output_norm d",
        f"attn_norm d ffn_norm d {SEPARATE} {GATED}",
    ),
    # Not in the zoo: with their own vocabulary.
    "gemma-2b": (
        "gemma", (18, 2048, 16384, 8, 1, 8192), 256,
        {"attention.key_length": 256, "attention.value_length": 256, "vocab_size": 256_000},
        "token_embd dv output_norm d", f"attn_norm d ffn_norm d {SEPARATE} {GATED}",
    ),
    "starcoder2-3b": (
        "starcoder2", (30, 3072, 12288, 24, 2, 16384), 128, {"vocab_size": 49_152}, "token_embd dv output_norm+ d",
        "attn_norm+ d ffn_norm+ d attn_q+ dq attn_k+ dk attn_v+ dk attn_output+ qd ffn_up+ df ffn_down+ fd",
    ),
    "ministral-3-14b": (
        "mistral3", (40, 5120, 16384, 32, 8, 262144), 128,
        {"attention.key_length": 128, "attention.value_length": 128, "vocab_size": 131_072},
        "token_embd dv output dv output_norm d", f"attn_norm d ffn_norm d {SEPARATE} {GATED}",
    ),
}  # fmt: skip
# Axes of those that are not in the zoo, from the config.json of the hub.
TIED, BIASED = {"tied": 1}, dict.fromkeys(("norm_bias", "qkv_bias", "output_bias", "ffn_bias"), 1)
OTHERS = {
    "gemma-2b": {
        "layers": 18, "d_model": 2048, "heads": 8, "kv_heads": 1, "ffn": 16384, "vocab": 256_000, **TIED,
    },
    "starcoder2-3b": {
        "layers": 30, "d_model": 3072, "heads": 24, "kv_heads": 2, "ffn": 12288, "vocab": 49_152, "gated": 0,
        **TIED, **BIASED,
    },
    "ministral-3-14b": {
        "layers": 40, "d_model": 5120, "heads": 32, "kv_heads": 8, "d_head": 128, "ffn": 16384, "vocab": 131_072,
    },
}  # fmt: skip


def tensors(name):
    """Names and shapes, the input first."""
    _, (layers, d, ffn, heads, kv_heads, context), head, more, outside, block = MODELS[name]
    kv = kv_heads or heads
    width = more.get("expert_feed_forward_length", ffn)
    size = {
        "d": d, "f": width, "g": 2 * width, "q": heads * head, "k": kv * head, "a": (heads + 2 * kv) * head, "h": head,
        "n": heads, "e": more.get("expert_count"), "p": context, "r": head // 2,
        "v": more.get("vocab_size") or dse.models[name].axes["vocab"],
    }  # fmt: skip
    found = {}
    for prefix, text in (("", outside), *((f"blk.{i}.", block) for i in range(layers))):
        words = text.split()
        for word, letters in zip(words[::2], words[1::2]):
            own, shape = word.rstrip("+"), tuple(size[letter] for letter in letters)
            found[f"{prefix}{own}.weight"] = shape
            if word.endswith("+"):
                found[f"{prefix}{own}.bias"] = shape[1:] or shape
    return found


def write(path, name, shapes=None, fields=None):
    """The header that gguf writes, and as many bytes after it as the tensors need: none are stored on the disk."""
    architecture, numbers, _, more, *_ = MODELS[name]
    writer = gguf.GGUFWriter(str(path), architecture)
    for key, value in {**dict(zip(KEYS, numbers)), **more, **(fields or {})}.items():
        if isinstance(value, bool):
            writer.add_bool(f"{architecture}.{key}", value)
        elif isinstance(value, str):
            writer.add_string(f"{architecture}.{key}", value)
        elif isinstance(value, list):
            writer.add_array(f"{architecture}.{key}", value)
        elif isinstance(value, float):
            writer.add_float32(f"{architecture}.{key}", value)
        elif value is not None:
            writer.add_uint32(f"{architecture}.{key}", value)
    end = 0
    for tensor, shape in (tensors(name) if shapes is None else shapes).items():
        size = 2
        for n in shape:
            size *= n
        writer.add_tensor_info(tensor, shape[::-1], "float16", size, raw_dtype=gguf.GGMLQuantizationType.F16)
        end += -(-size // 32) * 32
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    start = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(-(-start // 32) * 32 + end)
    return path


@pytest.mark.parametrize("name", MODELS)
def test_files_of_published_models(tmp_path, name):
    model = load_model(write(tmp_path / f"{name}.gguf", name))
    assert dict(model.axes) == (OTHERS.get(name) or dict(dse.models[name].axes))
    assert model.published["context"].value == MODELS[name][1][-1]
    exact = {  # of the hub's files; gpt-oss, Qwen3, SmolLM3 and Ministral (13.5 billion) print fewer digits
        "mixtral-8x7b": 46_702_792_704, "gemma-2-2b": 2_614_341_888, "gemma-3-1b": 999_885_952, "gpt2": 124_439_808,
        "phi-3-mini-4k": 3_821_079_552, "pythia-70m": 70_426_624, "phi-2": 2_779_683_840, "falcon-7b": 6_921_720_704,
        "falcon-40b": 41_303_293_952, "gpt-oss-20b": 20_914_757_184, "qwen3-30b-a3b": 30_532_122_624,
        "smollm3-3b": 3_075_098_624, "gemma-2b": 2_506_172_416, "starcoder2-3b": 3_030_371_328,
        "ministral-3-14b": 13_506_073_600,
    }  # fmt: skip
    assert model.published["params"].value == exact[name]


def test_a_head_that_is_stored_twice(tmp_path):
    """A head that a file holds is its own, though GPT-2 shares it with the embedding; its absence says that it is."""
    tied = load_model(write(tmp_path / "tied.gguf", "gpt2"))
    twice = load_model(write(tmp_path / "twice.gguf", "gpt2", {**tensors("gpt2"), "output.weight": (768, 50257)}))
    assert twice.published["params"].value == 124_439_808 + 768 * 50257
    assert "tied" not in twice.axes and twice.note.endswith("is stored apart and counted so")
    assert tied.axes["tied"] == 1 and "apart" not in tied.note
    macs = [trace(m.family, m.axes).total("macs") for m in (tied, twice)]
    assert macs[0] == macs[1]


def test_tensors_are_checked_one_by_one(tmp_path):
    """Two tensors with exchanged shapes have the right sum of parameters."""
    right = tensors("pythia-70m")
    path = tmp_path / "m.gguf"
    swapped = {**right, "blk.2.ffn_up.weight": (2048, 512), "blk.2.ffn_down.weight": (512, 2048)}
    with pytest.raises(InputError, match=r"blk\.2\.ffn_up\.weight: is 2048 × 512; by its metadata 512 × 2048"):
        load_model(write(path, "pythia-70m", swapped))
    renamed = {("blk.2.ffn_gate.weight" if n == "blk.2.ffn_up.weight" else n): s for n, s in right.items()}
    with pytest.raises(InputError) as caught:
        load_model(write(path, "pythia-70m", renamed))
    assert "blk.2.ffn_up.weight: is missing; its metadata have a tensor of 512 × 2048" in str(caught.value)
    assert "blk.2.ffn_gate.weight: is no tensor of a gptneox of its metadata" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"block_count": "six"}, r"gptneox\.block_count: 'six' is not allowed; allowed: "),
        ({"block_count": 6.5}, r"gptneox\.block_count: 6\.5 is not allowed"),
        ({"block_count": True}, r"gptneox\.block_count: True is not allowed"),
        ({"block_count": 4_000_000_000}, r"gptneox\.block_count: is 4,000,000,000; the file holds "),
        ({"attention.head_count_kv": [8, 8, 8, 8, 8, 8]}, r"head_count_kv: a list of 6 is not allowed"),
        ({"feed_forward_length": None}, r"gptneox\.feed_forward_length: is missing"),
    ],
)
def test_metadata_of_another_type(tmp_path, fields, message):
    path = write(tmp_path / "m.gguf", "pythia-70m", fields=fields)
    with pytest.raises(InputError, match=message):
        load_model(path)


def test_one_network_in_several_files(tmp_path):
    every = tensors("pythia-70m")
    half = len(every) // 2
    parts = [tmp_path / f"pythia-0000{n}-of-00002.gguf" for n in (1, 2)]
    write(parts[0], "pythia-70m", dict(list(every.items())[:half]))
    with pytest.raises(InputError, match=r"one of 2 files .*missing beside it: 'pythia-00002-of-00002\.gguf"):
        load_model(parts[0])
    write(parts[1], "pythia-70m", dict(list(every.items())[half:]))
    assert load_model(parts[1]).published["params"].value == 70_426_624


def change(path, old, new):
    """Replace a part of the header by one of its length."""
    with path.open("r+b") as file:
        place = file.read(100_000).index(old)
        file.seek(place)
        file.write(new)
    return path


def test_an_unknown_architecture_names_those_that_are_known(tmp_path):
    path = change(write(tmp_path / "m.gguf", "pythia-70m"), b"gptneox", b"qwen2mo")
    with pytest.raises(InputError) as caught:
        load_model(path)
    for known in ("'qwen2mo'", "gemma3", "gpt-oss", "llama", "qwen3moe"):
        assert known in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"blk.1.attn_qkv.bias", b"blk.0.attn_qkv.bias", r"blk\.0\.attn_qkv\.bias: stands twice"),
        (b"gptneox.x1", b"gptneox.x2", r"gptneox\.x2: stands twice"),
    ],
)
def test_names_given_twice(tmp_path, old, new, message):
    path = change(write(tmp_path / "m.gguf", "pythia-70m", fields={"x1": 1, "x2": 2}), old, new)
    with pytest.raises(InputError, match=message):
        read_header(path)


def test_tensors_that_overlap(tmp_path):
    path = write(tmp_path / "m.gguf", "pythia-70m")
    name = b"output_norm.weight"
    with path.open("r+b") as file:
        # After the name: one dimension, the type, and the offset.
        file.seek(file.read(100_000).index(name) + len(name) + 4 + 8 + 4)
        file.write(struct.pack("<Q", 32))
    with pytest.raises(InputError, match="overlaps the tensor before it"):
        read_header(path)
