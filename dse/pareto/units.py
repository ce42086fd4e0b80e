"""The units of a scan: parts of its grids, in an order that depends on nothing but what is asked for.

Each is scanned by itself, by whichever process; what they find adds up to the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.grid.blocks import Grid
from dse.grid.engines import is_special
from dse.grid.program import Values
from dse.grid.space import Space
from dse.pareto.cut import Cut
from dse.pareto.regions import Region, regions, thinned
from dse.pareto.rows import MOST_CONSTRAINTS
from dse.pareto.stream import HELD, REGION

# Designs of which the cloud is made, where not of all: several for each pixel of a plot. No compiled code counts them.
CLOUD = 2**18
# Designs of a unit that streams: enough to be prepared for nothing, few enough to be lost for nothing.
UNIT = 2**24


Place = Mapping[str, slice]
# Values of columns for a part of a space: by evaluating them, or out of a grid that is kept.
Source = Callable[[Place, Space, tuple[str, ...]], Values]
Keep = Callable[[Place, Values], None]


@dataclass(frozen=True)
class Block:
    """A grid to be scanned, what is asked of it, and where its values come from (default: they are evaluated).

    `keep` is called with the place and the values of every tile, for those who store the grid, `extra` among them.
    `part` is what to scan where that is not the whole grid.
    """

    grid: Grid
    cut: Cut
    source: Source | None = None
    keep: Keep | None = None
    extra: tuple[str, ...] = ()
    part: Space | None = None

    @property
    def space(self) -> Space:
        """The designs to be scanned."""
        return self.part or self.grid.space

    @property
    def streams(self) -> bool:
        """Whether nothing of the block need be held: then a nest of its own evaluates and cuts it."""
        return self.source is None and self.keep is None and len(self.cut.constraints) <= MOST_CONSTRAINTS


@dataclass(frozen=True)
class Unit:
    """A part of a scan.

    Attributes
    ----------
    number
        Its place among all units of the scan.
    block, start
        The number of the block that it is a part of, and the place of the block's first design.
    region
        The part.
    coarse
        Whether it is a sample for the cloud, the designs of which are counted elsewhere.
    """

    number: int
    block: int
    start: int
    region: Region
    coarse: bool = False

    @property
    def designs(self) -> int:
        """Designs that are counted."""
        return 0 if self.coarse else self.region.space.size

    def place(self, whole: Mapping[str, int]) -> dict[str, slice]:
        """Where the part stands along the dimensions that it does not fill, in a grid of sizes `whole`."""
        cut = {d: rows for d, rows in self.region.rows.items() if len(rows) < whole[d]}
        return {d: slice(int(rows[0]), int(rows[-1]) + 1) for d, rows in cut.items()}


def units(blocks: Sequence[Block], streams: bool, tile: int) -> Iterator[Unit]:
    """All units of a scan; of one that streams samples come first, of another each is at most a tile of designs."""
    number = 0
    if streams:
        for place, start, block in _starts(blocks):
            yield Unit(number, place, start, thinned(block.space, CLOUD // len(blocks)), coarse=True)
            number += 1
    for place, start, block in _starts(blocks):
        parts = regions(block.space, _prepared_at_once(block)) if streams else _tiles(block.space, tile)
        for region in parts:
            yield Unit(number, place, start, region)
            number += 1


def _starts(blocks: Sequence[Block]) -> Iterator[tuple[int, int, Block]]:
    start = 0
    for number, block in enumerate(blocks):
        yield number, start, block
        start += block.space.size


def _tiles(space: Space, tile: int) -> Iterator[Region]:
    whole = {d: np.arange(n) for d, n in space.sizes.items()}
    for place, part in space.tiles(tile):
        yield Region(part, {d: rows[place.get(d, slice(None))] for d, rows in whole.items()})


def _prepared_at_once(block: Block) -> int:
    """Designs of a region: fewer where an array of all of them must be held."""
    corner = thinned(block.space, 1)
    made = (block.grid.program(r.space, block.cut.columns) for r in regions(corner.space, corner.space.size))
    held = any(is_special(step) for program in made for step in program.steps)
    return min(UNIT, HELD if held else REGION)
