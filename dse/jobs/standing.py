"""What stands in the folder of a result: its files, its manifest, and whether they are as they were written."""

from __future__ import annotations

import json
import tomllib
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dse.catalogue import opened, read_at_most
from dse.errors import InputError
from dse.jobs.files import ASSUMPTIONS, MANIFEST, READ

_MOST_BYTES = 64 * 2**20


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a finished result, None where there is none."""
    manifest: dict[str, Any] | None = _document(folder / MANIFEST)
    if manifest is not None and (wrong := _check(manifest)):
        problem = f"is not the manifest of a result ({wrong}); remove the folder, or choose another with --out"
        raise InputError(f"{folder / MANIFEST}: {problem}")
    return manifest


def listed_files(folder: Path) -> list[Any]:
    """What the manifest in a folder names as files, whatever else it says; nothing where there is none."""
    manifest = _document(folder / MANIFEST)
    files = manifest.get("files") if isinstance(manifest, dict) else None
    return files if isinstance(files, list) else []


def _document(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def read_assumptions(folder: Path) -> dict[str, Any]:
    """The assumptions that a result keeps."""
    try:
        return tomllib.loads(_text(folder / ASSUMPTIONS))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / ASSUMPTIONS}: cannot be read: {error}") from None


def _text(path: Path) -> str:
    """The text of a file of a result: a few KiB, more where it holds what a network was read from."""
    return read_at_most(path, _MOST_BYTES).decode("utf-8")


def checksum(path: Path) -> str:
    """CRC-32 of a file, as manifests hold it."""
    total = 0
    with opened(path) as file:
        while part := file.read(2**20):
            total = zlib.crc32(part, total)
    return f"{total:08x}"


def checksums(folder: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """The checksums of the files of a result that is being written, and of what its manifest says besides."""
    return {name: checksum(folder / name) for name in READ if (folder / name).exists()} | {MANIFEST: _own(manifest)}


def _own(manifest: Mapping[str, Any]) -> str:
    content = {name: value for name, value in manifest.items() if name != "checksums"}
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"


def damages(folder: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Of the files that a result is read from those that are not as they were written, and what is wrong with them."""
    for name, known in manifest.get("checksums", {}).items():
        try:
            found = _own(manifest) if name == MANIFEST else checksum(folder / name)
        except FileNotFoundError:
            yield name, "is missing"
        except OSError as error:
            yield name, f"cannot be read: {error.strerror or error}"
        else:
            if found != known:
                yield name, "is damaged, or of another result"


def _check(manifest: Any) -> str:
    """What is wrong with the content of a manifest, "" where nothing is that any reader relies on."""
    from pydantic import ValidationError

    from dse.jobs.manifest_schema import Manifest

    try:
        Manifest.model_validate(manifest)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg'][:80]}"[:160]
    return ""
