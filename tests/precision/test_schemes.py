"""Bits that are stored, scales included, and schemes that a user writes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dse.errors import InputError
from dse.precision import FALLBACKS, PRECISIONS, Scheme

CASES = tomllib.loads((Path(__file__).parents[1] / "reference" / "precisions.toml").read_text())["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["scheme"])
def test_bits_of_a_weight_by_the_block_layout(case):
    assert PRECISIONS[case["scheme"]].weight_bits == 8 * case["bytes"] / case["weights"]


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
    assert len(PRECISIONS) == 25
    for name, scheme in PRECISIONS.items():
        assert scheme.name == name
        assert scheme.source
        assert scheme.compute in FALLBACKS
        assert scheme.weight_bits >= scheme.element_bits


def test_integer_bits_for_the_noise():
    found = {
        name: PRECISIONS[name].integer_bits for name in ("int8", "w4a16", "q3_k", "fp8", "nvfp4", "iq4_xs", "fp16")
    }
    assert found == {"int8": 8, "w4a16": 4, "q3_k": 3, "fp8": None, "nvfp4": None, "iq4_xs": None, "fp16": None}


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
        ({"weight_bits": 4, "weight_format": "log"}, "allowed: codebook, float, integer"),
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
