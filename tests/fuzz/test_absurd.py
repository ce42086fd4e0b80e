"""Sizes beyond all use are refused, or computed, before anything of that size is allocated."""

from __future__ import annotations

import os
import struct
import tracemalloc

import numpy as np
import pytest

import dse
from dse.errors import DseError, InputError
from dse.jobs.resolve import read_job
from dse.pareto.partial import read_partial
from dse.units import quantity
from dse.weights import read_header
from tests.fuzz.targets import SEVERAL, SMALL, TARGETS, load

MOST = 50 * 2**20
SPACE = {k: v for k, v in SMALL.items() if k != "deployment"}


@pytest.fixture(autouse=True)
def little_memory():
    """Fails a test that allocates more than a few MiB."""
    load()
    read_job(SPACE)
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST


FUNCTIONS = pytest.mark.parametrize(
    ("depth", "told"),
    [(60, "come to 1,152,921,504,606,846,976 nodes"), (3000, "more than 100 deep"), (3, "calls itself")],
)
BITS, NAMES = {"start": 2, "stop": 8, "num": 1000}, ("weight_bits", "activation_bits", "kv_bits")


FINE, PRICES = {"start": 1, "stop": 9, "num": 3200}, ("carbon_intensity", "electricity_price")


def with_axis(value):
    return {**SPACE, "network": {**SPACE["network"], "width": value}}


def nested(depth):
    inner = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (with_axis({"start": 1e-30, "stop": 1, "step": 1e-30}), "1e+30 values"),
        (with_axis({"start": 0.1, "stop": 1, "num": 1e30}), "num = 1e+30; allowed: an integer from 1 to 1,000,000"),
        (with_axis({"start": 1e-300, "stop": 1e300, "step": 1e-300}), "values from 1e-300"),
        (with_axis(nested(900)), "its values are nested too deeply"),
        (with_axis("9" * 100_000), "is not a quantity"),
        ({**SPACE, "network": {"family": "decoder", "layers": 1e30, "d_model": 64, "heads": 4, "vocab": 9}}, "2^53"),
        ({**SPACE, "hardware": {"device": ["x"] * 10_000}}, "at most 5,000 names"),
        (
            {**SPACE, "device": {f"d{i}": {"base": f"d{i - 1}" if i else "esp32"} for i in range(2000)}},
            "more than 100 devices over one another: d100, d101",
        ),
        ({**SPACE, "deployment": {"batch": 10**400}}, "an integer of thousands of digits"),
        ({**SPACE, "deployment": {"batch": 2**53 + 1}}, "is beyond 2^53"),
        ({**SPACE, **{f"a{i}": {} for i in range(20_000)}}, "and 19,950 more faults"),
        ({**SPACE, "y" * 10**6: {}}, "yyy...: unknown key"),
        ({**SPACE, "deployment": dict.fromkeys(PRICES, FINE)}, "1.024e+07 frontiers, one for each combin"),
        ({**SPACE, "hardware": {"device": ["x" * 10**6]}}, "unknown device 'xxx"),
        ({**SPACE, "objectives": {"minimize": ["latency"] * 1000}}, "stands twice"),
        ({**SPACE, "precision": {"scheme": "a", "a": dict.fromkeys(NAMES, BITS)}}, "variants; at most"),
    ],
    ids=range(16),
)  # fmt: skip
def test_specs(spec, told):
    with pytest.raises(InputError) as caught:
        read_job(spec)
    assert told in str(caught.value) and len(str(caught.value)) < 30_000


def test_more_designs_than_can_be_numbered():
    many = {"start": 1e-3, "stop": 1, "num": 100_000}
    thousands = {"start": 1e-3, "stop": 1, "num": 10_000}
    names = ("utilization", "compute_efficiency", "bandwidth_efficiency", "carbon_intensity", "electricity_price")
    spec = {**SPACE, "deployment": dict.fromkeys(names, thousands)}
    with pytest.raises(InputError, match="designs cannot be numbered"):
        read_job({**spec, "network": {**SPACE["network"], "width": many}})


def test_a_billion_layers_are_computed_at_once():
    axes = {"layers": 1e9, "d_model": 64, "heads": 4, "vocab": 9, "phase": "decode", "context": 1}
    found = dse.evaluate("decoder", device="a100-sxm-80gb", precision="int8", metrics=["params"], **axes)
    assert float(found.params) > 1e9 * 4 * 64 * 64
    assert int(read_job({**SPACE, "deployment": {"batch": 2**50}}).size) == 16
    with pytest.raises(InputError, match=r"2\^53"):
        read_job({**SEVERAL, "deployment": {"batch": 2**54}})


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        (
            "gguf",
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 10 * 2**30),
            "10,737,418,240 bytes at byte",
        ),
        ("gguf", b"GGUF" + struct.pack("<IQQ", 3, 2**63, 1), "at most a million"),
        ("gguf", b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 4, 2**62), "truncated or"),
        ("safetensors", struct.pack("<Q", 10 * 2**30) + b"{}", "a header of 10,737,418,240 bytes in a file of 10"),
        (
            "npy",
            b"\x93NUMPY\x01\x00F\x00{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000, 9), }",
            "cannot",
        ),
        ("config", b"[" * 100_000, "cannot be read as JSON: nested too deeply"),
        ("config", b'{"model_type": "llama", "hidden_size": 1e30}', "1e+30 is not allowed"),
        ("spec", b"a = " + b"[" * 100_000, "its values are nested too deeply"),
        ("assumptions", b"a = " + b"[" * 100_000, "is not valid TOML"),
        ("model-toml", b"a = " + b"[" * 100_000, "nested too deeply"),
        ("model-toml", b"a = " + b"9" * 100_000, "thousands of digits"),
        ("model-toml", b"#" * (17 * 2**20), "more than 16 MiB"),
        ("layers-csv", b"name,kind,repeat,inputs,outputs,weights\na,conv,1e15,9,1,1e15\n", "beyond 2^53"),
        ("quality", b'width,accuracy\n0.35,"' + b"9" * 200_000, "is not a table in CSV: field larger than field limit"),
        ("onnx", b"\xff" * 1000, "cannot be read as ONNX"),
        ("quantity", b"9" * 100_000 + b"!", "is not a quantity"),
    ],
    ids=lambda v: v if isinstance(v, str) and len(v) < 15 else "",
)
def test_files(name, data, told):
    assert told in TARGETS[name].run(data)


def test_an_onnx_file_of_tensors_that_no_memory_holds(tmp_path):
    onnx = pytest.importorskip("onnx", reason="reading .onnx is an extra")
    helper, tensor = onnx.helper, onnx.TensorProto
    shape = helper.make_tensor(
        "shape", tensor.INT64, [3], np.array([2**20, 2**20, 2**20], np.int64).tobytes(), raw=True
    )
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("Add", ["x", "huge"], ["y"]),
        helper.make_node("Tile", ["y", "shape"], ["z"]),
    ]
    x = helper.make_tensor_value_info("x", tensor.FLOAT, [1, 1, 1])
    graph = helper.make_graph(nodes, "g", [x], [helper.make_tensor_value_info("z", tensor.FLOAT, None)], [shape])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), tmp_path / "n.onnx")
    with pytest.raises(DseError, match=r"2\^53"):
        dse.evaluate(str(tmp_path / "n.onnx"), device="a100-sxm-80gb", precision="int8")


@FUNCTIONS
def test_onnx_functions_that_call_one_another(tmp_path, depth, told):
    """Each calls the one before it twice: 60 of them come to 2^60 nodes."""
    onnx = pytest.importorskip("onnx")
    make, path = onnx.helper, tmp_path / "net.onnx"
    ids = [make.make_opsetid("", 17), make.make_opsetid("d", 1)]
    bodies = [[make.make_node("Relu", ["x"], ["y"])]]
    for i in range(depth):
        bodies.append([make.make_node(f"f{i}", [a], [b], domain="d") for a, b in (("x", "a"), ("a", "y"))])
    if told.endswith("calls itself"):
        bodies[0] = bodies[-1]
    functions = [make.make_function("d", f"f{i}", ["x"], ["y"], body, ids) for i, body in enumerate(bodies)]
    ends = [make.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, 3, 8, 8]) for n in "xy"]
    graph = make.make_graph([make.make_node(f"f{depth}", ["x"], ["y"], domain="d")], "g", ends[:1], ends[1:])
    path.write_bytes(make.make_model(graph, functions=functions, opset_imports=ids).SerializeToString())
    with pytest.raises(InputError, match=told):
        dse.evaluate(str(path), metrics="macs")


def test_a_shard_whose_arrays_overlap(tmp_path):
    """Entries of one archive over the same bytes: a file of a megabyte that takes a hundred of memory."""
    whole, path = tmp_path / "whole.npz", tmp_path / "1-of-2.npz"
    np.savez(whole, **{"left_0": np.zeros(2**17)})
    content = whole.read_bytes()
    start, end = content.rindex(b"PK\x01\x02"), content.rindex(b"PK\x05\x06")
    entry = content[start:end]
    entries = b"".join(entry.replace(b"left_0", b"left_%c" % (65 + i)) for i in range(50))
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 50, 50, len(entries), start, 0)
    path.write_bytes(content[:start] + entries + tail)
    with pytest.raises(InputError, match="its arrays overlap"):
        read_partial(path)


def test_a_shard_that_is_compressed(tmp_path):
    np.savez_compressed(tmp_path / "1-of-2.npz", points=np.zeros(2**17))
    with pytest.raises(InputError, match="it is compressed"):
        read_partial(tmp_path / "1-of-2.npz")


@pytest.mark.parametrize(
    "text", ["9" * 199 + " W", "1e308 EW", "1e999", "1 W^9^9", "1 " + "W/" * 5000, "1" + "_1" * 5000]
)
def test_quantities(text):
    with pytest.raises(InputError):
        quantity(text, "W")


def test_a_gguf_file_of_lists_without_end(tmp_path):
    """Millions of empty texts, in a file that takes no room on the disk."""
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 8, 50_000_000))
    os.truncate(path, 500_000_000)
    with pytest.raises(InputError, match="a: lists of 50,000,000 texts; at most 2,097,152"):
        read_header(path)
