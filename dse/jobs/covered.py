"""Whether what was found is of a job: kept work of its very units before a scan, every design counted after it."""

from __future__ import annotations

from collections.abc import Sequence

from dse.errors import DseError
from dse.jobs.work import Work
from dse.pareto.partial import Partial
from dse.pareto.scan import is_of
from dse.pareto.scanner import Scanner
from dse.pareto.shares import Shares
from dse.pareto.units import Block


class UncoveredError(DseError):
    """What was found does not cover the job."""


def kept(work: Work, scanner: Scanner | Shares) -> Partial | None:
    """What an interrupted run left, where it is of the units that are to be scanned; else it is removed."""
    known = work.known()
    if known is None or (is_of(scanner.blocks, known) and scanner.accounts_for(known)):
        return known
    work.forget("what an interrupted run had left is not of this job, or of other parts of it: all is computed again")
    return None


def check_covered(blocks: Sequence[Block], found: Partial) -> None:
    """Raise UncoveredError unless every design was counted: seen, or skipped by bounds."""
    size = sum(block.space.size for block in blocks)
    if found.tally.enumerated != size:
        raise UncoveredError(
            f"of {size:,} designs {found.tally.enumerated:,} were counted: what an interrupted run had left, or a "
            "worker found, is not of this job. Nothing is written; the same command computes all anew"
        )
