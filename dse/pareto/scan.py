"""The exact frontier of a space under budgets: evaluate, mask and filter tile by tile; nothing of the grid is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dse.grid.blocks import Alone
from dse.grid.space import Space
from dse.pareto.cloud import Cloud
from dse.pareto.cut import Cut
from dse.pareto.partial import Partial
from dse.pareto.scanner import TILE, Progress, Scanner, new_archive, new_cloud
from dse.pareto.tally import Bounded, Tally
from dse.pareto.units import Block


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
    return finish(blocks, Scanner(blocks, tile=tile, engine=engine, threads=threads).scan(progress))


def finish(blocks: Sequence[Block], found: Partial) -> Scan:
    """The frontier, and counts that add up, of what all units found."""
    archive = new_archive(blocks)
    archive.add(found.points, found.places, found.groups)
    tally, places = replace(found.tally), archive.places()
    names = dict.fromkeys(name for block in blocks for name in block.cut.constraints)
    tally.excluded = {name: tally.excluded.get(name, 0) for name in names}
    # What bounds skipped breaks its reason at least; nothing more is known of it.
    tally.broken = {name: tally.broken.get(name, 0) + tally.skipped.get(name, 0) for name in names}
    if tally.feasible:
        # Then parts without a feasible design are all that they were gathered in.
        tally.misses = {}
    tally.kept = len(places)
    tally.dominated = tally.feasible - tally.kept
    cloud = new_cloud(blocks)
    cloud.add_cells(found.cells, found.sampled)
    return Scan(places, tally, cloud, found.bounded)


def is_of(blocks: Sequence[Block], part: Partial) -> bool:
    """Whether a part may be of a scan of these blocks, as far as its numbers tell."""
    archive = new_archive(blocks)
    names = {name for block in blocks for name in block.cut.constraints}
    told = {*part.tally.excluded, *part.tally.broken, *part.tally.misses} <= names
    columns = part.points.shape[1] == archive.objectives or not len(part.points)
    places = part.places.max(initial=-1) < sum(block.space.size for block in blocks)
    return told and columns and places and part.groups.max(initial=-1) < archive.groups


class Gathering:
    """What parts of one scan found, put together as they come in; a unit may be in one of them only."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._archive, self._cloud, self.tally = new_archive(blocks), new_cloud(blocks), Tally()
        self._numbers, self._bounded = [np.empty(0, dtype=np.int64)], list[Bounded]()

    def add(self, part: Partial) -> None:
        """Add what a part found."""
        self._archive.add(part.points, part.places, part.groups)
        self._cloud.add_cells(part.cells, part.sampled)
        self.tally.add(part.tally)
        self._numbers.append(part.units)
        self._bounded += [] if part.bounded is None else [part.bounded]

    def partial(self) -> Partial:
        """All that was added so far."""
        numbers, tally = np.sort(np.concatenate(self._numbers)), Tally()
        tally.add(self.tally)
        bounded = sum(self._bounded, Bounded()) if self._bounded else None
        return Partial(numbers, *self._archive.parts(), tally, self._cloud.cells(), self._cloud.counted, bounded)


def merged(blocks: Sequence[Block], parts: Iterable[Partial]) -> Partial:
    """What several parts of one scan found, together; a unit may be in one of them only."""
    gathering = Gathering(blocks)
    for part in parts:
        gathering.add(part)
    return gathering.partial()
