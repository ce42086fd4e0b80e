"""Networks of files as plain data, so that a result needs the files no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dse.errors import Fault, InputError
from dse.networks.models import Model, as_entry, from_entry

# What tells the layers of a network that is no point of a family.
ROWS, ONNX = "rows", "onnx"


def held(model: Model) -> dict[str, Any]:
    """A model as plain data, that `from_held` makes the same model of: of a family its axes, else its layers."""
    if model.own_family is None:
        return as_entry(model)
    return {"source": model.source, "note": model.note, **model.layers}


def from_held(name: str, entry: Mapping[str, Any]) -> Model:
    """The model of what `held` gave, which was read from the file `name`.

    Raises
    ------
    InputError
        For what is no such data.
    """
    # Readers are not needed where no file is held.
    from dse.networks.ingest import onnx_model, ops_table

    if not isinstance(entry, Mapping):
        raise InputError("is not a table")
    if ROWS in entry:
        rows = entry[ROWS]
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise InputError(Fault(ROWS, "is not a list of tables"))
        model = ops_table.table_model(rows, Path(name))
    elif ONNX in entry:
        model = onnx_model.from_text(str(entry[ONNX]), Path(name))
    else:
        return from_entry(Path(name).stem, entry)
    source, note = (str(entry.get(key, "")) for key in ("source", "note"))
    family = replace(model.builds_from, source=source)
    return replace(model, source=source, note=note, own_family=family, layers=MappingProxyType(dict(model.layers)))
