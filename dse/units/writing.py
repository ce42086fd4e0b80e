"""Values for people: with a prefix, in a duration that is read, as a share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from dse.units.unit import BASE, BINARY, SI


def constraint_text(name: str) -> str:
    """A constraint for people: "fit: sram_free" is "fit (SRAM)", and a budget is what its text says.

    >>> constraint_text("fit: sram_free"), constraint_text("latency ≤ 100 ms")
    ('fit (SRAM)', 'latency ≤ 100 ms')
    """
    kind, _, metric = name.partition(": ")
    if kind != "fit" or not metric:
        return name
    memory = metric.removesuffix("_free")
    return f"fit ({'SRAM' if memory == 'sram' else memory})"


def counted(number: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "design"), counted(2000, "design")
    ('1 design', '2,000 designs')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float, digits: int = 0) -> str:
    """A share for people.

    >>> percent(0.1), percent(0.0123, 1)
    ('10 %', '1.2 %')
    """
    return f"{100 * share:.{digits}f} %"


def format_quantity(value: float, unit: str, digits: int = 4) -> str:
    """A value for people: binary prefixes for bytes, SI prefixes elsewhere.

    >>> format_quantity(327680, "B"), format_quantity(2.62e-5, "s"), format_quantity(71.8, "%")
    ('320 KiB', '26.2 us', '71.8 %')
    >>> format_quantity(0.9992, "FLOP/B"), format_quantity(2e12, "OP/s")
    ('0.9992 FLOP/B', '2 TOP/s')
    >>> format_quantity(126230400.0, "s"), format_quantity(7200.0, "s"), format_quantity(90.0, "s")
    ('4 years', '2 h', '90 s')
    """
    if not math.isfinite(value):
        return "undefined" if math.isnan(value) else f"{value} {unit}"
    if unit == "s" and (duration := duration_unit(value)) != "s":
        return f"{_digits(value / BASE[duration][0], digits)} {duration}"
    head, _, tail = unit.partition("/")
    rest = f"/{tail}" if tail else ""
    if takes_prefix(unit) and value != 0:
        table = BINARY if unit == "B" else SI
        ordered = sorted({p: f for p, f in table.items() if p != "µ"}.items(), key=lambda item: -item[1])
        for prefix, factor in [
            *((p, f) for p, f in ordered if f > 1),
            ("", 1.0),
            *((p, f) for p, f in ordered if f < 1),
        ]:
            if abs(value) >= factor * (1 - 0.5 * 10.0**-digits):
                return f"{_digits(value / factor, digits)} {prefix}{head}{rest}"
    return _digits(value, digits) + ("" if unit == "1" else f" {unit}")


def takes_prefix(unit: str) -> bool:
    """Whether people read a unit with prefixes: not an intensity, which is a plain number of operations a byte.

    >>> takes_prefix("FLOP/s"), takes_prefix("FLOP/B"), takes_prefix("USD")
    (True, False, False)
    """
    head, _, tail = unit.partition("/")
    return head in ("FLOP", "OP", "B", "s", "J", "W", "Hz") and not (head in ("FLOP", "OP") and tail == "B")


def operations_unit(unit: str, formats: Iterable[str]) -> str:
    """The unit of operations in number formats: those of integers are no FLOP, and OP holds for both.

    >>> operations_unit("FLOP/s", ["int8", "fp16"]), operations_unit("FLOP/B", ["fp16"]), operations_unit("s", ["int8"])
    ('OP/s', 'FLOP/B', 's')
    """
    whole = any(name.startswith("int") for name in formats)
    return unit[2:] if whole and unit.startswith("FLOP/") else unit


def value_text(value: Any) -> str:
    """A value of an axis as text, whatever type holds it; "" where there is none (NaN).

    >>> value_text(96), value_text(96.0), value_text(0.35), value_text("int8"), value_text(math.nan)
    ('96', '96', '0.35', 'int8', '')
    """
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value)


def duration_unit(seconds: float) -> str:
    """The unit that people tell a duration in: the largest of which there are at least two, for nobody reads Ms.

    >>> duration_unit(126230400.0), duration_unit(90.0), duration_unit(0.004)
    ('years', 's', 's')
    """
    return next((unit for unit in _DURATIONS if abs(seconds) >= 2 * BASE[unit][0]), "s")


_DURATIONS = ("years", "days", "h", "min")


def _digits(value: float, digits: int) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.{digits}g}"
