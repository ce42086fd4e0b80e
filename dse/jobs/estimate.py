"""What a job would take, without doing it."""

from __future__ import annotations

import time
from typing import Any

from dse.grid.evaluate import evaluate_values
from dse.grid.space import Space
from dse.jobs.resolve import Job
from dse.units import format_quantity

SAMPLE = 50_000


def estimate(job: Job) -> dict[str, Any]:
    """Axes with roles, designs, bytes of the whole grid, and the time from the rate measured on a part of it."""
    space = job.space
    part = _part(space)
    evaluate_values(part, job.cut.metrics)
    started = time.perf_counter()
    evaluate_values(part, job.cut.metrics)
    rate = part.size / (time.perf_counter() - started)
    size = space.size * 8 * len(job.metrics)
    return {
        "name": job.spec.name,
        "axes": [_axis(job, n) for n, a in space.axes.items() if a.given],
        "designs": space.size,
        "bytes": size,
        "bytes_text": format_quantity(size, "B"),
        "rate": rate,
        "seconds": space.size / rate,
        "seconds_text": _duration(space.size / rate),
        "left_out_devices": {d: list(f) for d, f in job.left_out.items()},
    }


def _part(space: Space) -> Space:
    for _, tile in space.tiles(SAMPLE):
        return tile
    raise ValueError("a space has at least one design")


def _axis(job: Job, name: str) -> dict[str, Any]:
    axis = job.space.axes[name]
    role = "per" if name in job.cut.per else "choose" if axis.dim else "fixed"
    ends = str(axis.values[0]) if len(axis.values) == 1 else f"{axis.values[0]} - {axis.values[-1]}"
    return {"name": name, "role": role, "values": len(axis.values), "first_to_last": ends}


def _duration(seconds: float) -> str:
    for size, unit in ((86400 * 365.25, "years"), (86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.3g} {unit}"
    return format_quantity(seconds, "s", 2)
