"""The truth beside a search: the exact frontier, where the space is small enough to be enumerated."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dse.jobs.estimate import estimate
from dse.jobs.resolve import Job
from dse.jobs.run import blocks_of, told
from dse.pareto.scanner import Scanner
from dse.search.indicators import Points

# Seconds that enumerating may take for a search to be judged by it.
REASONABLE = 120.0


@dataclass(frozen=True)
class Verdict:
    """What enumerating found, how long it took, and why it was not done where it was not."""

    exact: Points | None
    seconds: float = 0.0
    reason: str = ""


def judge(job: Job) -> Verdict:
    """The exact frontier of a job, or why it is not known."""
    if job.by_bounds:
        return Verdict(None, reason=f"{job.size:,} designs are too many to enumerate")
    expected = float(estimate(job)["seconds"])
    if expected > REASONABLE:
        return Verdict(None, reason=f"enumerating {job.size:,} designs would take about {expected:.0f} s")
    began = time.perf_counter()
    with told(job):
        found = Scanner(blocks_of(job)).scan()
    return Verdict(Points(found.points, found.groups, found.places), time.perf_counter() - began)
