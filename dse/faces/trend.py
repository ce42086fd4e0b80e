"""The trend face: how a plain function grows in each argument, everywhere in the arguments' ranges.

The statement is about real numbers: where it says "strictly", two values may still round to one float. It is never
wrong, but may be "unknown" where an argument is used twice with opposite effect.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from dse import glossary
from dse.errors import InputError, unknown
from dse.faces.interval import Interval, interval
from dse.faces.operators import Face


class Direction(NamedTuple):
    """+1 grows, -1 falls, 0 does not depend, None unknown; `strict` where different arguments give different values."""

    sign: int | None
    strict: bool

    def flipped(self) -> Direction:
        """The direction of the negated value."""
        return self if self.sign is None else Direction(-self.sign, self.strict)

    def joined(self, other: Direction) -> Direction:
        """The direction of a sum."""
        if self.sign is None or other.sign is None or self.sign * other.sign < 0:
            return UNKNOWN
        return Direction(self.sign or other.sign, self.strict or other.strict)

    def loose(self, strict: bool = False) -> Direction:
        """The same sign, strict only where `strict` holds too."""
        return Direction(self.sign, self.strict and strict)


CONSTANT, UNKNOWN = Direction(0, False), Direction(None, False)


class Trend(Face):
    """A value with its range, whether it can be zero, and its direction in each argument.

    `range` is an Interval of scalar bounds; `nonzero` says that zero is not taken even where it is a bound;
    arguments that are missing from `directions` have no influence.
    """

    __slots__ = ("directions", "nonzero", "range")

    def __init__(self, range: Interval, nonzero: bool, directions: Mapping[str, Direction]) -> None:
        self.range, self.directions = range, dict(directions)
        self.nonzero = nonzero or bool(range.low > 0 or range.high < 0)

    @property
    def sign(self) -> int | None:
        """+1 for values of at least 0, -1 for values of at most 0, None for both kinds."""
        return 1 if self.range.low >= 0 else -1 if self.range.high <= 0 else None

    def direction(self, name: str) -> Direction:
        """The direction in an argument."""
        return self.directions.get(name, CONSTANT)

    def apply(self, operation: str, *operands: Any) -> Trend:
        """The trend of the result of an operation."""
        return _RULES[operation](operation, *map(_trend, operands))

    def __repr__(self) -> str:
        return f"Trend({self.range}, nonzero={self.nonzero}, {self.directions})"


def trends(function: Callable[..., Any], /, positive: bool = False, **ranges: Any) -> dict[str, Direction]:
    """Direction of a plain function in each of its arguments.

    Parameters
    ----------
    function
        A function of operators and the ufuncs of the sheet.
    positive
        Whether the arguments without a range of their own are known not to be zero.
    ranges
        (low, high) or a number, by argument; the others have their glossary range, or 0 to infinity.

    Raises
    ------
    InputError
        For ranges of names that are no arguments, and for wrong ranges.

    >>> def time(ops, rate): return ops / rate
    >>> trends(time, positive=True)["rate"]
    Direction(sign=-1, strict=True)
    """
    names = tuple(inspect.signature(function).parameters)
    faults = [unknown("argument", name, names) for name in ranges if name not in names]
    if faults:
        raise InputError(faults)
    given = {name: _argument(name, ranges.get(name), positive) for name in names}
    result = _trend(function(**given))
    return {name: result.direction(name) for name in names}


def _argument(name: str, given: Any, positive: bool) -> Trend:
    known = glossary.NAMES.get(name)
    if given is not None:
        box, nonzero = Interval(*given) if isinstance(given, tuple) else Interval(given, given), False
    elif known is None:
        box, nonzero = Interval(0.0, np.inf), positive
    else:
        box, nonzero = Interval(known.minimum, known.maximum), positive or (known.positive and known.minimum == 0)
    return Trend(box, nonzero, {name: Direction(1, True)})


def _trend(value: Any) -> Trend:
    return value if isinstance(value, Trend) else Trend(interval(value), False, {})


def _made(operation: str, operands: tuple[Trend, ...], nonzero: bool, rule: Callable[[str], Direction]) -> Trend:
    """The trend of a result, with `rule` asked for the direction in each argument."""
    box = interval(0.0).apply(operation, *(o.range for o in operands))
    names = dict.fromkeys(name for o in operands for name in o.directions)
    return Trend(box, nonzero, {name: rule(name) for name in names})


def _times(direction: Direction, factor: int | None, nonzero: bool) -> Direction:
    """The direction of a term that is multiplied by a factor of the given sign."""
    if direction.sign == 0:
        return CONSTANT
    if factor is None:
        return UNKNOWN
    return (direction if factor > 0 else direction.flipped()).loose(nonzero)


def _add(operation: str, a: Trend, b: Trend) -> Trend:
    nonzero = a.sign is not None and a.sign == b.sign and (a.nonzero or b.nonzero)
    return _made(operation, (a, b), nonzero, lambda n: a.direction(n).joined(b.direction(n)))


def _subtract(operation: str, a: Trend, b: Trend) -> Trend:
    return _add("add", a, _negative("negative", b))


def _multiply(operation: str, a: Trend, b: Trend) -> Trend:
    return _made(
        operation,
        (a, b),
        a.nonzero and b.nonzero,
        lambda n: _times(a.direction(n), b.sign, b.nonzero).joined(_times(b.direction(n), a.sign, a.nonzero)),
    )


def _divide(operation: str, a: Trend, b: Trend) -> Trend:
    if b.sign == -1:
        return _divide(operation, _negative("negative", a), _negative("negative", b))

    def rule(name: str) -> Direction:
        # A divisor is never zero where the quotient exists, but a change of its sign is no monotone one.
        fall = _times(b.direction(name).flipped(), a.sign, a.nonzero) if b.sign is not None else UNKNOWN
        fall = CONSTANT if b.direction(name).sign == 0 else fall
        return _times(a.direction(name), b.sign, True).joined(fall)

    return _made(operation, (a, b), a.nonzero, rule)


def _power(operation: str, a: Trend, b: Trend) -> Trend:
    exponent = float(b.range.low) if b.range.low == b.range.high else None
    if a.sign != 1 and not (exponent is not None and exponent.is_integer()):
        return _made(operation, (a, b), False, lambda n: UNKNOWN)
    if a.sign != 1 and exponent is not None and exponent % 2 == 0:
        return _power(operation, _absolute("absolute", a), b)
    if a.sign == -1:
        return _negative("negative", _power(operation, _negative("negative", a), b))
    rising = b.sign if a.sign == 1 or (exponent or 0) > 0 else None
    above_one = 1 if a.range.low >= 1 else -1 if a.range.high <= 1 else None
    not_one = bool(a.range.low > 1 or a.range.high < 1) and a.nonzero

    def rule(name: str) -> Direction:
        by_base = _times(a.direction(name), rising, b.nonzero)
        return by_base.joined(_times(b.direction(name), above_one, not_one))

    return _made(operation, (a, b), a.nonzero, rule)


def _negative(operation: str, a: Trend) -> Trend:
    return _made(operation, (a,), a.nonzero, lambda n: a.direction(n).flipped())


def _absolute(operation: str, a: Trend) -> Trend:
    return _made(operation, (a,), a.nonzero, lambda n: _times(a.direction(n), a.sign, True))


def _extreme(operation: str, a: Trend, b: Trend) -> Trend:
    for one, other in ((a, b), (b, a)):
        wins = one.range.low >= other.range.high if operation == "maximum" else one.range.high <= other.range.low
        if wins:
            return one
    if operation == "maximum":
        nonzero = any(t.nonzero and t.sign == 1 for t in (a, b)) or all(t.nonzero and t.sign == -1 for t in (a, b))
    else:
        nonzero = any(t.nonzero and t.sign == -1 for t in (a, b)) or all(t.nonzero and t.sign == 1 for t in (a, b))

    def rule(name: str) -> Direction:
        one, other = a.direction(name), b.direction(name)
        return one.joined(other).loose(one.strict and other.strict)

    return _made(operation, (a, b), nonzero, rule)


def _smooth(operation: str, a: Trend) -> Trend:
    """Square root, logarithm and exponential: strictly rising."""
    nonzero = operation == "exp" or (operation == "sqrt" and a.nonzero)
    return _made(operation, (a,), nonzero, a.direction)


def _rounded(operation: str, a: Trend) -> Trend:
    nonzero = a.nonzero and a.sign == (1 if operation == "ceil" else -1)
    return _made(operation, (a,), nonzero, lambda n: a.direction(n).loose())


def _greater_equal(operation: str, a: Trend, b: Trend) -> Trend:
    return _made(operation, (a, b), False, lambda n: a.direction(n).joined(b.direction(n).flipped()).loose())


_RULES: dict[str, Callable[..., Trend]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
    "negative": _negative,
    "absolute": _absolute,
    "maximum": _extreme,
    "minimum": _extreme,
    "sqrt": _smooth,
    "log10": _smooth,
    "exp": _smooth,
    "ceil": _rounded,
    "floor": _rounded,
    "greater_equal": _greater_equal,
}
