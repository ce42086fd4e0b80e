"""What is in a file: a model, or the header of weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dse.errors import Fault, InputError, unknown


def is_file(name: str) -> bool:
    """Whether a name is that of a file that `file_facts` knows."""
    from dse.networks.models import SUFFIXES

    return name.endswith(SUFFIXES)


def file_facts(name: str, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Facts of the model in a file, of the header of weights, or of both.

    Raises
    ------
    InputError
        For a file that is not right, a dynamic dimension without a size, and a setting that is none.
    """
    from pathlib import Path

    from dse.networks import find_model
    from dse.networks.ingest.shards import INDEX

    found = []
    if name.endswith((".safetensors", ".gguf", INDEX)):
        found.append(_header(Path(name)))
        if name.endswith(".gguf") and not _is_known(found[0]):
            without_settings(settings, name)
            return found
    found.append(_model(name, find_model(name), settings))
    return found


def without_settings(settings: Mapping[str, Any], name: str) -> None:
    """Refuse sizes of dimensions of a file that has no dynamic ones."""
    if settings:
        raise InputError(Fault(name, "has no dynamic dimensions to set"))


def _is_known(header: Mapping[str, Any]) -> bool:
    from dse.networks.ingest.gguf_kinds import KINDS

    return header.get("architecture") in KINDS


def _header(path: Any) -> dict[str, Any]:
    from dse.networks.ingest.shards import INDEX, whole_header
    from dse.weights.headers import read_header

    # Of one file of several, what is in it.
    header = whole_header(path) if path.name.endswith(INDEX) else read_header(path)
    facts = {"kind": f"header of a {header.format} file", "name": path.name}
    if kind := header.metadata.get("general.architecture"):
        facts["architecture"] = str(kind)[:60]
    types = {
        kind: f"{tensors:,} tensors, {elements:,} elements, {8 * size / elements if elements else 0:.4g} bits each"
        for kind, (tensors, elements, size) in header.types().items()
    }
    return {
        **facts,
        "params": header.params,
        "weights": {"value": header.size, "unit": "B"},
        "bits_per_weight": {"value": header.bits_per_weight, "unit": "bit"},
        "types": types,
        "note": "elements as stored: a packed format in integers (I32, U8) holds several weights in one",
    }


def _model(name: str, model: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    from dse.cli.show_command import model_facts

    if model.own_family is None:
        without_settings(settings, name)
        return model_facts(model)
    model, remarks = with_sizes(model, settings, name)
    try:
        facts = model_facts(model)
    except InputError as error:
        raise error if str(error).startswith(name) else error.at(name) from None
    return {**facts, "note": remarks}


def with_sizes(model: Any, settings: Mapping[str, Any], name: str) -> tuple[Any, str]:
    """A model that a file holds whole, at sizes of its dynamic dimensions; and what is not counted of it.

    Raises
    ------
    InputError
        For a dimension that it does not have, and one without a size.
    """
    family = model.own_family
    if not family.own_axes:
        without_settings(settings, name)
        return model, model.note
    known = family.own_axes
    faults = [unknown("dynamic dimension", axis, known, name) for axis in settings if axis not in known]
    faults += [
        Fault(name, f"needs the size of {axis} ({family.builder.graph.dynamic[axis]}): --set {axis}=...")
        for axis in family.required
        if axis not in settings
    ]
    if faults:
        raise InputError(faults)
    return replace(model, axes=dict(settings)), family.builder.remarks(settings)
