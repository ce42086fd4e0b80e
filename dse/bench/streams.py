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
    """One sheet with the catalogue's devices."""
    size = 1e8 if full else 2e5
    what = f"3 objectives, 3 budgets and fit, {size:.0e} designs, exact frontier"
    return [Case(GROUP, what, lambda: _streamed(what, size))]


def _streamed(what: str, size: float) -> Iterator[Figure]:
    asked = job(size)
    by_hand = prepared(asked.space, cores())
    found: dict[str, Any] = {}

    def ours() -> None:
        found["dse"] = scan_blocks(blocks_of(asked), engine="fused")

    def theirs() -> None:
        found["by hand"] = by_hand()

    turns = in_turns({"dse": ours, "by hand": theirs}, room=20)
    scan = found["dse"]
    check(scan.tally.undefined == 0 and scan.tally.feasible == found["by hand"][0], f"{what}: feasible designs")
    check(np.array_equal(_least(asked.space, scan), found["by hand"][1]), f"{what}: least objectives")
    told = f"{scan.tally.enumerated:,} designs, {nanoseconds(turns.median('dse'), scan.tally.enumerated)}; "
    told += f"{scan.tally.kept:,} on the frontier of {scan.tally.feasible:,} feasible ones"
    yield Figure(GROUP, what, turns.ratio("by hand", "dse"), "× by hand", 0.9, None, turns.medians(), told)


def _least(space: Space, scan: Scan) -> np.ndarray:
    """The least latency, carbon and negative parameters on the frontier."""
    from dse.grid.evaluate import evaluate_values

    values = evaluate_values(space.designs(scan.places), ("latency", "carbon", "params"), engine="plain")
    return np.array([values["latency"].data.min(), values["carbon"].data.min(), -values["params"].data.max()])
