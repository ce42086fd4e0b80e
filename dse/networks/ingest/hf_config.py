"""Language models described by a config.json of the Hugging Face hub, as points of a family."""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dse.errors import unknown
from dse.networks.ingest import hf_encoders  # noqa: F401 (records its readers)
from dse.networks.ingest.config_fields import Fields, read_json
from dse.networks.ingest.hf_readers import READERS, Axes
from dse.networks.models import Model, Published
from dse.networks.registration import FAMILIES, Family


def read_hf_config(path: Path) -> Model:
    """The model that a config.json describes, named as the file says or after it; not built yet.

    Raises
    ------
    InputError
        For a file that is no JSON, an unknown `model_type`, and every field that is missing, of another type, out of
        range or not supported, each with the file's name.
    """
    fields = read_json(path)
    kind = fields.values.get("model_type")
    if not isinstance(kind, str) or kind not in READERS:
        if kind is None:
            fields.fault("model_type", f"is missing; known: {', '.join(sorted(READERS))}")
        else:
            fields.faults.append(unknown("kind of network", str(kind)[:60], READERS, f"{path}: model_type"))
        fields.finish()
    text = fields.inner("text_config") if kind == "gemma3" else fields
    found = READERS[str(kind)]
    axes = found.axes(text)
    context = text.optional_count("context", "max_position_embeddings", "n_positions")
    fields.finish()
    axes = _without_defaults(axes, FAMILIES[found.family])
    source = str(path).encode("utf-8", "replace").decode()
    published = {} if context is None else {"context": Published(context, source)}
    note = "; ".join(filter(None, (found.note, _note(kind, text))))
    return Model(_name(path, fields), found.family, MappingProxyType(axes), source, note, published)


def _name(path: Path, fields: Fields) -> str:
    given = fields.values.get("_name_or_path")
    stem = path.absolute().parent.name if path.name == "config.json" else path.stem
    for candidate in (given, stem):
        last = re.split(r"[\\/]", candidate.rstrip("\\/"))[-1] if isinstance(candidate, str) else ""
        if name := re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.").lower():
            return name[:100]
    return "model"


def _note(kind: Any, text: Fields) -> str:
    notes = ["text tower only"] if kind == "gemma3" else []
    if text.optional_count("layers", "num_nextn_predict_layers"):
        notes.append("the layers that predict further tokens are left out")
    return "; ".join(notes)


def _without_defaults(axes: Axes, family: Family) -> Axes:
    """The axes without those that say what the family takes anyway."""
    defaults = family.defaults
    if axes.get("kv_heads") == axes["heads"]:
        del axes["kv_heads"]
    if axes.get("d_head") is not None and axes["d_head"] * axes["heads"] == axes["d_model"]:
        del axes["d_head"]
    if axes.get("positions") and axes["positions"] < defaults["context"]:
        axes["context"] = axes["positions"]
    ordered = (axis for axis in family.axes if axes.get(axis) is not None)
    return {axis: axes[axis] for axis in ordered if defaults.get(axis) != axes[axis]}
