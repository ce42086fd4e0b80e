"""ONNX files whose first dimension may be a batch of samples: they are counted as they stand, and it is told."""

from __future__ import annotations

from dse.networks.ingest.onnx_file import Graph
from dse.networks.ingest.onnx_shapes import Shapes


def told_of_batch(graph: Graph) -> str:
    """What is told of a fixed first dimension that all inputs and outputs share; "" without one.

    Whether it is a batch, or time or frames that a network mixes, a file does not tell.
    """
    leading = {sizes[:1] for _, sizes in graph.inputs.values()}
    if graph.dynamic or len(leading) != 1 or leading & {(), (1,), (None,)}:
        return ""
    rows = _first(graph, Shapes(graph, {}))
    if rows is None:
        return ""
    told = (
        f"all inputs and outputs have {rows} as their first dimension: if that is a batch, counts are those of {rows}"
    )
    return f"{told} samples (export it with a batch of 1, or a dynamic one)"


def _first(graph: Graph, shapes: Shapes) -> int | None:
    """The first dimension of all inputs and outputs; None where there is none, or not one for all."""
    found = {shapes.shapes[n][:1] if n in shapes.shapes else () for n in (*graph.inputs, *graph.outputs)}
    return next(iter(found))[0] if len(found) == 1 and found != {()} else None
