"""The document of a spec: a TOML file or a mapping as plain data, with single keys replaced."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dse.catalogue import has_more_keys, read_at_most
from dse.errors import Fault, InputError, nearest
from dse.jobs.names import MOST_KEYS, MOST_NAMES, MOST_NETWORKS

MOST_BYTES = 10 * 2**20
# The deepest table of a spec is one of four.
MOST_DEPTH = 40
# A key of so many parts, which takes a parser time in the square of its length.
_LONG_KEY = re.compile(rb"""(?<![\w-])(?:["']?[\w-]+["']?[ \t]*\.[ \t]*){%d}""" % MOST_DEPTH)
_KEYS = f"has more than {MOST_KEYS:,} keys"
_NESTED = "is not a spec: its values are nested too deeply"
_ABSURD = "is not a spec: it holds an integer of thousands of digits"


def read_document(
    source: str | os.PathLike[str] | Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], str]:
    """The content of a spec, and the name that faults are told under: the file, "" for a mapping.

    Parameters
    ----------
    source
        Path of a TOML file, or a mapping of the same shape; the mapping itself is left alone. Files that a TOML file
        names (models, weights) are looked for beside it first.
    settings
        Values that replace those at dotted keys: {"budgets.peak_sram": "256 KiB"}.

    Raises
    ------
    InputError
        For a file that cannot be read or is no TOML, and for a setting below a key that is no table.
    """
    if isinstance(source, Mapping):
        if _depth(source) > MOST_DEPTH:
            raise InputError(_NESTED)
        document, origin = _plain(source), ""
    elif not isinstance(source, (str, os.PathLike)):
        raise InputError(f"{source!r:.60} is not a spec; give the path of a TOML file, a mapping or a Spec")
    else:
        path, origin = Path(source), str(source)
        document = _parse(read_bounded(path, MOST_BYTES, "the TOML file of a spec", "a spec"), path)
        if _depth(document) > MOST_DEPTH:
            raise InputError(Fault(origin, _NESTED))
        document = on_files(document, partial(_beside, path.parent))
    if len(settings or ()) > MOST_NAMES:
        raise InputError(f"{len(settings or ()):,} settings of single keys; at most {MOST_NAMES:,}")
    for key, value in (settings or {}).items():
        _replace(document, key, _plain(value))
    if settings and _depth(document) > MOST_DEPTH:
        raise InputError(Fault(origin, _NESTED))
    if _is_absurd(document):
        raise InputError(Fault(origin, _ABSURD))
    if faults := [fault.under(origin) for fault in _too_large(document)]:
        raise InputError(faults)
    return document, origin


def on_files(document: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The document with `change` done to what it names as files: models of networks, and weights of number formats."""
    document, networks, precision = dict(document), document.get("network"), document.get("precision")
    if isinstance(networks, list):
        document["network"] = [_changed(network, "model", change) for network in networks]
    else:
        document["network"] = _changed(networks, "model", change)
    if isinstance(precision, Mapping):
        document["precision"] = {name: _changed(table, "weights", change) for name, table in precision.items()}
    return {key: value for key, value in document.items() if value is not None}


def _changed(table: Any, key: str, change: Callable[[str], str]) -> Any:
    given = table.get(key) if isinstance(table, Mapping) else None
    if isinstance(given, list):
        return {**table, key: [change(name) if isinstance(name, str) else name for name in given]}
    return {**table, key: change(given)} if isinstance(given, str) else table


def _beside(folder: Path, name: str) -> str:
    """A file that lies in the folder of the spec; any other name as it is."""
    file, separator, _ = name.partition(".safetensors:")
    try:
        found = (folder / (f"{file}.safetensors" if separator else name)).is_file()
    except (OSError, ValueError):
        found = False
    return str(folder / name) if found else name


def _plain(value: Any) -> Any:
    """The value with its own mappings and lists, arrays as lists."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [_plain(v) for v in value] if isinstance(value, (list, tuple, range)) else value


def _depth(value: Any) -> int:
    """How deep tables and lists are nested, as far as it is of interest."""
    level, depth = [value], 0
    while level and depth <= MOST_DEPTH:
        inside = (v.values() if isinstance(v, Mapping) else v for v in level if isinstance(v, (Mapping, list, tuple)))
        level, depth = [v for values in inside for v in values], depth + 1
    return depth


def _is_absurd(value: Any) -> bool:
    """Whether there is an integer in it that no float holds: nothing can be done with it, not even print it."""
    if isinstance(value, (dict, list)):
        return any(map(_is_absurd, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and value.bit_length() > 1024


def _too_large(document: Mapping[str, Any]) -> Iterator[Fault]:
    """What is told of tables of more keys, lists of more tables, and specs of more keys, than anybody writes."""
    keys, tables = 0, [("", document)]
    for where, table in tables:
        keys += len(table)
        if where and len(table) > MOST_NAMES:
            yield Fault(where, f"a table of {len(table):,} keys; at most {MOST_NAMES:,}")
        elif keys > MOST_KEYS:
            yield Fault("", _KEYS)
            return
        else:
            tables += _tables_in(table, where)
    networks = document.get("network")
    if isinstance(networks, list) and len(networks) > MOST_NETWORKS:
        yield Fault("network", f"{len(networks):,} networks; at most {MOST_NETWORKS:,}")


def _tables_in(table: Mapping[str, Any], where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables in a table and in its lists, each with its dotted key."""
    for name, value in table.items():
        key = ".".join(filter(None, (where, str(name))))
        for inner in value if isinstance(value, list) else (value,):
            if isinstance(inner, Mapping):
                yield key, inner


def _nearest_file(path: Path) -> str:
    """The file of the same kind in the same folder whose name is nearest to one that is not there, as a question."""
    try:
        # All have the suffix, which says nothing of how near they are.
        known = {p.stem: p.name for p in path.parent.glob(f"*{path.suffix}")}
    except (OSError, ValueError, NotImplementedError):
        return ""
    near = nearest(path.stem, known)
    found = next((name for stem, name in known.items() if near is not None and stem.lower() == near.lower()), None)
    return f"; did you mean {str(path.with_name(found))!r}?" if found else ""


def read_bounded(path: Path, most: int, wanted: str, short: str) -> bytes:
    """The content of a file of at most `most` bytes; `wanted` and `short` name it in what a user is told.

    Raises
    ------
    InputError
        When it is not there, a folder, larger, or cannot be read.
    """
    try:
        content = read_at_most(path, most)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file{_nearest_file(path)}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; give {wanted}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > most:
        raise InputError(f"{path}: more than {most / 2**20:.4g} MiB; {short} is shorter")
    return content


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    if _LONG_KEY.search(content):
        raise InputError(f"{path}: {_NESTED}")
    if has_more_keys(content, MOST_KEYS):
        raise InputError(f"{path}: {_KEYS}")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        problem = "is not a text in UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem = f"is not valid TOML: {error}"
    except RecursionError:
        problem = _NESTED
    except ValueError:
        problem = _ABSURD
    raise InputError(f"{path}: {problem}")


def _replace(document: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for number, part in enumerate(parents):
        inner = document.setdefault(part, {})
        if isinstance(inner, list) and all(isinstance(table, dict) for table in inner):
            _replace_in(inner, key, [*parents[number + 1 :], last], value)
            return
        document = inner
        if not isinstance(document, dict):
            raise InputError(f"{key}: cannot be set, since {part!r} is a value and no table")
    document[last] = value


def _replace_in(tables: list[dict[str, Any]], key: str, rest: list[str], value: Any) -> None:
    """Set a key of one of several tables, which is known by its name: network.detector.width."""
    for end in range(1, len(rest)):
        named = [t for t in tables if t.get("name") == ".".join(rest[:end])]
        if named:
            _replace(named[0], ".".join(rest[end:]), value)
            return
    names = ", ".join(str(t["name"]) for t in tables if "name" in t) or "none has a name"
    raise InputError(f"{key}: cannot be set: of several tables name one; the names are {names}")
