"""What each operator of ONNX is in an op table: convolutions, products, pooling, norms, views."""

from __future__ import annotations

import math

from dse.formulas.layers import winograd_macs
from dse.networks.ingest.onnx_file import Node
from dse.networks.ingest.onnx_groups import is_data
from dse.networks.ingest.onnx_handlers import handles, optional, refuse
from dse.networks.ingest.onnx_rows import Lowering, Row, Value
from dse.networks.ingest.onnx_shapes import MICROSOFT
from dse.networks.levers import KERNEL, TILE
from dse.networks.ops import DEPTHWISE, FRESH, IN_PLACE

# Places of the input, the kernel or matrix, and the bias.
_PLACES = {
    "QLinearConv": (0, 3, 8),
    "QLinearMatMul": (0, 3, None),
    "ConvInteger": (0, 1, None),
    "MatMulInteger": (0, 1, None),
    "DeformConv": (0, 1, 3),
}


def _places(node: Node) -> tuple[str, str, str]:
    x, weight, bias = _PLACES.get(node.op, (0, 1, 2))
    return node.inputs[x], node.inputs[weight], optional(node, bias)


@handles("Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv")
@handles("FusedConv", domain=MICROSOFT)
def _conv(low: Lowering, node: Node) -> None:
    x, kernel, bias = _places(node)
    shape, dims = low.shapes.of(x, node), low.shapes.of(kernel, node)
    groups, transposed = node.attributes.get("group", 1), node.op == "ConvTranspose"
    channels = dims[0] if transposed else dims[1] * groups
    if len(shape) < 3 or groups < 1 or shape[1] != channels or dims[0] % groups:
        fits = f"{groups} groups and a kernel of {dims}"
        raise refuse(low, node, f"{shape[1] if len(shape) > 1 else 0} channels go in, which do not fit {fits}")
    depthwise = groups == shape[1] == dims[0] and groups > 1 and not transposed
    value = low.value(x, node)
    row = low.record(
        node, "depthwise" if depthwise else "conv", [value], in_place=DEPTHWISE if depthwise else FRESH,
        weights=low.claim(kernel), biases=low.claim(bias),
    )  # fmt: skip
    # A transposed convolution spreads each input over the kernel, any other gathers each output from it.
    row.macs = (value.elements if transposed else row.writes.elements) * math.prod(dims[1:])
    steps = node.attributes.get("strides", []), node.attributes.get("dilations", [])
    if groups == 1 and not transposed and list(dims[2:]) == [KERNEL, KERNEL] and all(n == 1 for s in steps for n in s):
        height, width = low.shapes.of(node.outputs[0], node)[-2:]
        row.tiled_macs = shape[0] * int(winograd_macs(dims[1], dims[0], height, width, TILE, KERNEL))


@handles("Gemm", "MatMul", "MatMulInteger", "QLinearMatMul")
@handles("FusedMatMul", "FusedGemm", domain=MICROSOFT)
def _product(low: Lowering, node: Node) -> None:
    a, b, bias = _places(node)
    if not node.op.endswith("Gemm"):
        bias = ""
    shape = low.shapes.of(a, node)
    inner = shape[-2] if node.attributes.get("transA") and len(shape) > 1 else shape[-1]
    stored = [low.shapes.of(n, node)[-2:] for n in (a, b) if n in low.shapes.static]
    d_out = math.prod(stored[0]) // max(inner, 1) if stored else 0
    _multiply(low, node, [a, b], low.shapes.elements(node.outputs[0], node) * inner, (inner, d_out), bias)


@handles("Einsum")
def _einsum(low: Lowering, node: Node) -> None:
    equation = node.attributes["equation"].decode().replace(" ", "")
    terms = equation.split("->")[0].split(",")
    if len(terms) != 2 or "..." in equation:
        low.uncounted[node.kind] = (low.uncounted.get(node.kind, (0, 0))[0] + 1, 0)
        low.record(node, "other", low.flowing(node))
        return
    sizes = {
        s: n for term, name in zip(terms, node.inputs, strict=True) for s, n in zip(term, low.shapes.of(name, node))
    }
    out = equation.split("->")[1] if "->" in equation else ""
    stored = next((t for t, n in zip(terms, node.inputs, strict=True) if n in low.shapes.static), "")
    d_in = math.prod(sizes[s] for s in sizes if all(s in t for t in terms) and s not in out)
    d_out = math.prod(sizes[s] for s in set(stored) if sum(s in t for t in terms) == 1)
    _multiply(low, node, list(node.inputs), math.prod(sizes.values()), (d_in, d_out))


def _multiply(
    low: Lowering, node: Node, names: list[str], macs: int, features: tuple[int, int], bias: str = ""
) -> None:
    """A product with a stored matrix of so many input and output `features`, or several, or of two activations."""
    stored = [n for n in names if n in low.shapes.static]
    if stored:
        matrix = sum(low.shapes.elements(n, node) for n in stored)
        row = low.record(node, "linear", low.flowing(node), weights=sum(low.claim(n) for n in stored))
        row.macs, row.matrix_read = macs, matrix
        row.biases = low.claim(bias)
        low.note_matrix(node, row, *features)
    else:
        row = low.record(node, "matmul", [low.value(n, node) for n in names])
        row.macs = macs


@handles("MatMulNBits", domain=MICROSOFT)
def _packed(low: Lowering, node: Node) -> None:
    # The matrix is packed into bytes; its scales and offsets are no parameters.
    elements = node.attributes["K"] * node.attributes["N"]
    fresh = low.claim(node.inputs[1]) > 0
    row = low.record(node, "linear", low.flowing(node)[:1], weights=elements if fresh else 0)
    low.claimed.update(n for n in node.inputs[2:] if n)
    row.macs, row.matrix_read = row.writes.elements * node.attributes["K"], elements
    row.biases = low.claim(optional(node, 5))
    low.note_matrix(node, row, node.attributes["K"], node.attributes["N"])


@handles("LSTM", "GRU", "RNN")
def _recurrent(low: Lowering, node: Node) -> None:
    steps = low.shapes.of(node.inputs[0], node)[:2]
    matrices = sum(low.shapes.elements(n, node) for n in node.inputs[1:3])
    weights = sum(low.claim(n) for n in node.inputs[1:3])
    row = low.record(node, "linear", [low.value(node.inputs[0], node)], weights=weights, matrix_read=matrices)
    row.macs, row.biases = math.prod(steps) * matrices, low.claim(optional(node, 3))
    row.features = sum(math.prod(d[:-2]) * sum(d[-2:]) for d in (low.shapes.of(n, node) for n in node.inputs[1:3]))
    for name in filter(None, node.outputs[1:]):
        low.values[name] = Value(low.shapes.elements(name, node), row, row.writes)


@handles("Gather")
def _gather(low: Lowering, node: Node) -> None:
    table, place = node.inputs[:2]
    if table in low.shapes.static:
        row = low.record(node, "embedding", [], weights=low.claim(table))
        row.matrix_read = row.writes.elements
    elif place in low.shapes.static:
        low.view(node, table)
    else:
        low._other(node)


@handles("Split", "Slice")
def _part(low: Lowering, node: Node) -> None:
    low.view(node, node.inputs[0])


@handles("Pad")
def _pad(low: Lowering, node: Node) -> None:
    """Padding in front of convolutions and pooling is theirs; any other is a copy."""
    users = [n.op for n in low.groups.users.get(node.outputs[0], [])]
    if users and all(op.endswith(("Conv", "Pool")) for op in users):
        low.values[node.outputs[0]] = low.value(node.inputs[0], node)
    else:
        low._other(node)


@handles("Concat")
def _concat(low: Lowering, node: Node) -> None:
    low.record(node, "concat", low.flowing(node), weights=sum(low.claim(n, explicit=False) for n in node.inputs))


@handles("MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def _pool(low: Lowering, node: Node) -> None:
    low.record(node, "pool", low.flowing(node))


@handles("ReduceMean", "ReduceSum", "ReduceMax")
def _reduce(low: Lowering, node: Node) -> None:
    low.record(node, "pool", low.flowing(node))


@handles("Add", "Sub", "Sum", "Mean")
def _add(low: Lowering, node: Node) -> None:
    _combine(low, node, "add", "biases")


@handles("Max", "Min", "Where")
def _choose(low: Lowering, node: Node) -> None:
    # Constants are bounds and masks.
    _combine(low, node, "add")


@handles("Mul", "Div")
def _mul(low: Lowering, node: Node) -> None:
    _combine(low, node, "multiply", "affine")


def _combine(low: Lowering, node: Node, kind: str, role: str = "") -> None:
    if not is_data(node.outputs[0], low.shapes):
        low.values[node.outputs[0]] = Value(low.shapes.elements(node.outputs[0], node))
        return
    row = low.record(node, kind, low.flowing(node), in_place=IN_PLACE)
    if role:
        setattr(row, role, sum(low.claim(n, explicit=False) for n in node.inputs))


@handles("LayerNormalization", "RMSNormalization", "InstanceNormalization", "GroupNormalization", "LpNormalization")
@handles("SimplifiedLayerNormalization", "GroupNorm", domain=MICROSOFT)
@handles("SimplifiedLayerNormalization")
def _norm(low: Lowering, node: Node) -> None:
    affine = sum(low.claim(n) for n in node.inputs[1:])
    low.record(node, "norm", low.flowing(node)[:1], in_place=IN_PLACE, affine=affine)


@handles("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "SkipGroupNorm", domain=MICROSOFT)
def _skip_norm(low: Lowering, node: Node) -> None:
    """A sum, then its norm; the sum itself may be an output too."""
    reads = [low.value(n, node) for n in node.inputs[:2]]
    total = Value(low.shapes.elements(node.outputs[0], node))
    row = Row(f"{node.name}.add", "add", reads, total, IN_PLACE)
    total.row = row
    low.rows.append(row)
    if len(node.outputs) > 3 and node.outputs[3]:
        low.values[node.outputs[3]] = total
    place = 4 if node.op == "SkipLayerNormalization" else 3
    row.biases = low.claim(optional(node, place))
    affine = sum(low.claim(n) for n in node.inputs[2:place])
    low.record(node, "norm", [total], in_place=IN_PLACE, affine=affine)
