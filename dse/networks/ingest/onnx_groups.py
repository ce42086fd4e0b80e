"""What belongs together in an ONNX graph: both products of an attention, and functions of one tensor alone.

Exporters write a softmax attention as two products with scaling, mask and softmax between them, and a GELU or a layer
norm as a dozen element-wise operators. Here the first becomes one op, as families have it, and the second a group: all
that is computed from one tensor alone, element by element or with means of it. What leaves a group is the tensor itself
under another activation function, a mean of it (pooling), or the tensor normalised.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dse.networks.ingest.onnx_file import Graph, Node, names
from dse.networks.ingest.onnx_shapes import MICROSOFT, Shapes

LAYOUT = names(
    "Reshape Transpose Squeeze Unsqueeze Flatten Identity Cast CastLike Dropout Expand DepthToSpace SpaceToDepth"
)
POINTWISE = names(
    "Abs Add And BiasGelu Celu Clip Cos Div Elu Equal Erf Exp FastGelu Floor Gelu Greater GreaterOrEqual "
    "HardSigmoid HardSwish IsNaN LeakyRelu Less LessOrEqual Log LogSoftmax Max Mean Min Mish Mod Mul Neg Not Or "
    "PRelu Pow QuickGelu QuantizeLinear DequantizeLinear Reciprocal Relu Round Selu Sigmoid Sign Sin Softmax "
    "Softplus Softsign Sqrt Sub Sum Swish Tanh ThresholdedRelu Where Hardmax Ceil"
)
REDUCTIONS = names(
    "ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ReduceProd ReduceLogSumExp"
)
NORM = "BatchNormalization"
PRODUCTS = frozenset(("MatMul", "Einsum", "FusedMatMul"))
# Layers into which a batch norm that follows them is folded.
FOLDING = names("Conv ConvTranspose Gemm MatMul FusedConv FusedGemm FusedMatMul")
# What may stand between the scores of an attention and the softmax, and between that and the second product.
_BETWEEN = names(
    "Add Sub Mul Div Where Cast Identity Dropout Clip Max Min Tanh Reshape Squeeze Unsqueeze Concat Slice IsNaN"
)

# Operators between both products of an attention, of which there are a dozen; what has more is none.
MOST_BETWEEN = 100
# And inputs of one of them, of which there are up to five.
MOST_INPUTS = 10


@dataclass(frozen=True)
class Attention:
    """Tensors of a softmax attention whose second product is a node of the graph, and the nodes before that."""

    query: str
    key: str
    value: str
    scores: Node
    between: tuple[Node, ...]


@dataclass
class Groups:
    """Where each tensor comes from.

    `root` is the tensor that a member of a group is a function of, `base` the member that it equals but for its
    layout. `reduced`, `normed` are members that are means, or depend on such. `exits` are the bases that are used
    outside the group, by root, in order. `users` are the nodes that use each tensor.
    """

    attentions: dict[str, Attention] = field(default_factory=dict)
    absorbed: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    root: dict[str, str] = field(default_factory=dict)
    base: dict[str, str] = field(default_factory=dict)
    reduced: set[str] = field(default_factory=set)
    normed: set[str] = field(default_factory=set)
    exits: dict[str, dict[str, None]] = field(default_factory=dict)
    users: dict[str, list[Node]] = field(default_factory=dict)


def key_of(node: Node) -> str:
    """What tells a node from all others: a tensor that it makes."""
    return next(n for n in node.outputs if n)


def find_groups(graph: Graph, shapes: Shapes) -> Groups:
    """Attentions and groups of a graph; which they are follows from the graph alone, not from sizes."""
    found, kept = Groups(), frozenset(graph.outputs)
    made = {name: node for node in graph.nodes for name in node.outputs if name}
    used = found.users
    for node in graph.nodes:
        for name in dict.fromkeys(node.inputs):
            used.setdefault(name, []).append(node)
    for node in graph.nodes:
        if node.op == "Softmax" and node.inputs[0] not in shapes.static:
            _match_attention(node, kept, shapes, made, used, found)
    for node in graph.nodes:
        if key_of(node) not in found.absorbed:
            _group(node, shapes, made, found)
    _find_exits(kept, used, found)
    return found


def moving(node: Node, shapes: Shapes) -> list[str]:
    """Inputs through which data flows: not static, and not integers or truth values where others are neither."""
    dynamic = [n for n in dict.fromkeys(node.inputs) if n not in shapes.static]
    return [n for n in dynamic if is_data(n, shapes)] or dynamic


def is_data(name: str, shapes: Shapes) -> bool:
    """Whether a tensor holds activations: positions, token numbers and masks of truth values are none."""
    from onnx import TensorProto

    return shapes.types.get(name) not in (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)


def _is_product(node: Node, shapes: Shapes) -> bool:
    return node.op in PRODUCTS and len([n for n in node.inputs if n not in shapes.static]) == 2


def _match_attention(
    softmax: Node,
    kept: frozenset[str],
    shapes: Shapes,
    made: dict[str, Node],
    used: dict[str, list[Node]],
    found: Groups,
) -> None:
    before: list[Node] = []
    scores = _scores_behind(softmax.inputs[0], shapes, made, before)
    if scores is None:
        return
    between, name, product = [scores, *before, softmax], softmax.outputs[0], None
    while product is None and len(between) < MOST_BETWEEN:
        users = used.get(name, [])
        if len(users) == 1 and _is_product(users[0], shapes):
            product = users[0]
        elif users and all(u.op in _BETWEEN for u in users):
            between += users
            # A guard against rows without any key: the probabilities where they are numbers, else 0.
            last = next((u for u in users if u.op != "IsNaN"), users[0])
            between += [u for u in used.get(users[0].outputs[0], []) if users[0].op == "IsNaN" and u not in between]
            name = last.outputs[0]
        else:
            return
    if product is None:
        return
    inside = {key_of(n) for n in between}
    makes = [n for node in between for n in node.outputs[:1]]
    outside = any(key_of(u) not in inside | {key_of(product)} for n in makes for u in used.get(n, []))
    if outside or not kept.isdisjoint(makes):
        return
    query, key = (n for n in scores.inputs if n not in shapes.static)
    value = next(n for n in product.inputs if n != name)
    found.attentions[key_of(product)] = Attention(query, key, value, scores, tuple(between))
    found.absorbed |= inside


def _scores_behind(name: str, shapes: Shapes, made: dict[str, Node], path: list[Node]) -> Node | None:
    """The product that a tensor is a scaled and masked form of; `path` gets what lies between."""
    seen: set[str] = set()
    stack: list[tuple[str, tuple[Node, ...]]] = [(name, ())]
    while stack and len(seen) < MOST_BETWEEN:
        name, way = stack.pop()
        node = made.get(name)
        if node is None or name in seen or name in shapes.static:
            continue
        seen.add(name)
        if _is_product(node, shapes):
            path.extend(way)
            return node
        if node.op in _BETWEEN and not node.domain and len(node.inputs) <= MOST_INPUTS:
            stack += [(n, (*way, node)) for n in reversed(node.inputs)]
    return None


def _group(node: Node, shapes: Shapes, made: dict[str, Node], found: Groups) -> None:
    ours = not node.domain or (node.domain == MICROSOFT and node.op in POINTWISE)
    kinds = (LAYOUT, POINTWISE, REDUCTIONS, {NORM})
    if (
        not ours
        or not any(node.op in kind for kind in kinds)
        or (node.inputs[0] in shapes.static and _is_static(node, shapes))
    ):
        return
    flowing = moving(node, shapes)[:1] if node.op in LAYOUT else moving(node, shapes)
    roots = {found.root.get(n, n) for n in flowing}
    if len(roots) != 1:
        return
    out, (root,) = node.outputs[0], roots
    found.members.add(key_of(node))
    found.root[out] = root
    found.base[out] = found.base.get(flowing[0], flowing[0]) if node.op in LAYOUT else out
    if node.op in REDUCTIONS or all(n in found.reduced for n in flowing):
        found.reduced.add(out)
    elif any(n in found.reduced or n in found.normed for n in flowing):
        found.normed.add(out)
    if node.op == NORM and (root not in made or made[root].op not in FOLDING):
        found.normed.add(out)


def _is_static(node: Node, shapes: Shapes) -> bool:
    return all(n in shapes.static for n in node.outputs if n)


def _find_exits(kept: frozenset[str], used: dict[str, list[Node]], found: Groups) -> None:
    # First products of attentions, which read tensors from outside them.
    reads = {(key_of(a.scores), name) for a in found.attentions.values() for name in (a.query, a.key)}
    for name in dict.fromkeys([*found.root.values(), *found.root]):
        root = found.root.get(name, name)
        # What asks for its shape does not use a tensor.
        users = [u for u in used.get(name, []) if u.op not in ("Shape", "Size")]
        users = [u for u in users if key_of(u) not in found.absorbed or (key_of(u), name) in reads]
        inside = [u for u in users if key_of(u) in found.members and found.root.get(u.outputs[0]) == root]
        if name in kept or len(inside) < len(users):
            found.exits.setdefault(root, {})[found.base.get(name, name)] = None
