"""Values of small tensors of an ONNX graph that follow from shapes and constants alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from dse.networks.ingest.onnx_file import Node, names
from dse.networks.ingest.onnx_weights import MOST_VALUES

# Operators that shapes are computed with. Each takes as long as its inputs and outputs are large; of others the work
# grows with attributes and products of sizes, so that a line of a file can take hours or all memory.
_EVALUATED = names(
    "Abs Add And ArgMax ArgMin Cast CastLike Ceil Clip Concat Constant ConstantOfShape Cos CumSum Div Equal Exp Expand "
    "Flatten Floor Gather GatherND Greater GreaterOrEqual Identity Less LessOrEqual Log MatMul Max Mean "
    "Min Mod Mul Neg Not OneHot Or Pad Pow Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
    "Reshape Round ScatterElements ScatterND Sign Sin Slice Split Sqrt Squeeze Sub Sum Tile TopK Transpose Trilu "
    "Unsqueeze Where Xor"
)


def evaluate(
    node: Node, opset: int, given: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """What a node of the standard domain makes of its inputs' values; nothing where that is not known to be small.

    `shapes` has those of its outputs, as far as they can be told.
    """
    outputs = [n for n in node.outputs if n]
    if node.op not in _EVALUATED or not all(n in shapes and _is_small(shapes[n]) for n in outputs):
        return {}
    # Texts grow as they are added.
    if any(v.dtype.kind in "OSU" for v in given.values()) or (node.op == "Range" and not _is_short(node, given)):
        return {}
    from onnx.reference import ReferenceEvaluator

    try:
        run = ReferenceEvaluator(node.proto, opsets={"": opset}).run(None, dict(given))
    except Exception:  # whatever NumPy makes of inputs that do not fit
        return {}
    made: dict[str, Any] = {n: np.asarray(v) for n, v in zip(node.outputs, run, strict=False) if n}
    return made


def _is_small(shape: tuple[int, ...]) -> bool:
    """Whether a tensor has few values; a dimension of none may come after the others have been made."""
    return math.prod(max(size, 1) for size in shape) <= MOST_VALUES


def _is_short(node: Node, given: Mapping[str, np.ndarray]) -> bool:
    """Whether a range is as short as it is said to be: differences of integers of 64 bits may run over."""
    ends = [given[n] for n in node.inputs]
    if len(ends) != 3 or any(v.size != 1 for v in ends):
        return False
    start, limit, step = (v.item() for v in ends)
    return bool(step) and bool(abs(limit - start) <= MOST_VALUES * abs(step))
