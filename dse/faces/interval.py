"""The interval face: bounds of a plain function over a box of its arguments.

Rounding is monotone, so the bounds of + - * / max min ceil floor and sqrt computed in floating point hold for every
value that the function itself computes. Powers, exp and log10 come from libraries that differ in the last bits:
their bounds are widened outward by two steps of the float grid. An expression that uses an argument twice may get
wider bounds than it needs, never narrower ones. Zero is +0: nothing here counts or measures -0, so that one over an
interval from 0 up has positive bounds.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from dse.errors import Fault, InputError, unknown
from dse.faces.operators import UFUNCS, Face

Bound = Any  # a float, or an array of them


class Interval(Face):
    """All numbers from `low` to `high`, both included; floats, or arrays of bounds that broadcast.

    Raises
    ------
    InputError
        Where a bound is NaN or low is above high.
    """

    __slots__ = ("high", "low")

    def __init__(self, low: Bound, high: Bound) -> None:
        self.low, self.high = np.float64(low), np.float64(high)
        if not np.all(self.low <= self.high):
            raise InputError(f"interval from {low} to {high}; allowed: low at most high, neither NaN")

    def apply(self, operation: str, *operands: Any) -> Interval:
        """Bounds of the results of an operation."""
        with np.errstate(all="ignore"):
            low, high = _RULES[operation](*map(interval, operands))
        return _made(low, high)

    def contains(self, value: Any) -> Any:
        """Whether a value lies within the bounds, element by element."""
        return (self.low <= value) & (value <= self.high)

    def __repr__(self) -> str:
        return f"Interval({self.low}, {self.high})"


def interval(value: Any) -> Interval:
    """An interval as it is; a number or array as one of zero width."""
    return value if isinstance(value, Interval) else _made(np.float64(value), np.float64(value))


def bounds(function: Callable[..., Any], /, **intervals: Any) -> Interval:
    """Bounds of a plain function over a box.

    Parameters
    ----------
    function
        A function of operators and the ufuncs of the sheet.
    intervals
        For each argument an Interval, a pair (low, high), or a number or array that is taken as it is.

    Raises
    ------
    InputError
        For arguments that are missing or unknown, and for wrong bounds.

    >>> def density(mass, volume): return mass / volume
    >>> bounds(density, mass=(1, 2), volume=(0, 4))
    Interval(0.25, inf)
    """
    names = tuple(inspect.signature(function).parameters)
    faults = [unknown("argument", name, names) for name in intervals if name not in names]
    missing = "is missing; allowed: an interval, a pair or a number"
    faults += [Fault(name, missing) for name in names if name not in intervals]
    if faults:
        raise InputError(faults)
    return interval(function(**{name: _given(value) for name, value in intervals.items()}))


def _given(value: Any) -> Interval:
    if isinstance(value, Interval):
        return value
    return Interval(*value) if isinstance(value, tuple) else Interval(value, value)


def _made(low: Bound, high: Bound) -> Interval:
    result = object.__new__(Interval)
    result.low, result.high = low, high
    return result


_Bounds = tuple[Bound, Bound]


def _outward(low: Bound, high: Bound) -> _Bounds:
    """Bounds two steps further out; the sign of a value is certain, so that no bound crosses zero."""
    wide_low, wide_high = low, high
    for _ in range(2):
        wide_low, wide_high = np.nextafter(wide_low, -np.inf), np.nextafter(wide_high, np.inf)
    wide_low = _where(low >= 0, np.maximum(wide_low, 0.0), wide_low)
    return wide_low, _where(high <= 0, np.minimum(wide_high, 0.0), wide_high)


def _where(condition: Any, value: Bound, otherwise: Bound) -> Bound:
    """`np.where` that gives scalars for scalars."""
    chosen: Any = np.where(condition, value, otherwise)
    return chosen[()]


def _unless_nan(value: Bound, instead: float) -> Bound:
    return _where(np.isnan(value), instead, value)


def _add(a: Interval, b: Interval) -> _Bounds:
    return _unless_nan(a.low + b.low, -np.inf), _unless_nan(a.high + b.high, np.inf)


def _subtract(a: Interval, b: Interval) -> _Bounds:
    return _unless_nan(a.low - b.high, -np.inf), _unless_nan(a.high - b.low, np.inf)


def _hull(*corners: Bound) -> _Bounds:
    """The least and the largest corner; NaN stands for 0·∞, which is 0 for every finite factor."""
    known = [_unless_nan(corner, 0.0) for corner in corners]
    low = high = known[0]
    for corner in known[1:]:
        low, high = np.minimum(low, corner), np.maximum(high, corner)
    return low, high


def _multiply(a: Interval, b: Interval) -> _Bounds:
    if np.all(a.low >= 0) and np.all(b.low >= 0):
        return _unless_nan(a.low * b.low, 0.0), _unless_nan(a.high * b.high, 0.0)
    return _hull(a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high)


def _divide(a: Interval, b: Interval) -> _Bounds:
    below = b.low + 0.0  # a lower bound of 0 is +0
    low, high = _hull(a.low / below, a.low / b.high, a.high / below, a.high / b.high)
    unbounded = (b.high >= 0) & ((b.low < 0) | (b.high == 0))
    return _where(unbounded, -np.inf, low), _where(unbounded, np.inf, high)


def _power(a: Interval, b: Interval) -> _Bounds:
    constant = np.all(b.low == b.high)
    if constant and np.all(a.low == a.high):
        value = a.low**b.low
        pole = np.isnan(value) | (a.low == 0) & (b.low < 0)
        return _where(pole, -np.inf, value), _where(pole, np.inf, value)
    if constant and np.ndim(b.low) == 0 and float(b.low).is_integer():
        return _integer_power(a, int(b.low))
    low, high = _outward(*_hull(a.low**b.low, a.low**b.high, a.high**b.low, a.high**b.high))
    return _where(a.low >= 0, low, -np.inf), _where(a.low >= 0, high, np.inf)


def _integer_power(a: Interval, exponent: int) -> _Bounds:
    if exponent == 0:
        return np.ones_like(a.low), np.ones_like(a.high)
    if exponent < 0:
        return _outward(*_divide(interval(1.0), _made(*_integer_power(a, -exponent))))
    if exponent % 2 == 0:
        a = _made(*_absolute(a))
    low, high = a.low**exponent, a.high**exponent
    return (low, high) if exponent <= 2 else _outward(low, high)


def _absolute(a: Interval) -> _Bounds:
    return np.maximum(np.maximum(a.low, -a.high), 0.0), np.maximum(-a.low, a.high)


def _sqrt(a: Interval) -> _Bounds:
    # Numbers without a root give no value of the function; where there are no others nothing is known.
    none = a.high < 0
    low, high = np.sqrt(np.maximum(a.low, 0)), np.sqrt(a.high)
    return _where(none, -np.inf, low), _where(none, np.inf, high)


def _log10(a: Interval) -> _Bounds:
    low, high = _outward(np.log10(np.maximum(a.low, 0)), np.log10(np.maximum(a.high, 0)))
    return _where(a.high < 0, -np.inf, low), _where(a.high < 0, np.inf, high)


def _exp(a: Interval) -> _Bounds:
    return _outward(np.exp(a.low), np.exp(a.high))


def _greater_equal(a: Interval, b: Interval) -> _Bounds:
    return np.greater_equal(a.low, b.high) * 1.0, np.greater_equal(a.high, b.low) * 1.0


def _rising(operation: str) -> Callable[..., _Bounds]:
    ufunc = UFUNCS[operation]
    return lambda *operands: (ufunc(*(o.low for o in operands)), ufunc(*(o.high for o in operands)))


_RULES: dict[str, Callable[..., _Bounds]] = {
    **{name: _rising(name) for name in ("maximum", "minimum", "ceil", "floor")},
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
    "negative": lambda a: (-a.high, -a.low),
    "absolute": _absolute,
    "sqrt": _sqrt,
    "log10": _log10,
    "exp": _exp,
    "greater_equal": _greater_equal,
}
