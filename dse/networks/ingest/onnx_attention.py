"""Attention of ONNX graphs: made of products and a softmax, or an operator of its own."""

from __future__ import annotations

import math

from dse.networks.ingest.onnx_file import Node
from dse.networks.ingest.onnx_groups import Attention
from dse.networks.ingest.onnx_handlers import handles, optional, refuse
from dse.networks.ingest.onnx_rows import Lowering, Row, Value
from dse.networks.ingest.onnx_shapes import MICROSOFT


def attention(low: Lowering, node: Node, found: Attention) -> None:
    """The second product of a softmax attention: stands for both, and for all between."""
    scores = low.shapes.elements(found.scores.outputs[0], node)
    query, span = low.value(found.query, node), low.shapes.of(found.scores.outputs[0], node)[-1]
    per_score = low.shapes.of(found.query, node)[-1]
    if found.scores.op == "Einsum":
        equation = found.scores.attributes["equation"].decode().replace(" ", "")
        terms, out = equation.split("->")[0].split(","), equation.split("->")[1]
        shapes = [low.shapes.of(n, node) for n in found.scores.inputs]
        sizes = {s: n for term, shape in zip(terms, shapes, strict=True) for s, n in zip(term, shape, strict=True)}
        per_score = math.prod(sizes[s] for s in sizes if s not in out)
    elif found.scores.inputs[0] != found.query:
        per_score = low.shapes.of(found.scores.inputs[0], node)[-1]
    reads = [query, low.value(found.key, node), low.value(found.value, node)]
    low.attended.append((found.query, found.key, found.value))
    row = low.record(node, "attention", reads)
    # What is added to the scores is a mask, or a trained table of relative positions.
    added = (n for between in found.between if between.op == "Add" for n in between.inputs if n in low.looked_up)
    row.weights = sum(low.claim(n, explicit=False) for n in added)
    row.macs, row.scores = scores * per_score + row.writes.elements * span, scores


def _attend(low: Lowering, node: Node, names: list[str], heads: int, features: int, past: str = "") -> Row:
    """Attention of one operator; `features` are those of a query over all heads, `past` holds earlier keys."""
    query = low.shapes.of(names[0], node)
    key = low.shapes.of(names[1], node)
    if len(query) not in (3, 4) or len(key) < 2 or (past and len(low.shapes.of(past, node)) < 2):
        raise refuse(low, node, f"queries of shape {query} and keys of {key}; needed: 3 or 4 dimensions")
    span = key[-2] + (low.shapes.of(past, node)[-2] if past else 0)
    low.attended.append((names[0], names[1], names[2]))
    row = low.record(node, "attention", [low.value(n, node) for n in dict.fromkeys(names)])
    positions = math.prod(query[:-1]) if len(query) == 3 else query[0] * query[2]
    row.macs = positions * span * features + row.writes.elements * span
    row.scores = positions * span * heads
    return row


@handles("Attention")
def _standard(low: Lowering, node: Node) -> None:
    query = low.shapes.of(node.inputs[0], node)
    heads = node.attributes.get("q_num_heads") or (query[1] if len(query) == 4 else 0)
    if not heads or (len(query) == 3 and query[-1] % heads):
        raise refuse(low, node, f"q_num_heads: {heads} heads do not divide {query[-1]} features")
    features = query[-1] if len(query) == 3 else query[1] * query[3]
    _attend(low, node, list(node.inputs[:3]), heads, features, optional(node, 4))
    _present(low, node)


@handles("MultiHeadAttention", "GroupQueryAttention", domain=MICROSOFT)
def _projected(low: Lowering, node: Node) -> None:
    past = optional(node, 6 if node.op == "MultiHeadAttention" else 3)
    features = low.shapes.of(node.inputs[0], node)[-1]
    row = _attend(low, node, list(node.inputs[:3]), node.attributes["num_heads"], features, past)
    if node.op == "MultiHeadAttention":
        row.biases = low.claim(optional(node, 3))


def _present(low: Lowering, node: Node) -> None:
    for name in filter(None, node.outputs[1:]):
        if name in low.shapes.shapes:
            low.values[name] = Value(low.shapes.elements(name, node))


@handles("Attention", domain=MICROSOFT)
def _with_projections(low: Lowering, node: Node) -> None:
    """Projections to queries, keys and values by one matrix, then attention."""
    x, matrix = node.inputs[:2]
    rows, columns = low.shapes.of(matrix, node)
    shape, heads = low.shapes.of(x, node), node.attributes["num_heads"]
    sizes = node.attributes.get("qkv_hidden_sizes") or [columns // 3] * 3
    if sum(sizes) != columns or any(s % heads for s in sizes):
        raise refuse(low, node, f"{heads} heads do not divide {sizes} of {columns} columns")
    positions = math.prod(shape[:-1])
    projected = Value(positions * columns)
    row = Row(f"{node.name}.qkv", "linear", [low.value(x, node)], projected, weights=low.claim(matrix))
    row.macs, row.matrix_read, row.biases = positions * rows * columns, rows * columns, low.claim(optional(node, 2))
    row.features, row.query_value = sum(rows + n for n in sizes), 2 * rows + sizes[0] + sizes[2]
    projected.row = row
    low.rows.append(row)
    past = optional(node, 4)
    span = shape[-2] + (low.shapes.of(past, node)[-2] if past else 0)
    attended = low.record(node, "attention", [projected])
    attended.macs = positions * span * (sizes[0] + sizes[2])
    attended.scores = positions * span * heads
