"""ONNX files that were exported for a batch of several samples: counted for one, as all other networks are."""

from __future__ import annotations

from dataclasses import replace

from dse.errors import InputError
from dse.networks.ingest.onnx_file import Graph
from dse.networks.ingest.onnx_rows import Lowering
from dse.networks.ingest.onnx_shapes import Shapes

# Their first dimension may be time.
_RECURRENT = ("LSTM", "GRU", "RNN")


def per_sample(graph: Graph) -> tuple[Graph, str]:
    """The graph for one sample, and what is told of the batch that the file fixes; the graph itself and "" without one.

    Several samples are what all inputs and all outputs have as their first dimension. Where the graph does not take
    one of them, or has not as many times fewer MACs with it, it stays as it is, and that is told.
    """
    leading = {sizes[:1] for _, sizes in graph.inputs.values()}
    if graph.dynamic or len(leading) != 1 or leading & {(), (1,), (None,)}:
        return graph, ""
    whole = Shapes(graph, {})
    samples = _first(graph, whole)
    if samples is None:
        return graph, ""
    one = replace(graph, inputs={n: (dtype, (None, *sizes[1:])) for n, (dtype, sizes) in graph.inputs.items()})
    if not any(node.op in _RECURRENT for node in graph.nodes) and _takes(one, whole, samples):
        return one, f"made for a batch of {samples}: counted for one sample"
    told = f"all inputs and outputs have {samples} as their first dimension: if that is a batch, counts are those of"
    return graph, f"{told} {samples} samples (export it with a batch of 1, or a dynamic one)"


def _first(graph: Graph, shapes: Shapes) -> int | None:
    """The first dimension of all inputs and outputs; None where there is none, or not one for all."""
    found = {shapes.shapes[n][:1] if n in shapes.shapes else () for n in (*graph.inputs, *graph.outputs)}
    return next(iter(found))[0] if len(found) == 1 and found != {()} else None


def _takes(one: Graph, whole: Shapes, samples: int) -> bool:
    try:
        shapes = Shapes(one, {})
        single, all_of_them = (sum(row.macs for row in Lowering(s.graph, s).rows) for s in (shapes, whole))
    except (InputError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        return False
    return _first(one, shapes) == 1 and single * samples == all_of_them
