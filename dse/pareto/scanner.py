"""Scans units: evaluate, mask and filter part by part; what was found can be put down after each, and taken up."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from dse.errors import InputError
from dse.grid.engines import choose_engine
from dse.grid.program import Values
from dse.pareto.archive import Archive
from dse.pareto.cloud import Cloud
from dse.pareto.cut import MCU, WITNESS, apply, is_mcu
from dse.pareto.groups import flat_column, group_codes, group_texts
from dse.pareto.partial import Cells, Partial
from dse.pareto.programs import Programs
from dse.pareto.stream import Prepared, Streaming
from dse.pareto.tally import Tally
from dse.pareto.units import Block, Unit, units

TILE = 1_000_000
# Places of designs are 64-bit integers.
MOST = 2**62

Progress = Callable[[int, int], None]
Seen = tuple[np.ndarray, np.ndarray]


class Checkpoint(Protocol):
    """What is told after every unit; `last` where the scan is interrupted."""

    def __call__(self, found: Callable[[], Partial], last: bool = False) -> None:
        """Take note of what was found so far."""


class Scanner:
    """Scans the units of a job, all of them or some, in this process; parameters are those of `scan_blocks`."""

    def __init__(
        self, blocks: Sequence[Block], *, tile: int = TILE, engine: str = "auto", threads: int | None = None
    ) -> None:
        size = sum(block.space.size for block in blocks)
        if size > MOST:
            raise InputError(f"{size:.4g} designs are too many to enumerate; narrow the axes")
        self.blocks, self.size, self.tile = blocks, size, tile
        self.engine = choose_engine(engine, size, threads)
        self.streams = self.engine.least < math.inf and all(b.streams for b in blocks)
        self.objectives, self.per = blocks[0].cut.objectives, blocks[0].cut.per
        self.texts = group_texts([b.space for b in blocks], self.per)
        # Some designs that an earlier scan of this process has seen.
        self.seen: Seen | None = None

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """All units of the job, in order."""
        return tuple(units(self.blocks, self.streams, self.tile))

    @cached_property
    def programs(self) -> tuple[Programs, ...]:
        """What makes the programs of each block's units."""
        return tuple(Programs(b.grid, b.space, (*b.cut.columns, WITNESS)) for b in self.blocks)

    def accounts_for(self, found: Partial) -> bool:
        """Whether what was found is of units of this scan, each with all its designs."""
        done = set(found.units.tolist())
        mine = [u.designs for u in self.units if u.number in done]
        return len(mine) == len(done) and sum(mine) == found.tally.enumerated

    def found_in(self, numbers: Iterable[int], found: Partial) -> Partial:
        """What was found, of the designs those alone that are in units of these numbers."""
        inside = np.zeros(len(found.places), dtype=bool)
        for unit in (self.units[n] for n in numbers):
            inside |= unit.region.holds(found.places - unit.start, self.blocks[unit.block].space.sizes)
        return found.having(inside)

    def in_one_thread(self) -> Scanner:
        """The same, for a worker that has one thread."""
        return Scanner(self.blocks, tile=self.tile, threads=1)

    def scan(
        self,
        progress: Progress | None = None,
        *,
        only: Collection[int] | None = None,
        known: Partial | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Partial:
        """Scan units, and give what they found, added to what is known.

        Parameters
        ----------
        progress
            Called with designs done and designs in all.
        only
            Numbers of the units to scan; default: all.
        known
            What other units found: these are not scanned again.
        checkpoint
            Called after every unit with a function that gives all that was found so far, and once more where the scan
            is interrupted.
        """
        done = set() if known is None else set(known.units.tolist())
        chosen = range(len(self.units)) if only is None else only
        mine = [u for u in self.units if u.number in chosen]
        run = _Run(self, known, progress, sum(u.designs for u in mine))
        run.advance(sum(u.designs for u in mine if u.number in done))
        try:
            for unit in mine:
                if unit.number not in done:
                    run.unit(unit)
                    if checkpoint is not None:
                        checkpoint(run.partial)
        except BaseException:
            if checkpoint is not None and run.whole:
                checkpoint(run.partial, True)
            raise
        self.seen = run.archive.seen
        return run.partial()


def new_archive(blocks: Sequence[Block]) -> Archive:
    """An empty archive with all groups that designs of the blocks can be in."""
    cut = blocks[0].cut
    texts = group_texts([b.space for b in blocks], cut.per)
    return Archive(len(cut.objectives), math.prod(len(own) for own in texts.values()))


def new_cloud(blocks: Sequence[Block]) -> Cloud:
    """A cloud of no designs yet."""
    cloud = Cloud([o.metric for o in blocks[0].cut.objectives])
    cloud.designs = sum(block.space.size for block in blocks)
    return cloud


class _Run:
    """What one scan gathers."""

    def __init__(self, scanner: Scanner, known: Partial | None, progress: Progress | None, size: int) -> None:
        self.blocks, self.engine, self.size = scanner.blocks, scanner.engine, scanner.size
        self.objectives, self.per, self.texts = scanner.objectives, scanner.per, scanner.texts
        self.programs = scanner.programs
        self.streams, self.progress, self.all = scanner.streams, progress or (lambda done, size: None), size
        self.archive = new_archive(self.blocks)
        self.archive.seen = scanner.seen or self.archive.seen
        self.tally, self.cloud, self.numbers = Tally(), new_cloud(self.blocks), list[int]()
        self.done, self.whole = 0, True
        if known is not None:
            self.archive.add(known.points, known.places, known.groups)
            self._count(known.units.tolist(), known.tally, known.cells, known.sampled)

    def _count(self, numbers: Iterable[int], tally: Tally, cells: Cells, sampled: int) -> None:
        """Units are whole. Between `whole` and `whole` an interruption leaves what is not to be used."""
        self.whole = False
        self.numbers.extend(numbers)
        self.tally.add(tally)
        self.cloud.add_cells(cells, sampled)
        self.whole = True

    def advance(self, designs: int) -> None:
        """So many designs more are done."""
        self.done += designs
        if designs:
            self.progress(self.done, self.all)

    def partial(self) -> Partial:
        """What the units found so far."""
        tally = Tally()
        tally.add(self.tally)
        numbers = np.sort(np.array(self.numbers, dtype=np.int64))
        return Partial(numbers, *self.archive.parts(), tally, self.cloud.cells(), self.cloud.counted)

    def unit(self, unit: Unit) -> None:
        """Scan a unit. It counts when it is whole: points that an interrupted one leaves do no harm."""
        tally, cloud, block = Tally(), new_cloud(self.blocks), self.blocks[unit.block]
        if unit.coarse:
            values = block.grid.evaluate(unit.region.space, (*block.cut.columns, WITNESS), engine="plain")
            self._cut(unit, values, Tally(), cloud)
        elif self.streams:
            self._stream(unit, tally)
        else:
            self._sift(unit, tally, cloud)
        self._count([unit.number], tally, cloud.cells(), cloud.counted)

    def _stream(self, unit: Unit, tally: Tally) -> None:
        """Send a unit through compiled nests."""
        block = self.blocks[unit.block]
        program = self.programs[unit.block].of(unit.region)
        prepared = Prepared(unit.region, block.grid, block.cut, self.engine, program)
        streaming = Streaming(self.archive, tally, self.advance)
        streaming.run(prepared, unit.start, self._groups(prepared), block.space.sizes)

    def _groups(self, prepared: Prepared) -> np.ndarray:
        """The group of the designs for each combination of places along the grouped dimensions."""
        codes = group_codes(prepared.region.space, self.per, self.texts)
        dims = prepared.region.space.dims
        first = codes[tuple(slice(None) if d in prepared.grouped else 0 for d in dims)]
        return first.transpose([sorted(prepared.grouped, key=dims.index).index(d) for d in prepared.grouped])

    def _sift(self, unit: Unit, tally: Tally, cloud: Cloud) -> None:
        """Evaluate a unit, or read it, and cut it."""
        block, part = self.blocks[unit.block], unit.region.space
        place, wanted = unit.place(block.space.sizes), (*block.cut.columns, WITNESS, *block.extra)
        if block.source is None:
            options = {"engine": self.engine.name, "threads": self.engine.threads, "designs": self.size}
            values = block.grid.evaluate(part, wanted, **options)
        else:
            values = block.source(place, part, wanted)
        self._cut(unit, values, tally, cloud)
        if block.keep is not None:
            block.keep(place, values)
        self.advance(part.size)

    def _cut(self, unit: Unit, values: Values, tally: Tally, cloud: Cloud) -> None:
        """Count what is excluded from a part that is evaluated; what is feasible goes to archive and cloud."""
        block, part = self.blocks[unit.block], unit.region.space
        places = unit.start + unit.region.all_places(block.space.sizes)
        columns = {m: flat_column(part, values, m) for m in block.cut.columns}
        groups = np.broadcast_to(group_codes(part, self.per, self.texts), tuple(part.sizes.values())).reshape(-1)
        valid = ~np.isnan(flat_column(part, values, WITNESS))
        feasible = apply(block.cut, columns, flat_column(part, {MCU: is_mcu(part)}, MCU) > 0, tally, valid)
        cloud.add(columns, groups, feasible)
        chosen = np.flatnonzero(feasible)
        points = np.column_stack([o.sign * columns[o.metric][chosen] for o in self.objectives])
        self.archive.add(points, places[chosen], groups[chosen])
