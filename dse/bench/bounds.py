"""A space of 1e12 designs searched by bounds, and parts of it searched by bounds and by enumeration."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dse.bench.figures import Case, Figure, check
from dse.bench.sweeps import logarithmic, sweep
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
        f"{chip}.peak_fp16": logarithmic("100 TFLOP/s", "2000 TFLOP/s", peaks),
        f"{chip}.bandwidth": logarithmic("0.5 TB/s", "8 TB/s", bandwidths),
        f"{chip}.memory_capacity": {"start": "16 GiB", "stop": "256 GiB", "step": memories},
        f"{chip}.sram": {"start": "8 MiB", "stop": "520 MiB", "step": rams},
        "deployment.batch": {"start": 1, "stop": 512, "num": batches},
    }


# Designs of the part, and its settings.
PARTS = {
    2e5: _part(8, 8, 8, "60 GiB", "256 MiB"),
    1e8: _part(36, 36, 32, "24 GiB", "64 MiB"),
    1e9: _part(64, 64, 80, "24 GiB", "64 MiB"),
    1e10: _part(96, 96, 128, "16 GiB", "32 MiB"),
}
# Dimensions of the part of which each value has a frontier of its own: no boxes are divided along them.
SINGLE = ("prompt_tokens",)


def cases(full: bool) -> list[Case]:
    """Parts that can be enumerated too, one of them searched in many ways, then the whole."""
    sizes = (1e8, 1e9, 1e10) if full else (2e5,)
    return [*map(_case, sizes), _in_many_ways(sizes[-1]), *([_all()] if full else [])]


def _all() -> Case:
    what = "trillion.toml, designs modelled"
    return Case(GROUP, what, lambda: _whole(what))


def _in_many_ways(size: float) -> Case:
    what = f"a part of about {size:.0e} designs of trillion.toml, searched in other orders, leaves and modes"
    return Case(GROUP, what, lambda: _alike(what, PARTS[size]))


def _case(size: float) -> Case:
    what = f"a part of about {size:.0e} designs of trillion.toml, bounds beside enumeration"
    return Case(GROUP, what, lambda: _both(what, PARTS[size]))


def _both(what: str, settings: Mapping[str, Any]) -> Iterator[Figure]:
    job = read_job(sweep("trillion"), settings)
    by_bounds, seconds = _bounded(job)
    started = time.perf_counter()
    every = scan_blocks(blocks_of(job))
    enumerated = time.perf_counter() - started
    check(np.array_equal(by_bounds.places, every.places), what)
    times = {"bounds": seconds, "enumeration": enumerated}
    yield Figure(
        GROUP, what, seconds / enumerated, "× enumeration", seconds=times, note=f"same frontier; {told(by_bounds)}"
    )


def _alike(what: str, settings: Mapping[str, Any]) -> Iterator[Figure]:
    job = read_job(sweep("trillion"), settings)
    first, seconds = _bounded(job)
    times = {"as it is": seconds}
    for name, options in _ways([d for d in job.grids[0].space.dims if d not in SINGLE]).items():
        found, times[name] = _bounded(job, **options)
        check(np.array_equal(found.places, first.places), f"{what}: {name}")
    told = f"the same frontier of {first.tally.kept:,} each time; {job.size:.4g} designs"
    yield Figure(GROUP, what, len(times), "searches", len(times), seconds=times, note=told)


def _ways(dims: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Options of `branch`, by what they are called."""
    ways: dict[str, dict[str, Any]] = {f"leaves of {n}": {"leaf": n} for n in (1, 2, 8, 64)}
    ways |= {f"{n} boxes at a time": {"chunk": n} for n in (1_000, 50_000)}
    ways |= {"nothing known before": {"coarse": 1}, "bounds of intervals alone": {"trends": False}}
    # Other orders of all dimensions find the same, but some of them in a quarter of an hour.
    return ways | {f"{d} first": {"order": [d]} for d in dims} | {"in the order of the space": {"order": dims}}


def _whole(what: str) -> Iterator[Figure]:
    found, seconds = _bounded(read_job(sweep("trillion")))
    assert found.bounded is not None
    share = 100 * (found.bounded.modelled + found.bounded.probed) / found.tally.enumerated
    yield Figure(GROUP, what, share, "%", None, MODELLED, {"bounds": seconds}, told(found))


def _bounded(job: Job, **options: Any) -> tuple[Scan, float]:
    started = time.perf_counter()
    found = branch([Field(grid, job.cut_of(grid)) for grid in job.grids], **options)
    return found, time.perf_counter() - started


def told(found: Scan) -> str:
    """What became of the designs, for people."""
    done, tally = found.bounded, found.tally
    assert done is not None
    counts = f"{tally.enumerated:.4g} designs, {done.modelled:,} modelled, {done.probed:,} probes"
    return f"{counts}, {done.boxes:,} boxes bounded, {tally.kept:,} on the frontier"
