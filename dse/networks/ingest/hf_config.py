"""Language models described by a config.json of the Hugging Face hub, as points of a family."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from dse.errors import unknown
from dse.networks.ingest import hf_encoders, hf_gated, hf_plain, hf_towers  # noqa: F401 (they record readers)
from dse.networks.ingest.config_fields import Fields, read_json
from dse.networks.ingest.hf_quantization import quantised
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
    fields = read_json(path, once=True)
    kind = fields.values.get("model_type")
    if not isinstance(kind, str) or kind not in READERS:
        if kind is None:
            fields.fault("model_type", f"is missing; known: {', '.join(sorted(READERS))}")
        else:
            fields.faults.append(unknown("kind of network", str(kind)[:60], READERS, f"{path}: model_type"))
        fields.finish()
    found = READERS[str(kind)]
    axes = found.axes(fields)
    text = fields.inner("text_config") if isinstance(fields.values.get("text_config"), Mapping) else fields
    context = text.optional_count("context", "max_position_embeddings", "n_positions")
    notes = (found.note, _predicted(text), quantised(fields))
    fields.finish()
    axes = without_defaults(axes, FAMILIES[found.family], context)
    source = str(path).encode("utf-8", "replace").decode()
    published = {} if context is None else {"context": Published(context, source)}
    note = "; ".join(filter(None, notes))
    return Model(_name(path, fields), found.family, MappingProxyType(axes), source, note, published)


def _name(path: Path, fields: Fields) -> str:
    given = fields.values.get("_name_or_path")
    stem = path.absolute().parent.name if path.name == "config.json" else path.stem
    for candidate in (given, stem):
        last = re.split(r"[\\/]", candidate.rstrip("\\/"))[-1] if isinstance(candidate, str) else ""
        if name := re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.").lower():
            return name[:100]
    return "model"


def _predicted(text: Fields) -> str:
    several = text.optional_count("layers", "num_nextn_predict_layers")
    return "the layers that predict further tokens are left out" if several else ""


def without_defaults(axes: Axes, family: Family, most: int | None = None) -> Axes:
    """The axes of a model without those that say what the family takes anyway; its context is `most` at most.

    Learned positions bound the context, too, but some of them may never be used.
    """
    defaults = family.defaults
    for tower in ("", "text_"):
        heads, kv_heads, d_head, d_model = (axes.get(tower + n) for n in ("heads", "kv_heads", "d_head", "d_model"))
        if heads is not None and kv_heads == heads:
            del axes[f"{tower}kv_heads"]
        if heads is not None and d_head is not None and d_head * heads == d_model:
            del axes[f"{tower}d_head"]
    if axes.get("positions"):
        context = min(axes["positions"], most or axes["positions"])
        axes |= {"context": context} if context < defaults["context"] else {}
    ordered = (axis for axis in family.axes if axes.get(axis) is not None)
    return {axis: axes[axis] for axis in ordered if defaults.get(axis) != axes[axis]}
