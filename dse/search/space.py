"""The designs of a job as parameters of Optuna: ordered axes are integers over grid cells, nominal ones categorical.

A cell is what a trial proposes: one design, or an architecture with all number formats, deployments and devices.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from dse.grid.blocks import Grid
from dse.grid.space import NETWORK, Axis
from dse.jobs.resolve import Job

# Longest step of a neighbour: along more than two axes at once, and else.
SHORT, FAR = 2, 2**62
# Of a child so often a value is the other parent's, and so often it changes.
CROSSED, CHANGED = 0.25, 1 / 3


@dataclass(frozen=True)
class Parameter:
    """An axis of several values under the name that Optuna knows it by; `stride` is the step of a cell along it."""

    name: str
    axis: Axis
    stride: int

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.axis.values)

    @cached_property
    def ordered(self) -> bool:
        """Whether values are numbers: then neighbours mean something."""
        return all(isinstance(v, (int, float)) for v in self.axis.values)

    @cached_property
    def order(self) -> np.ndarray:
        """The place along the axis of each value: numbers ascending, names as the spec has them."""
        places = np.arange(self.size)
        return np.array(sorted(places, key=self.axis.values.__getitem__)) if self.ordered else places

    @cached_property
    def values(self) -> tuple[Any, ...]:
        """Values in that order: cells are counted by their numbers, and trials of an ordered axis are such numbers."""
        return tuple(self.axis.values[place] for place in self.order)

    def reordered(self, cells: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Cells whose number along this axis is replaced by the one that an order has there."""
        own = cells // self.stride % self.size
        return np.asarray(cells + (order[own] - own) * self.stride)

    @cached_property
    def distribution(self) -> BaseDistribution:
        """Numbers of the values of an ordered axis, names of a nominal one."""
        return IntDistribution(0, self.size - 1) if self.ordered else CategoricalDistribution(self.names)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Values as text."""
        return tuple(map(str, self.values))

    def given(self, number: int) -> Any:
        """What a parameter of Optuna is at a value, by its number."""
        return number if self.ordered else self.names[number]

    def number(self, given: Any) -> int:
        """The number of the value that a parameter of Optuna is."""
        return int(given) if self.ordered else self.names.index(given)


@dataclass(frozen=True)
class Part:
    """The cells of one grid.

    Attributes
    ----------
    parameters
        Axes of several values that a trial chooses, slowest first.
    inner
        Designs of a cell: they lie side by side in the grid.
    start, first
        The number of the first cell, and the place of the first design, among those of all grids.
    """

    grid: Grid
    parameters: tuple[Parameter, ...]
    inner: int
    start: int
    first: int

    @property
    def cells(self) -> int:
        """Number of cells."""
        return math.prod(p.size for p in self.parameters)

    def places(self, cells: np.ndarray) -> np.ndarray:
        """Places in the grid of all designs of cells, shape (n · inner,); cells are counted from this part's first."""
        for p in self._unsorted:
            cells = p.reordered(cells, p.order)
        return (cells[:, None] * self.inner + np.arange(self.inner)).reshape(-1)

    def cells_at(self, places: np.ndarray) -> np.ndarray:
        """The cell of each design by its place in the grid, shape (n,), counted from this part's first."""
        cells = places // self.inner
        for p in self._unsorted:
            cells = p.reordered(cells, np.argsort(p.order))
        return cells

    @cached_property
    def _unsorted(self) -> list[Parameter]:
        """Axes whose values the spec has in another order than cells."""
        return [p for p in self.parameters if (np.diff(p.order) < 0).any()]


class SearchSpace:
    """All cells of a job, numbered through its grids."""

    def __init__(self, job: Job, inner: str = "sample") -> None:
        self.parts: tuple[Part, ...] = _parts(job, inner)
        self.cells = sum(part.cells for part in self.parts)
        self.network = CategoricalDistribution([p.grid.name for p in self.parts]) if len(self.parts) > 1 else None
        self._starts = np.array([part.start for part in self.parts])

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """Distributions by name: those that a trial of some network has."""
        found: dict[str, BaseDistribution] = {} if self.network is None else {NETWORK: self.network}
        return found | {p.name: p.distribution for part in self.parts for p in part.parameters}

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Parameters by name."""
        return {p.name: p for part in self.parts for p in part.parameters}

    def part_of(self, network: str | None) -> Part:
        """The cells of a network; of the only grid where there is one."""
        return self.parts[0] if network is None else next(p for p in self.parts if p.grid.name == network)

    def is_whole(self, given: Mapping[str, Any]) -> bool:
        """Whether these are all the parameters that a trial of their network has."""
        if self.network is not None and NETWORK not in given:
            return False
        return all(p.name in given for p in self.part_of(given.get(NETWORK) if self.network else None).parameters)

    def encode(self, given: Mapping[str, Any]) -> int:
        """The cell of the parameters of a trial."""
        part = self.part_of(given.get(NETWORK) if self.network else None)
        return part.start + sum(p.number(given[p.name]) * p.stride for p in part.parameters)

    def decode(self, cell: int) -> dict[str, Any]:
        """The parameters of a cell."""
        part = self.parts[int(self.numbers(np.array([cell]))[0])]
        local = int(cell) - part.start
        found = {NETWORK: part.grid.name} if self.network else {}
        return found | {p.name: p.given(local // p.stride % p.size) for p in part.parameters}

    def numbers(self, cells: np.ndarray) -> np.ndarray:
        """The number of the part that each cell is in."""
        return np.searchsorted(self._starts, cells, side="right") - 1

    def cells_of(self, places: np.ndarray) -> np.ndarray:
        """The cells of designs, by their places among those of all grids; each once, ascending."""
        firsts = np.array([part.first for part in self.parts])
        found = []
        for number, part in enumerate(self.parts):
            own = places[np.searchsorted(firsts, places, side="right") - 1 == number] - part.first
            found.append(part.start + part.cells_at(own))
        return ascending(np.concatenate(found))

    def neighbours(self, cells: np.ndarray, axes: int = 1) -> np.ndarray:
        """Cells that differ along so many axes, each once, ascending: by 1, 2, 4, ... steps, or anyhow if nominal."""
        found = [np.empty(0, dtype=np.int64)]
        numbers = self.numbers(cells)
        for number, part in enumerate(self.parts):
            local = cells[numbers == number] - part.start
            for moved in itertools.combinations(part.parameters, axes):
                reach = SHORT if axes > 2 else FAR
                found.append(part.start + functools.reduce(functools.partial(_moved, reach=reach), moved, local))
        return ascending(np.concatenate(found))

    def children(self, cells: np.ndarray, number: int, draw: np.random.Generator) -> np.ndarray:
        """Up to so many cells, each once, ascending: each of two of the cells crossed, with some axes changed.

        Both parents have the same network. An axis changes with a probability of 1/3, by a step of which every order
        of magnitude is as likely.
        """
        chosen = np.sort(draw.choice(cells, number))
        numbers, found = self.numbers(chosen), [np.empty(0, dtype=np.int64)]
        for number in np.unique(numbers).tolist():
            part, own = self.parts[number], chosen[numbers == number] - self.parts[number].start
            others = draw.permutation(own)
            children = np.full(len(own), part.start)
            for p in part.parameters:
                mine, theirs = (c // p.stride % p.size for c in (own, others))
                place = np.where(draw.random(len(own)) < CROSSED, theirs, mine)
                step = np.exp(draw.random(len(own)) * np.log(p.size)).astype(np.int64)
                there = place + np.where(draw.random(len(own)) < 0.5, -step, step)
                there = np.clip(there, 0, p.size - 1) if p.ordered else there % p.size
                children += p.stride * np.where(draw.random(len(own)) < CHANGED, there, place)
            found.append(children)
        return ascending(np.concatenate(found))

    def turns(self, names: Collection[str]) -> list[dict[str, Any]]:
        """Every combination of the values of some axes, as parameters of Optuna; none where no trial chooses them."""
        found: list[dict[str, Any]] = []
        for part in self.parts:
            own: list[dict[str, Any]] = [{NETWORK: part.grid.name} if self.network and NETWORK in names else {}]
            for p in part.parameters:
                if p.axis.name in names:
                    own = [{**one, p.name: p.given(number)} for one in own for number in range(p.size)]
            found += [one for one in own if one and one not in found]
        return found


def ascending(values: np.ndarray) -> np.ndarray:
    """Integers in order, each once: for many of them sorting is several times as fast as `np.unique`."""
    values = np.sort(values)
    return values[np.diff(values, prepend=values[:1] - 1) > 0]


def _moved(cells: np.ndarray, parameter: Parameter, reach: int) -> np.ndarray:
    """Cells with another value of a parameter, each of those that neighbours have."""
    own, steps = cells // parameter.stride % parameter.size, np.array(_steps(parameter, reach))
    there = own[:, None] + steps
    inside = (there >= 0) & (there < parameter.size)
    if not parameter.ordered:
        there, inside = there % parameter.size, np.ones_like(inside)
    return np.asarray((cells[:, None] + (there - own[:, None]) * parameter.stride)[inside])


def _steps(parameter: Parameter, reach: int) -> list[int]:
    if not parameter.ordered:
        return list(range(1, parameter.size))
    steps = [2**k for k in range(max(1, (parameter.size - 1).bit_length())) if 2**k <= reach]
    return [sign * step for step in steps for sign in (-1, 1)]


def _parts(job: Job, inner: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    start = first = 0
    shared = _shared(job)
    for grid in job.grids:
        axes = [grid.space.axes[d] for d in grid.space.dims if grid.space.sizes[d] > 1]
        # Architecture comes first in every grid: the designs of one are side by side.
        chosen = [a for a in axes if inner == "sample" or a.kind == "architecture"]
        size = math.prod(len(a.values) for a in axes) // math.prod(len(a.values) for a in chosen)
        parameters, stride = [], 1
        for axis in reversed(chosen):
            name = axis.name if axis.name in shared else f"{grid.name}.{axis.name}"
            parameters.append(Parameter(name, axis, stride))
            stride *= len(axis.values)
        parts.append(Part(grid, tuple(reversed(parameters)), size, start, first))
        start, first = start + stride, first + grid.space.size
    return tuple(parts)


def _shared(job: Job) -> set[str]:
    """Axes that are one parameter in all networks: those that have the same values in all that have them."""
    values: dict[str, set[Sequence[Any]]] = {}
    for grid in job.grids:
        for dim in grid.space.dims:
            values.setdefault(dim, set()).add(grid.space.axes[dim].values)
    architecture = {d for g in job.grids for d in g.space.dims if g.space.axes[d].kind == "architecture"}
    own = architecture if len(job.grids) > 1 else set()
    return {name for name, found in values.items() if len(found) == 1 and name not in own}
