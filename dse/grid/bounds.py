"""Bounds of the columns of a program over boxes of its grid, and the columns of single designs.

A box is a block of 2**level values along every dimension. Inputs are bounded by the least and largest of their values
in the box; each step by itself at two corners of what it takes where its trend is known, else by its interval face.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dse.grid.ends import Step, step_of
from dse.grid.per_op import on_arrays
from dse.grid.program import Program
from dse.grid.pyramid import Kept, Level, Pyramid, top
from dse.registry import Record

# Bounds are moved outward by this much, relatively: far above what engines and libraries differ by, far below what
# the comparison of designs rounds to.
WIDEN = 1e-13


class Bounds:
    """Bounds of columns over boxes of a grid.

    Parameters
    ----------
    program
        What computes the columns, over the grid.
    columns
        Names of values of the program.
    trends
        Whether steps of which the trend is known are bounded at two corners, which is tighter; else all steps are
        bounded by their interval face.

    Raises
    ------
    InputError
        For a column that depends on a function that neither trend nor interval face can follow.
    """

    def __init__(self, program: Program, columns: Sequence[str], trends: bool = True) -> None:
        self.columns = tuple(columns)
        self.dims = program.space.dims
        self.sizes = tuple(program.space.sizes.values())
        self.root: Level = tuple(map(top, self.sizes))
        steps, inputs = _needed(program, self.columns)
        kept = Kept()
        self._pyramids = {n: Pyramid(n, program.values[n], self.dims, kept) for n in inputs}
        self._steps: dict[str, Step] = {}
        # Values that can be NaN somewhere, and those of them that can be where no input is.
        self._can_miss = {n for n, p in self._pyramids.items() if p.can_miss}
        self._made = set[str]()
        whole = self.over(self.root, np.zeros((len(self.dims), 1), dtype=np.int32))
        for record in steps:
            self._steps[record.name], makes = step_of(record, whole, trends)
            if makes:
                self._made.add(record.name)
            if makes or self._can_miss.intersection(self._steps[record.name].reaching):
                self._can_miss.add(record.name)

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
                function = on_arrays(step.function)
                values[name] = np.asarray(function(*(values[i] for i in step.inputs)), dtype=np.float64)
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
        if name not in self._bounds._can_miss or name in self._bounds._made:
            return name in self._bounds._made
        pyramid = self._bounds._pyramids.get(name)
        if pyramid is None:
            inputs = self._bounds._steps[name].reaching
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
            found = [self.never(i) for i in step.reaching]
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
