"""Both ends of the values of single steps: at two corners of what a step takes where its trend is known, else by its
interval face.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from dse.errors import InputError
from dse.faces import Interval, Trend
from dse.faces.operators import Face
from dse.faces.trend import Direction
from dse.registry import Record

# Operations that make a number of NaN, and those that may make NaN of numbers.
_HIDING, _MAKING = {"greater_equal", "power"}, {"divide", "power", "sqrt", "log10"}


class Box(Protocol):
    """Ends of named values over a batch of boxes."""

    def end(self, name: str, high: bool) -> np.ndarray:
        """One end as it is computed: NaN where nothing is known."""

    def known(self, name: str, high: bool) -> np.ndarray:
        """One end; infinite where nothing is known."""

    def certain(self, name: str, high: bool) -> np.ndarray:
        """One end; infinite where any of the values may be NaN."""


@dataclass(frozen=True)
class Step:
    """A step, the direction in which it grows in each input (None where any is unknown), and whether it hides NaN.

    `reaching` are the inputs of which the result is made: a function may leave an argument unused, and then is defined
    where that one is NaN.
    """

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    reaching: tuple[str, ...]
    signs: tuple[int, ...] | None
    hides: bool

    def ends(self, view: Box, high: bool) -> dict[tuple[str, bool], np.ndarray]:
        """The end of the step that is asked for, or both where they come together, by name and side."""
        end = view.certain if self.hides else view.end if self.signs is not None else view.known
        if self.signs is not None:
            arguments = [end(i, high if s >= 0 else not high) for i, s in zip(self.inputs, self.signs, strict=True)]
            return {(self.name, high): np.atleast_1d(np.asarray(self.function(*arguments), dtype=np.float64))}
        found = self.function(*(_each(Interval, end(i, False), end(i, True)) for i in self.inputs))
        low, most = (found.low, found.high) if isinstance(found, Interval) else (found, found)
        return {(self.name, False): np.atleast_1d(low), (self.name, True): np.atleast_1d(most)}


def step_of(record: Record, whole: Box, trends: bool = True) -> tuple[Step, bool]:
    """The step of a record, and whether it may make NaN of numbers; `whole` is the box of all designs.

    Without `trends` its ends are those of the interval face, whatever is known of its trend.
    """
    try:
        seen, reaching = _operations(record, whole)
        make = partial(Step, record.name, record.function, record.inputs, reaching)
        hides = bool(seen & _HIDING)
        step = make(_directions(record, whole.certain if hides else whole.end) if trends else None, hides)
        if step.signs is None:
            step.ends(whole, high=False)
    except (TypeError, AttributeError, ValueError) as error:
        raise InputError(f"the metric {record.name!r} cannot be bounded: {error}; set bounds = false") from None
    ends = (whole.end(i, high) for i in record.inputs for high in (False, True))
    return step, bool(seen & _MAKING) or any(np.isinf(end).any() for end in ends)


def _operations(record: Record, whole: Box) -> tuple[set[str], tuple[str, ...]]:
    """Operations that a function is made of, but for divisions by a number, and the inputs that reach its result."""
    seen: set[str] = set()
    probes = (_each(lambda end, name=name: _Probe(seen, {name}), whole.end(name, False)) for name in record.inputs)
    result = record.function(*probes)
    reaching = result.names if isinstance(result, _Probe) else ()
    return seen, tuple(name for name in record.inputs if name in reaching)


def _directions(record: Record, end: Callable[[str, bool], np.ndarray]) -> tuple[int, ...] | None:
    """The sign of the trend in each input; None where any is unknown."""
    arguments = [
        _each(partial(_trend, str(k)), end(name, False), end(name, True)) for k, name in enumerate(record.inputs)
    ]
    try:
        with np.errstate(all="ignore"):
            result = record.function(*arguments)
    except TypeError:
        return None
    if not isinstance(result, Trend):
        return (0,) * len(arguments)
    signs = [result.direction(str(k)).sign for k in range(len(arguments))]
    return None if None in signs else tuple(s for s in signs if s is not None)


def _trend(name: str, low: np.ndarray, high: np.ndarray) -> Trend:
    unknown = np.isnan(low).any() or np.isnan(high).any()
    box = Interval(-np.inf, np.inf) if unknown else Interval(low[0], high[0])
    return Trend(box, False, {name: Direction(1, True)})


def _each(make: Callable[..., Any], *ends: np.ndarray) -> Any:
    """`make` of ends; of those of vectors over ops, a list with one for each op."""
    return make(*ends) if ends[0].ndim < 2 else [make(*own) for own in zip(*ends, strict=True)]


class _Probe(Face):
    """Notes the operations that a function is made of, and by name the inputs that a value is made of."""

    __slots__ = ("names", "seen")

    def __init__(self, seen: set[str], names: Iterable[str]) -> None:
        self.seen, self.names = seen, frozenset(names)

    def apply(self, operation: str, *operands: Any) -> _Probe:
        """A probe of all that the operands are made of."""
        if operation != "divide" or isinstance(operands[1], Face):
            self.seen.add(operation)
        return _Probe(self.seen, frozenset().union(*(o.names for o in operands if isinstance(o, _Probe))))
