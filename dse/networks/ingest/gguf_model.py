"""Decoders described by the metadata of a .gguf file, as points of the family `decoder`."""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dse import glossary
from dse.errors import Fault, InputError, unknown
from dse.networks.models import Model, Published
from dse.networks.tracing import trace
from dse.weights import Header, read_header

ARCHITECTURES = ("llama", "qwen2", "qwen3")
# Factors of the rotary embedding that are stored as a tensor.
_NO_PARAMETERS = ("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")
_REQUIRED = {
    "layers": "block_count",
    "d_model": "embedding_length",
    "ffn": "feed_forward_length",
    "heads": "attention.head_count",
}
_OPTIONAL = {
    "kv_heads": "attention.head_count_kv",
    "d_head": "attention.key_length",
    "experts": "expert_count",
    "active_experts": "expert_used_count",
}


def read_gguf_model(path: Path) -> Model:
    """The decoder of a .gguf file, whose parameters are exactly those of the tensors in its header.

    Raises
    ------
    InputError
        For a header that is not right, an architecture that is not known, a field that is missing or out of range,
        and tensors whose parameters are not those of the decoder that the metadata describe.
    """
    header = read_header(path)
    axes, faults = _axes(header)
    if faults:
        raise InputError(faults)
    tensors = sum(t.elements for name, t in header.tensors.items() if name not in _NO_PARAMETERS)
    try:
        built = trace("decoder", axes).params()
    except InputError as error:
        raise error.at(str(path)) from None
    if built != tensors:
        kind = header.metadata["general.architecture"]
        problem = f"its tensors hold {tensors:,} parameters, a {kind} of its metadata {built:,.0f}: not read as a model"
        raise InputError(Fault(str(path), problem))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.").lower() or "model"
    source = path.name
    published = {"params": Published(tensors, source)}
    if isinstance(context := header.metadata.get(f"{header.metadata['general.architecture']}.context_length"), int):
        published["context"] = Published(context, source)
    note = f"stored with {header.bits_per_weight:.4g} bits a weight"
    return Model(name, "decoder", MappingProxyType(axes), source, note, published)


def _axes(header: Header) -> tuple[dict[str, Any], list[Fault]]:
    where, fields = header.path, header.metadata
    kind = fields.get("general.architecture")
    if kind not in ARCHITECTURES:
        return {}, [unknown("architecture", str(kind)[:60], ARCHITECTURES, f"{where}: general.architecture")]
    axes: dict[str, Any] = {}
    faults = []
    for axis, key in (_REQUIRED | _OPTIONAL).items():
        key = f"{kind}.{key}"
        value = fields.get(key)
        if value is None or (axis in ("experts", "active_experts") and value == 0):
            if axis in _REQUIRED:
                faults.append(Fault(f"{where}: {key}", f"is missing; needed: {glossary.lookup(axis).meaning}"))
            continue
        try:
            glossary.lookup(axis).check(value if isinstance(value, int) else float("nan"))
            axes[axis] = value
        except InputError as error:
            faults += error.at(f"{where}: {key}").faults
    embedding = header.tensors.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        faults.append(Fault(f"{where}: token_embd.weight", "is missing; needed: the matrix of the vocabulary"))
    else:
        axes["vocab"] = embedding.shape[1]
    given = {
        "tied": "output.weight" not in header.tensors,
        "qkv_bias": "blk.0.attn_q.bias" in header.tensors,
        "qk_norm": "blk.0.attn_q_norm.weight" in header.tensors,
    }
    return axes | {axis: 1 for axis, holds in given.items() if holds}, faults
