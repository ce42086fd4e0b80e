"""Which matrices of an ONNX graph are those of queries and values, and which are classifiers and routers.

Names tell little: exporters rename matrices. The graph tells more. Queries and values are what an attention reads, and
where they come from one matrix alone, that is theirs; where one makes queries, keys and values side by side, each
part counts as a matrix, as it does in families. A classifier is a matrix whose result is an output of the network, at
most as probabilities or with the scale that a softcap has around it; a router is one that the largest are chosen from.
"""

from __future__ import annotations

from collections import defaultdict

from dse.networks.ingest.onnx_file import Node
from dse.networks.ingest.onnx_groups import LAYOUT, MOST_BETWEEN, POINTWISE, REDUCTIONS, is_data, moving
from dse.networks.ingest.onnx_rows import Lowering, Row

_PARTS = ("Split", "Slice", "Gather")
_NORMS = ("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization")
# Between the matrix of queries, keys or values and the attention: heads, norms, rotations.
_BEFORE_ATTENTION = LAYOUT | POINTWISE | REDUCTIONS | {*_PARTS, *_NORMS, "Concat", "Tile", "RotaryEmbedding"}
# Of these only the first input goes on; others are scales and places.
_FIRST_ALONE = LAYOUT | {*_PARTS, *_NORMS, "Tile", "RotaryEmbedding"}
# Between a classifier and the output of the network.
_BEHIND_CLASSIFIER = LAYOUT | {*_PARTS, "Softmax", "LogSoftmax", "Sigmoid", "Add", "Mul", "Div", "ArgMax", "TopK"}
_QUERY_KEY_VALUE = ("q", "k", "v")
# Elements of a result by the matrix that made them; "" stands for anything else.
Sources = dict[str, int]


def tell_matrices(low: Lowering) -> None:
    """Note of every matrix of a graph how many features adapters of rank 1 beside it have."""
    made = {name: node for node in low.graph.nodes for name in node.outputs if name}
    for name in dict.fromkeys([*low.graph.outputs, *(n.inputs[0] for n in low.graph.nodes if n.op == "TopK")]):
        if (row := _classifier(low, made, name)) is not None:
            row.features = row.query_value = 0
    if not _tell_queries(low, made):
        for row in low.rows:
            row.query_value = 0


def _classifier(low: Lowering, made: dict[str, Node], name: str) -> Row | None:
    scaled = False
    for _ in range(MOST_BETWEEN):
        if name in low.matrices:
            return low.matrices[name]
        node = made.get(name)
        if node is None or node.domain:
            return None
        inputs = moving(node, low.shapes)
        # A tanh makes features of a pooler, or the softcap of logits where a scale follows.
        if len(inputs) != 1 or not (node.op in _BEHIND_CLASSIFIER or (node.op == "Tanh" and scaled)):
            return None
        scaled = scaled or node.op == "Mul"
        name = inputs[0]
    return None


def _tell_queries(low: Lowering, made: dict[str, Node]) -> bool:
    """Note which matrices are those of queries and values; whether all can be told."""
    roles: dict[str, dict[str, int]] = defaultdict(dict)
    for read in low.attended:
        found: dict[str, Sources] = {}
        for role, name in zip(_QUERY_KEY_VALUE, read, strict=True):
            found[role] = _sources(low, made, name, {})
        if any(len(found[role]) != 1 or "" in found[role] for role in ("q", "v")):
            return False
        # Of keys that several matrices make, one makes the values too: latents, of which no part is the values'.
        if len(found["k"]) > 1 and not found["k"].keys().isdisjoint(found["v"]):
            return False
        for role, sources in found.items():
            # Keys that several matrices make are parts of none.
            for matrix, width in sources.items() if len(sources) == 1 else ():
                roles[matrix][role] = max(width, roles[matrix].get(role, 0))
    return all(_give_roles(low.matrices[name], parts) for name, parts in roles.items() if name)


def _give_roles(row: Row, parts: dict[str, int]) -> bool:
    """Note what a matrix makes; False where it makes several things that are not side by side."""
    if len(parts) == 1:
        row.query_value = row.features if "k" not in parts else 0
        return True
    if sum(parts.values()) != row.writes.elements or row.matrix is None:
        return False
    d_in, d_out = row.matrix
    features = {role: d_in + d_out * width // row.writes.elements for role, width in parts.items()}
    row.features = sum(features.values())
    row.query_value = features.get("q", 0) + features.get("v", 0)
    return True


def _sources(low: Lowering, made: dict[str, Node], name: str, known: dict[str, Sources]) -> Sources:
    """Matrices that a tensor comes from, each with the elements of its result that go in; what is repeated once."""
    if name in known:
        return known[name]
    elements = low.shapes.elements(name, made[name]) if name in made else 0
    if name in low.matrices:
        return {name: elements}
    node = made.get(name)
    known[name] = {"": 0}
    if node is None or node.op not in _BEFORE_ATTENTION or max(len(known), len(node.inputs)) > MOST_BETWEEN:
        return known[name]
    inputs = [n for n in moving(node, low.shapes) if is_data(n, low.shapes)]
    inputs = [n for n in inputs if n == node.inputs[0]] if node.op in _FIRST_ALONE else inputs
    if node.op == "Concat":
        # Earlier keys and values are inputs of the network.
        inputs = [n for n in inputs if n not in low.graph.inputs]
    found: Sources = {}
    for before in inputs:
        for matrix, width in _sources(low, made, before, known).items():
            both = found.get(matrix, 0)
            found[matrix] = both + width if node.op == "Concat" else max(both, width)
    known[name] = {matrix: min(width, elements) for matrix, width in found.items()} or {"": 0}
    return known[name]
