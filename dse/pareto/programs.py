"""Programs of the regions of a grid, cut out of one of them all: its networks are counted once."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dse.grid.blocks import Grid
from dse.grid.labelled import Labelled
from dse.grid.program import Program, setting_axes
from dse.grid.space import Space
from dse.pareto.regions import Region, thinned

# Values of a program that are worth keeping while its regions pass.
SHARED = 2**21

Key = tuple[tuple[str, bytes], ...]


class Programs:
    """Makes the programs of regions of a space, one after the other."""

    def __init__(self, grid: Grid, space: Space, columns: Sequence[str]) -> None:
        self._grid, self._space, self._columns = grid, space, tuple(columns)
        self._dims = tuple(dict.fromkeys(str(axis.dim) for axis in setting_axes(space)))
        self._key: Key | None = None
        self._whole: Program | None = None

    def of(self, region: Region) -> Program:
        """What computes the columns for a region, which has one value of each axis that chooses formulas."""
        key = tuple((dim, region.rows[dim].tobytes()) for dim in self._dims)
        if key != self._key:
            self._key, self._whole = key, self._program_of_all(region)
        if self._whole is None:
            return self._grid.program(region.space, self._columns)
        rest = {d: rows for d, rows in region.rows.items() if d not in self._dims}
        return self._whole.part(region.space, rest)

    def _program_of_all(self, region: Region) -> Program | None:
        """The program of all designs with the formulas of a region; None where it has too many values."""
        space = self._space
        for dim in self._dims:
            space = space.isel(dim, region.rows[dim])
        if space.size > region.space.size:
            few = self._grid.program(thinned(space, 1).space, self._columns)
            if sum(_size(value, space) for value in few.values.values()) > SHARED:
                return None
        return self._grid.program(space, self._columns)


def _size(value: Labelled, space: Space) -> int:
    """Numbers of a value of all of a space, given that of a part of it."""
    sizes = zip(value.dims, value.data.shape, strict=True)
    return math.prod(space.sizes.get(dim, own) for dim, own in sizes)
