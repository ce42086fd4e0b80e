"""Grids to be searched by bounds, in parts that one program computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.grid.blocks import Grid
from dse.grid.bounds import Bounds
from dse.grid.relations import program_by_rules
from dse.grid.space import Space
from dse.pareto.cut import WITNESS, Cut, is_mcu
from dse.pareto.groups import group_texts, texts_of
from dse.pareto.judge import MCU, Judge
from dse.pareto.regions import Region, regions

# Architectures of which counts are held at a time.
NETWORKS = 2**20


@dataclass(frozen=True)
class Field:
    """A grid to be searched, and what is asked of it."""

    grid: Grid
    cut: Cut


@dataclass(frozen=True)
class Plot:
    """A part of a field, ready to be searched: judge and bounds, and where its designs are.

    `start` is the place of the field's first design, `codes` what a value of each dimension adds to the number of the
    group, `group` the number where all of these are 0.
    """

    judge: Judge
    bounds: Bounds
    region: Region
    whole: Mapping[str, int]
    start: int
    codes: Mapping[int, np.ndarray]
    group: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values along each dimension."""
        return self.bounds.sizes

    def groups(self, index: np.ndarray) -> np.ndarray:
        """The group of designs, or of boxes with one value where groups differ, by places of shape (dims, n)."""
        code = np.full(index.shape[1], self.group, dtype=np.int64)
        for dim, own in self.codes.items():
            code += own[index[dim]]
        return code

    def places(self, index: np.ndarray) -> np.ndarray:
        """Flat places among all designs."""
        own = dict(zip(self.bounds.dims, index, strict=True))
        return np.broadcast_to(self.start + self.region.places(own, self.whole), index.shape[1])


def plots(fields: Sequence[Field], networks: int = NETWORKS, trends: bool = True) -> Iterator[Plot]:
    """The parts of fields, one after another: few enough architectures that their counts can be held."""
    texts = group_texts([f.grid.space for f in fields], fields[0].cut.per)
    start = 0
    for field in fields:
        for region in parts(field.grid.space, networks):
            yield _plot(field, region, start, texts, trends)
        start += field.grid.space.size


def parts(space: Space, networks: int) -> Iterator[Region]:
    """Regions of a space that one program computes, with at most about so many architectures."""
    for region in regions(space, space.size):
        for place, _ in _of_networks(region.space).tiles(networks):
            part = region
            for dim, index in place.items():
                part = part.part(dim, np.arange(index.start, index.stop))
            yield part


def architectures(space: Space) -> int:
    """Number of architectures in a space."""
    return _of_networks(space).size


def _of_networks(space: Space) -> Space:
    return replace(space, axes={n: a for n, a in space.axes.items() if a.kind == "architecture"})


def _plot(field: Field, region: Region, start: int, texts: Mapping[str, list[str]], trends: bool) -> Plot:
    cut, space = field.cut, region.space
    program = program_by_rules(field.grid, space, (*cut.columns, WITNESS))
    program = replace(program, values={**program.values, MCU: is_mcu(space)})

    def named(column: str) -> str:
        return program.named(field.grid.metric(column))

    judge = Judge(cut, named, (named(WITNESS),))
    codes: dict[int, np.ndarray] = {}
    group, factor = 0, 1
    for name in reversed(cut.per):
        axis = space.keys.get(name)
        own = np.array([texts[name].index(text) for text in texts_of(space, name)])
        if axis is not None and axis.dim is not None:
            dim = space.dims.index(axis.dim)
            codes[dim] = codes.get(dim, 0) + own * factor
        else:
            group += int(own[0]) * factor
        factor *= len(texts[name])
    whole = field.grid.space.sizes
    return Plot(judge, Bounds(program, judge.columns, trends), region, whole, start, codes, group)
