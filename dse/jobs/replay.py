"""The assumptions of an earlier result, read back: figures and defaults that stand in place of today's catalogues."""

from __future__ import annotations

import math
import os
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dse import glossary
from dse.calibration import Calibration, read_table
from dse.errors import Fault, InputError, shown, unknown
from dse.grid.inputs import REGIONAL
from dse.grid.memories import MEMORY_AXIS
from dse.grid.plan import variants_of
from dse.grid.program import MODEL_AXIS
from dse.hardware import FIGURES, Device, Linear
from dse.jobs.catalogues import CURRENT, OWN_QUALITY, SCHEME_FIELDS, WHOLE, Catalogues
from dse.jobs.document import read_bounded
from dse.jobs.settings import NAMED
from dse.networks import Model
from dse.networks.held import from_held
from dse.networks.tracing import COUNTINGS
from dse.precision import Scheme
from dse.profiles import SCOPES, Memory, Profile
from dse.regions import Figure, Region

AssumptionsLike = str | os.PathLike[str] | Mapping[str, Any]

MOST_BYTES = 100 * 2**20
_FIRST = ("counting", "fit", "defaults", "device", "precision")
_KNOWN = (
    *_FIRST,
    "latency_model",
    "network",
    "region",
    "energy_profile",
    MEMORY_AXIS,
    "calibration",
    "left_out",
    "fit_not_checked",
    "computes_in",
    "notes",
    WHOLE,
    "model",
    OWN_QUALITY,
)
_DEVICE = ("class", "pue", "memory_type", "source", "checked", "note", "figures", "linear")
_PROFILE = ("note", "source", "sram", "dram", "mac")
_MEMORY = ("kind", "energy", "scope", "usual", "low", "high", "note", "source")
_DEFAULT = ("value", "unit", "meaning")
_FIGURE = ("value", "unit")
_PUBLISHED = ("value", "unit", "period", "kind", "source")


def catalogues_of(source: AssumptionsLike | None) -> Catalogues:
    """Today's catalogues, or the assumptions in a file (or a mapping of its content) in place of them.

    Raises
    ------
    InputError
        For a file that cannot be read or is no TOML, one that is no assumptions of a result, and every field in it
        that is not known, is missing, or has the wrong type or unit.
    """
    if source is None:
        return CURRENT
    if isinstance(source, Mapping):
        return _read(source, "the assumptions of the earlier result")
    path = Path(source)
    content = read_bounded(path, MOST_BYTES, "the assumptions.toml of a result", "such a file")
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not valid TOML: {error}") from None
    try:
        return _read(document, path.name)
    except InputError as error:
        raise error.at(str(path)) from None


def _read(document: Mapping[str, Any], source: str) -> Catalogues:
    missing = [key for key in _FIRST if document.get(key) in (None, {})]
    if missing:
        raise InputError(f"is not the assumptions.toml of a result: it has no {', '.join(missing)}")
    reader = _Reader()
    reader.known(document, _KNOWN, "")
    reader.text(document, OWN_QUALITY, "")
    networks = reader.tables(document, "network")
    found = Catalogues(
        devices=reader.entries(document, "device", reader.device),
        schemes=reader.entries(document, "precision", reader.scheme),
        regions=reader.entries(document, "region", reader.region),
        profiles=reader.entries(document, "energy_profile", reader.profile),
        memories=reader.entries(document, MEMORY_AXIS, reader.memory),
        calibrations={c.name: c for c in reader.entries(document, "calibration", reader.calibration).values()},
        defaults=reader.defaults(reader.table(document, "defaults", ""), "defaults"),
        of_network={n: reader.of_network(n, table) for n, table in networks.items()},
        options=reader.options(document),
        left_out={
            n: tuple(reader.texts(v, f"left_out.{n}")) for n, v in reader.table(document, "left_out", "").items()
        },
        document=document,
        source=source,
        models=reader.entries(document, "model", reader.model),
    )
    if reader.faults:
        raise InputError(reader.faults)
    return found


class _Reader:
    """Reads tables, and notes what is wrong with them."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, where: str, problem: str) -> None:
        self.faults.append(Fault(where, problem))

    def known(self, table: Mapping[str, Any], allowed: Sequence[str], where: str, needed: Sequence[str] = ()) -> bool:
        """Whether a table has allowed keys only, and all that are needed."""
        before = len(self.faults)
        self.faults += [unknown("field", str(k), allowed, where) for k in table if k not in allowed]
        self.faults += [Fault(f"{where}.{k}", "is missing") for k in needed if k not in table]
        return len(self.faults) == before

    def options(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Settings that are no figures."""
        switch = (True, False)
        allowed = {"counting": COUNTINGS, "fit": switch, WHOLE: switch, MODEL_AXIS: variants_of("latency")}
        found = {key: document[key] for key in allowed if key in document}
        for key, value in found.items():
            is_switch = allowed[key] == switch
            if not any(value == other for other in allowed[key]) or is_switch != isinstance(value, bool):
                names = "true, false" if is_switch else ", ".join(map(str, allowed[key]))
                self.fault(key, f"{shown(value)} is not allowed; allowed: {names}")
        return found

    def table(self, parent: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
        """A table below another one; empty where there is none."""
        found = parent.get(key, {})
        if isinstance(found, Mapping):
            return found
        self.fault(f"{where}.{key}" if where else key, f"{shown(found)} is not a table")
        return {}

    def tables(self, parent: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
        """The tables in a table."""
        return {name: self.table(self.table(parent, key, ""), name, key) for name in self.table(parent, key, "")}

    def entries(self, document: Mapping[str, Any], key: str, make: Callable[..., Any]) -> dict[str, Any]:
        """What is made of each table in a table, by name."""
        found = {name: make(name, table, f"{key}.{name}") for name, table in self.tables(document, key).items()}
        return {name: entry for name, entry in found.items() if entry is not None}

    def number(self, value: Any, where: str) -> float:
        """A finite number."""
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
            return value
        self.fault(where, f"{shown(value)} is not a number")
        return math.nan

    def text(self, table: Mapping[str, Any], key: str, where: str) -> str:
        """A text; empty where there is none."""
        found = table.get(key, "")
        if not isinstance(found, str):
            self.fault(f"{where}.{key}" if where else key, f"{shown(found)} is not a text")
        return str(found)

    def texts(self, value: Any, where: str) -> list[str]:
        """A list of texts."""
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return value
        self.fault(where, f"{shown(value)} is not a list of texts")
        return []

    def figure(self, name: str, given: Any, where: str, allowed: Sequence[str] = _FIGURE) -> float:
        """The value of { value = , unit = } in the unit of the name."""
        if not isinstance(given, Mapping):
            self.fault(where, f"{shown(given)} is not a table with value and unit")
        elif self.known(given, allowed, where, _FIGURE):
            unit = glossary.lookup(name).unit
            # Operations of integers and of floats are counted alike: a result may say FLOP/s of either.
            if given["unit"] not in (unit, unit.replace("OP/s", "FLOP/s")):
                self.fault(where, f"the unit is {shown(given['unit'])}; allowed: {unit!r}")
            value = self.number(given["value"], where)
            if math.isnan(value):
                return value
            try:
                glossary.lookup(name).check(value)
            except InputError as error:
                self.faults += error.at(where).faults
            return value
        return math.nan

    def device(self, name: str, table: Mapping[str, Any], where: str) -> Device | None:
        if not self.known(table, _DEVICE, where, ("class", "pue", "figures")):
            return None
        figures = {}
        for key, given in self.table(table, "figures", where).items():
            if key not in FIGURES:
                self.faults.append(unknown("figure of a device", key, FIGURES, f"{where}.figures"))
            else:
                figures[key] = self.figure(key, given, f"{where}.figures.{key}")
        linear = {k: self.linear(k, v, f"{where}.linear.{k}") for k, v in self.table(table, "linear", where).items()}
        return Device(
            name,
            self.text(table, "class", where),
            MappingProxyType(figures),
            self.number(table["pue"], f"{where}.pue"),
            memory_type=self.text(table, "memory_type", where),
            check=self.text(table, "checked", where),
            source=self.text(table, "source", where),
            note=self.text(table, "note", where),
            linear=MappingProxyType(linear),
        )

    def linear(self, name: str, given: Any, where: str) -> Linear:
        if name not in FIGURES or not isinstance(given, Mapping) or "base" not in given:
            self.fault(where, "is not a figure with a base and rates of others")
            return Linear(math.nan, {})
        rates = {}
        for key in (k for k in given if k not in ("base", "unit")):
            if key not in FIGURES:
                self.faults.append(unknown("figure of a device", key, FIGURES, where))
            rates[key] = self.number(given[key], f"{where}.{key}")
        return Linear(self.number(given["base"], f"{where}.base"), MappingProxyType(rates))

    def scheme(self, name: str, table: Mapping[str, Any], where: str) -> Scheme | None:
        texts = ("compute", "weight_format", "note", "source", "weights")
        needed = [f for f in SCHEME_FIELDS if f not in ("note", "source", "weights", "weights_sqnr", "varied")]
        if not self.known(table, SCHEME_FIELDS, where, needed):
            return None
        found: dict[str, Any] = {f: self.text(table, f, where) for f in texts}
        found |= {
            f: self.number(table[f], f"{where}.{f}") for f in (*needed, "weights_sqnr") if f in table if f not in texts
        }
        return Scheme(name, varied=tuple(self.texts(table.get("varied", []), f"{where}.varied")), **found)

    def region(self, name: str, table: Mapping[str, Any], where: str) -> Region | None:
        if not self.known(table, ("title", *REGIONAL), where):
            return None
        published = {n: self.published(n, table[n], f"{where}.{n}") if n in table else None for n in REGIONAL}
        return Region(name, self.text(table, "title", where), **published)

    def published(self, name: str, given: Any, where: str) -> Figure:
        value = self.figure(name, given, where, _PUBLISHED)
        texts = given if isinstance(given, Mapping) else {}
        return Figure(value, *(self.text(texts, k, where) for k in ("period", "kind", "source")))

    def profile(self, name: str, table: Mapping[str, Any], where: str) -> Profile | None:
        if not self.known(table, _PROFILE, where, ("sram", "dram", "mac")):
            return None
        sram, dram = (self.figure(f"{k}_energy", table[k], f"{where}.{k}") for k in ("sram", "dram"))
        mac = {f: self.number(v, f"{where}.mac.{f}") for f, v in self.table(table, "mac", where).items()}
        return Profile(name, mac, sram, dram, self.text(table, "note", where), self.text(table, "source", where))

    def memory(self, name: str, table: Mapping[str, Any], where: str) -> Memory | None:
        if not self.known(table, _MEMORY, where, _MEMORY[:4]):
            return None
        energy, low, high = (
            self.figure("dram_energy", table[k], f"{where}.{k}") if k in table else math.nan
            for k in ("energy", "low", "high")
        )
        kind, scope, note, source = (self.text(table, k, where) for k in ("kind", "scope", "note", "source"))
        if scope not in SCOPES:
            self.fault(f"{where}.scope", f"{shown(scope)} is not allowed; allowed: {', '.join(SCOPES)}")
        if not isinstance(table["usual"], bool):
            self.fault(f"{where}.usual", f"{shown(table['usual'])} is not allowed; allowed: true, false")
        return Memory(name, kind, energy, low, high, scope, table["usual"], note, source)

    def calibration(self, name: str, table: Mapping[str, Any], where: str) -> Calibration | None:
        try:
            return read_table(table)
        except InputError as error:
            self.faults += error.at(where).faults
            return None

    def model(self, name: str, table: Mapping[str, Any], where: str) -> Model | None:
        try:
            return from_held(name, table)
        except InputError as error:
            self.faults += error.at(where).faults
            return None

    def of_network(self, name: str, table: Mapping[str, Any]) -> dict[str, Any]:
        where = f"network.{name}"
        self.known(table, ("family", "defaults"), where)
        return self.defaults(self.table(table, "defaults", where), f"{where}.defaults")

    def defaults(self, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Values of axes by name; the power usage effectiveness is that of each device's class."""
        found = {}
        for name, given in table.items():
            at = f"{where}.{name}"
            entry = glossary.find(name)
            if entry is None:
                self.faults.append(unknown("axis", name, glossary.NAMES, where))
            elif not isinstance(given, Mapping) or not self.known(given, _DEFAULT, at, ("value",)):
                self.fault(at, "is not a table with value, unit and meaning")
            elif name != "pue":
                value = given["value"]
                named = isinstance(value, str)
                found[name] = value if named else self.figure(name, given, at, _DEFAULT)
                if named and entry.choices and value not in entry.choices:
                    self.fault(at, f"{shown(value)} is not allowed; allowed: {entry.allowed()}")
                elif named and not entry.choices and name not in NAMED:
                    self.fault(at, f"{shown(value)} is not a number")
                elif not named and name in NAMED:
                    self.fault(at, f"{shown(value)} is not a name")
        return found
