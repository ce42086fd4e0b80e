"""Bounds of the columns of a program over boxes of its grid, and the columns of single designs.

A box is a block of 2**level values along every dimension. Inputs are bounded by the least and largest of their values
in the box; each step by itself at two corners of what it takes where its trend is known, else by its interval face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dse.errors import InputError
from dse.faces import Interval, Trend
from dse.faces.operators import Face
from dse.faces.trend import Direction
from dse.grid.program import Program
from dse.grid.pyramid import Kept, Level, Pyramid, top
from dse.registry import Record

# Bounds are moved outward by this much, relatively: far above what engines and libraries differ by, far below what
# the comparison of designs rounds to.
WIDEN = 1e-13
# Operations that make a number of NaN.
_HIDING = {"greater_equal", "power"}


class Bounds:
    """Bounds of columns over boxes of a grid.

    Parameters
    ----------
    program
        What computes the columns, over the grid.
    columns
        Names of values of the program.

    Raises
    ------
    InputError
        For a column that depends on a function that neither trend nor interval face can follow.
    """

    def __init__(self, program: Program, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.dims = program.space.dims
        self.sizes = tuple(program.space.sizes.values())
        self.root: Level = tuple(map(top, self.sizes))
        steps, inputs = _needed(program, self.columns)
        kept = Kept()
        self._pyramids = {n: Pyramid(n, program.values[n], self.dims, kept) for n in inputs}
        self._steps: dict[str, _Step] = {}
        # Values that can be NaN somewhere.
        self._can_miss = {n for n, p in self._pyramids.items() if p.can_miss}
        whole = self.over(self.root, np.zeros((len(self.dims), 1), dtype=np.int32))
        for record in steps:
            if self._can_miss.intersection(record.inputs):
                self._can_miss.add(record.name)
            self._steps[record.name] = _Step.of(record, whole)

    def over(self, level: Level, boxes: np.ndarray) -> View:
        """Bounds over boxes given by the place of their block along each dimension, shape (dims, n)."""
        return View(self, level, boxes)

    def designs(self, index: np.ndarray) -> dict[str, np.ndarray]:
        """The columns of designs given by their place along each dimension, shape (dims, n): arrays of shape (n,).

        The same functions on the same numbers as in a grid, so the same results bit for bit.
        """
        level = (0,) * len(self.dims)
        values: dict[str, np.ndarray] = {}
        for name, pyramid in self._pyramids.items():
            found = pyramid.take(pyramid.blocks(level).low, pyramid.places(level, index))
            values[name] = found if found.shape[-1] > 1 or index.shape[1] == 1 else found[..., 0]
        with np.errstate(all="ignore"):
            for name, step in self._steps.items():
                values[name] = np.asarray(step.function(*(values[i] for i in step.inputs)), dtype=np.float64)
        return {n: np.broadcast_to(values[n], index.shape[1]) for n in self.columns}


def _needed(program: Program, columns: Sequence[str]) -> tuple[list[Record], list[str]]:
    """The steps that columns need, in order, and the inputs."""
    wanted, steps = set(columns), []
    for step in reversed(program.steps):
        if step.name in wanted:
            wanted.update(step.inputs)
            steps.append(step)
    return steps[::-1], [n for n in program.values if n in wanted]


class View:
    """Bounds over a batch of boxes; each end of each value is computed when it is asked for."""

    def __init__(self, bounds: Bounds, level: Level, boxes: np.ndarray) -> None:
        self._bounds, self._level, self._boxes = bounds, level, boxes
        self._ends: dict[tuple[str, bool], np.ndarray] = {}
        self._places: dict[tuple[int, ...], np.ndarray | None] = {}

    def low(self, column: str) -> np.ndarray:
        """At most the least value that is not NaN, shape (n,)."""
        end = self.known(column, False)
        return np.broadcast_to(end - WIDEN * _size(end), self._boxes.shape[1])

    def high(self, column: str) -> np.ndarray:
        """At least the largest value that is not NaN, shape (n,)."""
        end = self.known(column, True)
        return np.broadcast_to(end + WIDEN * _size(end), self._boxes.shape[1])

    def missing(self, name: str) -> Any:
        """Whether any value may be NaN, shape (n,), or one answer for all boxes."""
        if name not in self._bounds._can_miss:
            return False
        pyramid = self._bounds._pyramids.get(name)
        if pyramid is None:
            inputs = self._bounds._steps[name].inputs
            return np.logical_or.reduce(np.broadcast_arrays(*(self.missing(i) for i in inputs)))
        some = self._take(pyramid, np.asarray(pyramid.blocks(self._level).some))
        return some.any(axis=0) if pyramid.over_ops else some

    def never(self, name: str) -> Any:
        """Whether all values are surely NaN, shape (n,), or one answer for all boxes."""
        if name not in self._bounds._can_miss:
            return False
        pyramid = self._bounds._pyramids.get(name)
        if pyramid is None:
            step = self._bounds._steps[name]
            found = [self.never(i) for i in step.inputs]
            return False if step.hides else np.logical_or.reduce(np.broadcast_arrays(*found))
        nothing = np.isnan(self._take(pyramid, pyramid.blocks(self._level).low))
        return nothing.all(axis=0) if pyramid.over_ops else nothing

    def known(self, name: str, high: bool) -> np.ndarray:
        """One end of the values; infinite where nothing is known."""
        end = self.end(name, high)
        return np.where(np.isnan(end), np.inf if high else -np.inf, end)

    def certain(self, name: str, high: bool) -> np.ndarray:
        """One end of the values, infinite where any of them may be NaN."""
        low, most, nothing = self.end(name, False), self.end(name, True), np.inf if high else -np.inf
        doubt = ~np.isfinite(low) | ~np.isfinite(most) | self.missing(name)
        return np.where(doubt, nothing, most if high else low)

    def end(self, name: str, high: bool) -> np.ndarray:
        """One end of the values as it is computed: NaN where nothing is known."""
        key = name, high
        if key not in self._ends:
            pyramid = self._bounds._pyramids.get(name)
            with np.errstate(all="ignore"):
                if pyramid is None:
                    self._ends |= self._bounds._steps[name].ends(self, high)
                else:
                    blocks = pyramid.blocks(self._level)
                    self._ends[key] = self._take(pyramid, blocks.high if high else blocks.low)
        return self._ends[key]

    def _take(self, pyramid: Pyramid, array: np.ndarray) -> np.ndarray:
        key = pyramid.axes
        if key not in self._places:
            self._places[key] = pyramid.places(self._level, self._boxes)
        return pyramid.take(array, self._places[key])


def _size(end: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(end), np.abs(end), 0.0)


@dataclass(frozen=True)
class _Step:
    """A step, the direction in which it grows in each input (None where any is unknown), and whether it hides NaN."""

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    signs: tuple[int, ...] | None
    hides: bool

    @classmethod
    def of(cls, record: Record, whole: View) -> _Step:
        """The step of a record; `whole` is the box of all designs."""
        make = partial(cls, record.name, record.function, record.inputs)
        try:
            hides = bool(_operations(record, whole) & _HIDING)
            step = make(_directions(record, whole.certain if hides else whole.end), hides)
            if step.signs is None:
                step.ends(whole, high=False)
        except (TypeError, AttributeError, ValueError) as error:
            raise InputError(f"the metric {record.name!r} cannot be bounded: {error}; set bounds = false") from None
        return step

    def ends(self, view: View, high: bool) -> dict[tuple[str, bool], np.ndarray]:
        """The end that is asked for, or both where they come together."""
        end = view.certain if self.hides else view.end if self.signs is not None else view.known
        if self.signs is not None:
            arguments = [end(i, high if s >= 0 else not high) for i, s in zip(self.inputs, self.signs, strict=True)]
            return {(self.name, high): np.atleast_1d(np.asarray(self.function(*arguments), dtype=np.float64))}
        found = self.function(*(_each(Interval, end(i, False), end(i, True)) for i in self.inputs))
        low, most = (found.low, found.high) if isinstance(found, Interval) else (found, found)
        return {(self.name, False): np.atleast_1d(low), (self.name, True): np.atleast_1d(most)}


def _operations(record: Record, whole: View) -> set[str]:
    """The operations that a function is made of."""
    seen: set[str] = set()
    record.function(*(_each(lambda end: _Probe(seen), whole.end(i, False)) for i in record.inputs))
    return seen


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
    """Notes the operations that a function is made of."""

    __slots__ = ("seen",)

    def __init__(self, seen: set[str]) -> None:
        self.seen = seen

    def apply(self, operation: str, *operands: Any) -> _Probe:
        """The same probe."""
        self.seen.add(operation)
        return self
