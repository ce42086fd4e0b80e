"""Memory that a process takes above its imports while designs stream past."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dse.bench.figures import Case, Figure, Missing
from dse.bench.sheet import job

GROUP = "memory"
# Most that may be taken, in MiB.
MOST = 500.0
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PROGRAM = "from dse.bench.memory import child; child({size!r})"


def cases(full: bool) -> list[Case]:
    """Growing numbers of designs: memory does not grow with them."""
    return [_case(size) for size in ((1e7, 1e8, 1e9) if full else (2e5,))]


def _case(size: float) -> Case:
    what = f"memory above the imports, streaming {size:.0e} designs"
    return Case(GROUP, what, lambda: _streamed(what, size))


def _streamed(what: str, size: float) -> Iterator[Figure]:
    if not (STATUS.exists() and RESET.exists()):
        raise Missing("a system that tells the highest memory of a process since a moment (Linux)")
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(size=size)], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    note = f"{told['designs']:,} designs in {told['seconds']:.1f} s, {told['kept']:,} on the frontier"
    yield Figure(GROUP, what, told["bytes"] / 2**20, "MiB", None, MOST, {"scan": told["seconds"]}, note)


def child(size: float) -> None:
    """In a process of its own: stream so many designs, and print the memory that this took above the imports."""
    import time

    from dse.jobs.run import blocks_of
    from dse.pareto.scan import scan_blocks

    # Everything that is imported late, and compiled, is there after a small run.
    scan_blocks(blocks_of(job(1e5)), engine="fused")
    gc.collect()
    before = _resident("VmRSS")
    RESET.write_text("5", encoding="ascii")
    started = time.perf_counter()
    found = scan_blocks(blocks_of(job(size)), engine="fused")
    seconds = time.perf_counter() - started
    facts = {"bytes": _resident("VmHWM") - before, "seconds": seconds}
    print(json.dumps({**facts, "designs": found.tally.enumerated, "kept": found.tally.kept}))


def _resident(name: str) -> int:
    """Resident bytes of this process: now (VmRSS), or at most since they were reset (VmHWM)."""
    line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])
