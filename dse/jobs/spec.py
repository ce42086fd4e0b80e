"""The spec of a job: the shape of the TOML file. What its names mean is resolved in `dse.jobs.resolve`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    model_validator,
)

from dse import glossary
from dse.errors import Fault, InputError, nearest
from dse.jobs.document import read_document
from dse.jobs.names import too_long
from dse.networks.tracing import COUNTINGS

_LONGEST = 100

COMBINE = ("choose", "mix", "together")
ARENAS = ("shared", "separate")


def _names(given: Any) -> Any:
    if isinstance(given, list) and (problem := too_long(given)):
        raise ValueError(problem)
    if isinstance(given, str) or (isinstance(given, list) and all(isinstance(n, str) for n in given)):
        return given
    raise ValueError("give a name or a list of names")


def _switch(given: Any) -> Any:
    if given is True or given is False or given == "auto":
        return given
    raise ValueError('give "auto", true or false')


def _listed(given: Any) -> Any:
    if isinstance(given, list) and (problem := too_long(given)):
        raise ValueError(problem)
    return [given] if isinstance(given, str) else given


FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Counting = Annotated[str, StringConstraints(pattern=f"^({'|'.join(COUNTINGS)})$")]
Combine = Annotated[str, StringConstraints(pattern=f"^({'|'.join(COMBINE)})$")]
Arena = Annotated[str, StringConstraints(pattern=f"^({'|'.join(ARENAS)})$")]
Names = Annotated[str | list[str], BeforeValidator(_names)]
Switch = Annotated[bool | str, BeforeValidator(_switch)]
NameList = Annotated[list[str], BeforeValidator(_listed)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(_Strict):
    """A family with axes, or a model of the zoo; every other key is an axis of the family."""

    model_config = ConfigDict(extra="allow", frozen=True)
    family: str | None = None
    model: str | None = None
    name: FileName | None = None
    recipe: str | None = None
    weight: Any = None
    rate: Any = None
    budgets: dict[str, Any] = Field(default_factory=dict)

    @property
    def axes(self) -> dict[str, Any]:
        """The axes given."""
        return dict(self.model_extra or {})


class Workload(_Strict):
    """What is done with several networks, and whether together they share the memory of their activations."""

    combine: Combine = "choose"
    arena: Arena = "shared"


class Precision(_Strict):
    """Number formats; every other key is a table that defines an own one."""

    model_config = ConfigDict(extra="allow", frozen=True)
    scheme: Names = "fp32"

    @property
    def tables(self) -> dict[str, Any]:
        """The tables of own formats."""
        return dict(self.model_extra or {})


class Hardware(_Strict):
    """Devices, and a file of own calibrations, beside the spec where its path is not absolute."""

    device: Names | None = None
    calibration: str | None = None


class Objectives(_Strict):
    """What to minimise and maximise; one frontier per value of the axes `per`, none across those of `choose`.

    With `ties` "interval" a lead smaller than the interval of a value is a tie.
    """

    minimize: NameList = []
    maximize: NameList = []
    per: NameList = []
    choose: NameList = []
    ties: str = "exact"


class Quality(_Strict):
    """Accuracy and loss: the user's own values (a CSV file, beside the spec where its path is not absolute), or the
    published ones of one training recipe.
    """

    table: str | None = None
    recipe: str | None = None


class Output(_Strict):
    """What to write beside objectives and budgets."""

    metrics: NameList = []
    grid: StrictBool = False


# What a file writes as [[network]].
_SEVERAL = "[[network]]"


class Spec(_Strict):
    """A job, as written: a table a section of the TOML file. Several networks are in `networks`, one in `network`."""

    name: FileName = "exploration"
    network: Network = Network()
    networks: list[Network] = Field(default=[], alias="[[network]]")
    workload: Workload = Workload()
    precision: Precision = Precision()
    hardware: Hardware = Hardware()
    device: dict[str, dict[str, Any]] = Field(default_factory=dict)
    deployment: dict[str, Any] = Field(default_factory=dict)
    objectives: Objectives = Objectives()
    budgets: dict[str, Any] = Field(default_factory=dict)
    fit: StrictBool = True
    bounds: Switch = "auto"
    counting: Counting = "trainable"
    quality: Quality = Quality()
    output: Output = Output()

    @model_validator(mode="before")
    @classmethod
    def _several(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and isinstance(given.get("network"), list):
            return {**{k: v for k, v in given.items() if k != "network"}, _SEVERAL: given["network"]}
        return given

    def document(self) -> dict[str, Any]:
        """The spec as plain data, of the shape of the file."""
        document = self.model_dump(exclude_none=True)
        several = document.pop("networks")
        return {**document, "network": several} if several else document


SpecLike = str | os.PathLike[str] | Mapping[str, Any] | Spec


def read_spec(source: SpecLike, settings: Mapping[str, Any] | None = None) -> Spec:
    """A spec from a TOML file, a mapping or a Spec, with dotted keys replaced by `settings`.

    Raises
    ------
    InputError
        All faults of the shape at once: file, key, what was given, what is allowed.
    """
    spec, faults, origin = check_shape(source, settings)
    if faults:
        raise InputError([f.under(origin) for f in faults])
    return spec


class KeyFault(Fault):
    """A fault of a key of the spec; `where` is the dotted key."""

    def concerns(self, key: str) -> bool:
        """Whether the fault is of this key, or of one above or below it."""
        own = self.where
        return own == key or own.startswith(f"{key}.") or key.startswith(f"{own}.")


def check_shape(source: SpecLike, settings: Mapping[str, Any] | None = None) -> tuple[Spec, list[KeyFault], str]:
    """The spec without the parts that have the wrong shape, their faults, and the name of the file.

    Raises
    ------
    InputError
        When there is nothing to check: the file cannot be read, or is no TOML.
    """
    document, origin = read_document(source.document() if isinstance(source, Spec) else source, settings)
    if _SEVERAL in document:
        raise InputError(KeyFault(_SEVERAL, "unknown key; several networks are written without quotes").under(origin))
    try:
        return Spec.model_validate(document), [], origin
    except ValidationError as error:
        errors = error.errors()
    # Later items of a list first, so that places of the earlier ones stay what they are.
    for problem in reversed(errors):
        _remove(document, _location(problem))
    return Spec.model_validate(document), [KeyFault(_key(e), partial(_problem, e)) for e in errors], origin


def _location(problem: Any) -> tuple[int | str, ...]:
    """Where a problem is in the document."""
    first, *rest = problem["loc"]
    return ("network" if first == _SEVERAL else first, *rest)


def _remove(document: Any, location: tuple[int | str, ...]) -> None:
    parents: list[Any]
    last: Any
    *parents, last = (part for part in location if part != "[key]")
    for part in parents:
        document = document[part]
    if isinstance(document, list) or last in document:
        del document[last]


_SAYINGS = {
    "model_type": "is not a table",
    "dict_type": "is not a table",
    "list_type": "is not a list",
    "string_type": "is not a text",
    "bool_type": "is not true or false",
    "invalid_key": "is not a text",
}
_PATTERNS = {
    "counting": ", ".join(COUNTINGS),
    "combine": ", ".join(COMBINE),
    "arena": ", ".join(ARENAS),
    "name": "letters, digits, dot, dash and underscore, at most 100, starting with a letter or digit",
}


def _parts(error: Any) -> list[str]:
    return [str(part) for part in _location(error) if part != "[key]"]


def _key(error: Any) -> str:
    """The key in words: its parts are shortened, where they are no key at all."""
    return ".".join(part if len(part) <= _LONGEST else f"{part[:_LONGEST]}..." for part in _parts(error))


def _problem(error: Any) -> str:
    location = _parts(error)
    if error["type"] == "extra_forbidden":
        return f"unknown key; {_hint(location[-1], _keys_at(location[:-1]))}"
    given = repr(error["input"])
    given = given if len(given) <= 60 else f"{given[:57]}..."
    if error["type"] == "string_pattern_mismatch":
        return f"{given} is not allowed; allowed: {_PATTERNS[location[-1]]}"
    if error["type"] == "value_error":
        return f"{given} is not allowed: {error['ctx']['error']}"
    return f"{given} {_SAYINGS.get(error['type'], 'is not allowed: ' + error['msg'])}"


def _hint(name: str, allowed: list[str]) -> str:
    """What an unknown key may have meant: the nearest of its table, or what is allowed and the nearest of another."""
    if close := nearest(name, allowed):
        return f"did you mean {close!r}?"
    other = _AXIS_KEYS | TABLE_KEYS
    meant = other.get(name) or (other.get(nearest(name, other) or "") if len(name) <= _LONGEST else None)
    return f"allowed: {', '.join(sorted(allowed))}" + (f"; did you mean {meant!r}?" if meant else "")


def _keys_at(location: list[str]) -> list[str]:
    model: Any = Spec
    # Items of a list are told by number; only networks are tables in a list, and these take any key.
    for part in location:
        model = model.model_fields[part].annotation
    return [name for name, known in model.model_fields.items() if known.alias is None]


def _table_keys() -> dict[str, str]:
    """What the tables with fixed keys take, each under the name that people look for it by, as a dotted key."""
    tables: dict[str, type[BaseModel]] = {
        "precision": Precision,
        "hardware": Hardware,
        "objectives": Objectives,
        "workload": Workload,
    }
    keys = {key: f"{table}.{key}" for table, model in tables.items() for key in model.model_fields}
    return keys | {"precision": keys["scheme"], "hardware": keys["device"]}


TABLE_KEYS = _table_keys()
# Axes and settings, with the table that each stands in.
_TABLES = {"architecture": "network", "deployment": "deployment", "circumstance": "deployment"}
_AXIS_KEYS = {n: f"{_TABLES[e.kind]}.{n}" for n, e in glossary.NAMES.items() if e.kind in _TABLES}
