"""The spec of a job: the shape of the TOML file. What its names mean is resolved in `dse.jobs.resolve`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dse.errors import Fault, InputError, nearest

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Names = str | list[str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(_Strict):
    """A family with axes, or a model of the zoo; every other key is an axis of the family."""

    model_config = ConfigDict(extra="allow", frozen=True)
    family: str | None = None
    model: str | None = None

    @property
    def axes(self) -> dict[str, Any]:
        """The axes given."""
        return dict(self.model_extra or {})


class Precision(_Strict):
    """Number formats."""

    scheme: Names = "fp32"


class Hardware(_Strict):
    """Devices."""

    device: Names | None = None


class Objectives(_Strict):
    """What to minimise and maximise; one frontier per value of the axes `per`."""

    minimize: list[str] = []
    maximize: list[str] = []
    per: list[str] = []
    choose: list[str] = []


class Output(_Strict):
    """What to write beside objectives and budgets."""

    metrics: list[str] = []


class Spec(_Strict):
    """A job, as written: see the contract for the keys."""

    name: FileName = "exploration"
    network: Network
    precision: Precision = Precision()
    hardware: Hardware = Hardware()
    deployment: dict[str, Any] = Field(default_factory=dict)
    objectives: Objectives = Objectives()
    budgets: dict[str, Any] = Field(default_factory=dict)
    fit: bool = True
    counting: Annotated[str, StringConstraints(pattern="^(trainable|weights|statistics)$")] = "trainable"
    output: Output = Output()

    def document(self) -> dict[str, Any]:
        """The spec as plain data."""
        return self.model_dump(exclude_none=True)


def read_spec(
    source: str | os.PathLike[str] | Mapping[str, Any] | Spec, settings: Mapping[str, Any] | None = None
) -> Spec:
    """A spec from a TOML file, a mapping or a Spec, with dotted keys replaced by `settings`.

    Raises
    ------
    InputError
        All faults of the shape at once: file, key, what was given, what is allowed.
    """
    if isinstance(source, Spec):
        document: dict[str, Any] = source.document()
        origin = ""
    elif isinstance(source, Mapping):
        document, origin = _copy(source), ""
    else:
        document, origin = _read_toml(Path(source)), str(source)
    for key, value in (settings or {}).items():
        _set(document, key, value)
    try:
        return Spec.model_validate(document)
    except ValidationError as error:
        raise InputError([_fault(e, origin) for e in error.errors()]) from None


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _copy(v) for k, v in value.items()}
    return list(value) if isinstance(value, (list, tuple)) else value


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > 10_000_000:
            raise InputError(f"{path}: {path.stat().st_size:,} bytes; a spec has at most 10 MB")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None


def _set(document: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for part in parents:
        document = document.setdefault(part, {})
        if not isinstance(document, dict):
            raise InputError(f"--set {key}: {part!r} is a value, not a table")
    document[last] = value


def _fault(error: Any, origin: str) -> Fault:
    location = [str(part) for part in error["loc"] if part not in ("str", "list[str]", "is-instance[str]")]
    key = ".".join(location)
    where = f"{origin}: {key}" if origin else key
    if error["type"] == "extra_forbidden":
        allowed = _keys_at(location[:-1])
        close = nearest(location[-1], allowed)
        hint = f"did you mean {close!r}?" if close else f"allowed: {', '.join(sorted(allowed))}"
        return Fault(where, f"unknown key; {hint}")
    if error["type"] == "missing":
        return Fault(where, "is missing")
    if error["type"] == "string_pattern_mismatch":
        return Fault(where, f"{error['input']!r} is not allowed; allowed: {_pattern(location[-1])}")
    given = repr(error["input"])
    return Fault(where, f"{given[:60]} is not allowed: {error['msg'][0].lower()}{error['msg'][1:]}")


def _pattern(key: str) -> str:
    if key == "counting":
        return "trainable, weights, statistics"
    return "letters, digits, dot, dash and underscore, at most 100, starting with a letter or digit"


def _keys_at(location: list[str]) -> list[str]:
    model: Any = Spec
    for part in location:
        model = model.model_fields[part].annotation
    return list(model.model_fields)
