"""Networks of .safetensors files: of the config.json beside one, or, without it, a layer for each stored matrix."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from dse.errors import Fault, InputError
from dse.networks.ingest.hf_config import read_hf_config
from dse.networks.ingest.ops_table import table_model
from dse.networks.ingest.shards import whole_header
from dse.networks.models import Model, Published
from dse.networks.tracing import trace
from dse.weights import Header, Stored

CONFIG = "config.json"
NO_GRAPH = "holds weights alone: each matrix once in the order of its tensors, without attention, maps and graph"
# What is stored beside parameters: frequencies of rotary embeddings, masks and positions, counters of batch norms.
_NO_PARAMETERS = re.compile(r"(^|\.)(inv_freq|position_ids|masked_bias|num_batches_tracked)$|\.attn\.bias$")
_STATISTICS = ("running_mean", "running_var")
_FLOATS = ("F64", "F32", "F16", "BF16")
_TABLES = re.compile(r"embed|(^|\.)w[tp]e\.")


def read_safetensors(path: Path) -> Model:
    """The network of a .safetensors file, or of the index of several (model.safetensors.index.json): that of a
    config.json beside it, whose parameters must be those stored.

    Without such a file it is a table of layers, since weights do not say how they are used.

    Raises
    ------
    InputError
        For a header that is not right, a file of the same network that is missing, a config.json that is not right, and
        parameters that are not those of the network that it describes.
    """
    header = whole_header(path)
    config = path.with_name(CONFIG)
    return _described(header, config) if config.is_file() else _table(header, path)


def _described(header: Header, config: Path) -> Model:
    model = read_hf_config(config)
    try:
        built = trace(model.family, model.axes).params()
    except InputError as error:
        raise error.at(str(config)) from None
    layers = int(model.axes.get("layers", 0)) or math.inf
    kept = [t for name, t in header.tensors.items() if not _NO_PARAMETERS.search(name) and _layer(name) < layers]
    stored, size = sum(t.elements for t in kept), sum(t.size for t in kept)
    packed = any(t.type not in _FLOATS for t in kept)
    if not packed and stored != built:
        problem = f"its tensors hold {stored:,} parameters, the network of {config} {built:,.0f}: not read as a model"
        raise InputError(Fault(header.path, problem))
    exact = {} if packed else {"params": Published(stored, Path(header.path).name)}
    note = f"stored with {8 * size / built:.4g} bits a weight"
    return replace(
        model,
        note="; ".join(filter(None, (model.note, note))),
        published=MappingProxyType({**model.published, **exact}),
    )


def _layer(name: str) -> int:
    """The number of the layer of a tensor; layers beyond those of the network predict further tokens."""
    number = re.search(r"(?:^|\.)layers\.(\d{1,9})\.", name)
    return int(number[1]) if number else -1


def _table(header: Header, path: Path) -> Model:
    rows = list(_rows(header.tensors))
    if not any("macs" in row for row in rows):
        raise InputError(Fault(str(path), f"holds no matrix, and no {CONFIG} stands beside it: not read as a model"))
    note = f"{NO_GRAPH}; stored with {header.bits_per_weight:.4g} bits an element"
    return replace(table_model(rows, path), note=note)


def _rows(tensors: Mapping[str, Stored]) -> Iterator[dict[str, str | int]]:
    """A layer for each tensor of two or more dimensions, with the vectors of the same module."""
    vectors: dict[str, dict[str, int]] = {}
    matrices = {n: t for n, t in tensors.items() if len(t.shape) >= 2 and t.elements and not _NO_PARAMETERS.search(n)}
    modules = {name.rpartition(".")[0] for name in matrices}
    for name, tensor in tensors.items():
        if name not in matrices and tensor.elements and not _NO_PARAMETERS.search(name):
            module, _, last = name.rpartition(".")
            role = "statistics" if last in _STATISTICS else "biases" if module in modules else "affine"
            counts = vectors.setdefault(module, {})
            counts[role] = counts.get(role, 0) + tensor.elements
    first = True
    for name, tensor in matrices.items():
        out, inner = tensor.shape[0], tensor.elements // tensor.shape[0]
        found = vectors.pop(name.rpartition(".")[0], {})
        row: dict[str, str | int] = {"name": re.sub(r"\s+", "_", name), "weights": tensor.elements, **found}
        if _TABLES.search(name):
            yield {**row, "kind": "embedding", "outputs": inner, "matrix_read": inner, "reads": "-"}
        else:
            start = {"inputs": inner} if first else {}
            yield {**row, "kind": "linear", "outputs": out, "macs": tensor.elements, **start}
        first = False
    for module, found in vectors.items():
        yield {"name": f"{module or 'vectors'}", "kind": "norm", "outputs": sum(found.values()), **found}
