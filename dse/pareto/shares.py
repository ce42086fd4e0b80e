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
        if known is None and only is None:
            return self._whole(progress, checkpoint)
        gathering = Gathering(self.blocks)
        if known is not None:
            gathering.add(known)
        done = set() if known is None else set(known.units.tolist())
        mine = range(len(self.units)) if only is None else only
        size = sum(self.units[n].designs for n in mine)
        for number in (n for n in mine if n not in done):
            before, found = gathering.tally.enumerated, gathering.partial()

            def told(settled: int, _: int, before: int = before) -> None:
                if progress is not None:
                    progress(min(before + settled, size), size)

            share = (number, len(self.units))
            parts = self._held or plots(self.fields)
            gathering.add(search_share(self.fields, self._first, parts, share, found, told))
            if checkpoint is not None:
                checkpoint(gathering.partial)
        return gathering.partial()

    def accounts_for(self, found: Partial) -> bool:
        """Whether what was found is of shares of this search; of all of them, with all designs."""
        done, designs = set(found.units.tolist()), found.tally.enumerated
        return done <= set(range(len(self.units))) and (designs == self.size if len(done) == len(self.units) else True)

    def _whole(self, progress: Progress | None, checkpoint: Checkpoint | None) -> Partial:
        """All shares at once: what one process searches is not divided."""
        found = search_share(self.fields, self._first, plots(self.fields), WHOLE, progress=progress)
        found = replace(found, units=np.arange(len(self.units)))
        if checkpoint is not None:
            checkpoint(lambda: found)
        return found

    def in_one_thread(self) -> Shares:
        """The same, for a worker that has one thread."""
        return Shares(self.blocks, len(self.units))
