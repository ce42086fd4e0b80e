"""ONNX networks that tests build themselves, node by node."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper


class Graph:
    """Collects nodes and weights; each method returns the name of its output."""

    def __init__(self, inputs, opset=17, microsoft=False):
        self.nodes, self.weights = [], []
        self.inputs = [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()]
        self.opsets = [helper.make_opsetid("", opset)]
        self.opsets += [helper.make_opsetid("com.microsoft", 1)] if microsoft else []

    def weight(self, *shape, name=None, dtype=np.float32, value=None):
        name = name or f"w{len(self.weights)}"
        array = np.zeros(shape, dtype) if value is None else np.array(value, dtype)
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, *inputs, outputs=1, **attributes):
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"{op}{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, c_in, c_out, kernel, stride=1, groups=1):
        w = self.weight(c_out, c_in // groups, kernel, kernel)
        pad = kernel // 2
        y = self.node("Conv", x, w, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)
        return self.node("BatchNormalization", y, *(self.weight(c_out) for _ in range(4)))

    def linear(self, x, d_in, d_out, bias=True):
        y = self.node("MatMul", x, self.weight(d_in, d_out))
        return self.node("Add", y, self.weight(d_out)) if bias else y

    def integers(self, *values):
        return self.weight(dtype=np.int64, value=list(values))

    def model(self, *outputs):
        outs = [helper.make_value_info(n, helper.make_tensor_type_proto(TensorProto.FLOAT, None)) for n in outputs]
        graph = helper.make_graph(self.nodes, "g", self.inputs, outs, self.weights)
        return helper.make_model(graph, opset_imports=self.opsets, ir_version=10)

    def save(self, path, *outputs):
        onnx.save(self.model(*outputs), str(path))
        return path


def round_channels(channels):
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 * (rounded < 0.9 * channels)


def mobilenet_v2(path, width, resolution, dynamic=False):
    """Sandler et al., table 2, written out node by node."""
    side = ["height", "width"] if dynamic else [resolution, resolution]
    g = Graph({"image": (TensorProto.FLOAT, ["batch", 3, *side])})

    def relu6(x):
        return g.node("Clip", x, g.weight(value=0.0), g.weight(value=6.0))

    channels = round_channels(32 * width)
    x = relu6(g.conv("image", 3, channels, 3, 2))
    stages = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for t, c, n, s in stages:
        for i in range(n):
            out = round_channels(c * width)
            y, hidden = x, channels * t
            if t != 1:
                y = relu6(g.conv(y, channels, hidden, 1))
            y = relu6(g.conv(y, hidden, hidden, 3, s if i == 0 else 1, hidden))
            y = g.conv(y, hidden, out, 1)
            x = g.node("Add", x, y) if i else y
            channels = out
    last = max(1280, round_channels(1280 * width))
    x = relu6(g.conv(x, channels, last, 1))
    x = g.node("Flatten", g.node("GlobalAveragePool", x))
    y = g.node("Gemm", x, g.weight(1000, last), g.weight(1000), transB=1)
    return g.save(path, y)


def resnet18(path, resolution=224):
    """He et al., table 1, written out node by node."""
    g = Graph({"image": (TensorProto.FLOAT, [1, 3, resolution, resolution])})
    x = g.node("Relu", g.conv("image", 3, 64, 7, 2))
    x = g.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for stage, out in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            y = g.conv(g.node("Relu", g.conv(x, channels, out, 3, stride)), out, out, 3)
            x = g.node("Relu", g.node("Add", y, x if stride == 1 else g.conv(x, channels, out, 1, 2)))
            channels = out
    x = g.node("Flatten", g.node("GlobalAveragePool", x))
    return g.save(path, g.node("Gemm", x, g.weight(1000, 512), g.weight(1000), transB=1))


def _layer_norm(g, x, d):
    """As exporters wrote it before the operator existed."""
    last = {"axes": [-1], "keepdims": 1}
    centred = g.node("Sub", x, g.node("ReduceMean", x, **last))
    variance = g.node("ReduceMean", g.node("Pow", centred, g.weight(value=2.0)), **last)
    root = g.node("Sqrt", g.node("Add", variance, g.weight(value=1e-5)))
    return g.node("Add", g.node("Mul", g.node("Div", centred, root), g.weight(d)), g.weight(d))


def _gelu(g, x):
    erf = g.node("Erf", g.node("Div", x, g.weight(value=1.4142135)))
    half = g.node("Mul", x, g.node("Add", erf, g.weight(value=1.0)))
    return g.node("Mul", half, g.weight(value=0.5))


def _split_heads(g, x, heads, d_head, permutation):
    shape = g.node("Shape", x)
    sizes = [g.node("Gather", shape, g.integers(i)) for i in (0, 1)]
    target = g.node("Concat", *sizes, g.integers(heads), g.integers(d_head), axis=0)
    return g.node("Transpose", g.node("Reshape", x, target), perm=permutation)


def _attend(g, h, d, heads, style):
    q, k, v = (g.linear(h, d, d) for _ in range(3))
    scale = g.weight(value=(d // heads) ** -0.5)
    if style == "standard":
        return g.node("Attention", q, k, v, q_num_heads=heads, kv_num_heads=heads)
    if style == "microsoft":
        made = helper.make_node("MultiHeadAttention", [q, k, v], [f"mha{len(g.nodes)}"], domain="com.microsoft",
                                num_heads=heads, name=f"mha{len(g.nodes)}")  # fmt: skip
        g.nodes.append(made)
        return made.output[0]
    q, v = (_split_heads(g, x, heads, d // heads, [0, 2, 1, 3]) for x in (q, v))
    k = _split_heads(g, k, heads, d // heads, [0, 2, 3, 1])
    probabilities = g.node("Softmax", g.node("Mul", g.node("MatMul", q, k), scale), axis=-1)
    a = g.node("Transpose", g.node("MatMul", probabilities, v), perm=[0, 2, 1, 3])
    return g.node("Reshape", a, g.integers(0, 0, d))


def vit(path, layers, d, heads, resolution, patch, style="products"):
    """Dosovitskiy et al., written out as exporters do; `style` is how attention is."""
    side = resolution // patch
    inputs = {"image": (TensorProto.FLOAT, ["batch", 3, resolution, resolution])}
    g = Graph(inputs, opset=23 if style == "standard" else 17, microsoft=style == "microsoft")
    kernel, bias = g.weight(d, 3, patch, patch), g.weight(d)
    x = g.node("Conv", "image", kernel, bias, kernel_shape=[patch] * 2, strides=[patch] * 2)
    x = g.node("Transpose", g.node("Reshape", x, g.integers(1, d, side * side)), perm=[0, 2, 1])
    token = g.node("Expand", g.weight(1, 1, d), g.integers(1, 1, d))
    x = g.node("Add", g.node("Concat", token, x, axis=1), g.weight(1, side * side + 1, d))

    def norm(x):
        if style == "standard":
            return g.node("LayerNormalization", x, g.weight(d), g.weight(d), axis=-1)
        return _layer_norm(g, x, d)

    for _ in range(layers):
        a = g.linear(_attend(g, norm(x), d, heads, style), d, d)
        x = g.node("Add", a, x)
        h = _gelu(g, g.linear(norm(x), d, 4 * d))
        x = g.node("Add", g.linear(h, 4 * d, d), x)
    x = g.node("Gather", norm(x), g.weight(dtype=np.int64, value=0), axis=1)
    return g.save(path, g.node("Gemm", x, g.weight(1000, d), g.weight(1000), transB=1))


def with_functions():
    """A network as exporters of modules write it: functions in functions, of several domains, one with an overload.

    Attributes are those of the call: one goes through two functions, one is not given.
    """
    opsets = [helper.make_opsetid(domain, 17) for domain in ("", "pkg.torch", "mine")]

    def ref(node, kind, **given):
        for name, of in given.items():
            attribute = node.attribute.add()
            attribute.name, attribute.ref_attr_name, attribute.type = name, of, kind
        return node

    def function(domain, name, inputs, body, attributes=(), overload=""):
        return helper.make_function(domain, name, inputs, ["y"], body, opsets, attributes, overload=overload)

    conv = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    inner = ref(helper.make_node("conv", ["x", "w"], ["h"], domain="pkg.torch"), AttributeProto.INTS, by="step")
    leaky = ref(helper.make_node("LeakyRelu", ["h"], ["y"], name="leaky"), AttributeProto.FLOAT, alpha="slope")
    flat = ref(helper.make_node("Flatten", ["x"], ["h"], name="flat"), AttributeProto.INT, axis="from")
    head = [flat, helper.make_node("Gemm", ["h", "w", "b"], ["g"], transB=1), helper.make_node("Softmax", ["g"], ["y"])]
    functions = [
        function("pkg.torch", "conv", ["x", "w"], [ref(conv, AttributeProto.INTS, strides="by")], ["by"]),
        function("mine", "block", ["x", "w"], [inner, helper.make_node("Relu", ["h"], ["y"])], ["step"]),
        function("mine", "block", ["x", "w"], [inner, leaky], ["step", "slope"], overload="leaky"),
        function("pkg.torch", "head", ["x", "w", "b"], head, ["from"]),
    ]
    g = Graph({"x": (TensorProto.FLOAT, ["batch", 3, 16, 16])})
    y = g.node("block", "x", g.weight(4, 3, 3, 3), domain="mine", step=[2, 2])
    y = g.node("block", y, g.weight(4, 4, 3, 3), domain="mine", overload="leaky", step=[1, 1], slope=0.25)
    y = g.node("head", y, g.weight(10, 256), g.weight(10), domain="pkg.torch")
    model = g.model(y)
    model.functions.extend(functions)
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    return model
