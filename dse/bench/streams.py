"""Designs that stream past to an exact frontier, beside a kernel written by hand for that very sheet without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dse.bench.by_hand import prepared
from dse.bench.figures import Case, Figure, check, in_turns, nanoseconds
from dse.bench.machine import cores
from dse.bench.sheet import job
from dse.grid.space import Space
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
    least = found["by hand"][1][: 3 if third == "throughput" else 2]
    check(np.array_equal(_least(asked.space, scan)[: len(least)], least), f"{what}: least objectives")
    told = f"{scan.tally.enumerated:,} designs, {nanoseconds(turns.median('dse'), scan.tally.enumerated)}; "
    told += f"{scan.tally.kept:,} on the frontier of {scan.tally.feasible:,} feasible ones"
    yield Figure(GROUP, what, turns.ratio("by hand", "dse"), "× by hand", goal, None, turns.medians(), told)


def _least(space: Space, scan: Scan) -> np.ndarray:
    """The least latency, carbon and negative throughput on the frontier."""
    from dse.grid.evaluate import evaluate_values

    values = evaluate_values(space.designs(scan.places), ("latency", "carbon", "throughput"), engine="plain")
    return np.array([values["latency"].data.min(), values["carbon"].data.min(), -values["throughput"].data.max()])
