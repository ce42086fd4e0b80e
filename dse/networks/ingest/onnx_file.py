"""An ONNX file as plain data: nodes, the shapes of its weights, and its inputs with their dynamic dimensions."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dse.catalogue import read_at_most
from dse.errors import Fault, InputError

# What protobuf can hold at most; larger weights are in files beside it, which are not read.
MOST_BYTES = 2**31
MOST_NODES = 50_000
# Values of larger constants are weights or tables, and shape no tensor.
MOST_VALUES = 4096
# How exporters call the dimension of samples: it is 1 here, since batch is a setting of the deployment.
BATCH_NAMES = ("batch", "batch_size", "batchsize", "batch_dim", "batch_axis", "bs", "b", "n")
_STANDARD = ("", "ai.onnx")


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


@dataclass(frozen=True)
class Weight:
    """A stored tensor: its shape and type (a number of `onnx.TensorProto`)."""

    dims: tuple[int, ...]
    dtype: int

    @property
    def elements(self) -> int:
        """Number of values."""
        return math.prod(self.dims)


# Type and shape of a tensor; a text is the axis of a dynamic dimension, None the dimension of samples.
Declared = tuple[int, tuple[int | str | None, ...]]


@dataclass(frozen=True)
class Graph:
    """The graph of an ONNX file.

    `values` are the values of stored tensors that are small enough to shape others; `inputs` map a name to its type
    and shape, in which a text is the axis of a dynamic dimension and None the dimension of samples. `dynamic` says of
    each such axis where it is found. `declared` are type and shape of what nodes make, where the file tells them in
    those terms. `absent` are files of weights that are not there.
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
    absent: tuple[str, ...] = ()


def read_graph(path: Path) -> Graph:
    """The graph of a file, without the values of its weights.

    Raises
    ------
    InputError
        Where the file cannot be read, is too large, truncated or no ONNX, where weights
        lie outside its folder or are shorter than their shape, and where the graph uses what nothing makes.
    """
    import onnx
    import onnx.inliner

    where, content = str(path), _content(path)
    try:
        model = onnx.load_model_from_string(content)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
    except Exception as error:  # protobuf's and the inliner's own classes have no common base
        raise InputError(Fault(where, f"cannot be read as ONNX: {str(error)[:120]}")) from None
    if not model.graph.node or not model.opset_import:
        raise InputError(Fault(where, "cannot be read as ONNX: it holds no graph or no opset"))
    if len(model.graph.node) > MOST_NODES:
        raise InputError(Fault(where, f"has {len(model.graph.node):,} nodes; at most {MOST_NODES:,}"))
    graph = _Reader(path, model).graph(hashlib.sha256(content).hexdigest())
    _check_order(graph)
    return graph


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
        self.absent: dict[str, None] = {}

    def graph(self, digest: str) -> Graph:
        import onnx

        proto = self.model.graph
        for tensor in proto.initializer:
            self.store(tensor.name, tensor)
        for sparse in proto.sparse_initializer:
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
            declared, tuple(self.absent),
        )  # fmt: skip

    def store(self, name: str, tensor: Any) -> None:
        """Note a stored tensor; its values where they are few."""
        import onnx

        where = f"{self.path}: {name}"
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            self.check_location(where, tensor)
        dims = tuple(tensor.dims)
        if any(d < 0 for d in dims):
            self.faults.append(Fault(where, f"has the shape {dims}; allowed: sizes of at least 0"))
            return
        weight = self.weights[name] = Weight(dims, tensor.data_type)
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            return
        if tensor.HasField("raw_data") and tensor.raw_data:
            bits = _bits(tensor.data_type)
            if bits and len(tensor.raw_data) < (weight.elements * bits + 7) // 8:
                stored = f"{len(tensor.raw_data):,} bytes are stored of a tensor of shape {dims}"
                self.faults.append(Fault(where, f"is truncated: {stored}"))
                return
        if weight.elements <= MOST_VALUES:
            try:
                self.values[name] = onnx.numpy_helper.to_array(tensor)
            except Exception as error:  # onnx raises several kinds
                self.faults.append(Fault(where, f"cannot be read: {str(error)[:120]}"))

    def check_location(self, where: str, tensor: Any) -> None:
        """Refuse weights that are kept outside the folder of the file; note those that are not there."""
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        folder = self.path.absolute().parent.resolve()
        if not location or not (folder / location).resolve().is_relative_to(folder):
            self.faults.append(Fault(where, f"its data is in {location!r}, outside the folder of the file; refused"))
        elif not (folder / location).is_file():
            self.absent[location] = None

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


def _bits(dtype: int) -> int:
    """Bits of a stored element of a type; 0 where that is not fixed."""
    import onnx

    name = onnx.TensorProto.DataType.Name(dtype) if dtype in onnx.TensorProto.DataType.values() else ""
    return {"BOOL": 8, "DOUBLE": 64, "FLOAT": 32, "COMPLEX64": 64, "COMPLEX128": 128, "STRING": 0}.get(
        name, int((re.findall(r"\d+", name) or [0])[0])
    )


def _check_order(graph: Graph) -> None:
    """Refuse a graph whose nodes are not in an order in which each comes after those that it uses."""
    known = {"", *graph.inputs, *graph.weights}
    for node in graph.nodes:
        if missing := [n for n in node.inputs if n not in known]:
            raise InputError(Fault(f"{graph.path}: {node.name}", f"uses {missing[0]!r}, which nothing before it makes"))
        known.update(node.outputs)
    if missing := [n for n in graph.outputs if n not in known]:
        raise InputError(Fault(f"{graph.path}: {missing[0]}", "is an output that nothing makes"))
