"""Networks described by files of others, read as points of a family or as a family of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from dse.networks.ingest.gguf_model import read_gguf_model
from dse.networks.ingest.hf_config import read_hf_config
from dse.networks.ingest.onnx_model import read_onnx
from dse.networks.ingest.ops_table import read_table
from dse.networks.ingest.safetensors_model import read_safetensors
from dse.networks.ingest.shards import INDEX
from dse.networks.models import Model


def _read_json(path: Path) -> Model:
    """The model of a config.json, or of an index of weights."""
    return read_safetensors(path) if path.name.endswith(INDEX) else read_hf_config(path)


# What reads a model from a file, by its suffix; of TOML files those that hold a table of layers.
READERS: Mapping[str, Callable[[Path], Model]] = MappingProxyType(
    {
        ".csv": read_table,
        ".gguf": read_gguf_model,
        ".json": _read_json,
        ".onnx": read_onnx,
        ".safetensors": read_safetensors,
        ".toml": read_table,
    }
)

__all__ = ["READERS", "read_gguf_model", "read_hf_config", "read_onnx", "read_safetensors", "read_table"]
