"""Functions of ONNX files: read as what they stand for, and counted before anything is put in their place."""

from __future__ import annotations

import random

import onnx
import onnx.inliner
import pytest
from onnx import AttributeProto, TensorProto, helper

import dse
from dse.errors import InputError
from dse.networks.ingest import onnx_functions
from dse.networks.ingest.onnx_file import read_graph
from tests.networks.onnx_networks import with_functions

DOMAINS = ("", "ai.onnx", "d", "e::f")
IDS = [helper.make_opsetid(domain, 17) for domain in DOMAINS]


def ref(node, name, given, kind):
    """A node with an attribute that is that of the call."""
    attribute = node.attribute.add()
    attribute.name, attribute.ref_attr_name, attribute.type = name, given, kind
    return node


def call(name, source="x", made="y", domain="d", overload="", **attributes):
    return helper.make_node(name, [source], [made], domain=domain, overload=overload, **attributes)


def function(name, body, domain="d", overload="", **more):
    return helper.make_function(domain, name, ["x"], ["y"], body, IDS, overload=overload, **more)


def model(nodes, functions):
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 8, 8]) for n in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    return helper.make_model(graph, functions=functions, opset_imports=IDS, ir_version=10)


def graph(*nodes):
    return helper.make_graph(nodes, "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])])


def in_branch(*nodes):
    return call("If", domain="", then_branch=graph(*nodes))


def doubled(depth=40, domain="d", named=None, body=None):
    """Functions that call the one before them twice, as the domain `named`."""
    named = domain if named is None else named
    functions = [function("F0", [call("Relu", domain="")] if body is None else body, domain)]
    for i in range(depth):
        calls = [call(f"F{i}", "x", "a", named), call(f"F{i}", "a", "y", named)]
        functions.append(function(f"F{i + 1}", calls, domain))
    return model([call(f"F{depth}", domain=named)], functions)


def in_bodies():
    """As `doubled`, each call in a branch of its own."""
    functions = [function("F0", [call("Relu", domain="")])]
    for i in range(40):
        branches = {name: graph(call(f"F{i}")) for name in ("then_branch", "else_branch")}
        functions.append(function(f"F{i + 1}", [call("If", domain="", **branches)]))
    return model([in_branch(call("F40"))], functions)


def joined():
    """A name that the library that puts functions in place takes for that of an overload."""
    body = [call("Relu", domain="")] * 300
    return model([call("f::o")] * 200, [function("f", body, overload="o")])


def tensor_in_each():
    tensor = helper.make_tensor("v", TensorProto.UINT8, [1_000_000], bytes(1_000_000), raw=True)
    uses = [ref(helper.make_node("Constant", [], [f"c{i}"]), "value", "t", AttributeProto.TENSOR) for i in range(2000)]
    inner = function("F", [*uses, call("Relu", domain="")], attributes=["t"])
    outer = function("G", [ref(call("F"), "t", "u", AttributeProto.TENSOR)], attributes=["u"])
    return model([call("G", u=tensor)], [inner, outer])


def graph_in_each():
    """A graph that is given to a function, in which the function is called with a graph ..."""
    uses = [ref(call("If", "x", f"o{i}", ""), "then_branch", "g", AttributeProto.GRAPH) for i in range(30)]
    inner = graph(call("Relu", domain=""))
    for _ in range(8):
        inner = graph(call("F", g=inner))
    return model([call("F", g=inner)], [function("F", uses, attributes=["g"])])


def long_names():
    """A name of 300 kB that stands a thousand times in a function."""
    name = "n" * 300_000
    body = [helper.make_node("Sum", ["x"] * 1000, ["y"])]
    return model([call("Relu", "x", name, ""), call("F", name)], [function("F", body)])


def value_infos():
    """A shape of 400 dimensions, of two bytes each, which 3,000 calls copy."""
    found = helper.make_tensor_value_info("z", TensorProto.FLOAT, [])
    for _ in range(400):
        found.type.tensor_type.shape.dim.add()
    calls = [call("F", "x", f"y{i}") for i in range(3000)]
    return model(calls, [function("F", [call("Relu", domain="")], value_info=[found])])


def chain(depth, turned):
    functions = [function("F0", [call("Relu", domain="")])]
    functions += [function(f"F{i + 1}", [call(f"F{i}")]) for i in range(depth)]
    return model([call("Relu", domain="")], functions[::-1] if turned else functions)


TOO_MUCH = {
    "a domain under its other name": (lambda: doubled(40, "", "ai.onnx"), "1,099,511,627,776 nodes"),
    "the other way round": (lambda: doubled(40, "ai.onnx", ""), "1,099,511,627,776 nodes"),
    "in bodies": (in_bodies, "nodes; at most 50,000"),
    "no nodes": (lambda: doubled(body=[]), "1,099,511,627,776 nodes"),
    "names that are joined": (joined, "60,000 nodes"),
    "a tensor in each": (tensor_in_each, "bytes; at most 268,435,456"),
    "a graph in each": (graph_in_each, "the function 'F' is given a graph, which is not supported"),
    "long names": (long_names, "bytes; at most"),
    "declared shapes": (value_infos, "bytes; at most"),
    "deep": (lambda: chain(150, False), "call one another more than 100 deep"),
    "deep, the last one first": (lambda: chain(150, True), "call one another more than 100 deep"),
    "twice": (lambda: model([call("F")], [function("F", []), function("F", [])]), "'F' is defined twice"),
    "many": (lambda: model([call("F1")], [function(f"F{i}", []) for i in range(10_001)]), "10,001 functions"),
    "itself": (lambda: model([call("F")], [function("F", [in_branch(call("F"))])]), "'F' calls itself"),
}  # fmt: skip


@pytest.mark.parametrize(("made", "told"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_much_is_refused_before_it_is_made(made, told):
    with pytest.raises(ValueError, match=told):
        onnx_functions.check_functions(made(), 50_000)


def test_it_is_told_of_the_file(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(doubled(40, "", "ai.onnx").SerializeToString())
    with pytest.raises(InputError, match=r"net.onnx: cannot be read as ONNX: its functions come to 1,099,511,627,776"):
        dse.evaluate(str(path), metrics="macs")


def random_model(rng):
    """Functions of several domains and overloads, which call those before them, in bodies too, with attributes."""
    names = [(f"F{i % 3}", DOMAINS[rng.randrange(4)], f"o{i}" if i % 2 else "") for i in range(5)]
    names = list({(n, d.replace("ai.onnx", ""), o): (n, d, o) for n, d, o in names}.values())
    tensor = helper.make_tensor("t", TensorProto.INT64, [40], list(range(40)))
    functions = []

    def body(known, inner):
        nodes = [helper.make_node("Sum", ["x"] * rng.randint(1, 5), ["a" * rng.randint(1, 9)], name="n")]
        nodes.append(ref(helper.make_node("Constant", [], ["c"]), "value", "t", AttributeProto.TENSOR))
        for name, domain, overload in rng.choices(known, k=3 if known else 0):
            domain = {"": "ai.onnx", "ai.onnx": ""}.get(domain, domain)
            made = call(name, "x" * rng.choice([1, 1, 30]), rng.choice("yz"), domain, overload)
            if inner and rng.random() < 0.5:
                ref(made, "t", "t", AttributeProto.TENSOR)
            elif rng.random() < 0.7:
                made.attribute.append(helper.make_attribute("t", tensor))
            branch = helper.make_node("If", ["x"], ["y"], then_branch=graph(made))
            nodes.append(made if rng.random() < 0.6 else branch)
        return nodes

    for i, (name, domain, overload) in enumerate(names):
        functions.append(function(name, body(names[:i], True), domain, overload, attributes=["t"]))
    return model(body(names, False), functions)


def test_no_less_is_counted_than_is_made():
    rng, seen = random.Random(7), []
    for _ in range(150):
        given = random_model(rng)
        made = onnx.inliner.inline_local_functions(given)
        assert not made.functions
        total = onnx_functions._Counts(given.functions, given.graph.node).total(given.graph.node, ())
        nodes = sum(1 for _ in onnx_functions._nodes(made.graph.node))
        added = onnx_functions._memory(made.graph) - onnx_functions._memory(given.graph)
        assert nodes <= total.nodes <= 2 * nodes
        assert added <= total.size
        seen.append(nodes)
    assert max(seen) > 50


def test_functions_are_what_they_stand_for(tmp_path):
    """A convolution and a product behind two levels of functions, of several domains, with an overload."""
    path = tmp_path / "net.onnx"
    path.write_bytes(with_functions().SerializeToString())
    nodes = read_graph(path).nodes
    assert [n.op for n in nodes] == ["Conv", "Relu", "Conv", "LeakyRelu", "Flatten", "Gemm", "Softmax"]
    assert nodes[0].attributes["strides"] == [2, 2] and nodes[2].attributes["strides"] == [1, 1]
    # The attribute that the call does not give is absent, so that the standard's own applies.
    assert nodes[3].attributes == {"alpha": pytest.approx(0.25)} and "axis" not in nodes[4].attributes
    # 8 × 8 positions of 4 × 3 × 3 × 3, then of 4 × 4 × 3 × 3, then 256 × 10.
    macs = 8 * 8 * 4 * 3 * 9 + 8 * 8 * 4 * 4 * 9 + 4 * 8 * 8 * 10
    assert float(dse.evaluate(str(path), metrics="macs")["macs"]) == macs


def test_constants_of_the_file_itself_are_none_of_its_functions(tmp_path, monkeypatch):
    """Only what calls add is held to the bound: exporters write weights as constants beside functions."""
    monkeypatch.setattr(onnx_functions, "MOST_BYTES", 50_000)
    weight = helper.make_tensor("v", TensorProto.FLOAT, [25_000], bytes(100_000), raw=True)
    constant = helper.make_node("Constant", [], ["w"], value=weight)
    relu = call("Relu", domain="")
    main = model([constant, call("F")], [function("F", [relu])])
    assert [n.op for n in read_graph(tmp_path / "n.onnx", main.SerializeToString()).nodes] == ["Relu"]
    with pytest.raises(InputError, match="its functions come to"):
        read_graph(tmp_path / "n.onnx", model([call("F")], [function("F", [constant, relu])]).SerializeToString())
