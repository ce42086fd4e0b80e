"""Columns of designs by their places in a grid: from a program that is made once, or traced for each population.

Of few architectures all are counted before the first population, and a population is then nothing but arithmetic on
what stands at its places. Of many, those of each population are counted when it comes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from dse.grid.blocks import Grid
from dse.grid.labelled import OP, Labelled
from dse.grid.per_op import on_arrays
from dse.grid.program import Program
from dse.grid.relations import program_by_rules
from dse.grid.space import Space
from dse.pareto.cut import MCU, is_mcu
from dse.pareto.groups import flat_column, group_codes
from dse.pareto.regions import Region, regions
from dse.registry import Record

# Architectures that are counted before the first population: each takes about a microsecond, and a trial some hundred.
FEW = 2**17
# Numbers that may be held for them: vectors over ops are long.
HELD = 2**23
# The column with the group that each design competes in.
GROUP = "group"

Columns = dict[str, np.ndarray]


class Designs(Protocol):
    """Where columns of designs come from."""

    def columns(self, places: np.ndarray) -> Columns:
        """Columns at flat places of the grid, shape (n,) each: metrics, `MCU` and `GROUP`."""


class Traced:
    """Designs of a grid, whose networks are traced when they are asked for."""

    def __init__(self, grid: Grid, wanted: Sequence[str], per: tuple[str, ...], texts: Mapping[str, list[str]]) -> None:
        self._grid, self._wanted, self._per, self._texts = grid, tuple(wanted), per, texts

    def columns(self, places: np.ndarray) -> Columns:
        """Columns at flat places of the grid."""
        space, n = self._grid.space, len(places)
        # A single design that makes no network would be an error: it comes twice.
        part = space.designs(np.repeat(places, 2) if n == 1 else places)
        values = self._grid.evaluate(part, self._wanted)
        found = {name: flat_column(part, values, name)[:n] for name in self._wanted}
        found[MCU] = flat_column(part, {MCU: is_mcu(part)}, MCU)[:n]
        codes = group_codes(part, self._per, self._texts)
        found[GROUP] = np.broadcast_to(codes, tuple(part.sizes.values())).reshape(-1)[:n]
        return found


class Prepared:
    """Designs of a grid, whose networks are all counted beforehand."""

    def __init__(self, grid: Grid, wanted: Sequence[str], per: tuple[str, ...], texts: Mapping[str, list[str]]) -> None:
        self._space, self._wanted = grid.space, tuple(wanted)
        self._shape = tuple(grid.space.sizes.values())
        self._codes, self._mcu = group_codes(grid.space, per, texts), is_mcu(grid.space)
        self._regions = [_Ready(grid, region, self._wanted) for region in regions(grid.space, grid.space.size)]

    def columns(self, places: np.ndarray) -> Columns:
        """Columns at flat places of the grid."""
        n, dims = len(places), self._space.dims
        index = dict(zip(dims, np.unravel_index(places, self._shape), strict=True)) if dims else {}
        found = {MCU: _filled(_at(self._mcu, index), n), GROUP: _filled(_at(Labelled(dims, self._codes), index), n)}
        if len(self._regions) == 1:
            return found | self._regions[0].columns(index, n)
        found |= {name: np.empty(n) for name in self._wanted}
        for region in self._regions:
            rows = np.flatnonzero(region.holds(index, n))
            own = region.columns({d: region.inside[d][i[rows]] for d, i in index.items()}, len(rows))
            for name, column in own.items():
                found[name][rows] = column
        return found


class _Ready:
    """The program of a region with one value of each axis that chooses formulas."""

    def __init__(self, grid: Grid, region: Region, wanted: tuple[str, ...]) -> None:
        program = program_by_rules(grid, region.space, wanted)
        self._names = {column: program.named(grid.metric(column)) for column in wanted}
        self._inputs, self._steps = _needed(program, set(self._names.values()))
        self.inside = {d: _inverse(region.rows[d], grid.space.sizes[d]) for d in grid.space.dims}

    def holds(self, index: Mapping[str, np.ndarray], n: int) -> np.ndarray:
        """Mask of the designs in the region, of n designs by their place along each dimension of the grid."""
        inside = [np.ones(n, dtype=bool), *(self.inside[d][i] >= 0 for d, i in index.items())]
        return np.asarray(np.logical_and.reduce(inside))

    def columns(self, index: Mapping[str, np.ndarray], n: int) -> Columns:
        """Columns of n designs by their place along each dimension of the region: the same bits as in a grid."""
        values = {name: _at(value, index) for name, value in self._inputs.items()}
        with np.errstate(all="ignore"):
            for step in self._steps:
                function = on_arrays(step.function)
                values[step.name] = np.asarray(function(*(values[i] for i in step.inputs)), dtype=np.float64)
        return {column: _filled(values[name], n) for column, name in self._names.items()}


def _needed(program: Program, names: set[str]) -> tuple[dict[str, Labelled], list[Record]]:
    """Inputs and steps that names follow from."""
    wanted, steps = set(names), []
    for step in reversed(program.steps):
        if step.name in wanted:
            wanted.update(step.inputs)
            steps.append(step)
    return {n: v for n, v in program.values.items() if n in wanted}, steps[::-1]


def _inverse(rows: np.ndarray, size: int) -> np.ndarray:
    """The place among rows of each place of a grid, -1 where it is not among them."""
    found = np.full(size, -1, dtype=np.int64)
    found[rows] = np.arange(len(rows))
    return found


def _at(value: Labelled, index: Mapping[str, np.ndarray]) -> np.ndarray:
    """Values at places: shape (n,) or (1,); of a vector over ops (ops, n) or (ops, 1)."""
    own = [d for d in value.dims if d != OP]
    where = tuple(index[d] if length > 1 else 0 for d, length in zip(own, value.data.shape, strict=False))
    found = np.asarray(value.data[where])
    if OP in value.dims:
        return found[:, None] if found.ndim == 1 else np.ascontiguousarray(found.T)
    return found.reshape(1) if found.ndim == 0 else found


def _filled(column: np.ndarray, n: int) -> np.ndarray:
    return np.broadcast_to(column, n)


def designs_of(grid: Grid, wanted: Sequence[str], per: tuple[str, ...], texts: Mapping[str, list[str]]) -> Designs:
    """What gives columns of the designs of a grid at the least cost."""
    few = _architectures(grid.space) <= FEW and _numbers(grid, tuple(wanted)) <= HELD
    return (Prepared if few else Traced)(grid, wanted, per, texts)


def _architectures(space: Space) -> int:
    return math.prod(len(a.values) for a in space.axes.values() if a.kind == "architecture")


def _numbers(grid: Grid, wanted: tuple[str, ...]) -> int:
    """Numbers that are to be held of a grid: a corner of it tells what they vary along."""
    found = 0
    for region in regions(grid.space, grid.space.size):
        corner = region.space
        for dim in corner.dims:
            corner = corner.isel(dim, slice(0, 2))
        sizes = region.space.sizes
        for value in program_by_rules(grid, corner, wanted).values.values():
            ops = value.data.shape[-1] if OP in value.dims else 1
            found += ops * math.prod(sizes[d] for d in value.dims if d != OP)
    return found
