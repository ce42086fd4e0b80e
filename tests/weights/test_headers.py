"""Headers of weights: exact counts and true bits, and GGUF files as decoders."""

from __future__ import annotations

import json
import struct

import gguf
import numpy as np
import pytest

from dse.errors import InputError
from dse.networks import load_model, trace
from dse.weights.gguf import GGUF_TYPES
from dse.weights.headers import read_header


def safetensors(path, entries, data):
    header = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(data))
    return path


def entry(dtype, shape, start, stop):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def test_safetensors(tmp_path):
    entries = {"a": entry("F32", [2, 3], 0, 24), "b": entry("BF16", [5], 24, 34), "s": entry("I8", [], 34, 35)}
    found = read_header(safetensors(tmp_path / "m.safetensors", {"__metadata__": {"format": "pt"}, **entries}, 35))
    assert (found.params, found.size) == (12, 35)
    assert found.bits_per_weight == pytest.approx(8 * 35 / 12)
    assert found.types() == {"F32": (1, 6, 24), "BF16": (1, 5, 10), "I8": (1, 1, 1)}


@pytest.mark.parametrize(
    ("entries", "data", "match"),
    [
        ({"a": entry("F32", [2, 3], 0, 24)}, 20, "a: data_offsets: ends at byte 24 of 20: the file is truncated"),
        ({"a": entry("F32", [2, 3], 0, 20)}, 24, r"a: data_offsets: 20 bytes do not hold \[2, 3\] of F32: 24"),
        ({"a": entry("Q9", [2, 3], 0, 24)}, 24, "a: dtype: 'Q9' is not known"),
        ({"a": entry("F32", [2, -3], 0, 24)}, 24, "a: needs a dtype"),
        ({"a": entry("F32", [10**30], 0, 24)}, 24, "a: needs a dtype"),
        ({"a": {"dtype": "F32"}}, 24, "a: needs a dtype"),
        ({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, 12, "leave a gap, or overlap, at byte 8"),
        ({}, 0, "holds no tensors"),
        ([1], 0, "cannot be read as JSON: it begins with no {"),
        ({"a": entry("F32", [2], 0, 8)}, 11, "has 3 bytes after the last of its tensors"),
        ({}, 5, "has 5 bytes after the last of its tensors"),
    ],
)
def test_faults_of_safetensors(tmp_path, entries, data, match):
    path = safetensors(tmp_path / "m.safetensors", entries, data)
    with pytest.raises(InputError, match=match) as error:
        read_header(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"\x10", "a header of 0 bytes in a file of 1"),
        (struct.pack("<Q", 2**62) + b"{}", "truncated, or no safetensors file"),
        (struct.pack("<Q", 2) + b"{]", "cannot be read as JSON"),
    ],
)
def test_foreign_safetensors(tmp_path, content, match):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=match):
        read_header(path)


def test_keys_given_twice(tmp_path):
    """Of two tensors of one name one reader takes the first, another the last."""
    path = tmp_path / "m.safetensors"
    a, other = (
        f'"a": {{"dtype": {kind}, "data_offsets": [0, 4]}}' for kind in ('"F32", "shape": [1]', '"U8", "shape": [4]')
    )
    for text, twice in ((f"{{{a}, {other}}}", "a"), (f"{{{a[:-1]}, {a[6:]}}}", "dtype")):
        path.write_bytes(struct.pack("<Q", len(text)) + text.encode() + bytes(4))
        with pytest.raises(InputError, match=f"'{twice}' stands twice"):
            read_header(path)


def test_tensors_without_elements(tmp_path):
    """They take no bytes, so that another stands at the same place."""
    entries = {"a": entry("F32", [2], 0, 8), "none": entry("F32", [0, 3], 0, 0), "end": entry("F32", [0], 8, 8)}
    assert read_header(safetensors(tmp_path / "m.safetensors", entries, 8)).params == 2


def test_types_are_those_of_the_format():
    sizes = {int(kind): (kind.name, *size) for kind, size in gguf.GGML_QUANT_SIZES.items()}
    assert {kind: sizes[kind] for kind in GGUF_TYPES} == GGUF_TYPES


LAYERS, D, FFN, HEADS, KV, VOCAB = 2, 256, 512, 4, 2, 300


def llama(path, arch="llama", tied=False, bias=False, **changed):
    """A small Llama with 4-bit blocks of 32 (18 bytes each) but for norms and embeddings."""
    writer = gguf.GGUFWriter(str(path), arch)
    writer.add_array("tokenizer.ggml.tokens", [f"t{i}" for i in range(VOCAB)])
    fields = {"block_count": LAYERS, "embedding_length": D, "feed_forward_length": FFN}
    fields |= {"attention.head_count": HEADS, "attention.head_count_kv": KV, "context_length": 4096, **changed}
    for key, value in fields.items():
        if value is not None:
            writer.add_uint32(f"{arch}.{key}", value)

    def q4(name, rows, columns):
        blocks = np.zeros((rows, columns // 32 * 18), np.uint8)
        writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType.Q4_0)

    writer.add_tensor("token_embd.weight", np.zeros((VOCAB, D), np.float16))
    if not tied:
        writer.add_tensor("output.weight", np.zeros((VOCAB, D), np.float16))
    writer.add_tensor("output_norm.weight", np.zeros(D, np.float32))
    writer.add_tensor("rope_freqs.weight", np.zeros(D // HEADS // 2, np.float32))
    head = D // HEADS
    for i in range(LAYERS):
        for part in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{i}.{part}.weight", np.zeros(D, np.float32))
        for name, rows in (("q", D), ("k", KV * head), ("v", KV * head)):
            q4(f"blk.{i}.attn_{name}.weight", rows, D)
            if bias:
                writer.add_tensor(f"blk.{i}.attn_{name}.bias", np.zeros(rows, np.float32))
        q4(f"blk.{i}.attn_output.weight", D, D)
        for name, rows, columns in (("gate", FFN, D), ("up", FFN, D), ("down", D, FFN)):
            q4(f"blk.{i}.ffn_{name}.weight", rows, columns)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


MATRICES = LAYERS * (2 * D * D + 2 * D * KV * D // HEADS + 3 * D * FFN)
NORMS = (2 * LAYERS + 1) * D


def test_gguf_header(tmp_path):
    found = read_header(llama(tmp_path / "m.gguf"))
    tables, factors = 2 * VOCAB * D, D // HEADS // 2
    assert found.params == MATRICES + NORMS + tables + factors
    assert found.bits_per_weight == (4.5 * MATRICES + 32 * (NORMS + factors) + 16 * tables) / found.params
    assert found.metadata["llama.context_length"] == 4096
    assert found.metadata["tokenizer.ggml.tokens"] == [VOCAB]


@pytest.mark.parametrize(("arch", "tied", "bias"), [("llama", False, False), ("qwen2", True, True)])
def test_gguf_as_a_decoder(tmp_path, arch, tied, bias):
    model = load_model(llama(tmp_path / "Small-Q4_0.gguf", arch, tied, bias))
    assert model.name == "small-q4_0"
    biases = LAYERS * (D + 2 * KV * D // HEADS) if bias else 0
    assert trace("decoder", model.axes).params() == MATRICES + NORMS + (1 if tied else 2) * VOCAB * D + biases
    assert (model.axes["layers"], model.axes["kv_heads"], model.published["context"].value) == (LAYERS, KV, 4096)
    one = trace("decoder", {**model.axes, "context": 1, "phase": 1})
    assert one.total("macs") == MATRICES + VOCAB * D + LAYERS * 2 * D


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"block_count": None}, "llama.block_count: is missing"),
        ({"embedding_length": 0}, "llama.embedding_length: 0 is not allowed"),
        ({"feed_forward_length": 1000}, r"blk\.0\.ffn_up\.weight: is 256 × 512; by its metadata 256 × 1000"),
        ({"attention.head_count": 7}, "heads"),
    ],
)
def test_faults_of_a_gguf_model(tmp_path, changed, match):
    path = llama(tmp_path / "m.gguf", **changed)
    with pytest.raises(InputError, match=match) as error:
        load_model(path)
    assert str(path) in str(error.value)


def test_an_unknown_architecture(tmp_path):
    with pytest.raises(InputError, match=r"general\.architecture: unknown architecture 'mamba'"):
        load_model(llama(tmp_path / "m.gguf", "mamba"))


@pytest.mark.parametrize("share", [0.001, 0.01, 0.5, 0.999])
def test_truncated_gguf(tmp_path, share):
    whole = llama(tmp_path / "m.gguf").read_bytes()
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="truncated") as error:
        read_header(path)
    assert str(path) in str(error.value)


def _gguf(tensors=0, entries=0, rest=b"", magic=b"GGUF", version=3):
    return magic + struct.pack("<IQQ", version, tensors, entries) + rest


def _string(text):
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (_gguf(magic=b"GGML"), "magic: is no GGUF file"),
        (_gguf(version=9), "version: 9 is not supported"),
        (_gguf(tensors=2**60), "at most a million"),
        (_gguf(entries=1, rest=struct.pack("<Q", 2**63)), "metadata: 9,223,372,036,854,775,808 bytes"),
        (_gguf(entries=1, rest=_string(b"k") + struct.pack("<IIQ", 9, 4, 2**61)), "k: an array of|truncated"),
        (_gguf(entries=1, rest=_string(b"k") + struct.pack("<IIQ", 9, 8, 2**61)), "k: .*truncated"),
        (_gguf(entries=1, rest=_string(b"k") + struct.pack("<I", 77)), "k: the type 77 of metadata is not known"),
        (_gguf(tensors=1, rest=_string(b"t") + struct.pack("<IQIQ", 1, 33, 2, 0)), "t: the shape .* does not divide"),
        (_gguf(tensors=1, rest=_string(b"t") + struct.pack("<IQIQ", 1, 32, 99, 0)), "t: the type 99 is not known"),
        (_gguf(tensors=1, rest=_string(b"t") + struct.pack("<I", 2**31)), "t: has 2147483648 dimensions"),
    ],
)
def test_damaged_gguf(tmp_path, content, match):
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(InputError, match=match):
        read_header(path)
