"""Unit strings and quantities: "320 KiB", "10 mJ", "100 TOPS", "0.2 USD/kWh".

A unit is a factor to SI and a set of exponents over the base quantities below. Everything inside the package
is SI (bytes, seconds, joules, watts, FLOP/s, kg, USD); a name whose glossary unit is an exception (g/kWh,
USD/kWh, Wh, %) is converted to exactly that unit and to nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from dse.errors import InputError, nearest, shown

# One MAC is two FLOP (two OP for integers): counts of operations have a dimension of their own, so that the
# two are converted and never mixed.
_BASE: dict[str, tuple[float, dict[str, int]]] = {
    "1": (1.0, {}),
    "%": (0.01, {}),
    "dB": (1.0, {"decibel": 1}),
    "nat": (1.0, {}),
    "token": (1.0, {}),
    "sample": (1.0, {}),
    "B": (1.0, {"information": 1}),
    "bit": (0.125, {"information": 1}),
    "s": (1.0, {"time": 1}),
    "min": (60.0, {"time": 1}),
    "h": (3600.0, {"time": 1}),
    "day": (86400.0, {"time": 1}),
    "year": (365.25 * 86400.0, {"time": 1}),
    "days": (86400.0, {"time": 1}),
    "years": (365.25 * 86400.0, {"time": 1}),
    "Hz": (1.0, {"time": -1}),
    "J": (1.0, {"energy": 1}),
    "Wh": (3600.0, {"energy": 1}),
    "W": (1.0, {"energy": 1, "time": -1}),
    "g": (1e-3, {"mass": 1}),
    "USD": (1.0, {"currency": 1}),
    "mm2": (1.0, {"area": 1}),
    "nm": (1.0, {"feature size": 1}),
    "FLOP": (1.0, {"operations": 1}),
    "FLOPs": (1.0, {"operations": 1}),
    "FLOPS": (1.0, {"operations": 1, "time": -1}),
    "OP": (1.0, {"operations": 1}),
    "OPS": (1.0, {"operations": 1, "time": -1}),
    "MAC": (2.0, {"operations": 1}),
}
_PREFIXABLE = {"B", "bit", "s", "Hz", "J", "Wh", "W", "g", "FLOP", "FLOPs", "FLOPS", "OP", "OPS", "MAC", "token"}
_SI = {
    "E": 1e18,
    "P": 1e15,
    "T": 1e12,
    "G": 1e9,
    "M": 1e6,
    "k": 1e3,
    "m": 1e-3,
    "u": 1e-6,
    "µ": 1e-6,
    "n": 1e-9,
    "p": 1e-12,
    "f": 1e-15,
}
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50}
_SPELLINGS = {
    "KB": "kB (1000 bytes) or KiB (1024 bytes)",
    "Kb": "kbit or KiB",
    "GB/sec": "GB/s",
    "sec": "s",
    "hour": "h",
    "yr": "year",
    "$": "USD",
    "€": "an amount in USD: no rates of exchange are held",
    "EUR": "an amount in USD: no rates of exchange are held",
    "GBP": "an amount in USD: no rates of exchange are held",
    "μs": "us",
}
_NUMBER = re.compile(r"\s*([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*$")
_SEPARATORS = r"(/|·|(?<!\*)\*(?!\*)|\s+)"
# Units in parentheses, without any inside: what stands before them, and no exponent behind.
_GROUP = re.compile(rf"(^|[/·*(\s])\(([^()]+)\)(?=$|\)|{_SEPARATORS})")
_FACTOR = re.compile(r"(%|1|[A-Za-zµ]+2?)(?:(?:\^|\*\*)(-?\d+))?$")


@dataclass(frozen=True)
class Unit:
    """A factor to SI and the exponents of the base quantities."""

    scale: float
    dimension: tuple[tuple[str, int], ...]

    def describe(self) -> str:
        """The dimension in words: "energy/time"."""
        if not self.dimension:
            return "a plain number"
        above = [n if e == 1 else f"{n}^{e}" for n, e in self.dimension if e > 0]
        below = [n if e == -1 else f"{n}^{-e}" for n, e in self.dimension if e < 0]
        return "·".join(above or ["1"]) + "".join(f"/{b}" for b in below)


def _symbol(text: str) -> tuple[float, dict[str, int]]:
    if text in _BASE:
        return _BASE[text]
    for prefixes in (_BINARY, _SI):
        for prefix, factor in prefixes.items():
            rest = text[len(prefix) :]
            if not text.startswith(prefix) or rest not in _PREFIXABLE:
                continue
            if prefixes is _BINARY and rest not in ("B", "bit"):
                continue
            scale, dimension = _BASE[rest]
            return factor * scale, dimension
    if text in _SPELLINGS:
        raise InputError(f"unknown unit {text!r}; write {_SPELLINGS[text]}")
    known = [
        p + u for u in _BASE for p in ("", *(_SI if u in _PREFIXABLE else ()), *(_BINARY if u in ("B", "bit") else ()))
    ]
    close = nearest(text, known)
    raise InputError(f"unknown unit {text!r}" + (f"; did you mean {close!r}?" if close else ""))


@cache
def parse_unit(text: str) -> Unit:
    """The unit that a string such as "GB/s", "USD/kWh" or "mW/(GB/s)" names.

    >>> parse_unit("KiB").scale, parse_unit("W/(B/s)") == parse_unit("J/B")
    (1024.0, True)
    """
    scale, dimension = 1.0, dict[str, int]()
    stripped = text.strip() or "1"
    # "2 /s" is twice a second.
    stripped = f"1{stripped}" if stripped.startswith("/") else stripped
    if len(stripped) > 60:
        raise InputError(f"unit of {len(stripped)} characters; units are short")
    for position, part in enumerate(re.split(_SEPARATORS, _without_groups(stripped))):
        if position % 2:
            separator = part.strip()
            continue
        match = _FACTOR.match(part)
        if match is None:
            hint = f"; write {_SPELLINGS[part]}" if part in _SPELLINGS else ""
            hint = "; numbers have no commas, and several are a list: [1, 2]" if text.startswith(",") else hint
            raise InputError(f"cannot read the unit {text!r}{hint}")
        exponent = int(match[2] or 1) * (-1 if position and separator == "/" else 1)
        if abs(exponent) > 9:
            raise InputError(f"exponent {exponent} in the unit {text!r}")
        factor, base = _symbol(match[1])
        scale *= factor**exponent
        for name, power in base.items():
            dimension[name] = dimension.get(name, 0) + power * exponent
    return Unit(scale, tuple(sorted((n, e) for n, e in dimension.items() if e)))


def _without_groups(text: str) -> str:
    """The unit without parentheses: "mW/(GB/s)" is "mW/GB·s", each factor being above or below by itself."""
    before = ""
    while before != text:
        before, text = text, _GROUP.sub(_opened, text)
    return text


def _opened(group: re.Match[str]) -> str:
    """Units in parentheses without these; below a line what was above is below, and the other way round."""
    sign, inside = group[1], group[2].strip()
    if sign == "/":
        inside = re.sub(_SEPARATORS, lambda found: "·" if found[1] == "/" else "/", inside)
    return sign + inside


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
        raise InputError(f"{error}; {target.describe()} is needed, such as {_example(unit)!r}") from None
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
        return f"{_digits(value / _BASE[duration][0], digits)} {duration}"
    head, _, tail = unit.partition("/")
    rest = f"/{tail}" if tail else ""
    if takes_prefix(unit) and value != 0:
        table = _BINARY if unit == "B" else _SI
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
    return next((unit for unit in _DURATIONS if abs(seconds) >= 2 * _BASE[unit][0]), "s")


_DURATIONS = ("years", "days", "h", "min")


def _digits(value: float, digits: int) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.{digits}g}"
