"""The exact frontier of a space under budgets: evaluate, mask and filter tile by tile; nothing of the grid is kept."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.errors import InputError
from dse.grid.blocks import Alone, Grid
from dse.grid.engines import Engine, choose_engine, is_special
from dse.grid.program import Values
from dse.grid.space import Space
from dse.pareto.archive import Archive
from dse.pareto.cloud import Cloud
from dse.pareto.cut import MCU, WITNESS, Cut, Tally, apply, is_mcu
from dse.pareto.regions import Region, regions, thinned
from dse.pareto.rows import MOST_CONSTRAINTS
from dse.pareto.stream import HELD, REGION, Prepared, Streaming

TILE = 1_000_000
# Designs of which the cloud is made, where not of all.
CLOUD = 1_000_000
# Places of designs are 64-bit integers.
MOST = 2**62


@dataclass
class Bounded:
    """What a search by bounds did: designs evaluated because no bound told of them, designs evaluated besides to have
    good ones early, those of the coarse grid (which the cloud is of) among them, and boxes of designs bounded.
    """

    modelled: int = 0
    probed: int = 0
    coarse: int = 0
    boxes: int = 0


@dataclass(frozen=True)
class Scan:
    """The result of a scan: places of the frontier's designs, counts, cloud.

    A place is a flat index (row-major in the space's dims); those of the second block follow those of the first.
    `bounded` is None where every design was evaluated.
    """

    places: np.ndarray
    tally: Tally
    cloud: Cloud
    bounded: Bounded | None = None


Place = Mapping[str, slice]
# Values of columns for a part of a space: by evaluating them, or out of a grid that is kept.
Source = Callable[[Place, Space, tuple[str, ...]], Values]
Keep = Callable[[Place, Values], None]
Progress = Callable[[int, int], None]


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


def scan(space: Space, cut: Cut, **options: Any) -> Scan:
    """Find the designs of a space that no other dominates, under budgets; options are those of `scan_blocks`."""
    own = {name: options.pop(name) for name in ("keep", "extra") if name in options}
    return scan_blocks([Block(Alone(space), cut, **own)], **options)


def scan_blocks(
    blocks: Sequence[Block],
    *,
    tile: int = TILE,
    progress: Progress | None = None,
    engine: str = "auto",
    threads: int | None = None,
) -> Scan:
    """Find the designs that no other of any block dominates; the blocks have the same objectives and groups.

    Parameters
    ----------
    tile
        Designs evaluated at a time. The result does not depend on it.
    progress
        Called with designs done and designs in all.
    engine, threads
        Of `evaluate_values`. With compiled code designs stream past and nothing is kept of them; the cloud is then
        that of a coarse grid.

    Raises
    ------
    InputError
        As `evaluate_values` does; for a space of which the designs cannot be numbered.
    """
    size = sum(block.space.size for block in blocks)
    if size > MOST:
        raise InputError(f"{size:.4g} designs are too many to enumerate; narrow the axes")
    run = _Run(blocks, choose_engine(engine, size, threads), progress or (lambda done, size: None), size)
    streams = run.engine.least < math.inf and all(b.streams for b in blocks)
    if streams:
        run.coarse()
    start = 0
    for block in blocks:
        if streams:
            run.stream(block, start)
        else:
            run.sift(block, start, tile)
        start += block.space.size
    return run.result()


class _Run:
    """What one scan gathers."""

    def __init__(self, blocks: Sequence[Block], engine: Engine, progress: Progress, size: int) -> None:
        self.blocks, self.engine, self.progress, self.size = blocks, engine, progress, size
        self.objectives, self.per = blocks[0].cut.objectives, blocks[0].cut.per
        self.texts = group_texts([b.space for b in blocks], self.per)
        groups = math.prod(len(texts) for texts in self.texts.values())
        self.archive, self.tally = Archive(len(self.objectives), groups), Tally()
        self.cloud = Cloud([o.metric for o in self.objectives])
        self.done = 0

    def advance(self, designs: int) -> None:
        """So many designs more are done."""
        self.done += designs
        self.progress(self.done, self.size)

    def coarse(self) -> None:
        """Gather the cloud from a coarse grid of each block; its frontier is where the archive starts from."""
        start = 0
        for block in self.blocks:
            region = thinned(block.space, CLOUD // len(self.blocks))
            columns = (*block.cut.columns, WITNESS)
            values = block.grid.evaluate(region.space, columns, engine="plain")
            self._cut(block, region.space, values, start + region.all_places(block.space.sizes), Tally())
            start += block.space.size
        self.cloud.designs = self.size

    def stream(self, block: Block, start: int) -> None:
        """Send a block through compiled nests."""
        space, streaming = block.space, Streaming(self.archive, self.tally, self.advance)
        for region in regions(space, self._prepared_at_once(block)):
            prepared = Prepared(region, block.grid, block.cut, self.engine)
            streaming.run(prepared, start, self._groups(prepared), space.sizes)

    def _prepared_at_once(self, block: Block) -> int:
        """Designs of a region: fewer where an array of all of them must be held."""
        corner = thinned(block.space, 1)
        made = (block.grid.program(r.space, block.cut.columns) for r in regions(corner.space, corner.space.size))
        held = any(is_special(step) for program in made for step in program.steps)
        return HELD if held else REGION

    def _groups(self, prepared: Prepared) -> np.ndarray:
        """The group of the designs for each combination of places along the grouped dimensions."""
        codes = group_codes(prepared.region.space, self.per, self.texts)
        dims = prepared.region.space.dims
        first = codes[tuple(slice(None) if d in prepared.grouped else 0 for d in dims)]
        return first.transpose([sorted(prepared.grouped, key=dims.index).index(d) for d in prepared.grouped])

    def sift(self, block: Block, start: int, tile: int) -> None:
        """Evaluate a block tile by tile, or read it, and cut it."""
        space = block.space
        for place, part in space.tiles(tile):
            wanted = (*block.cut.columns, WITNESS, *block.extra)
            values = block.source(place, part, wanted) if block.source else self._evaluated(block, part, wanted)
            rows = {d: np.arange(n)[place.get(d, slice(None))] for d, n in space.sizes.items()}
            self._cut(block, part, values, start + Region(part, rows).all_places(space.sizes), self.tally)
            if block.keep is not None:
                block.keep(place, values)
            self.advance(part.size)

    def _evaluated(self, block: Block, part: Space, columns: tuple[str, ...]) -> Values:
        engine = self.engine
        return block.grid.evaluate(part, columns, engine=engine.name, threads=engine.threads, designs=self.size)

    def _cut(self, block: Block, part: Space, values: Values, places: np.ndarray, tally: Tally) -> None:
        """Count what is excluded from a part that is evaluated; what is feasible goes to archive and cloud."""
        columns = {m: flat_column(part, values, m) for m in block.cut.columns}
        groups = np.broadcast_to(group_codes(part, self.per, self.texts), tuple(part.sizes.values())).reshape(-1)
        valid = ~np.isnan(flat_column(part, values, WITNESS))
        feasible = apply(block.cut, columns, flat_column(part, {MCU: is_mcu(part)}, MCU) > 0, tally, valid)
        self.cloud.add(columns, groups, feasible)
        chosen = np.flatnonzero(feasible)
        points = np.column_stack([o.sign * columns[o.metric][chosen] for o in self.objectives])
        self.archive.add(points, places[chosen], groups[chosen])

    def result(self) -> Scan:
        """The frontier, and counts that add up."""
        found = self.archive.places()
        self.tally.kept = len(found)
        self.tally.dominated = self.tally.feasible - self.tally.kept
        if self.tally.feasible:
            self.tally.misses = {}
        return Scan(found, self.tally, self.cloud)


def flat_column(space: Space, values: Values, name: str) -> np.ndarray:
    """A metric for every design of the space, row-major in its dims. Shape (n,)."""
    shape = tuple(space.sizes.values())
    return np.broadcast_to(values[name].over(space.dims), shape).reshape(-1)


def group_texts(spaces: Sequence[Space], per: tuple[str, ...]) -> dict[str, list[str]]:
    """The values of each axis of `per` in any of the spaces, in order, as text; "" where a space lacks the axis."""
    return {name: sorted({text for space in spaces for text in _texts(space, name)}) for name in per}


def _texts(space: Space, name: str) -> list[str]:
    # A default of one network is no value of the axis: results do not have it either.
    return [str(v) for v in space.axes[name].values] if name in space.axes and space.axes[name].given else [""]


def group_codes(space: Space, per: tuple[str, ...], texts: Mapping[str, list[str]]) -> np.ndarray:
    """A number for each combination of values of the axes `per`; length 1 along all other dimensions."""
    codes = np.zeros([1] * len(space.dims), dtype=np.int64)
    for name in per:
        dim = space.axes[name].dim if name in space.axes else None
        order = {text: i for i, text in enumerate(texts[name])}
        own = np.array([order[t] for t in _texts(space, name)])
        codes = codes * len(order) + own.reshape([-1 if d == dim else 1 for d in space.dims])
    return codes


def group_values(spaces: Sequence[Space], per: tuple[str, ...]) -> dict[str, list[str]]:
    """For each axis of `per` its value in every group, in the order of the codes of `group_codes`, as text."""
    groups = list(itertools.product(*group_texts(spaces, per).values()))
    return {name: [group[i] for group in groups] for i, name in enumerate(per)}
