"""An ONNX file as a model with a family of its own, whose axes are the dynamic dimensions of the file."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from dse.errors import Fault, InputError
from dse.networks.adapted import Adapted
from dse.networks.ingest.onnx_batch import told_of_batch
from dse.networks.ingest.onnx_file import Graph, read_graph
from dse.networks.ingest.onnx_rows import Lowering, Row, Value
from dse.networks.ingest.onnx_shapes import LARGEST, Shapes
from dse.networks.models import Model
from dse.networks.registration import Family, with_levers
from dse.networks.tensors import Tensor
from dse.units import format_quantity, percent

# What a model holds of a file has no weights, and is a few MiB.
MOST_BYTES = 2**28
_COUNTS = ("macs", "scores", "matrix_read", "weights", "biases", "affine", "statistics")


def read_onnx(path: Path) -> Model:
    """The network of an ONNX file.

    Each dynamic dimension is an axis `dim_NAME`; the one of the samples is 1, since the batch is a setting of the
    deployment. Shapes are inferred anew for every combination of their sizes.

    Raises
    ------
    InputError
        For a file that is not right (see `read_graph`), and, where no dimension is dynamic, shapes that do not fit.
    """
    return _model(path, read_graph(path))


def from_text(text: str, path: Path) -> Model:
    """The network of an ONNX file that a model holds as text."""
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b64decode(text, validate=True), MOST_BYTES)
    except (ValueError, zlib.error):
        raise InputError(Fault("onnx", "is not an ONNX file in zlib and base64")) from None
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise InputError(
            Fault("onnx", f"is not whole, or takes more than {format_quantity(MOST_BYTES, 'B')} without weights")
        )
    return _model(path, read_graph(path, content))


def _model(path: Path, graph: Graph) -> Model:
    if len(graph.skeleton) > MOST_BYTES:
        raise InputError(f"{path}: takes more than {format_quantity(MOST_BYTES, 'B')} without its weights")
    builder = OnnxBuilder(graph)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.") or "model"
    source = f"{path.name} (sha256 {graph.digest[:16]})"
    family = with_levers(Family(stem, builder, tuple(graph.dynamic), MappingProxyType({}), (), "vision", source))
    notes = "" if graph.dynamic else "; ".join(filter(None, (told_of_batch(graph), builder.remarks({}))))
    layers = {"onnx": base64.b64encode(zlib.compress(graph.skeleton, 9)).decode("ascii")}
    return Model(stem, stem, MappingProxyType({}), source, notes, own_family=family, layers=layers)


class OnnxBuilder:
    """The network of an ONNX file, operator by operator; each size of its dynamic dimensions is inferred apart."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.known: dict[tuple[int, ...], Lowering] = {}

    def __call__(self, net: Any, **dims: Any) -> Tensor:
        """Record the ops at the sizes given: numbers, or arrays that broadcast; gives what the last one writes."""
        given = [np.asarray(dims[axis], dtype=np.float64) for axis in self.graph.dynamic]
        arrays = np.broadcast_arrays(*given) if given else []
        shape = arrays[0].shape if arrays else ()
        points = np.stack([a.ravel() for a in arrays], axis=-1) if arrays else np.zeros((1, 0))
        distinct, place = np.unique(points, axis=0, return_inverse=True)
        found = [self.lower(tuple(int(v) for v in point)).rows for point in distinct]
        first = found[0]
        if any([(r.name, r.kind) for r in rows] != [(r.name, r.kind) for r in first] for rows in found):
            raise InputError(f"{self.graph.path}: other operators at other sizes; give each size of its own")
        spread = _Spread(place.ravel(), shape)
        for rows in zip(*found, strict=True):
            spread.record(net, rows)
        last: Tensor = net.ops[-1].writes
        return last

    def lower(self, sizes: tuple[int, ...]) -> Lowering:
        """The op table at one size of each dynamic dimension."""
        if sizes not in self.known:
            if len(self.known) >= 1024:
                self.known.clear()
            shapes = Shapes(self.graph, dict(zip(self.graph.dynamic, sizes, strict=True)))
            try:
                self.known[sizes] = Lowering(self.graph, shapes)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                raise InputError(Fault(self.graph.path, f"its operators do not fit together ({error})")) from None
            if not self.known[sizes].rows:
                raise InputError(Fault(self.graph.path, "has no operator that computes on data"))
        return self.known[sizes]

    def remarks(self, dims: Mapping[str, float]) -> str:
        """What is not counted at one size of the dynamic dimensions, with its share; "" where all is."""
        low = self.lower(tuple(int(dims[axis]) for axis in self.graph.dynamic))
        written = sum(row.writes.elements for row in low.rows) or 1
        told = [
            f"not counted: {nodes} × {kind} ({percent(nodes / len(self.graph.nodes), 2)} of the operators, "
            f"{percent(elements / written, 2)} of the elements written"
            f"{', by the shapes that the file declares' if kind in low.shapes.believed else ''})"
            for kind, (nodes, elements) in sorted(low.uncounted.items())
        ]
        left = {n: w.elements for n, w in self.graph.weights.items() if n not in low.claimed and w.elements > 1}
        left = {n: e for n, e in left.items() if self.graph.weights[n].dtype in _floats()}
        if left:
            names = ", ".join(list(left)[:3]) + (", ..." if len(left) > 3 else "")
            told.append(f"stored but no parameters: {sum(left.values()):,} values ({names})")
        if self.graph.absent:
            files = ", ".join(dict.fromkeys(self.graph.absent.values()))
            told.append(f"counted by shapes alone, since its weights are not there: {files}")
        return "; ".join(told)


class _Spread:
    """Puts the rows of the distinct points together: `place` says which of them each point is."""

    def __init__(self, place: np.ndarray, shape: tuple[int, ...]) -> None:
        self.place, self.shape = place, shape
        self.tensors: dict[Value, Tensor] = {}

    def record(self, net: Any, rows: tuple[Row, ...]) -> None:
        """One row at every point, as an op."""
        row = rows[0]
        counts = {name: self.stack([getattr(r, name) or 0 for r in rows]) for name in _COUNTS}
        if row.matrix_read is None:
            counts["matrix_read"] = None
        macs, scores = counts.pop("macs"), counts.pop("scores")
        if row.tiled_macs is not None:
            counts["tiled_macs"] = self.stack([r.tiled_macs or 0 for r in rows])
        if row.kind == "linear":
            counts["adapted"] = self.adapted(rows)
        reads = tuple(self.tensor([r.reads[i] for r in rows]) for i in range(len(row.reads)))
        writes = self.tensor([r.writes for r in rows])
        net.row(
            row.name,
            row.kind,
            reads,
            writes,
            row.in_place,
            macs_per_position=macs,
            scores_per_position=scores,
            **counts,
        )

    def adapted(self, rows: tuple[Row, ...]) -> Adapted:
        """What adapters stand beside, of one row at every point."""
        return Adapted(
            self.stack([row.features for row in rows]),
            self.stack([row.query_value for row in rows]),
            self.stack([row.macs // max(row.matrix_read or 0, 1) for row in rows]),
            # Another row has adapters beside it where it is that one's matrix.
            self.stack([int(row.weights > 0) for row in rows]),
        )

    def tensor(self, values: list[Value]) -> Tensor:
        """One value at every point; a part of a buffer has its elements, at most those of the buffer."""
        first = values[0]
        if first not in self.tensors:
            views = [v.view_of for v in values if v.view_of is not None]
            whole = self.tensor(views) if views else None
            elements = [v.elements if v.view_of is None else min(v.elements, v.view_of.elements) for v in values]
            self.tensors[first] = Tensor(self.stack(elements), 1.0, view_of=whole)
        return self.tensors[first]

    def stack(self, numbers: list[int]) -> Any:
        """Counts of the distinct points, spread over all: a float where there is one."""
        if max(numbers) > LARGEST:
            raise InputError(f"a count of {max(numbers):g} is beyond 2^53: it would no longer be exact")
        if not self.shape or len(set(numbers)) == 1:
            return float(numbers[0])
        return np.array(numbers, dtype=np.float64)[self.place].reshape(self.shape)


def _floats() -> frozenset[int]:
    from onnx import TensorProto

    return frozenset((TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE))
