"""Decoders described by the metadata of a .gguf file, as points of the family `decoder`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dse import glossary
from dse.errors import Fault, InputError, shown
from dse.networks.ingest.gguf_kinds import KINDS, Kind, shapes
from dse.networks.ingest.hf_config import without_defaults
from dse.networks.ingest.shards import whole_header
from dse.networks.models import Model, Published
from dse.networks.registration import FAMILIES
from dse.networks.tracing import trace
from dse.weights import Header, Stored

FAMILY = "decoder"
# Factors of the rotary embedding that are stored as a tensor.
_NO_PARAMETERS = re.compile(r"(rope_freqs|rope_factors_(long|short)|(blk\.\d+\.)?attn_rot_embd)\.weight")
_REQUIRED = {"layers": "block_count", "d_model": "embedding_length", "heads": "attention.head_count"}
_OPTIONAL = {
    "ffn": "feed_forward_length",
    "kv_heads": "attention.head_count_kv",
    "d_head": "attention.key_length",
    "experts": "expert_count",
    "active_experts": "expert_used_count",
    "expert_ffn": "expert_feed_forward_length",
    "window": "attention.sliding_window",
    "context": "context_length",
}
# Where a count of 0 says that there are none.
_NONE = ("experts", "active_experts", "expert_ffn", "window")
# Axes that are told by whether a tensor is there.
_BY_TENSOR = {
    "qkv_bias": ("blk.0.attn_q.bias", "blk.0.attn_qkv.bias"),
    "output_bias": ("blk.0.attn_output.bias",),
    "ffn_bias": ("blk.0.ffn_up.bias", "blk.0.ffn_up_exps.bias"),
    "router_bias": ("blk.0.ffn_gate_inp.bias",),
    "head_bias": ("output.bias",),
    "qk_norm": ("blk.0.attn_q_norm.weight",),
}
_MOST_TOLD = 5
# A head is the embedding's own matrix where a file has none apart; one that is there is stored and read for itself.
COPIED = "its head, a copy of the embedding that networks of this kind share, is stored apart and counted so"


def read_gguf_model(path: Path) -> Model:
    """The decoder of a .gguf file, or of one of the files of it, whose tensors are exactly those in the header.

    Raises
    ------
    InputError
        For a header that is not right, an architecture that is not known, a field that is missing or out of range,
        and tensors that are not those of the decoder that the metadata describe.
    """
    header = whole_header(path)
    where, fields = header.path, header.metadata
    architecture = str(fields.get("general.architecture"))
    if architecture not in KINDS:
        # The nearest name would be another network.
        problem = f"unknown architecture {shown(architecture)}; supported: {', '.join(KINDS)}"
        raise InputError(Fault(f"{where}: general.architecture", problem))
    kind = KINDS[architecture]
    axes, faults = _axes(header, architecture, kind)
    if faults:
        raise InputError(faults)
    context = axes.pop("context", None)
    axes = without_defaults(axes, FAMILIES[FAMILY], context)
    if axes["layers"] > len(header.tensors):
        # All tensors of all layers are compared below.
        problem = f"is {axes['layers']:,}; the file holds {len(header.tensors):,} tensors, and each layer has several"
        raise InputError(Fault(f"{where}: {architecture}.{_REQUIRED['layers']}", problem))
    try:
        built = trace(FAMILY, axes).params()
    except InputError as error:
        raise error.at(where) from None
    kept = {name: t for name, t in header.tensors.items() if not _NO_PARAMETERS.fullmatch(name)}
    if faults := list(_differing(header, kept, architecture, shapes(kind, axes, kept))):
        more = [Fault(where, f"and {len(faults) - _MOST_TOLD:,} tensors more")] if len(faults) > _MOST_TOLD else []
        raise InputError(faults[:_MOST_TOLD] + more)
    tensors = sum(t.elements for t in kept.values())
    if built != tensors:
        problem = f"its tensors hold {tensors:,} parameters, a {architecture} of its metadata {built:,.0f}"
        raise InputError(Fault(where, f"{problem}: not read as a model"))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.").lower() or "model"
    published = {"params": Published(tensors, path.name)}
    published |= {} if context is None else {"context": Published(context, path.name)}
    note = f"stored with {header.bits_per_weight:.4g} bits a weight"
    note += f"; {COPIED}" if kind.ties and not axes.get("tied") else ""
    return Model(name, FAMILY, MappingProxyType(axes), path.name, note, published)


def _axes(header: Header, architecture: str, kind: Kind) -> tuple[dict[str, Any], list[Fault]]:
    axes, faults = _counts(header, architecture)
    names = header.tensors
    embedding = names.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        faults.append(Fault(f"{header.path}: token_embd.weight", "is missing; needed: the matrix of the vocabulary"))
    else:
        axes["vocab"] = embedding.shape[1]
    experts = axes.get("experts")
    if experts:
        axes.setdefault("expert_ffn", axes.get("ffn"))
        axes.pop("ffn", None)
    if "expert_ffn" not in axes and "ffn" not in axes and not faults:
        key = f"{architecture}.{_OPTIONAL['ffn']}"
        faults.append(Fault(f"{header.path}: {key}", f"is missing; needed: {glossary.lookup('ffn').meaning}"))
    axes |= {axis: 1 for axis, given in _BY_TENSOR.items() if any(name in names for name in given)}
    axes |= {} if "output.weight" in names else {"tied": 1}
    if (positions := names.get("position_embd.weight")) and len(positions.shape) == 2:
        axes["positions"] = positions.shape[1]
    axes |= kind.axes
    axes |= _parallel(header, architecture)
    return axes | _window(kind, axes), faults


def _parallel(header: Header, architecture: str) -> dict[str, int]:
    """What of two parallel branches is told by the file: whether they are so, and whether they have norms apart."""
    if architecture == "gptneox":
        return {"parallel": int(bool(header.metadata.get("gptneox.use_parallel_residual", True)))}
    if architecture == "falcon":
        return {"shared_norm": int("blk.0.attn_norm_2.weight" not in header.tensors)}
    return {}


def _window(kind: Kind, axes: dict[str, Any]) -> dict[str, int]:
    """Layers with a window, where it is narrower than the context; takes it from the axes."""
    given = axes.pop("window", None)
    width, context, layers = given or kind.window, axes.get("context"), axes.get("layers")
    if kind.local is None or width is None or layers is None or (context is not None and width >= context):
        return {}
    return {"local_layers": kind.local(layers), "window": width}


def _counts(header: Header, architecture: str) -> tuple[dict[str, Any], list[Fault]]:
    """Axes that the metadata give as numbers, and what is wrong with them."""
    axes: dict[str, Any] = {}
    faults = []
    for axis, last in (_REQUIRED | _OPTIONAL).items():
        key = f"{architecture}.{last}"
        value, entry = header.metadata.get(key), glossary.lookup(axis)
        if value is None or (axis in _NONE and value == 0):
            if axis in _REQUIRED:
                faults.append(Fault(f"{header.path}: {key}", f"is missing; needed: {entry.meaning}"))
            continue
        try:
            if isinstance(value, bool) or not isinstance(value, int):
                given = f"a list of {value[0]:,}" if isinstance(value, list) else shown(value)
                raise InputError(f"{given} is not allowed; allowed: {entry.allowed()}")
            entry.check(value)
            axes[axis] = value
        except InputError as error:
            faults += error.at(f"{header.path}: {key}").faults
    return axes, faults


def _differing(
    header: Header, tensors: dict[str, Stored], architecture: str, wanted: dict[str, tuple[int, ...]]
) -> Iterator[Fault]:
    """What of the tensors is not as the metadata have it."""
    for name, shape in wanted.items():
        if name not in tensors:
            yield Fault(f"{header.path}: {name}", f"is missing; its metadata have a tensor of {_by(shape)}")
        elif tensors[name].shape != shape:
            yield Fault(f"{header.path}: {name}", f"is {_by(tensors[name].shape)}; by its metadata {_by(shape)}")
    for name in tensors:
        if name not in wanted:
            yield Fault(f"{header.path}: {name[:80]}", f"is no tensor of a {architecture} of its metadata")


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a single number"
