"""Quantities as people write them: "320 KiB", "10 mJ", "0.2 USD/kWh"."""

from __future__ import annotations

import math
import re
from typing import Any

from dse.errors import InputError, shown
from dse.units.unit import parse_unit

_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*?)\s*$")


def read_quantity(text: str, unit: str) -> float:
    """As `quantity`, from where everything is text, such as a command line: a number may stand without its unit.

    >>> read_quantity("8", "1"), read_quantity("1 KiB", "B")
    (8.0, 1024.0)
    """
    match = _NUMBER.match(text)
    return quantity(float(match[1].replace("_", "")) if match and not match[2] else text, unit)


def quantity(given: Any, unit: str) -> float:
    """A number in `unit` from what the user wrote: "320 KiB" or a bare number (already in `unit`).

    Raises
    ------
    InputError
        For text that is no quantity or has no unit, a unit of another kind, NaN, infinity, or a truth value.

    >>> quantity("320 KiB", "B"), quantity("0.4 kg/kWh", "g/kWh"), quantity(5, "s")
    (327680.0, 400.0, 5.0)
    """
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        raise InputError(f"{shown(given)} is not a quantity; give {_form(unit)}")
    if isinstance(given, str):
        # The length first: the pattern takes quadratic time over a long run of digits.
        match = _NUMBER.match(given) if len(given) <= 200 else None
        if match is None:
            raise InputError(f"{given[:60]!r} is not a quantity; give {_form(unit)}")
        if not match[2]:
            raise InputError(f"{given[:60]!r} is text without a unit; give {_form(unit)}")
        value = _convert(float(match[1].replace("_", "")), match[2], unit)
    else:
        try:
            value = float(given)
        except OverflowError:
            value = math.inf
    if not math.isfinite(value):
        raise InputError(f"{shown(given)} is not a finite number")
    return value


def _convert(value: float, given: str, unit: str) -> float:
    target = parse_unit(unit)
    try:
        source = parse_unit(given)
    except InputError as error:
        needed = f"; {target.describe()} is needed, such as {_example(unit)!r}"
        raise InputError([fault.adding(needed) for fault in error.faults]) from None
    if source.dimension != target.dimension:
        raise InputError(
            f"unit {given!r} is {source.describe()}, but {target.describe()} is needed, such as {_example(unit)!r}"
        )
    # One division in place of two roundings keeps "0.4 kg/kWh" at exactly 400 g/kWh.
    ratio = source.scale / target.scale
    inverse = target.scale / source.scale
    return value / inverse if inverse == round(inverse) and inverse > 1 else value * ratio


_EXAMPLES = {
    "B": "320 KiB",
    "s": "100 ms",
    "J": "10 mJ",
    "W": "300 W",
    "B/s": "900 GB/s",
    "FLOP/s": "100 TOPS",
    "OP/s": "100 TOPS",
    "1": "8",
}


def _form(unit: str) -> str:
    """How a quantity in a unit is given."""
    return "a number" if unit == "1" else f"a number in {unit} or a string such as {_example(unit)!r}"


def _example(unit: str) -> str:
    return _EXAMPLES.get(unit, f"3 {unit}")
