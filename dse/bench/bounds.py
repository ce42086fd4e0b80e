"""A space of 1e12 designs searched by bounds, and parts of it searched by bounds and by enumeration."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from dse.bench.figures import Case, Figure, check
from dse.bench.sweeps import sweep
from dse.jobs.resolve import Job, read_job
from dse.jobs.run import blocks_of
from dse.pareto.branch import branch
from dse.pareto.field import Field
from dse.pareto.scan import Scan, scan_blocks

GROUP = "bounds"
# Most that may be modelled, in per cent of the designs.
MODELLED = 0.01


def _part(peaks: int, bandwidths: int, batches: int, memories: str, rams: str) -> dict[str, Any]:
    """Settings that leave fewer values of the axes of trillion.toml."""
    chip = "device.serving-chip"
    return {
        f"{chip}.peak_fp16": {"start": "100 TFLOP/s", "stop": "2000 TFLOP/s", "num": peaks, "scale": "log"},
        f"{chip}.bandwidth": {"start": "0.5 TB/s", "stop": "8 TB/s", "num": bandwidths, "scale": "log"},
        f"{chip}.memory_capacity": {"start": "16 GiB", "stop": "256 GiB", "step": memories},
        f"{chip}.sram": {"start": "8 MiB", "stop": "520 MiB", "step": rams},
        "deployment.batch": {"start": 1, "stop": 512, "num": batches},
    }


# Designs of the part, and its settings.
PARTS = {
    2e5: _part(8, 8, 8, "60 GiB", "256 MiB"),
    4e8: _part(48, 48, 64, "24 GiB", "64 MiB"),
    6e9: _part(96, 96, 74, "16 GiB", "32 MiB"),
}


def cases(full: bool) -> list[Case]:
    """Parts that can be enumerated too, then the whole."""
    sizes = (4e8, 6e9) if full else (2e5,)
    found = [_case(size) for size in sizes]
    if full:
        what = "trillion.toml, designs modelled"
        found.append(Case(GROUP, what, lambda: _whole(what)))
    return found


def _case(size: float) -> Case:
    what = f"a part of about {size:.0e} designs of trillion.toml, bounds beside enumeration"
    return Case(GROUP, what, lambda: _both(what, PARTS[size]))


def _both(what: str, settings: Mapping[str, Any]) -> Iterator[Figure]:
    job = read_job(sweep("trillion"), settings)
    by_bounds, seconds = _bounded(job)
    started = time.perf_counter()
    every = scan_blocks(blocks_of(job))
    enumerated = time.perf_counter() - started
    check(by_bounds.places.tolist() == every.places.tolist(), what)
    times = {"bounds": seconds, "enumeration": enumerated}
    yield Figure(
        GROUP, what, seconds / enumerated, "× enumeration", seconds=times, note=f"same frontier; {told(by_bounds)}"
    )


def _whole(what: str) -> Iterator[Figure]:
    found, seconds = _bounded(read_job(sweep("trillion")))
    assert found.bounded is not None
    share = 100 * (found.bounded.modelled + found.bounded.probed) / found.tally.enumerated
    yield Figure(GROUP, what, share, "%", None, MODELLED, {"bounds": seconds}, told(found))


def _bounded(job: Job) -> tuple[Scan, float]:
    started = time.perf_counter()
    found = branch([Field(grid, job.cut_of(grid)) for grid in job.grids])
    return found, time.perf_counter() - started


def told(found: Scan) -> str:
    """What became of the designs, for people."""
    done, tally = found.bounded, found.tally
    assert done is not None
    counts = f"{tally.enumerated:.4g} designs, {done.modelled:,} modelled, {done.probed:,} probes"
    return f"{counts}, {done.boxes:,} boxes bounded, {tally.kept:,} on the frontier"
