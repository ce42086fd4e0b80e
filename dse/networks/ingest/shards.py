"""Files that hold the weights of one network together."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dse.errors import Fault, InputError, few, shown
from dse.networks.ingest.config_fields import read_json
from dse.weights import Header, read_header

# model.safetensors.index.json: which of several files holds which tensor
INDEX = ".index.json"
_MOST_OF_INDEX = 100 * 2**20

# model-00001-of-00003.safetensors, model-00001-of-00003.gguf
_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\.[a-z]+)")
_MOST = 10_000


def whole_header(path: Path) -> Header:
    """The header of a file of weights, with the tensors of all files of its network: those of its index, of its name.

    The metadata are those of the first file. InputError where a header is not right, a file is missing, two hold the
    same tensor, or one lacks a tensor that the index has in it.
    """
    if path.name.endswith(INDEX):
        return _indexed(path)
    headers = [read_header(part) for part in _named(path)]
    return _together(path, headers)


def _together(path: Path, headers: Sequence[Header]) -> Header:
    found: dict[str, Any] = {}
    for header in headers:
        if twice := sorted(found.keys() & header.tensors.keys()):
            raise InputError(Fault(f"{header.path}: {twice[0][:80]}", "stands in another file of the network, too"))
        found |= header.tensors
    return replace(headers[0], path=str(path), tensors=found)


def _named(path: Path) -> list[Path]:
    """All files of the network that one is part of, by its name."""
    found = _SHARD.fullmatch(path.name)
    if found is None or int(found[3]) > _MOST:
        return [path]
    names = [f"{found[1]}-{n:05}-of-{found[3]}{found[4]}" for n in range(1, int(found[3]) + 1)]
    return _beside(path, names, f"is one of {len(names)} files of a network")


def _beside(path: Path, names: Sequence[str], what: str) -> list[Path]:
    if missing := [name for name in names if not os.path.isfile(path.with_name(name))]:
        told = few((shown(name) for name in missing), 8)
        raise InputError(Fault(str(path), f"{what}; missing beside it: {told}"))
    return [path.with_name(name) for name in names]


def _indexed(path: Path) -> Header:
    """The tensors of an index, each from the file that the index has it in."""
    places = read_json(path, _MOST_OF_INDEX, once=True).values.get("weight_map")
    if not isinstance(places, dict) or not places:
        raise InputError(
            Fault(f"{path}: weight_map", f"{shown(places)} is not allowed; allowed: tensors and their files")
        )
    if faults := list(_foreign(path, places)):
        raise InputError(faults)
    names = list(dict.fromkeys(places.values()))
    files = _beside(path, names, "is the index of a network in several files")
    headers = dict(zip(names, map(read_header, files), strict=True))
    absent = [(tensor, name) for tensor, name in places.items() if tensor not in headers[name].tensors]
    if absent:
        raise InputError(
            [Fault(f"{path}: {tensor[:80]}", f"is not in {name}, where it should be") for tensor, name in absent]
        )
    whole = _together(path, list(headers.values()))
    return replace(whole, tensors={tensor: whole.tensors[tensor] for tensor in places})


def _foreign(path: Path, places: dict[str, Any]) -> Iterator[Fault]:
    """What an index names that is no .safetensors in its own folder."""
    names = {shown(name): name for name in places.values()}
    for told, name in names.items():
        if not isinstance(name, str) or not name.endswith(".safetensors"):
            yield Fault(f"{path}: weight_map", f"{told} is not allowed; allowed: names of .safetensors files")
        elif re.search(r"[/\\\0]", name):
            yield Fault(f"{path}: weight_map", f"{told} is not in the folder of the index; refused")
