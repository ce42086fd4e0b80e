"""A few hundred inputs for every parser (`long_run.py` feeds many more), and inputs that once went wrong."""

from __future__ import annotations

import json
import struct
import tomllib
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.errors import InputError
from dse.jobs.resolve import read_job
from dse.units import quantity
from tests.fuzz.calibrations import MEASURED
from tests.fuzz.mutations import to_toml
from tests.fuzz.targets import CHIP, LANGUAGE, SEVERAL, TARGETS, Target, load


@pytest.fixture(autouse=True)
def no_warnings():
    load()
    with warnings.catch_warnings():
        # Numbers that run over are told to nobody but a developer.
        warnings.simplefilter("error", RuntimeWarning)
        yield


def told(target: Target, data: bytes) -> str:
    """What is told of an input; anything but a clear error fails the test."""
    found = target.run(data)
    assert found and "Traceback" not in found and len(found) < 20_000
    return found


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_seeds_are_right(target):
    assert {told(target, seed) for seed in target.seeds()} == {"accepted"}


@pytest.mark.no_cover
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_only_clear_errors(target):
    found = [told(target, data) for data in target.inputs(0, 150)]
    assert any(line != "accepted" for line in found)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def documents(draw):
    """A valid spec with any value at any place."""
    document = json.loads(json.dumps(draw(st.sampled_from([CHIP, LANGUAGE, SEVERAL]))))
    node, key = document, draw(st.sampled_from(sorted(document)))
    while isinstance(node[key], dict) and node[key] and draw(st.booleans()):
        node = node[key]
        key = draw(st.sampled_from(sorted(node)))
    node[key] = draw(VALUES)
    return document


@pytest.mark.no_cover
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents())
def test_specs_with_any_value_at_any_place(document):
    try:
        job = read_job(document)
    except InputError as error:
        assert str(error)
    else:
        assert job.size >= 1


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40) | st.from_regex(r"[+-]?[0-9_.]{1,9}(e[0-9]{1,3})? ?[A-Za-z/*^%µ ]{0,12}", fullmatch=True))
def test_any_text_as_a_quantity(text):
    for unit in ("1", "B", "W", "USD/kWh"):
        try:
            assert abs(quantity(text, unit)) < float("inf")
        except InputError as error:
            assert str(error)


def toml_op(**fields) -> bytes:
    row = {"name": '"a"', "kind": '"linear"', "inputs": 4, "c_in": 4, "c_out": 2, **fields}
    return ("[[op]]\n" + "\n".join(f"{k} = {v}" for k, v in row.items())).encode()


def header(**entry) -> bytes:
    text = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **entry}}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(8)


def constants(**keys) -> bytes:
    """The first calibration of the catalogue with other values."""
    table = {**tomllib.loads(TARGETS["calibration"].seeds()[0].decode())["calibration"][0], **keys}
    return to_toml({"calibration": [table]})


WENT_WRONG = [
    ("measured", MEASURED.replace(b"\nresnet,", b"\na\0.onnx,"), "no file has a null character in its name"),
    ("measured", MEASURED.replace(b"\nresnet,", b"\na\0.safetensors,"), "no file has a null character in its name"),
    ("measured", MEASURED.replace(b"\nresnet,", b'\n"a,'), "is not CSV: "),
    ("measured", MEASURED + b"a" * 200_000, "is not CSV: field larger than"),
    ("measured", MEASURED.replace(b"latency,", b"latency\r,", 1), "line 2: has more or fewer values than"),
    ("calibration", constants(batches=[1, 10**400]), "is not the least and the most; allowed: two numbers from 1"),
    ("calibration", constants(batches=[2, 1]), "is not the least and the most"),
    ("calibration", constants(constants={"matrix_cost": 1e308}), "matrix_cost: 1e+308 is not allowed; allowed: "),
    ("calibration", constants(constants={"weight_cost": 1.0}), "give no time; at least one above 0 is needed of: "),
    ("safetensors", header(dtype=["F32"]), "is not known; known: F64"),
    ("npy", b"\x93NUMPY\x01\x00\x14\x00{'descr': '<f8', (((\n", "it is truncated, or no .npy file of numbers"),
    ("shard", b"PK\x03\x04" + bytes(40), "is not a partial result of a scan"),
    ("model-toml", toml_op(c_out="9" * 400), "is not allowed; allowed: an integer of at least 1"),
    (
        "model-toml",
        b'a = { family = "resnet", source = "x", axes = { width = inf } }',
        "is not allowed; allowed: a number",
    ),
    ("model-toml", b'a = { family = "vit", source = "x", axes = { d_model = 1e308 } }', "is beyond 2^53"),
    ("spec", b'"[[network]]" = 3', "several networks are written without quotes"),
    ("quality", b"width,accuracy\n" + b"0.35,x\n" * 3000, "no line after line 1,001 was looked at"),
    ("layers-csv", b"name,kind\n" + b"a,b\n" * 3000, "no row after row 25 was looked at"),
]


@pytest.mark.parametrize(
    ("name", "data", "expected"), WENT_WRONG, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(WENT_WRONG)]
)
def test_what_went_wrong_once(name, data, expected):
    assert expected in told(TARGETS[name], data)
