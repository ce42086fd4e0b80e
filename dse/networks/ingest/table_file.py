"""A network of ops written as a table of layers (see `ops_table`), one row a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from dse.networks.ingest.ops_table import INPUT, NOTHING
from dse.networks.models import toml_text
from dse.networks.ops import Op
from dse.networks.tensors import Tensor
from dse.networks.tracing import Trace

_STORED = ("weights", "biases", "affine", "statistics")
Row = Mapping[str, str | int]


def rows_of(table: Trace) -> list[Row]:
    """The rows of a traced network whose ops run once each: layers with their names, what they read, and counts.

    Inputs of the network become rows of their own. Names are made unique, and fit for `reads`.
    """
    names: dict[Tensor, str] = {}
    taken: set[str] = set()
    rows: list[Row] = []
    for op in table.ops:
        for tensor in op.reads:
            if tensor.buffer not in names:
                name = names[tensor.buffer] = _unique("input", taken)
                rows.append({"name": name, "kind": INPUT, "outputs": _whole(tensor.buffer.elements)})
        before = rows[-1]["name"] if rows else None
        reads = " ".join(_read(tensor, names) for tensor in op.reads) or NOTHING
        name = names[op.writes] = _unique(re.sub(r"[\s:]+", "_", op.name) or op.kind, taken)
        given = {} if reads == before else {"reads": reads}
        rows.append({"name": name, "kind": op.kind, **given, **_counts(op)})
    return rows


def table_toml(rows: Iterable[Row], remarks: Iterable[str] = ()) -> str:
    """Rows as a TOML file, after remarks of one line each."""
    lines = [f"# {' '.join(remark.split())}" for remark in remarks if remark]
    for row in rows:
        cells = (f"{column} = {toml_text(v) if isinstance(v, str) else f'{v:_}'}" for column, v in row.items())
        lines.append(f"  {{ {', '.join(cells)} }},")
    place = len(lines) - sum(line.startswith("  {") for line in lines)
    return "\n".join([*lines[:place], "op = [", *lines[place:], "]", ""])


def _unique(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken or found == NOTHING:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found


def _read(tensor: Tensor, names: Mapping[Tensor, str]) -> str:
    name, whole, part = names[tensor.buffer], _whole(tensor.buffer.elements), _whole(tensor.elements)
    return name if part == whole else f"{name}:{part}"


def _counts(op: Op) -> dict[str, int]:
    counts = {"outputs": _whole(op.writes.elements), "macs": _whole(op.count("macs"))}
    counts["scores"] = _whole(op.scores_per_position * op.writes.positions)
    counts |= {name: _whole(getattr(op, name)) for name in _STORED}
    found = {name: count for name, count in counts.items() if count or name == "outputs"}
    if op.matrix_read is not None and op.matrix_read != op.weights:
        found["matrix_read"] = _whole(op.matrix_read)
    return found if op.tiled_macs is None else found | {"winograd_macs": _whole(op.tiled_macs)}


def _whole(count: Any) -> int:
    return round(float(count))
