"""ONNX files of a few lines that would take hours or all memory, or end the process: told, or read without harm."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dse.errors import InputError
from dse.networks import load_model, trace
from dse.networks.ingest import onnx_rows, onnx_shapes
from dse.networks.ingest.onnx_file import Node
from dse.networks.ingest.onnx_values import evaluate
from tests.networks.onnx_networks import Graph

FLOAT = TensorProto.FLOAT


def graph(opset=17, shape=(1, 3, 8, 8)):
    return Graph({"x": (FLOAT, list(shape))}, opset)


def read(path, g, *outputs):
    return load_model(g.save(path / "net.onnx", *outputs))


def made(op, *given, opset=17, shape=(4,), **attributes):
    """What is computed of a node whose output is said to have a shape."""
    names = [f"v{i}" for i in range(len(given))]
    proto = helper.make_node(op, names, ["y"], **attributes)
    read = {a.name: helper.get_attribute_value(a) for a in proto.attribute}
    node = Node("n", op, "", tuple(names), ("y",), read, proto)
    return evaluate(node, opset, dict(zip(names, map(np.asarray, given), strict=True)), {"y": shape})


def test_what_shapes_are_computed_with_is_evaluated():
    assert made("Range", 2, 12, 3)["y"].tolist() == [2, 5, 8, 11]
    assert made("Range", 12, 2, -3)["y"].tolist() == [12, 9, 6, 3]
    assert made("Tile", [1, 2], [2])["y"].tolist() == [1, 2, 1, 2]
    assert made("Constant", value_ints=[7, 8])["y"].tolist() == [7, 8]


MANY = np.ones(4096, np.float32)
HOSTILE = {
    "7e10 products": ("Einsum", (MANY, MANY, MANY), {"equation": "a,b,c->"}, ()),
    "a range that runs over": ("Range", (-(2**62) - 2**61, 2**62 + 2**61, 2**34), {}, (0,)),
    "a range of no step": ("Range", (0, 9, 0), {}, (0,)),
    "all of it, then none": ("Tile", (np.ones((2, 2)), [2**28, 0]), {}, (2**29, 0)),
    "padding": ("MaxPool", (np.ones((1, 1, 4)),), {"kernel_shape": [2**29], "pads": [2**28, 2**28]}, (1, 1, 1)),
    "a pattern that is tried in 2^40 ways": ("RegexFullMatch", (["a" * 40 + "b"],), {"pattern": "(a+)+$"}, (1,)),
    "texts": ("Add", (np.array(["a"], object),) * 2, {}, (1,)),
}  # fmt: skip


@pytest.mark.parametrize(("op", "given", "attributes", "shape"), HOSTILE.values(), ids=HOSTILE)
def test_nothing_that_can_take_hours_is_evaluated(monkeypatch, op, given, attributes, shape):
    asked = []
    monkeypatch.setattr("onnx.reference.ReferenceEvaluator", lambda *_, **__: asked.append(op))
    assert made(op, *given, opset=20, shape=shape, **attributes) == {}
    assert not asked


def test_dimensions_that_grow(tmp_path):
    g = graph()
    y = g.node("Unsqueeze", "x", g.integers(*range(61)))
    with pytest.raises(InputError, match=r"Unsqueeze0: 't0_0': has 65 dimensions; allowed: at most 64"):
        read(tmp_path, g, y)


@pytest.mark.parametrize("where", ["input", "tensor"])
def test_dimensions_by_the_thousand(tmp_path, where):
    """The product of as many sizes alone took 18 s."""
    g = graph(shape=(1,) * 5000 if where == "input" else (1,))
    if where == "tensor":
        g.weights.append(TensorProto(name="w", data_type=FLOAT, dims=[2**62] * 5000))
    with pytest.raises(InputError, match=r"has 5,000 dimensions; allowed: at most 64"):
        read(tmp_path, g, g.node("Relu", "x"))


ATTRIBUTES = {
    "out of bounds": ("GatherND", {"batch_dims": -(2**31)}, "batch_dims is -2147483648; allowed: integers from 0"),
    "minutes": ("LayerNormalization", {"axis": 2**31}, "axis is 2147483648; allowed: integers from -64 to 64"),
    "memory": ("Split", {"num_outputs": 2**31 - 1}, "num_outputs is 2147483647; allowed: integers from 2 to 2"),
    "abort": ("Split", {"num_outputs": 1}, "num_outputs is 1; allowed: integers from 2 to 2"),
}


@pytest.mark.parametrize(("op", "attributes", "told"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_attributes_that_end_the_process(tmp_path, op, attributes, told):
    g = graph(opset=18)
    given = [g.integers(0, 1), g.integers(0, 0)] if op == "GatherND" else ["x", g.weight(8)] if op[0] == "L" else ["x"]
    y = g.node(op, *given, outputs=2 if op == "Split" else 1, **attributes)
    with pytest.raises(InputError, match=told):
        read(tmp_path, g, y[0] if op == "Split" else y)


def test_values_by_the_million(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_shapes, "MOST_HELD", 10_000)
    g = graph()
    y = [g.node("ConstantOfShape", g.integers(4096)) for _ in range(3)]
    with pytest.raises(InputError, match=r"ConstantOfShape2: what follows from .* comes to more than 10,000 values"):
        read(tmp_path, g, *y)


def foreign(path, several):
    """Two operators of which nobody knows more than that each result is of all before: their product."""
    first, second = ([f"{n}{i}" for i in range(several)] for n in "ab")
    nodes = [helper.make_node("A", ["x"], first, domain="d"), helper.make_node("B", first, second, domain="d")]
    infos = [helper.make_tensor_value_info(n, FLOAT, [1]) for n in (*first, *second)]
    made = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", FLOAT, [1])], infos[-1:], value_info=infos)
    ids = [helper.make_opsetid("", 17), helper.make_opsetid("d", 1)]
    onnx.save(helper.make_model(made, opset_imports=ids, ir_version=10), path)
    return path


def test_tensors_that_all_use_all(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_rows, "MOST_REFERENCES", 1000)
    model = load_model(foreign(tmp_path / "few.onnx", 30))
    assert len(trace(model.builds_from, {}).ops) == 60
    with pytest.raises(InputError, match="use more than 1,000 tensors, each counted where it is used"):
        load_model(foreign(tmp_path / "many.onnx", 40))


def test_constants_that_come_from_all_before(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_rows, "MOST_REFERENCES", 1000)
    g = graph()
    y = g.weight(2)
    for _ in range(60):
        y = g.node("Add", y, g.weight(2))
    with pytest.raises(InputError, match="use more than 1,000 tensors"):
        read(tmp_path, g, y)
