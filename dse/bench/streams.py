"""Designs that stream past to an exact frontier, beside a kernel written by hand for that very sheet without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dse.bench.by_hand import prepared
from dse.bench.figures import Case, Figure, check, in_turns, nanoseconds
from dse.bench.frontier_by_hand import frontier
from dse.bench.machine import cores
from dse.bench.sheet import job
from dse.grid.evaluate import evaluate_values
from dse.grid.space import DESIGN
from dse.jobs.resolve import Job
from dse.jobs.run import blocks_of
from dse.pareto.scan import Scan, scan_blocks

GROUP = "streams"


def cases(full: bool) -> list[Case]:
    """One sheet with the catalogue's devices: with a small frontier, and with a large one."""
    size = 1e8 if full else 2e5
    return [_case(size, "throughput", 0.9), _case(size, "params", None)]


def _case(size: float, third: str, goal: float | None) -> Case:
    what = f"latency, carbon and {third}, 3 budgets and fit, {size:.0e} designs, exact frontier"
    return Case(GROUP, what, lambda: _streamed(what, size, third, goal))


def _streamed(what: str, size: float, third: str, goal: float | None) -> Iterator[Figure]:
    asked = job(size, third=third)
    by_hand = prepared(asked.space, cores())
    found: dict[str, Any] = {}

    def ours() -> None:
        found["dse"] = scan_blocks(blocks_of(asked), engine="fused")

    def theirs() -> None:
        found["by hand"] = by_hand()

    turns = in_turns({"dse": ours, "by hand": theirs}, room=20)
    scan = found["dse"]
    check(scan.tally.undefined == 0 and scan.tally.feasible == found["by hand"][0], f"{what}: feasible designs")
    # Both kernels on the same designs, and then the whole frontier, each design and each value of it.
    places, points = frontier(asked.space, third)
    least = found["by hand"][1][: 3 if third == "throughput" else 2]
    check(np.array_equal(points[:, : len(least)].min(axis=0), least), f"{what}: least objectives")
    check(np.array_equal(scan.places, places), f"{what}: designs of the frontier")
    check(np.array_equal(_objectives(asked, scan), points), f"{what}: values of the frontier")
    told = f"{scan.tally.enumerated:,} designs, {nanoseconds(turns.median('dse'), scan.tally.enumerated)}; "
    told += f"{scan.tally.kept:,} on the frontier of {scan.tally.feasible:,} feasible ones"
    yield Figure(GROUP, what, turns.ratio("by hand", "dse"), "× by hand", goal, None, turns.medians(), told)


def _objectives(asked: Job, scan: Scan) -> np.ndarray:
    """The objectives of the designs of a frontier, to be minimised, as the scan's engine computes them."""
    names = [o.metric for o in asked.cut.objectives]
    values = evaluate_values(asked.space.designs(scan.places), names, engine="fused")
    columns = [o.sign * values[o.metric].over((DESIGN,)) for o in asked.cut.objectives]
    return np.stack(np.broadcast_arrays(*columns), axis=1)
