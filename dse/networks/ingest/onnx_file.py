"""An ONNX file as plain data: nodes, the shapes of its weights, and its inputs with their dynamic dimensions."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dse.catalogue import read_at_most
from dse.errors import Fault, InputError, shown
from dse.networks.ingest.onnx_functions import check_functions
from dse.networks.ingest.onnx_weights import Weight, check_dimensions, read_weight

# What protobuf can hold at most; larger weights are in files beside it.
MOST_BYTES = 2**31
MOST_NODES = 50_000
# How exporters call the dimension of samples: it is 1 here, since batch is a setting of the deployment.
BATCH_NAMES = ("batch", "batch_size", "batchsize", "batch_dim", "batch_axis", "bs", "b", "n")
_STANDARD = ("", "ai.onnx")


def names(text: str) -> frozenset[str]:
    """Operators, given with spaces between."""
    return frozenset(text.split())


@dataclass(frozen=True)
class Node:
    """One operator of the graph."""

    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    proto: Any

    @property
    def kind(self) -> str:
        """Its operator, with the domain where it is not the standard's own."""
        return f"{self.domain}.{self.op}" if self.domain else self.op


# Type and shape of a tensor; a text is the axis of a dynamic dimension, None the dimension of samples.
Declared = tuple[int, tuple[int | str | None, ...]]


@dataclass(frozen=True)
class Graph:
    """The graph of an ONNX file.

    `values` are the values of stored tensors that are small enough to shape others; `inputs` map a name to its type
    and shape, in which a text is the axis of a dynamic dimension and None the dimension of samples. `dynamic` says of
    each such axis where it is found. `declared` are type and shape of what nodes make, where the file tells them in
    those terms. `absent` names the file of each tensor whose file is not there. `skeleton` is the file without weights.
    """

    path: str
    digest: str
    nodes: tuple[Node, ...]
    weights: Mapping[str, Weight]
    values: Mapping[str, np.ndarray]
    inputs: Mapping[str, Declared]
    outputs: tuple[str, ...]
    opsets: Mapping[str, int]
    dynamic: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, Declared] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    skeleton: bytes = b""


def read_graph(path: Path, content: bytes | None = None) -> Graph:
    """The graph of a file, or of the content of one, without the values of its weights.

    Raises
    ------
    InputError
        Where the file cannot be read, is too large, truncated or no ONNX, where weights are not those of their shape
        (see `read_weight`), and where the graph uses what nothing makes.
    """
    import onnx
    import onnx.inliner

    where, content = str(path), _content(path) if content is None else content
    try:
        model = onnx.load_model_from_string(content)
        if model.functions:
            check_functions(model, MOST_NODES)
            model = onnx.inliner.inline_local_functions(model)
    except Exception as error:  # protobuf's and the inliner's own classes have no common base
        raise InputError(Fault(where, f"cannot be read as ONNX: {str(error)[:120]}")) from None
    if not model.graph.node or not model.opset_import:
        raise InputError(Fault(where, "cannot be read as ONNX: it holds no graph or no opset"))
    if len(model.graph.node) > MOST_NODES:
        raise InputError(Fault(where, f"has {len(model.graph.node):,} nodes; at most {MOST_NODES:,}"))
    graph = _Reader(path, model).graph(hashlib.sha256(content).hexdigest())
    _check_order(graph)
    return replace(graph, skeleton=_without_values(model, graph))


# Fields of a stored tensor that hold its values.
_VALUES = (
    "raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data", "external_data",
)  # fmt: skip


def _without_values(model: Any, graph: Graph) -> bytes:
    """The file without the values of its weights, but for those that shape others."""
    import onnx

    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    for tensor in bare.graph.initializer:
        if tensor.name in graph.absent:
            continue
        if tensor.name in graph.values:
            # They may be in a file beside it.
            tensor.CopyFrom(onnx.numpy_helper.from_array(graph.values[tensor.name], tensor.name))
            continue
        for name in _VALUES:
            tensor.ClearField(name)
        tensor.data_location = onnx.TensorProto.DEFAULT
    content: bytes = bare.SerializeToString(deterministic=True)
    return content


def _content(path: Path) -> bytes:
    try:
        content = read_at_most(path, MOST_BYTES)
    except OSError as error:
        raise InputError(Fault(str(path), f"cannot be read: {error.strerror}")) from None
    if len(content) > MOST_BYTES:
        raise InputError(Fault(str(path), "is larger than 2 GiB, so it is no ONNX file (weights go beside it)"))
    return content


class _Reader:
    """Takes a `ModelProto` apart."""

    def __init__(self, path: Path, model: Any) -> None:
        self.path, self.model = path, model
        self.faults: list[Fault] = []
        self.weights: dict[str, Weight] = {}
        self.values: dict[str, np.ndarray] = {}
        self.absent: dict[str, str] = {}

    def check_names(self, proto: Any) -> None:
        """Refuse a tensor that is made twice: which of the two is meant nobody knows."""
        stored = [t.name for t in proto.initializer] + [t.values.name for t in proto.sparse_initializer]
        made = Counter([*stored, *(name for node in proto.node for name in node.output if name)])
        self.faults += [
            Fault(f"{self.path}: tensor {shown(name, 80)}", f"is made {times} times; allowed: once")
            for name, times in made.items()
            if times > 1
        ]

    def graph(self, digest: str) -> Graph:
        import onnx

        proto = self.model.graph
        self.check_names(proto)
        for tensor in proto.initializer:
            self.store(tensor.name, tensor)
        for sparse in proto.sparse_initializer:
            try:
                check_dimensions(sparse.dims)
            except InputError as error:
                raise error.at(f"{self.path}: {shown(sparse.values.name, 80)}") from None
            self.weights[sparse.values.name] = Weight(tuple(sparse.dims), sparse.values.data_type)
        nodes = []
        for number, node in enumerate(proto.node):
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute if not a.ref_attr_name}
            domain = "" if node.domain in _STANDARD else node.domain
            if node.op_type == "Constant" and not domain and "value" in attributes:
                self.store(node.output[0], attributes["value"])
                continue
            name = node.name or f"{node.op_type}_{number}"
            # The format allows any bytes where it says text, and nodes that make nothing.
            if any(isinstance(text, bytes) for text in (name, node.op_type, domain, *node.input, *node.output)):
                raise InputError(Fault(f"{self.path}: node {number}", "has names that are no text in UTF-8"))
            if not any(node.output):
                continue
            nodes.append(
                Node(name, node.op_type, domain, tuple(node.input), tuple(node.output), attributes, node)
            )  # fmt: skip
        dynamic: dict[str, str] = {}
        inputs = {i.name: self.shape(i, dynamic) for i in proto.input if i.name not in self.weights}
        if self.faults:
            raise InputError(self.faults)
        opsets = {("" if o.domain in _STANDARD else o.domain): o.version for o in self.model.opset_import}
        outputs = tuple(o.name for o in proto.output)
        declared = {v.name: d for v in (*proto.value_info, *proto.output) if (d := self.declared(v, dynamic))}
        return Graph(
            str(self.path), digest, tuple(nodes), self.weights, self.values, inputs, outputs, opsets, dynamic,
            declared, self.absent,
        )  # fmt: skip

    def store(self, name: str, tensor: Any) -> None:
        """Note a stored tensor; its values where they are few."""
        try:
            found = read_weight(self.path, tensor)
        except InputError as error:
            self.faults += error.at(f"{self.path}: {name}").faults
            return
        self.weights[name] = found.weight
        if found.values is not None:
            self.values[name] = found.values
        if found.absent is not None:
            self.absent[name] = found.absent

    def declared(self, value: Any, dynamic: Mapping[str, str]) -> Declared | None:
        """Type and shape that the file tells of a result; None where a size follows from no input."""
        tensor = value.type.tensor_type
        if not tensor.HasField("shape") or any(isinstance(d.dim_param, bytes) for d in tensor.shape.dim):
            return None
        sizes: list[int | str | None] = []
        for place, dim in enumerate(tensor.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value > 0:
                sizes.append(dim.dim_value)
            elif (axis := "dim_" + _plain(dim.dim_param)) in dynamic:
                sizes.append(axis)
            elif place == 0 and dim.dim_param.lower() in ("", *BATCH_NAMES):
                sizes.append(None)
            else:
                return None
        return tensor.elem_type, tuple(sizes)

    def shape(self, value: Any, dynamic: dict[str, str]) -> Declared:
        """Type and shape of an input; the dimension of samples is None."""
        tensor = value.type.tensor_type
        if any(isinstance(text, bytes) for text in (value.name, *(d.dim_param for d in tensor.shape.dim))):
            self.faults.append(Fault(f"{self.path}: inputs", "have names that are no text in UTF-8"))
            return tensor.elem_type, ()
        if not tensor.HasField("shape"):
            self.faults.append(Fault(f"{self.path}: {value.name}", "is an input without a shape; needed: a tensor"))
            return tensor.elem_type, ()
        try:
            check_dimensions(tensor.shape.dim)
        except InputError as error:
            raise error.at(f"{self.path}: {shown(value.name, 80)}") from None
        sizes: list[int | str | None] = []
        for place, dim in enumerate(tensor.shape.dim):
            if dim.HasField("dim_value"):
                sizes.append(dim.dim_value)
                if dim.dim_value <= 0:
                    problem = f"dimension {place} is {dim.dim_value}; allowed: at least 1"
                    self.faults.append(Fault(f"{self.path}: {value.name}", problem))
                continue
            if place == 0 and (not dim.dim_param or dim.dim_param.lower() in BATCH_NAMES):
                sizes.append(None)
                continue
            axis = "dim_" + _plain(dim.dim_param or f"{value.name}_{place}")
            dynamic.setdefault(axis, f"dimension {place} of the input {value.name!r}")
            sizes.append(axis)
        return tensor.elem_type, tuple(sizes)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60] or "unnamed"


def _check_order(graph: Graph) -> None:
    """Refuse a graph whose nodes are not in an order in which each comes after those that it uses."""
    known = {"", *graph.inputs, *graph.weights}
    for node in graph.nodes:
        if missing := [n for n in node.inputs if n not in known]:
            raise InputError(Fault(f"{graph.path}: {node.name}", f"uses {missing[0]!r}, which nothing before it makes"))
        known.update(node.outputs)
    if missing := [n for n in graph.outputs if n not in known]:
        raise InputError(Fault(f"{graph.path}: {missing[0]}", "is an output that nothing makes"))
