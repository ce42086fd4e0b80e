"""Shapes of every tensor of an ONNX graph at one size of its dynamic dimensions, by the standard's own inference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from dse.errors import Fault, InputError, shown
from dse.networks.ingest.onnx_attributes import check_attributes
from dse.networks.ingest.onnx_file import Graph, Node
from dse.networks.ingest.onnx_values import evaluate
from dse.networks.ingest.onnx_weights import check_dimensions

# Counts beyond it are not exact.
LARGEST = 2**53
# Values that are computed at one size of the dynamic dimensions, all nodes together; a network has thousands.
MOST_HELD = 2**24
Shape = tuple[int, ...]
MICROSOFT = "com.microsoft"


class Shapes:
    """Shape and type of every tensor that can be told, and the values of those that only shapes depend on.

    `static` are the tensors that follow from shapes and constants alone: no data flows through them. `believed` are the
    kinds of operators whose results have the shapes that the file declares, since no rule tells them.
    """

    def __init__(self, graph: Graph, dims: Mapping[str, int]) -> None:
        self.graph, self.dims = graph, dims
        self.shapes: dict[str, Shape] = {n: w.dims for n, w in graph.weights.items()}
        self.types: dict[str, int] = {n: w.dtype for n, w in graph.weights.items()}
        self.values: dict[str, np.ndarray] = dict(graph.values)
        self.static: set[str] = {"", *graph.weights}
        self.believed: set[str] = set()
        self.held = 0
        for name, (dtype, sizes) in graph.inputs.items():
            self.shapes[name], self.types[name] = self._sized(sizes), dtype
        for node in graph.nodes:
            self._infer(node)
            self._take_declared(node)

    def of(self, name: str, node: Node) -> Shape:
        """The shape of a tensor that a node uses or makes; InputError where it cannot be told."""
        if name not in self.shapes:
            lost = self._lost(name)
            remedy = f"export the model with its shapes, or without {node.kind}"
            if lost:
                remedy = (
                    f"it follows from {lost!r}, whose values are in {self.graph.absent[lost]!r}, which is not there"
                )
            raise InputError(
                Fault(f"{self.graph.path}: {node.name}", f"the shape of {name!r} cannot be told; {remedy}")
            )
        return self.shapes[name]

    def _lost(self, name: str) -> str | None:
        """A stored tensor of integers that a tensor was made of and whose file of weights is not there."""
        import onnx

        before = {name}
        for node in reversed(self.graph.nodes):
            if not before.isdisjoint(node.outputs):
                before |= set(node.inputs)
        integers = (n for n in self.graph.absent if self.graph.weights[n].dtype == onnx.TensorProto.INT64)
        return next((n for n in integers if n in before), None)

    def elements(self, name: str, node: Node) -> int:
        """The number of elements of a tensor that a node uses or makes."""
        return math.prod(self.of(name, node))

    def _sized(self, sizes: tuple[int | str | None, ...]) -> Shape:
        return tuple(1 if s is None else self.dims[s] if isinstance(s, str) else s for s in sizes)

    def _take_declared(self, node: Node) -> None:
        """What the file itself tells of results that cannot be inferred, such as those of foreign operators."""
        for name in node.outputs:
            if name and name not in self.shapes and name in self.graph.declared:
                dtype, sizes = self.graph.declared[name]
                self._note(node, name, dtype, self._sized(sizes))
                self.believed.add(node.kind)

    def _note(self, node: Node, name: str, dtype: int, shape: Shape) -> None:
        try:
            check_dimensions(shape)
        except InputError as error:
            raise error.at(f"{self.graph.path}: {node.name}: {shown(name, 80)}") from None
        if math.prod(shape) > LARGEST or any(s < 0 for s in shape):
            problem = f"makes a tensor of shape {shape}; allowed: at most 2^53 elements"
            raise InputError(Fault(f"{self.graph.path}: {node.name}", problem))
        self.shapes[name], self.types[name] = shape, dtype

    def _infer(self, node: Node) -> None:
        if node.op in ("Shape", "Size") or all(n in self.static for n in node.inputs):
            self.static.update(node.outputs)
        rule = CONTRIBUTED.get(node.op) if node.domain == MICROSOFT else None
        if node.domain and rule is None:
            return
        if any(n and n not in self.shapes for n in node.inputs[:1]):
            return
        try:
            found = rule(self, node) if rule else self._standard(node)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise InputError(Fault(f"{self.graph.path}: {node.name}", f"{node.kind}: {error}")) from None
        for name, (dtype, shape) in found.items():
            self.types[name] = dtype
            if shape is not None:
                self._note(node, name, dtype, shape)
        self._evaluate(node)

    def _standard(self, node: Node) -> dict[str, tuple[int, Shape | None]]:
        import onnx

        check_attributes(node)
        version = self.graph.opsets.get("", 1)
        types = {
            n: onnx.helper.make_tensor_type_proto(self.types.get(n, 0), self.shapes.get(n)) for n in node.inputs if n
        }
        data = {n: onnx.numpy_helper.from_array(self.values[n], n) for n in node.inputs if n in self.values}
        try:
            schema = onnx.defs.get_schema(node.op, version, node.domain)
        except onnx.defs.SchemaError:
            return {}
        try:
            found = onnx.shape_inference.infer_node_outputs(
                schema, node.proto, types, data, opset_imports=[onnx.helper.make_opsetid("", version)]
            )
        except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, MemoryError) as error:
            raise ValueError(str(error).strip()[:200]) from None
        return {n: (t.tensor_type.elem_type, _shape_of(t)) for n, t in found.items()}

    def _evaluate(self, node: Node) -> None:
        """The values of small results that follow from shapes and constants."""
        if node.op in ("Shape", "Size") and not node.domain:
            if node.inputs[0] in self.shapes:
                shape = np.array(self.shapes[node.inputs[0]], dtype=np.int64)
                part = slice(node.attributes.get("start", 0), node.attributes.get("end"))
                self.values[node.outputs[0]] = shape[part] if node.op == "Shape" else np.asarray(np.prod(shape))
            return
        known = {n: self.values[n] for n in node.inputs if n in self.values}
        if node.domain or any(n and n not in known for n in node.inputs):
            return
        made = evaluate(node, self.graph.opsets.get("", 1), known, self.shapes)
        self.held += sum(v.size for v in made.values())
        if self.held > MOST_HELD:
            problem = f"what follows from shapes and constants alone comes to more than {MOST_HELD:,} values"
            raise InputError(Fault(f"{self.graph.path}: {node.name}", problem))
        self.values.update(made)


def _shape_of(proto: Any) -> Shape | None:
    tensor = proto.tensor_type
    if not tensor.HasField("shape") or not all(d.HasField("dim_value") for d in tensor.shape.dim):
        return None
    return tuple(d.dim_value for d in tensor.shape.dim)


Rule = Callable[[Shapes, Node], dict[str, tuple[int, Shape | None]]]
CONTRIBUTED: dict[str, Rule] = {}


def _contributed(*names: str) -> Callable[[Rule], Rule]:
    def record(rule: Rule) -> Rule:
        CONTRIBUTED.update(dict.fromkeys(names, rule))
        return rule

    return record


@_contributed(
    "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "SimplifiedLayerNormalization", "BiasGelu", "Gelu",
    "FastGelu", "QuickGelu", "RotaryEmbedding", "GroupNorm", "SkipGroupNorm",
)  # fmt: skip
def _same(shapes: Shapes, node: Node) -> dict[str, tuple[int, Shape | None]]:
    first = node.inputs[0]
    made: dict[str, tuple[int, Shape | None]] = {node.outputs[0]: (shapes.types[first], shapes.shapes[first])}
    if node.op.startswith("Skip") and len(node.outputs) > 3 and node.outputs[3]:
        made[node.outputs[3]] = made[node.outputs[0]]
    return made


@_contributed("FusedConv")
@_contributed("FusedGemm", "FusedMatMul")
def _fused(shapes: Shapes, node: Node) -> dict[str, tuple[int, Shape | None]]:
    a, b = (shapes.shapes[n] for n in node.inputs[:2])
    if node.op == "FusedConv":
        return shapes._standard(_as_standard(node, "Conv"))
    if node.op == "FusedGemm":
        return shapes._standard(_as_standard(node, "Gemm"))
    a = (*a[:-2], a[-1], a[-2]) if node.attributes.get("transA") else a
    b = (*b[:-2], b[-1], b[-2]) if node.attributes.get("transB") else b
    if a[-1] != b[-2]:
        raise ValueError(f"matrices of {a} and {b} do not fit together")
    return {node.outputs[0]: (shapes.types[node.inputs[0]], (*np.broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1]))}


def _as_standard(node: Node, op: str) -> Node:
    import onnx

    kept = _attributes_of(op)
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    proto.op_type, proto.domain = op, ""
    for attribute in [a for a in proto.attribute if a.name not in kept]:
        proto.attribute.remove(attribute)
    return Node(node.name, op, "", node.inputs[:3], node.outputs, node.attributes, proto)


@cache
def _attributes_of(op: str) -> frozenset[str]:
    import onnx

    return frozenset(onnx.defs.get_schema(op).attributes)


@_contributed("MatMulNBits")
def _packed(shapes: Shapes, node: Node) -> dict[str, tuple[int, Shape | None]]:
    a, k, n = shapes.shapes[node.inputs[0]], node.attributes["K"], node.attributes["N"]
    if a[-1] != k:
        raise ValueError(f"rows of {a[-1]} do not fit a matrix of {k} × {n}")
    return {node.outputs[0]: (shapes.types[node.inputs[0]], (*a[:-1], n))}


@_contributed("Attention")
def _attention(shapes: Shapes, node: Node) -> dict[str, tuple[int, Shape | None]]:
    x, w = (shapes.shapes[n] for n in node.inputs[:2])
    sizes = node.attributes.get("qkv_hidden_sizes")
    if x[-1] != w[0]:
        raise ValueError(f"rows of {x[-1]} do not fit a matrix of {w}")
    if w[1] % 3 and not sizes:
        raise ValueError(f"{w[1]} columns of queries, keys and values are no multiple of 3")
    return {node.outputs[0]: (shapes.types[node.inputs[0]], (*x[:-1], sizes[2] if sizes else w[1] // 3))}


@_contributed("MultiHeadAttention", "GroupQueryAttention")
def _projected(shapes: Shapes, node: Node) -> dict[str, tuple[int, Shape | None]]:
    q, v = (shapes.shapes.get(n) if n else None for n in (node.inputs[0], node.inputs[2]))
    if q is None or len(q) != 3 or v is None:
        raise ValueError("queries, keys and values that are packed together are not supported")
    heads = node.attributes.get("num_heads", 0)
    if not heads or q[-1] % heads:
        raise ValueError(f"{heads} heads do not divide {q[-1]} features")
    features = q[-1] if node.op == "GroupQueryAttention" else v[-1] if len(v) == 3 else v[1] * v[3]
    return {node.outputs[0]: (shapes.types[node.inputs[0]], (*q[:-1], features))}
