"""The fields of a config.json, read with their types and ranges checked; every fault is collected."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dse import glossary
from dse.catalogue import read_at_most
from dse.errors import Fault, InputError
from dse.weights import once_each

# Such a file has a few KiB; anything near this size is something else.
MOST_BYTES = 16 * 2**20


class Fields:
    """Fields of one object of a JSON file. Where a field is wrong, 1 stands for it until `finish` tells all faults."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self.values = values
        self.where = where
        self.faults: list[Fault] = []

    def inner(self, name: str, defaults: Mapping[str, Any] = MappingProxyType({})) -> Fields:
        """The fields of an object inside this one, and `defaults` for those that it leaves out; they share their
        faults."""
        value = self.values.get(name)
        if not isinstance(value, Mapping):
            self.fault(name, f"{_shown(value)} is not allowed; allowed: an object of fields")
            value = {}
        found = Fields({**defaults, **value}, f"{self.where}: {name}")
        found.faults = self.faults
        return found

    def fault(self, name: str, problem: str) -> None:
        """Note what is wrong with a field."""
        self.faults.append(Fault(f"{self.where}: {name}", problem))

    def count(self, axis: str, *names: str, default: int | None = None) -> int:
        """The first of the fields that is given: an integer that the glossary allows for the axis."""
        value = self.optional_count(axis, *names)
        if value is not None:
            return value
        if default is None:
            entry = glossary.lookup(axis)
            self.fault(" or ".join(names), f"is missing; needed: {entry.meaning}, {entry.allowed()}")
            return 1
        return default

    def optional_count(self, axis: str, *names: str) -> int | None:
        """As `count`, but None where no field is given, or null."""
        name = next((name for name in names if self.values.get(name) is not None), None)
        if name is None:
            return None
        value, entry = self.values[name], glossary.lookup(axis)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fault(name, f"{_shown(value)} is not allowed; allowed: {entry.allowed()}")
            return 1
        try:
            # A float that large is no count of anything, and would not convert.
            entry.check(float(value) if abs(value) < 2**63 else float("nan"))
        except InputError:
            self.fault(name, f"{_shown(value)} is not allowed; allowed: {entry.allowed()}")
            return 1
        return int(value)

    def flag(self, name: str, default: bool) -> int:
        """1 for true, 0 for false; null is the default."""
        value = self.values.get(name)
        if value is None:
            return int(default)
        if not isinstance(value, bool):
            self.fault(name, f"{_shown(value)} is not allowed; allowed: true, false")
        return int(value is True)

    def texts(self, name: str, allowed: Sequence[str]) -> list[str] | None:
        """A list of texts out of those allowed; None where it is not given."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or any(text not in allowed for text in value):
            self.fault(name, f"{_shown(value)} is not allowed; allowed: a list of {', '.join(allowed)}")
            return []
        return value

    def only(self, name: str, allowed: Any, default: Any, problem: str) -> None:
        """Refuse every value of a field but one."""
        value = self.values.get(name, default)
        if value is not None and value != allowed:
            self.fault(name, f"{_shown(value)} is not supported: {problem}; supported: {json.dumps(allowed)}")

    def finish(self) -> None:
        """Raise InputError with the faults of all fields."""
        if self.faults:
            raise InputError(self.faults)


def read_json(path: Path, most: int = MOST_BYTES, once: bool = False) -> Fields:
    """The fields of a JSON file of at most so many bytes; with `once`, a field that is given twice is refused.

    Raises
    ------
    InputError
        For a file that cannot be read, is too large, or holds no JSON object.
    """
    where = str(path)
    try:
        content = read_at_most(path, most)
        if len(content) > most:
            raise InputError(Fault(where, f"larger than {most // 2**20} MiB, so it is no {path.name[:80]}"))
        pairs = once_each if once else None
        values = json.loads(content.decode("utf-8-sig"), parse_constant=_refuse, object_pairs_hook=pairs)
    except OSError as error:
        raise InputError(Fault(where, f"cannot be read: {error.strerror}")) from None
    except (ValueError, RecursionError) as error:
        problem = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(Fault(where, f"cannot be read as JSON: {problem}")) from None
    if not isinstance(values, dict):
        raise InputError(Fault(where, f"holds {_shown(values)}; allowed: an object of fields"))
    return Fields(values, where)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _shown(value: Any) -> str:
    # Only the start: a list or a text of megabytes helps nobody.
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):
        text = "a value of a size beyond all use"
    return text if len(text) <= 60 else f"{text[:57]}..."
