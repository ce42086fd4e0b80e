"""A search by bounds in shares, each by itself and by whichever process: they are scanned as units of a grid are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dse.pareto.boxes import WHOLE
from dse.pareto.branch import coarse_scan, search_share
from dse.pareto.field import NETWORKS, Field, Plot, architectures, plots
from dse.pareto.partial import Partial
from dse.pareto.scan import Gathering, Scan
from dse.pareto.scanner import Checkpoint, Progress
from dse.pareto.suspended import Note, Suspended
from dse.pareto.units import Block

# Shares of a cluster, whatever its size: each goes through all levels of boxes, which takes about a second, and knows
# little of what others have found.
SHARES = 16


@dataclass(frozen=True)
class Share:
    """A share of a search, and about how many designs it has."""

    number: int
    designs: int


class Shares:
    """Searches a job by bounds, share by share, in this process."""

    def __init__(self, blocks: Sequence[Block], of: int = SHARES) -> None:
        self.blocks, self.size = blocks, sum(block.space.size for block in blocks)
        self.units = tuple(Share(n, (n + 1) * self.size // of - n * self.size // of) for n in range(of))
        self.fields = [Field(block.grid, block.cut) for block in blocks]

    @cached_property
    def _first(self) -> Scan:
        return coarse_scan(self.fields)

    @cached_property
    def _held(self) -> list[Plot] | None:
        """The parts of all fields, where their architectures are few enough to be held from share to share."""
        few = sum(architectures(field.grid.space) for field in self.fields) <= NETWORKS
        return list(plots(self.fields)) if few else None

    def scan(
        self,
        progress: Progress | None = None,
        *,
        only: Collection[int] | None = None,
        known: Partial | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Partial:
        """Search shares, and give what they found, added to what is known; parameters are those of `Scanner.scan`."""
        at = known.suspended if known is not None else None
        if only is None and (known is None or (at is not None and at.share == WHOLE)):
            return self._whole(progress, known, checkpoint)
        gathering = Gathering(self.blocks)
        if known is not None:
            gathering.add(known)
        done = set() if known is None else set(known.units.tolist())
        mine = range(len(self.units)) if only is None else only
        size = sum(self.units[n].designs for n in mine)
        for number in (n for n in mine if n not in done):
            before, found = gathering.tally.enumerated, replace(gathering.partial(), suspended=at)

            def told(settled: int, _: int, before: int = before) -> None:
                if progress is not None:
                    progress(min(before + settled, size), size)

            share = (number, len(self.units))
            parts = self._held or plots(self.fields)
            note = None if checkpoint is None else _noting(checkpoint, found)
            gathering.add(search_share(self.fields, self._first, parts, share, found, told, note))
            if checkpoint is not None:
                checkpoint(gathering.partial)
        return gathering.partial()

    def accounts_for(self, found: Partial) -> bool:
        """Whether what was found is of shares of this search; of all of them, with all designs."""
        done, designs = set(found.units.tolist()), found.tally.enumerated
        if found.suspended is not None and not self._fits(found.suspended, done):
            return False
        return done <= set(range(len(self.units))) and (designs == self.size if len(done) == len(self.units) else True)

    def _fits(self, suspended: Suspended, done: set[int]) -> bool:
        """Whether a search that is not at its end may be of a share that is not done."""
        number, of = suspended.share
        mine = not done if suspended.share == WHOLE else of == len(self.units) and number < of and number not in done
        return mine and suspended.tally.enumerated <= self.size

    def _whole(self, progress: Progress | None, known: Partial | None, checkpoint: Checkpoint | None) -> Partial:
        """All shares at once: what one process searches is not divided."""
        nothing = Gathering(self.blocks).partial()
        note = None if checkpoint is None else _noting(checkpoint, nothing)
        found = search_share(self.fields, self._first, plots(self.fields), WHOLE, known, progress, note)
        found = replace(found, units=np.arange(len(self.units)))
        if checkpoint is not None:
            checkpoint(lambda: found)
        return found

    def found_in(self, numbers: Collection[int], found: Partial) -> Partial:
        """What was found: a share looks at designs of others too."""
        return found

    def in_one_thread(self) -> Shares:
        """The same, for a worker that has one thread."""
        return Shares(self.blocks, len(self.units))


def _noting(checkpoint: Checkpoint, found: Partial) -> Note:
    """What puts down where a search stands, beside what was found before it."""
    return lambda suspended: checkpoint(lambda: replace(found, suspended=suspended()))
