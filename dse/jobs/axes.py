"""Axis values as a spec gives them: a scalar, a list, or a range."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from dse import glossary, units
from dse.errors import Fault, InputError, shown, unknown
from dse.jobs.names import too_long
from dse.regions import PUES

MOST_VALUES = 1_000_000
MOST_EXACT = 2**53
# The axis whose values may be names of what is published.
PUE = "pue"
_RANGE_KEYS = ("start", "stop", "step", "num", "scale")
_RANGES = ({"start", "stop", "step"}, {"start", "stop", "num"}, {"start", "stop", "num", "scale"})
_FORMS = "a value, a list, { start, stop, step } or { start, stop, num, scale }"


def axis_values(name: str, given: Any) -> Any:
    """The value, or the list of values, of a numeric or named axis.

    Quantities may carry units; `true` and `false` are 1 and 0; ranges include their stop.

    Raises
    ------
    InputError
        For another form, an empty range, or more than a million values.
    """
    entry = glossary.lookup(name)
    if isinstance(given, Mapping):
        return _range(entry, given)
    if isinstance(given, (list, tuple)):
        if entry.is_name and (problem := too_long(given)):
            raise InputError(problem)
        if len(given) > MOST_VALUES:
            raise InputError(f"{len(given):,} values; at most {MOST_VALUES:,}")
        return [_one(entry, v) for v in given]
    return _one(entry, given)


def axis_text(name: str, value: Any) -> str:
    """The value of an axis for people, with its unit; the network may stand before its name."""
    if isinstance(value, str):
        return value
    entry = glossary.find(name.rpartition(".")[2])
    return units.format_quantity(float(value), entry.unit if entry else "1")


def is_range(given: Mapping[str, Any]) -> bool:
    """Whether a table is meant as a range of values."""
    return all(key in _RANGE_KEYS for key in given)


def _one(entry: glossary.Name, given: Any) -> Any:
    if entry.is_name:
        return given
    if entry is glossary.NAMES[PUE] and isinstance(given, str) and "@" in given:
        if given not in PUES:
            raise InputError(unknown("published pue", given, PUES))
        return PUES[given].value
    if isinstance(given, bool) and entry.integer and entry.maximum == 1:
        return int(given)
    if entry.integer and isinstance(given, int):
        _check_exact(given)
    return _tidy(entry, units.quantity(given, entry.unit))


def _check_exact(value: float) -> None:
    if abs(value) > MOST_EXACT:
        raise InputError(f"{value:g} is beyond 2^53: a count would no longer be exact")


def _tidy(entry: glossary.Name, value: float) -> float | int:
    if entry.integer:
        _check_exact(value)
    return int(value) if entry.integer and value == int(value) else value


def _range(entry: glossary.Name, given: Mapping[str, Any]) -> list[float]:
    faults = [unknown("key of a range", str(k), _RANGE_KEYS) for k in given if k not in _RANGE_KEYS]
    if faults:
        raise InputError(faults)
    if set(given) not in _RANGES or entry.is_name:
        raise InputError(f"has the keys {', '.join(given) or '(none)'}; allowed: {_FORMS}")
    start, stop = (units.quantity(given[k], entry.unit) for k in ("start", "stop"))
    if "step" in given:
        return _stepped(entry, start, stop, units.quantity(given["step"], entry.unit))
    return _divided(entry, start, stop, units.quantity(given["num"], "1"), given.get("scale", "linear"))


def _stepped(entry: glossary.Name, start: float, stop: float, step: float) -> list[float]:
    span = f"from {start:g} to {stop:g} in steps of {step:g}"
    with np.errstate(all="ignore"):
        steps = np.float64(stop - start) / np.float64(step)
    if not steps >= 0 or step == 0:
        raise InputError(f"no value {span}")
    if steps >= MOST_VALUES:
        raise InputError(f"{steps:.3g} values {span}; at most {MOST_VALUES:,}")
    # Decimal steps keep 0.35, 0.40, 0.45 what they look like.
    first, last, by = (Decimal(repr(v)) for v in (start, stop, step))
    return [_tidy(entry, float(first + i * by)) for i in range(int((last - first) // by) + 1)]


def _divided(entry: glossary.Name, start: float, stop: float, number: float, scale: Any) -> list[float]:
    if number != int(number) or not 1 <= number <= MOST_VALUES:
        raise InputError(f"num = {number:g}; allowed: an integer from 1 to {MOST_VALUES:,}")
    if scale not in ("linear", "log"):
        raise InputError(f"scale = {shown(scale)}; allowed: linear, log")
    if scale == "log" and not (start > 0 and stop > 0):
        raise InputError("a logarithmic range needs start and stop above 0")
    with np.errstate(all="ignore"):
        values = (np.geomspace if scale == "log" else np.linspace)(start, stop, int(number))
    if not np.isfinite(values).all():
        raise InputError(f"the range from {start:g} to {stop:g} is too wide")
    if entry.integer:
        values = np.unique(np.round(values))
    return [_tidy(entry, float(v)) for v in values]


def collect(faults: list[Fault], where: str, make: Any, *arguments: Any) -> Any:
    """Call `make`; on wrong input note its faults under `where` and return None."""
    try:
        return make(*arguments)
    except InputError as error:
        faults.extend(error.at(where).faults if where else error.faults)
        return None
