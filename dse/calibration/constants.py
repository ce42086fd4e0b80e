"""What a calibration is: constants of the latency formula for a device, software and number format, with errors."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dse import glossary
from dse.catalogue import read_toml
from dse.errors import Fault, InputError, unknown
from dse.hardware import DEVICES
from dse.precision import PRECISIONS

# Constants that a calibration may hold, with those of no cost left out of its file.
CONSTANTS = tuple(
    name for name, entry in glossary.NAMES.items() if entry.kind == "calibration" and name != "latency_spread"
)
# Keys of all calibrations of a file, of which each has some forty.
MOST_KEYS = 100_000
# What stands before the class of devices whose measurements were pooled for one that was never measured.
CLASS = "class:"
ANY = "*"


@dataclass(frozen=True)
class Errors:
    """Relative errors of predictions |predicted / measured - 1|, and their signed median; NaN where there are none."""

    rows: int
    signed: float
    median: float
    p90: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """Constants of one device (or "class:..." for devices of a class that were never measured), software and format.

    `constants` are those of `CONSTANTS` that are not 0. `spread` is the factor k of the interval [latency / k,
    latency * k] that holds 80 % of the errors of what was left out of a fit: `held_out_by` says whether families of
    models, networks, single rows or whole devices were. `fitted` and `held_out` are the errors in and out of sample;
    `batches` are the least and the most that were measured, and `batch_spread` is the factor by which the interval is
    wider for each factor e beyond these (1 where nothing tells of it), an error independent of the others.
    """

    device: str
    software: str
    precision: str
    domain: str
    form: str
    constants: Mapping[str, float]
    spread: float
    held_out_by: str
    fitted: Errors
    held_out: Errors
    families: int
    batches: tuple[float, float] = (1, 1)
    batch_spread: float = 1.0
    source: str = ""

    @property
    def name(self) -> str:
        """What there is one calibration of."""
        return ", ".join((self.device, self.software, self.precision, self.domain))

    @property
    def pooled(self) -> bool:
        """Whether it is that of a class of devices."""
        return self.device.startswith(CLASS)

    def facts(self) -> dict[str, Any]:
        """Everything that it is, as plain data; `read_table` reads it back."""
        errors = {key: asdict(getattr(self, key)) for key in ("fitted", "held_out")}
        held = {"families": self.families, "spread": self.spread, "batches": list(self.batches)}
        held["batch_spread"] = self.batch_spread
        return {**{key: getattr(self, key) for key in _TEXTS}, **held, **errors, "constants": dict(self.constants)}

    def spread_at(self, batch: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The factor of the interval at batches, of the same shape: wider beyond those that were measured."""
        return spread_beyond(self.spread, self.batch_spread, distance(batch, *self.batches))

    def constant(self, name: str) -> float:
        """The value of a constant of the latency formula; 0 where it is of no cost."""
        return self.constants.get(name, 0.0)


def distance(batch: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """How far batches lie beyond the least and the most that were measured: natural logarithms, 0 between these."""
    batches = np.asarray(batch, dtype=float)
    return np.asarray(np.log(np.maximum(np.maximum(low / batches, batches / high), 1)))


def spread_beyond(spread: npt.ArrayLike, batch_spread: npt.ArrayLike, far: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The factor of an interval as far beyond the batches measured: logarithms of independent errors add in squares."""
    wider = np.exp(np.hypot(np.log(spread), np.log(batch_spread) * far))
    return np.where(np.asarray(far) > 0, wider, spread)


_ERRORS = tuple(f.name for f in fields(Errors))
_TEXTS = ("device", "software", "precision", "domain", "form", "held_out_by", "source")
# Costs of what every network has, so that its time is above 0.
_OF_ALL = ("matrix_cost", "launch_time", "call_time")
# What files that were written before it was known lack, beside the source.
_LATER = ("batch_spread", "source")
_KEYS = (*_TEXTS, "constants", "spread", "fitted", "held_out", "families", "batches", "batch_spread")


def read_calibrations(path: str | Path) -> list[Calibration]:
    """The calibrations of a TOML file, as `to_toml` writes them.

    Raises
    ------
    InputError
        Every key that is unknown, missing, or has the wrong type, with the file and the entry.
    """
    content = read_toml(Path(path), MOST_KEYS)
    faults = [Fault(str(path), f"unknown key {key!r}; allowed: calibration") for key in content if key != "calibration"]
    tables = content.get("calibration", [])
    if not isinstance(tables, list) or not all(isinstance(t, Mapping) for t in tables):
        raise InputError(Fault(str(path), "calibration is no array of tables: [[calibration]]"))
    found = []
    for number, table in enumerate(tables, 1):
        try:
            found.append(read_table(table))
        except InputError as error:
            faults += error.at(f"{path}: calibration {number}").faults
    times = Counter(entry.name for entry in found)
    faults += [Fault(str(path), f"{name} is calibrated twice") for name, number in times.items() if number > 1]
    if faults:
        raise InputError(faults)
    return found


def read_table(table: Mapping[str, Any]) -> Calibration:
    """A calibration from its facts; InputError names every key that is unknown, missing, or has the wrong type."""
    faults = [unknown("key", key, _KEYS) for key in table if key not in _KEYS]
    faults += [Fault(key, "is missing") for key in _KEYS if key not in table and key not in _LATER]
    faults += [Fault(key, f"{table[key]!r} is not a text") for key in _TEXTS if not isinstance(table.get(key, ""), str)]
    if faults:
        raise InputError(faults)
    constants = _numbers(table["constants"], "constants", CONSTANTS, faults)
    errors = {key: Errors(**_numbers(table[key], key, _ERRORS, faults, _ERRORS)) for key in ("fitted", "held_out")}
    spreads = {key: table.get(key, 1.0) for key in ("spread", "batch_spread")}
    for name, value in [*constants.items(), *spreads.items()]:
        entry = glossary.lookup("latency_spread" if name in spreads else name)
        try:
            entry.check(float(value))
        except (InputError, TypeError, ValueError, OverflowError):
            faults.append(Fault(name, f"{value!r} is not allowed; allowed: {entry.allowed()}"))
    if not any(constants.get(name) for name in _OF_ALL):
        faults.append(Fault("constants", f"give no time; at least one above 0 is needed of: {', '.join(_OF_ALL)}"))
    batches = table["batches"]
    if not _is_range(batches):
        faults.append(
            Fault("batches", f"{str(batches)[:80]} is not the least and the most; allowed: two numbers from 1")
        )
    if not isinstance(table["families"], int):
        faults.append(Fault("families", f"{table['families']!r} is not an integer"))
    if faults:
        raise InputError(faults)
    texts: dict[str, Any] = {key: table.get(key, "") for key in _TEXTS}
    held = {
        "constants": constants,
        **{key: float(value) for key, value in spreads.items()},
        "families": table["families"],
        "batches": tuple(batches),
    }
    return Calibration(**texts, **held, **errors)  # type: ignore[arg-type]


def _is_range(batches: Any) -> bool:
    numbers = isinstance(batches, list) and all(type(b) in (int, float) for b in batches)
    return numbers and len(batches) == 2 and 1 <= batches[0] <= batches[1] <= 2**53


def _numbers(
    table: Any, where: str, allowed: Sequence[str], faults: list[Fault], needed: Sequence[str] = ()
) -> dict[str, Any]:
    if not isinstance(table, Mapping):
        faults.append(Fault(where, f"{table!r} is not a table"))
        return dict.fromkeys(needed, math.nan)
    faults += [unknown("name", key, allowed, where) for key in table if key not in allowed]
    faults += [Fault(f"{where}.{key}", "is missing") for key in needed if key not in table]
    wrong = [k for k, v in table.items() if isinstance(v, bool) or not isinstance(v, (int, float))]
    faults += [Fault(f"{where}.{key}", f"{table[key]!r} is not a number") for key in wrong]
    found = {k: v for k, v in table.items() if k in allowed and k not in wrong}
    return {**dict.fromkeys(needed, math.nan), **found}


def to_toml(calibrations: Sequence[Calibration], heading: str) -> str:
    """Calibrations as a TOML file."""
    lines = [f"# {line}" for line in heading.splitlines()]
    for entry in calibrations:
        lines += ["", "[[calibration]]"]
        lines += [f"{key} = {json.dumps(getattr(entry, key), ensure_ascii=False)}" for key in _TEXTS]
        lines += [f"families = {entry.families}", f"spread = {_number(entry.spread)}"]
        lines.append(f"batches = [{', '.join(map(_number, entry.batches))}]")
        lines.append(f"batch_spread = {_number(entry.batch_spread)}")
        lines += [f"{key} = {_table(_told(getattr(entry, key)))}" for key in ("fitted", "held_out")]
        lines.append(f"constants = {_table(entry.constants)}")
    return "\n".join(lines) + "\n"


def _told(errors: Errors) -> dict[str, float]:
    return {name: getattr(errors, name) for name in _ERRORS}


def _table(values: Mapping[str, float]) -> str:
    return "{ " + ", ".join(f"{name} = {_number(value)}" for name, value in values.items()) + " }"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else "nan" if math.isnan(value) else f"{value:.5g}"


def check_names(device: str | None, precision: str, where: str) -> list[Fault]:
    """Faults of the names of a device, where one is given, and of a number format."""
    faults = [] if device is None or device in DEVICES else [unknown("device", device, DEVICES, where)]
    return faults if precision in PRECISIONS else [*faults, unknown("number format", precision, PRECISIONS, where)]
