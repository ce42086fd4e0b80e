"""A run of many units, slowed down: what the tests kill. Arguments: folder of the result, way (one of WAYS)."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from specs import SMALL, changed

import dse
from dse.grid import engines
from dse.jobs import work
from dse.pareto import branch, scanner, units

LONG: dict[str, Any] = changed(
    SMALL, deployment={"utilization": {"start": 0.1, "stop": 1.0, "num": 200}, "batch": [1, 2]}, output__metrics=[]
)
LONG["objectives"]["choose"] = ["utilization"]
LIMITS = engines.PLAIN_LIMIT, engines.FEW


WAYS = ("frontier", "grid", "stream")


def main(folder: str, way: str) -> None:
    """Explore, with units of few designs that take their time."""
    small_units(pause=0.02)
    work.EVERY, work.SHARE, work.RATE = 0.0, 1e9, 1e18
    explore(folder, way)


def main_told(folder: str, way: str, told: str) -> None:
    """The same in a process that was split off, with what it says of errors in a file."""
    os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.stderr.fileno())
    main(folder, way)


def explore(folder: str | Path, way: str) -> Any:
    """The run: nothing kept of the grid, the grid kept, or designs that stream through compiled nests."""
    if way == "stream":
        engines.PLAIN_LIMIT = engines.FEW = 0
    try:
        return dse.explore(changed(LONG, output__grid=way == "grid"), out=folder, plots=False)
    finally:
        engines.PLAIN_LIMIT, engines.FEW = LIMITS


def small_units(pause: float = 0.0) -> None:
    """Make units small, and batches of boxes, as the job of these tests is."""
    branch.CHUNK = 20
    scanner.TILE, units.UNIT = 700, 700
    scanner.Scanner.__init__.__kwdefaults__["tile"] = 700  # type: ignore[index]
    whole = scanner._Run.unit

    def slow(self: Any, unit: Any) -> None:
        whole(self, unit)
        time.sleep(pause)

    scanner._Run.unit = slow  # type: ignore[method-assign]


if __name__ == "__main__":
    main(*sys.argv[1:])
