"""From the nodes of an ONNX graph to rows of an op table, at one size of its dynamic dimensions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dse.errors import Fault, InputError
from dse.networks.ingest.onnx_file import Graph, Node
from dse.networks.ingest.onnx_groups import LAYOUT, NORM, find_groups, is_data, key_of, moving
from dse.networks.ingest.onnx_shapes import Shapes
from dse.networks.ops import FRESH, IN_PLACE

# Standard operators whose work is not counted.
UNCOUNTED = frozenset(["If", "Loop", "Scan", "DFT", "STFT", "Det", "SequenceMap", "MelWeightMatrix"])
# Operators of which the first input alone has contents: scales, sizes, regions and fillings of others are settings.
_SHAPING = frozenset(["Resize", "Upsample", "Pad", "Tile", "Slice", "Clip", "OneHot", "DequantizeLinear", *LAYOUT])
# Layers whose output a bias that follows them is part of.
_ADDING = ("Add", "Sub", "Sum", "BiasGelu")
# Of all nodes together; large networks have a hundred thousand.
MOST_REFERENCES = 2**21


@dataclass(eq=False)
class Value:
    """A tensor of activations; `row` makes it (None for an input), and a view shares the buffer of `view_of`."""

    elements: int
    row: Row | None = None
    view_of: Value | None = None


@dataclass(eq=False)
class Row:
    """A row of the op table, as `Op` has it but in whole numbers.

    Adapters of rank 1 beside its matrices have as many `features`, `query_value` of them beside those of queries and
    values. `matrix` are the input and output features of one, where it is one.
    """

    name: str
    kind: str
    reads: list[Value]
    writes: Value
    in_place: str = FRESH
    macs: int = 0
    tiled_macs: int | None = None
    scores: int = 0
    matrix_read: int | None = None
    weights: int = 0
    biases: int = 0
    affine: int = 0
    statistics: int = 0
    features: int = 0
    query_value: int = 0
    matrix: tuple[int, int] | None = None


@dataclass
class Lowering:
    """Takes the nodes in their order; `uncounted` are operators whose work is not known: how many
    nodes, and the elements that they write."""

    graph: Graph
    shapes: Shapes
    rows: list[Row] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)
    uncounted: dict[str, tuple[int, int]] = field(default_factory=dict)
    # Rows that multiply by a matrix, by the tensor that they make, and the queries, keys and values of attentions.
    matrices: dict[str, Row] = field(default_factory=dict)
    attended: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.groups = find_groups(self.graph, self.shapes)
        self.sources: dict[str, tuple[str, ...]] = {n: (n,) for n in self.graph.weights}
        for name in self.graph.inputs:
            self.values[name] = Value(_product(self.shapes.shapes[name]))
        # Parameters met in a group before the row is known that they belong to.
        self.pending: dict[str, dict[str, int]] = {}
        # Results of looking up stored tables at fixed places, such as biases of relative positions.
        self.looked_up: set[str] = set()
        self.references = 0
        for node in self.graph.nodes:
            try:
                self._lower(node)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                # Operators with inputs or attributes that the standard does not let them have.
                where = f"{self.graph.path}: {node.name}"
                raise InputError(Fault(where, f"{node.kind}: its inputs and attributes do not fit ({error})")) from None

        from dse.networks.ingest.onnx_adapted import tell_matrices

        tell_matrices(self)

    # What handlers of nodes use.

    def value(self, name: str, node: Node) -> Value:
        """The activations of a tensor; one that only constants made is an input of its own."""
        if name not in self.values:
            self.values[name] = Value(self.shapes.elements(name, node))
        return self.values[name]

    def flowing(self, node: Node) -> list[Value]:
        """The activations that a node reads, the largest first: that is what it may overwrite."""
        names = [n for n in moving(node, self.shapes) if is_data(n, self.shapes)]
        return sorted((self.value(n, node) for n in names), key=lambda v: -v.elements)

    def record(self, node: Node, kind: str, reads: list[Value], output: int = 0, **counts: object) -> Row:
        """A row that makes an output of a node."""
        name = node.outputs[output]
        self._refer(node, len(reads))
        row = Row(node.name, kind, reads, Value(self.shapes.elements(name, node)), **counts)  # type: ignore[arg-type]
        row.writes.row = row
        self.rows.append(row)
        self.values[name] = row.writes
        return row

    def _refer(self, node: Node, several: int) -> None:
        """Count what rows read, and tensors that constants come from: a node of a thousand outputs repeats all."""
        self.references += several
        if self.references > MOST_REFERENCES:
            problem = f"its operators use more than {MOST_REFERENCES:,} tensors, each counted where it is used"
            raise InputError(Fault(f"{self.graph.path}: {node.name}", problem))

    def note_matrix(self, node: Node, row: Row, d_in: int, d_out: int) -> None:
        """A row multiplies by matrices of so many input and output features, as many as it reads."""
        matrices = (row.matrix_read or 0) // max(d_in * d_out, 1)
        row.features = matrices * (d_in + d_out)
        row.matrix = (d_in, d_out) if matrices == 1 else None
        self.matrices[node.outputs[0]] = row

    def view(self, node: Node, source: str) -> None:
        """Outputs that are parts of a tensor."""
        of = self.value(source, node)
        for name in filter(None, node.outputs):
            self.values[name] = Value(self.shapes.elements(name, node), of.row, of.view_of or of)

    def claim(self, name: str, explicit: bool = True) -> int:
        """Parameters behind a stored tensor that nothing has claimed before.

        What is no place of parameters (not `explicit`) may hold constants: there only floats count.
        """
        from onnx import TensorProto

        integers = (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
        total = 0
        for source in self.sources.get(name, ()):
            weight = self.graph.weights[source]
            constant = weight.dtype in integers or weight.elements <= 1
            if source not in self.claimed and (explicit or not constant):
                self.claimed.add(source)
                total += weight.elements
        return total

    # The order of nodes.

    def _lower(self, node: Node) -> None:
        # These import this module; the layers record their handlers.
        from dse.networks.ingest import onnx_layers  # noqa: F401
        from dse.networks.ingest.onnx_attention import attention
        from dse.networks.ingest.onnx_handlers import HANDLERS

        key = key_of(node)
        if key in self.groups.absorbed:
            return
        if key in self.groups.attentions:
            attention(self, node, self.groups.attentions[key])
        elif key in self.groups.members:
            self._in_group(node)
        elif all(n in self.shapes.static for n in node.outputs if n):
            self._static(node)
        elif (handler := HANDLERS.get((node.domain, node.op))) is not None:
            handler(self, node)
        else:
            self._other(node)

    def _static(self, node: Node) -> None:
        # Tables of sines are computed from frequencies, which nobody trains.
        inputs = node.inputs[:1] if node.op in _SHAPING else node.inputs
        found = (
            [] if node.op in ("Sin", "Cos", "Shape", "Size") else [s for n in inputs for s in self.sources.get(n, ())]
        )
        looked_up = node.op == "Gather" or any(n in self.looked_up for n in inputs)
        sources = tuple(dict.fromkeys(found))
        self._refer(node, len(sources))
        for name in node.outputs:
            self.sources[name] = sources
            if looked_up:
                self.looked_up.add(name)

    def _other(self, node: Node) -> None:
        before = len(self.rows)
        unknown = node.domain or node.op in UNCOUNTED
        # The standard says of all others that they have no weights beside what they take apart.
        contents = node.inputs if unknown else node.inputs[:1]
        for number, name in enumerate(node.outputs):
            if name and is_data(name, self.shapes):
                row = self.record(node, "other", self.flowing(node), number)
                row.weights += sum(self.claim(n, explicit=False) for n in contents) if number == 0 else 0
        if unknown:
            nodes, elements = self.uncounted.get(node.kind, (0, 0))
            written = sum(row.writes.elements for row in self.rows[before:])
            self.uncounted[node.kind] = nodes + 1, elements + written

    def _in_group(self, node: Node) -> None:
        out = node.outputs[0]
        root = self.groups.root[out]
        self._note_parameters(node, self.pending.setdefault(root, {}))
        base = self.groups.base[out]
        if base in self.groups.exits.get(root, {}):
            self._exit(node, out, root, base)

    def _note_parameters(self, node: Node, pending: dict[str, int]) -> None:
        if node.op == NORM:
            roles = ("affine", "affine", "statistics", "statistics")
            found = [(role, self.claim(n)) for role, n in zip(roles, node.inputs[1:], strict=False)]
        elif node.op in LAYOUT or node.op in (
            "Clip",
            "DequantizeLinear",
            "QuantizeLinear",
            "Where",
            "Pow",
            "Max",
            "Min",
        ):
            return
        elif node.op in _ADDING:
            # A table of more dimensions, such as that of positions, is no bias.
            found = [("biases" if self._is_vector(n) else "weights", self.claim(n, False)) for n in node.inputs]
        else:
            found = [("affine", self.claim(n, explicit=False)) for n in node.inputs if self._is_vector(n)]
        for role, count in found:
            pending[role] = pending.get(role, 0) + count

    def _is_vector(self, name: str) -> bool:
        """Scales are vectors; tables of more dimensions (rotations, masks) are no parameters."""
        return sum(size > 1 for size in self.shapes.shapes.get(name, ())) == 1

    def _exit(self, node: Node, out: str, root: str, base: str) -> None:
        """Give a tensor that leaves its group a value: a row where it is not the root under another name."""
        if base != out and base in self.values:
            self.values[out] = self.values[base]
            return
        of = self.value(root, node)
        full = [e for e in self.groups.exits[root] if e not in self.groups.reduced]
        if base in self.groups.reduced:
            self._give(root, of.row)
            self.record(node, "pool", [of])
        elif base in self.groups.normed:
            self._give(root, self.record(node, "norm", [of], in_place=IN_PLACE))
        elif root in full or full[0] != base:
            self._give(root, self.record(node, "pointwise", [of], in_place=IN_PLACE))
        elif of.row is None and any(self.pending.get(root, {}).values()):
            # Constants that meet an input of the network.
            self._give(root, self.record(node, "norm", [of], in_place=IN_PLACE))
        else:
            self._give(root, of.row)
            self.values[out] = of
        self.values[base] = self.values[out]

    def _give(self, root: str, row: Row | None) -> None:
        for role, count in self.pending.pop(root, {}).items():
            if row is None:
                continue
            # Scale and shift of a norm are told together.
            role = "affine" if row.kind == "norm" and role == "biases" else role
            setattr(row, role, getattr(row, role) + count)
            if role == "weights" and row.matrix_read is not None:
                row.matrix_read += count


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


Handler = Callable[[Lowering, Node], None]
