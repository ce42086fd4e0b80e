"""ONNX files: the counts of networks written out node by node, against the integers of the families."""

from __future__ import annotations

import struct

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import dse
from dse.errors import InputError
from dse.networks import load_model, trace
from dse.networks.training import adapter_features, adapter_macs
from tests.networks.onnx_networks import Graph, mobilenet_v2, vit


def traced(path, **dims):
    model = load_model(path)
    return trace(model.builds_from, dims)


def remarks(path, **dims):
    return load_model(path).builds_from.builder.remarks(dims)


# Published: Sandler et al., table 4 (300M, 3.5M); integers and peaks as the family's own tests have them.
@pytest.mark.parametrize(
    ("width", "resolution", "macs", "params", "peak_in_place"),
    [(1.0, 224, 300_774_272, 3_504_872, 1_404_928), (0.35, 96, 11_934_128, 1_677_128, 129_024)],
)
def test_mobilenet_v2(tmp_path, width, resolution, macs, params, peak_in_place):
    found = traced(mobilenet_v2(tmp_path / "net.onnx", width, resolution))
    family = trace("mobilenet_v2", {"width": width, "resolution": resolution})
    assert (found.total("macs"), found.params(), found.peak(True)) == (macs, params, peak_in_place)
    for quantity in ("activations", "traffic", "weights_read", "biases", "affine", "statistics"):
        assert found.total(quantity) == family.total(quantity), quantity
    assert found.peak(False) == family.peak(False)
    assert found.peak_simple() == family.peak_simple()
    assert [op.kind for op in found.ops].count("depthwise") == 17


@pytest.mark.parametrize("style", ["products", "standard", "microsoft"])
def test_vision_transformer_keeps_its_attention(tmp_path, style):
    layers, d, heads, side = 3, 192, 3, 4
    path = vit(tmp_path / "vit.onnx", layers, d, heads, 64, 16, style)
    found, tokens = traced(path), side * side + 1
    matrices = tokens * 12 * d * d + 2 * tokens * tokens * d
    assert found.total("macs") == side * side * 3 * 16 * 16 * d + layers * matrices + 1000 * d
    family = trace("vit", {"layers": layers, "d_model": d, "heads": heads, "resolution": 64, "patch": 16})
    for quantity in ("macs", "activations"):
        assert found.total(quantity) == family.total(quantity), quantity
    assert found.params() == family.params()
    assert found.total("affine") == (2 * layers + 1) * 2 * d
    assert (found.peak(), found.peak_simple()) == (family.peak(), family.peak_simple())
    assert [op.kind for op in found.ops].count("attention") == layers
    assert remarks(path) == ""


def test_dynamic_dimensions_are_axes(tmp_path):
    path = str(mobilenet_v2(tmp_path / "net.onnx", 0.35, 0, dynamic=True))
    data = dse.evaluate(path, dim_height=[96, 224], dim_width=[96, 160], metrics=["macs", "peak_activations"])
    assert data.macs.dims == ("dim_height", "dim_width")
    for i, j in ((0, 0), (1, 1), (0, 1)):
        height, width = int(data.dim_height[i]), int(data.dim_width[j])
        found = traced(path, dim_height=height, dim_width=width)
        assert (data.macs[i, j], data.peak_activations[i, j]) == (found.total("macs"), found.peak(False))
    assert float(data.macs[0, 0]) == 11_934_128
    with pytest.raises(InputError, match=r"dim_width: is missing"):
        dse.evaluate(path, dim_height=96, metrics="macs")


def test_a_spec_names_the_file(tmp_path):
    path = str(mobilenet_v2(tmp_path / "net.onnx", 0.35, 96))
    spec = {
        "network": {"model": path}, "precision": {"scheme": ["fp32", "int8"]}, "hardware": {"device": "stm32h743"},
        "objectives": {"minimize": ["latency", "model_size"]}, "output": {"metrics": ["macs", "peak_sram"]},
    }  # fmt: skip
    frontier = dse.explore(spec).frontier
    assert frontier.macs.values.tolist() == [11_934_128]
    assert frontier.model_size.values.tolist() == [1_677_128]


def test_grouped_transposed_and_recurrent_layers(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, [1, 8, 10, 10])})
    y = g.node("Conv", "x", g.weight(16, 2, 3, 3), kernel_shape=[3, 3], group=4)
    up = g.node("ConvTranspose", y, g.weight(16, 4, 2, 2), kernel_shape=[2, 2], strides=[2, 2])
    rows = g.node("Reshape", up, g.integers(16, 16, 4))
    z, *_ = g.node("LSTM", rows, g.weight(1, 20, 4), g.weight(1, 20, 5), outputs=3, hidden_size=5)
    found = traced(g.save(tmp_path / "n.onnx", z))
    lstm = 16 * 16 * 4 * 5 * (4 + 5)
    assert [op.count("macs") for op in found.ops] == [16 * 2 * 9 * 64, 64 * 16 * 4 * 4, lstm]
    assert found.params() == 16 * 2 * 9 + 16 * 4 * 4 + 20 * 9


def test_squeeze_and_excitation_and_linear_attention(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, [1, 16, 8, 8])})
    y = g.node("Conv", "x", g.weight(32, 16, 1, 1), kernel_shape=[1, 1])
    y = g.node("Mul", y, g.node("Sigmoid", y))  # SiLU
    s = g.node("ReduceMean", y, axes=[2, 3], keepdims=1)
    s = g.node("Sigmoid", g.node("Conv", s, g.weight(32, 32, 1, 1), kernel_shape=[1, 1]))
    y = g.node("Mul", y, s)
    rows = g.node("Reshape", y, g.integers(1, 32, 64))
    context = g.node("MatMul", rows, g.node("Transpose", rows, perm=[0, 2, 1]))
    z = g.node("MatMul", context, rows)
    found = traced(g.save(tmp_path / "n.onnx", z))
    assert [op.kind for op in found.ops] == ["conv", "pool", "conv", "multiply", "matmul", "matmul"]
    assert found.total("macs") == 16 * 32 * 64 + 32 * 32 + 2 * 32 * 32 * 64
    # The first map is held until the gate multiplies it, in place.
    assert found.peak() == 32 * 64 + 32 * 64 + 32 * 32


def test_tied_weights_are_stored_once_and_read_twice(tmp_path):
    g = Graph({"tokens": (TensorProto.INT64, ["batch", "sequence"])})
    table = g.weight(100, 8)
    x = g.node("Gather", table, "tokens")
    y = g.node("MatMul", x, g.node("Transpose", table, perm=[1, 0]))
    found = traced(g.save(tmp_path / "n.onnx", y), dim_sequence=6)
    assert found.params() == 800
    assert found.total("weights_read") == 6 * 8 + 800
    assert found.total("macs") == 6 * 8 * 100


def test_unknown_operators_are_listed_with_their_share(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, [1, 4])})
    y = g.linear("x", 4, 12, bias=False)
    g.nodes.append(helper.make_node("Mystery", [y], ["odd"], domain="acme", name="odd"))
    model = g.model("odd")
    model.opset_import.append(helper.make_opsetid("acme", 1))
    model.graph.value_info.append(helper.make_tensor_value_info("odd", TensorProto.FLOAT, [1, 12]))
    path = tmp_path / "n.onnx"
    onnx.save(model, path)
    found = traced(path)
    assert (found.total("macs"), found.ops[-1].count("outputs"), found.ops[-1].kind) == (48, 12, "other")
    share = "50.00 % of the operators, 50.00 % of the elements written, by the shapes that the file declares"
    assert remarks(path) == f"not counted: 1 × acme.Mystery ({share})"
    del model.graph.value_info[:]
    onnx.save(model, path)
    with pytest.raises(InputError, match=r"odd: the shape of 'odd' cannot be told"):
        traced(path)
    g = Graph({"x": (TensorProto.FLOAT, [1, 4])})
    y = g.node("DFT", g.node("Unsqueeze", g.linear("x", 4, 12, bias=False), g.integers(2)), axis=1)
    path = g.save(tmp_path / "d.onnx", y)
    assert traced(path).total("macs") == 48
    assert remarks(path) == "not counted: 1 × DFT (33.33 % of the operators, 66.67 % of the elements written)"


def test_shapes_that_a_file_declares_follow_its_dynamic_dimensions(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, ["batch", "sequence", 4])})
    g.nodes.append(helper.make_node("Mystery", ["x"], ["odd"], domain="acme", name="odd"))
    y = g.linear("odd", 12, 5, bias=False)
    model = g.model(y)
    model.opset_import.append(helper.make_opsetid("acme", 1))
    model.graph.value_info.append(helper.make_tensor_value_info("odd", TensorProto.FLOAT, ["batch", "sequence", 12]))
    onnx.save(model, tmp_path / "n.onnx")
    found = traced(tmp_path / "n.onnx", dim_sequence=np.array([3.0, 7.0]))
    assert found.total("macs").tolist() == [3 * 60, 7 * 60]
    assert found.params() == 60


def _resize(g, y):
    return g.node("Resize", y, "", g.weight(value=[1, 1, 2, 2], name="scales"), mode="nearest")


def _resize_region(g, y):
    region = g.weight(value=[0, 0, 0, 0, 1, 1, 1, 1], name="region")
    sizes = g.integers(1, 4, 12, 12)
    return g.node("Resize", y, region, "", sizes, coordinate_transformation_mode="tf_crop_and_resize")


def _upsample(g, y):
    return g.node("Upsample", y, g.weight(value=[1, 1, 2, 2], name="scales"))


def _grid(g, y):
    return g.node("GridSample", y, g.weight(1, 6, 6, 2, name="grid"))


def _chosen(g, y):
    return g.node("Max", y, g.node("Min", y, g.weight(1, 4, 1, 1, name="bounds")))


def _resized_table(g, y):
    return g.node("Add", g.node("Resize", y, "", "", g.integers(1, 4, 12, 12)), _interpolated(g))


def _interpolated(g):
    return g.node("Resize", g.weight(1, 4, 6, 6, name="table"), "", g.weight(value=[1, 1, 2, 2], name="scales"))


@pytest.mark.parametrize(
    ("make", "opset", "beside"),
    [
        (_resize, 17, 0), (_resize_region, 17, 0), (_upsample, 9, 0), (_grid, 17, 0), (_chosen, 17, 0),
        (_resized_table, 17, 4 * 6 * 6),
    ],
)  # fmt: skip
def test_scales_sizes_and_bounds_are_no_parameters(tmp_path, make, opset, beside):
    g = Graph({"x": (TensorProto.FLOAT, [1, 3, 8, 8])}, opset=opset)
    y = g.node("Conv", "x", g.weight(4, 3, 3, 3))
    path = g.save(tmp_path / "n.onnx", make(g, y))
    assert traced(path).params() == 108 + beside


def test_stored_tables_are_no_parameters(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, [1, 6, 8])})
    y = g.linear("x", 8, 8, bias=False)
    y = g.node("Mul", y, g.weight(6, 8, name="rotation"))
    path = g.save(tmp_path / "n.onnx", y)
    assert traced(path).params() == 64
    assert remarks(path) == "stored but no parameters: 48 values (rotation)"


# Bad files: an error that names the file and the field.


def refused(path, match):
    with pytest.raises(InputError, match=match) as error:
        load_model(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated(tmp_path, share):
    whole = mobilenet_v2(tmp_path / "net.onnx", 0.35, 96).read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(path, "cannot be read as ONNX")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a network", b"\x00" * 64, b'{"model_type": "llama"}'])
def test_foreign(tmp_path, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    refused(path, "cannot be read as ONNX")


def beside(path, **fields):
    """A layer of 4 × 4 whose 64 bytes are in a file of weights, as onnx writes them; and a bias of 4 within."""
    g = Graph({"x": (TensorProto.FLOAT, [1, 4])})
    model = g.model(g.linear("x", 4, 4))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in fields.items():
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


FILE = {"location": "weights.bin"}


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"location": "../secret.bin"}, "data is in '../secret.bin', outside the folder"),
        ({"location": "/etc/passwd"}, "data is in '/etc/passwd', outside the folder"),
        ({"location": "a\0b"}, "outside the folder"),
        ({"location": ""}, "data is in '', outside the folder"),
        ({}, "data is in '', outside the folder"),
        ({"location": "x" * 5000}, "data is in 'xxx.*cannot be read: File name too long"),
        ({"location": "."}, "data is in '.', which is a folder"),
        ({"location": "other.bin", "length": "60"}, "60 bytes in 'other.bin', but a tensor"),
        ({**FILE, "offset": "-4"}, "the offset of its data in 'weights.bin' is '-4'; allowed: integers from 0"),
        ({**FILE, "offset": "four"}, "the offset of its data in 'weights.bin' is 'four'"),
        ({**FILE, "offset": "9" * 5000}, "the offset of its data in 'weights.bin' is '999"),
        ({**FILE, "length": "-64"}, "the length of its data in 'weights.bin' is '-64'"),
        ({**FILE, "length": "64.0"}, "the length of its data in 'weights.bin' is '64.0'"),
        ({**FILE, "length": "60"}, r"60 bytes in 'weights.bin', but a tensor of shape \(4, 4\) of its type has 64"),
        ({**FILE, "length": "68"}, r"68 bytes in 'weights.bin', but a tensor of shape \(4, 4\) of its type has 64"),
        ({**FILE, "offset": "8", "length": "64"}, "ends at byte 72 of 'weights.bin', which has 70: .*truncated"),
        ({**FILE, "offset": "7"}, "ends at byte 71 of 'weights.bin', which has 70"),
        ({**FILE, "offset": "8"}, "ends at byte 72 of 'weights.bin', which has 70"),
        ({**FILE, "offset": "1000"}, "ends at byte 1,064 of 'weights.bin', which has 70"),
    ],
)
def test_faults_of_weights_beside_the_file(tmp_path, fields, match):
    (tmp_path / "weights.bin").write_bytes(bytes(70))
    refused(beside(tmp_path / "n.onnx", **fields), f"n.onnx: w0: .*{match}")


def test_links_and_types_of_weights_beside_the_file(tmp_path):
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "out.bin").symlink_to("/etc/hostname")
    for location in ("circle", "out.bin"):
        refused(beside(tmp_path / "n.onnx", location=location), f"w0: its data is in '{location}', outside the folder")
    (tmp_path / "weights.bin").write_bytes(bytes(70))
    model = onnx.load(beside(tmp_path / "n.onnx", **FILE), load_external_data=False)
    model.graph.initializer[0].data_type = TensorProto.STRING
    (tmp_path / "n.onnx").write_bytes(model.SerializeToString())
    refused(tmp_path / "n.onnx", r"w0: .*values of its type \(8\) have no fixed size")


def test_weights_beside_the_file(tmp_path):
    (tmp_path / "weights.bin").write_bytes(bytes(70))
    for fields in (FILE, {**FILE, "offset": "6", "length": "64"}):
        path = beside(tmp_path / "n.onnx", **fields)
        assert traced(path).params() == 20 and remarks(path) == ""
    (tmp_path / "weights.bin").unlink()
    assert traced(path).params() == 20  # by its shape
    assert remarks(path) == "counted by shapes alone, since its weights are not there: weights.bin"


def test_a_shape_beside_the_file(tmp_path):
    """Exporters write all stored tensors there, those that shape others too."""
    g = Graph({"x": (TensorProto.FLOAT, [1, 2, 8])})
    path = g.save(tmp_path / "in.onnx", g.linear(g.node("Reshape", "x", g.integers(1, 16)), 16, 4))
    inside, out = traced(path), tmp_path / "out.onnx"
    onnx.save(
        onnx.load(path), out, save_as_external_data=True, size_threshold=0, convert_attribute=True, location="w.bin"
    )
    assert (tmp_path / "w.bin").stat().st_size >= 4 * (16 * 4 + 4) + 16
    assert traced(out).total("macs") == inside.total("macs") == 64 and traced(out).params() == 68
    (tmp_path / "w.bin").unlink()
    refused(
        out, "MatMul1: the shape of .* cannot be told; it follows from 'w0', whose values are in 'w.bin', which is not"
    )


def test_a_missing_file_and_a_folder(tmp_path):
    refused(tmp_path / "no.onnx", "no.onnx: cannot be read: No such file")
    (tmp_path / "folder.onnx").mkdir()
    refused(tmp_path / "folder.onnx", "folder.onnx: cannot be read: Is a directory")


def test_truncated_weight(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, [1, 4])})
    model = g.model(g.linear("x", 4, 4))
    model.graph.initializer[0].raw_data = struct.pack("<3f", 1, 2, 3)
    path = tmp_path / "n.onnx"
    path.write_bytes(model.SerializeToString())
    refused(path, r"w0: is truncated: 12 bytes are stored of a tensor of shape \(4, 4\)")
    model.graph.initializer[0].raw_data = bytes(65)
    path.write_bytes(model.SerializeToString())
    refused(path, r"w0: has too many bytes: 65 bytes are stored of a tensor of shape \(4, 4\)")


def _convolution(c_in, groups, kernel_channels):
    g = Graph({"x": (TensorProto.FLOAT, [1, c_in, 8, 8])})
    return g, g.node("Conv", "x", g.weight(8, kernel_channels, 3, 3), kernel_shape=[3, 3], group=groups)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: _convolution(6, 4, 1), "Conv0: 6 channels go in"),
        (lambda: _reshaped([2, 13], [2, 3, -1]), "Reshape"),
        (lambda: _product_of(5, 4), "MatMul"),
    ],
)
def test_shapes_that_do_not_divide(tmp_path, make, match):
    g, out = make()
    refused(g.save(tmp_path / "n.onnx", out), match)


def _reshaped(shape, target):
    g = Graph({"x": (TensorProto.FLOAT, shape)})
    return g, g.linear(g.node("Reshape", "x", g.integers(*target)), 4, 4)


def _product_of(features, rows):
    g = Graph({"x": (TensorProto.FLOAT, [1, features])})
    return g, g.linear("x", rows, 3)


def test_absurd_sizes_are_refused_at_once(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, ["batch", "n"])})
    y = g.node("Expand", "x", g.integers(2**40, 1))
    y = g.node("MatMul", g.node("ConstantOfShape", g.integers(2**40, 2**30)), y)
    path = g.save(tmp_path / "n.onnx", y)
    with pytest.raises(InputError, match="at most 2\\^53"):
        traced(path, dim_n=4)


def test_nodes_out_of_order(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, [1, 4])})
    y = g.linear("x", 4, 4)
    g.nodes.reverse()
    refused(g.save(tmp_path / "n.onnx", y), "which nothing before it makes")


def test_a_list_of_designs_equals_the_grid(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, ["batch", "n", 8])})
    path = g.save(tmp_path / "n.onnx", g.linear("x", 8, 8))
    found = traced(path, dim_n=np.array([3.0, 5.0, 3.0]))
    assert found.total("macs").tolist() == [3 * 64, 5 * 64, 3 * 64]
    assert found.params() == 72


def test_a_tensor_that_is_made_twice(tmp_path):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in ("x", "y"))
    weights = [helper.make_tensor("w", TensorProto.FLOAT, [8, n], np.zeros(8 * n, np.float32)) for n in (8, 16)]
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    for nodes, stored, name in (([product], weights, "w"), ([product, product], weights[:1], "y")):
        graph = helper.make_graph(nodes, "g", [x], [y], stored)
        path = tmp_path / f"{name}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
        with pytest.raises(InputError, match=f"tensor '{name}': is made 2 times; allowed: once"):
            load_model(path)


def _latents(g, x):
    latent = g.linear(x, 8, 4)
    q, up = g.linear(x, 8, 8), g.linear(latent, 4, 14)
    k, v = g.node("Split", up, g.integers(6, 8), outputs=2, axis=-1)
    k = g.node("Concat", k, g.linear(x, 8, 2), axis=-1)
    return q, k, v


def _packed(g, x):
    return g.node("Split", g.linear(x, 8, 24), g.integers(8, 8, 8), outputs=3, axis=-1)


def _shared(g, x):
    both = g.linear(x, 8, 8)
    return g.linear(x, 8, 8), both, both


@pytest.mark.parametrize(
    "make, query_value, every",
    [(_packed, 32, 48), (_shared, 0, 32), (_latents, 0, (8 + 4) + (8 + 8) + (4 + 14) + (8 + 2))],
)
def test_adapters_beside_queries_and_values(tmp_path, make, query_value, every):
    """What an attention reads tells them; parts of one matrix count as matrices, and latents have none."""
    g = Graph({"x": (TensorProto.FLOAT, ["batch", 5, 8])})
    q, k, v = make(g, "x")
    scores = g.node("Softmax", g.node("MatMul", q, g.node("Transpose", k, perm=[0, 2, 1])), axis=-1)
    hidden = g.node("Tanh", g.linear(g.node("MatMul", scores, v), 8, 8))
    logits = g.node("Softmax", g.linear(hidden, 8, 3))
    found = traced(g.save(tmp_path / "net.onnx", logits, hidden))
    assert [adapter_features(found, targets) for targets in ("qv", "all")] == [query_value, every + 16]
    assert adapter_macs(found, "all") == 5 * (every + 16)


def test_adapters_of_experts_recurrent_layers_and_shared_matrices(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, [7, 1, 8])})
    shared = g.weight(8, 8)
    x = g.node("Relu", g.node("MatMul", g.node("Relu", g.node("MatMul", "x", shared)), shared))
    chosen, _ = g.node("TopK", g.node("Softmax", g.linear(x, 8, 4)), g.integers(2), outputs=2)
    of_experts = g.node("Expand", g.node("Reshape", x, g.integers(1, 7, 8)), g.integers(4, 7, 8))
    experts = g.node("Einsum", of_experts, g.weight(4, 8, 6), equation="etd,edf->etf")
    x = g.node("LSTM", x, g.weight(1, 20, 8), g.weight(1, 20, 5), outputs=1, hidden_size=5)
    found = traced(g.save(tmp_path / "net.onnx", x, chosen, experts))
    # The experts' results are outputs here, so they are left out as classifiers; the router is by what it is for.
    assert adapter_features(found, "all") == (8 + 8) + (20 + 8) + (20 + 5)
    assert adapter_macs(found, "all") == 7 * (2 * 16 + 28 + 25)
    g.node("Relu", experts)
    found = traced(g.save(tmp_path / "net.onnx", x, chosen, g.nodes[-1].output[0]))
    assert adapter_features(found, "all") == (8 + 8) + (20 + 8) + (20 + 5) + 4 * (8 + 6)


def test_a_first_dimension_that_the_file_fixes_is_told(tmp_path):
    """It may be a batch, or frames that the network mixes: the file is counted as it stands."""

    def made(batch):
        g = Graph({"x": (TensorProto.FLOAT, [batch, 3, 8, 8])})
        x = g.node("Reshape", g.node("Relu", g.conv("x", 3, 4, 3)), g.integers(-1, 256))
        return load_model(g.save(tmp_path / "net.onnx", g.linear(x, 256, 10)))

    one, several = made(1), made(6)
    assert trace(one.builds_from, {}).total("macs") == 9 * 12 * 64 + 2560 and "first dimension" not in one.note
    assert trace(several.builds_from, {}).total("macs") == 6 * (9 * 12 * 64 + 2560)
    assert "have 6 as their first dimension: if that is a batch, counts are those of 6 samples" in several.note


def test_time_that_comes_first_is_no_batch(tmp_path):
    g = Graph({"x": (TensorProto.FLOAT, [7, 1, 8])})
    model = load_model(
        g.save(tmp_path / "net.onnx", g.node("LSTM", "x", g.weight(1, 20, 8), g.weight(1, 20, 5), hidden_size=5))
    )
    assert trace(model.builds_from, {}).total("macs") == 7 * 20 * 13
    assert "have 7 as their first dimension" in model.note
