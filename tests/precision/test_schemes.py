"""Bits that are stored, scales included, and schemes that a user writes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import dse
from dse.errors import InputError
from dse.precision import FALLBACKS, PRECISIONS, Scheme

CASES = tomllib.loads((Path(__file__).parents[1] / "reference" / "precisions.toml").read_text())["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["scheme"])
def test_bits_of_a_weight_by_the_block_layout(case):
    assert PRECISIONS[case["scheme"]].weight_bits == 8 * case["bytes"] / case["weights"]


def mean_of_llama(bits, head):
    """Bits a weight of a file of Llama 3.1 8B, whose 65 norms are in 32 bits."""
    params, of_head, norms = 8_030_261_248, 128_256 * 4096, 65 * 4096
    return ((params - of_head - norms) * bits + of_head * head + norms * 32) / params


def test_means_of_files_of_one_block_layout():
    """llama.cpp keeps the head of these files in Q6_K, of 6.5625 bits."""
    # As it publishes of Q8_0 and Q6_K, whose heads are of their own type.
    assert [round(mean_of_llama(bits, bits), 4) for bits in (8.5, 6.5625)] == [8.5008, 6.5633]
    for name, bits in (("q4_0", 4.5), ("q4_1", 5), ("q5_0", 5.5), ("q5_1", 6)):
        assert PRECISIONS[name].note.endswith(f"Llama 3.1 8B has {mean_of_llama(bits, 6.5625):.2f} bits a weight")


@pytest.mark.parametrize(
    ("name", "stored", "compute"),
    [
        ("fp32", (32, 32, 32), "fp32"),
        ("tf32", (32, 32, 32), "tf32"),
        ("bf16", (16, 16, 16), "bf16"),
        ("fp16", (16, 16, 16), "fp16"),
        ("fp8", (8, 8, 8), "fp8"),
        ("fp4", (4, 4, 4), "fp4"),
        ("int8", (8, 8, 8), "int8"),
        ("int4", (4, 4, 4), "int4"),
        ("w8a16", (8, 16, 16), "fp16"),
        ("w4a16", (4.125, 16, 16), "fp16"),
        ("w4a8", (4.125, 8, 8), "int8"),
        ("w4a8kv4", (4.125, 8, 4.125), "int8"),
        ("mxfp4", (4.25, 16, 16), "bf16"),
        ("nvfp4", (4.5, 4.5, 8), "fp4"),
        ("q4_k", (4.5, 16, 16), "fp16"),
    ],
)
def test_stored_bits_and_compute_format(name, stored, compute):
    scheme = PRECISIONS[name]
    assert (scheme.weight_bits, scheme.activation_bits, scheme.kv_bits) == stored
    assert scheme.compute == compute


def test_every_scheme_is_sound():
    assert len(PRECISIONS) == 46
    for name, scheme in PRECISIONS.items():
        assert scheme.name == name
        assert scheme.source
        assert scheme.compute in FALLBACKS
        assert scheme.weight_bits >= scheme.element_bits


# GiB of files of Llama 3.1 8B: README of llama.cpp's quantize; Q3_K_M: of Llama 3 8B, README of its perplexity.
FILES = {
    "iq1_s": 1.87, "iq1_m": 2.01, "iq2_xxs": 2.23, "iq2_xs": 2.42, "iq2_s": 2.56, "iq2_m": 2.74, "q2_k_s": 2.78,
    "q2_k_mix": 2.95, "iq3_xxs": 3.04, "iq3_xs": 3.27, "iq3_s": 3.42, "iq3_m": 3.52, "q3_k_s": 3.41, "q3_k_m": 3.74,
    "q3_k_l": 4.02, "iq4_xs_mix": 4.17, "iq4_nl": 4.38, "q4_k_s": 4.36, "q4_k_m": 4.58, "q5_k_s": 5.21, "q5_k_m": 5.33,
    "q6_k": 6.14, "q8_0": 7.95,
}  # fmt: skip


def test_files_of_mixed_types_have_their_published_sizes():
    data = dse.evaluate("llama-3.1-8b", precision=list(FILES), metrics=["model_size"])
    # Printed to 0.01 GiB.
    assert data.model_size.values / 2**30 == pytest.approx(list(FILES.values()), abs=0.0055)
    assert float(data.model_size.sel(precision="q4_k_m")) == pytest.approx(4.9e9, abs=0.05e9)


def test_files_of_other_models_are_within_what_the_notes_say():
    # README of quantize: 43.1 GB for 70B; bits a weight of Llama 2 70B: an earlier one.
    for name, bits in (("q4_k_m", 4.80), ("q2_k_mix", 3.40), ("q3_k_m", 3.85), ("q5_k_m", 5.65)):
        note = PRECISIONS[name].note
        least, most = map(float, re.search(r"([\d.]+) to ([\d.]+) bits", note).groups())
        assert least <= bits <= most and least <= PRECISIONS[name].weight_bits <= most + 0.005


def test_integer_bits_for_the_noise():
    names = ("int8", "w4a16", "q3_k", "fp8", "nvfp4", "iq4_xs", "q4_k_m", "fp16")
    found = {name: PRECISIONS[name].integer_bits for name in names}
    assert found == {**dict.fromkeys(names), "int8": 8, "w4a16": 4, "q3_k": 3}


def test_own_scheme_has_sensible_defaults():
    mine = Scheme.from_fields("mine", weight_bits=3, group_size=64)
    assert (mine.weight_bits, mine.activation_bits, mine.kv_bits) == (3.25, 16, 16)
    assert (mine.compute, mine.integer_bits, mine.scale_bits) == ("fp16", 3, 16)


@pytest.mark.parametrize(
    ("fields", "compute"),
    [
        ({"weight_bits": 2, "activation_bits": 4}, "int4"),
        ({"weight_bits": 4, "activation_bits": 6}, "int8"),
        ({"weight_bits": 8, "activation_bits": 8, "weight_format": "float"}, "fp8"),
        ({"weight_bits": 1.58, "activation_bits": 8}, "fp16"),
        ({"weight_bits": 16}, "fp16"),
        ({"weight_bits": 24, "activation_bits": 24}, "fp32"),
        ({"weight_bits": 4, "compute": "int8"}, "int8"),
        ({"weight_bits": "8 bit", "activation_bits": "8 bit"}, "int8"),
    ],
)
def test_default_compute_format(fields, compute):
    assert Scheme.from_fields("mine", **fields).compute == compute


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "weight_bits is missing"),
        ({"weight_bits": 0}, "mine.weight_bits: 0 is not allowed"),
        ({"weight_bits": 4, "activation_bit": 8}, "did you mean 'activation_bits'"),
        ({"weight_bits": 4, "group_size": 12.5}, "mine.group_size: 12.5 is not allowed"),
        ({"weight_bits": 4, "group_size": -1}, "mine.group_size: -1 is not allowed"),
        ({"weight_bits": 4, "compute": "int16"}, "mine.compute: unknown compute 'int16'; did you mean"),
        ({"weight_bits": 4, "weight_format": "log"}, "allowed: codebook, float, integer, mixed"),
        ({"weight_bits": 4.5, "weight_format": "integer"}, "4.5 is not a whole number"),
        ({"weight_bits": "4 s"}, "unit 's' is time"),
    ],
)
def test_faults_of_an_own_scheme(fields, said):
    with pytest.raises(InputError) as caught:
        Scheme.from_fields("mine", **fields)
    assert said in str(caught.value)


def test_all_faults_at_once():
    with pytest.raises(InputError) as caught:
        Scheme.from_fields("mine", weight_bits=-1, kv_bits="x", colour="red")
    assert len(caught.value.faults) == 3
