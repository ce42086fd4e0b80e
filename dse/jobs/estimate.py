"""What a job would take, without doing it."""

from __future__ import annotations

import time
from typing import Any

from dse.grid.space import Space
from dse.jobs.assumptions import unchecked
from dse.jobs.resolve import Job
from dse.pareto.scan import TILE, scan
from dse.units import format_quantity


def estimate(job: Job) -> dict[str, Any]:
    """Axes with roles, designs, bytes of the whole grid, and the time from the rate measured on a part of it."""
    space = job.space
    part = _part(space)
    # Once to load or compile the kernels, which is not the rate.
    scan(part, job.cut)
    started = time.perf_counter()
    scan(part, job.cut)
    rate = part.size / (time.perf_counter() - started)
    size = space.size * 8 * len(job.metrics)
    return {
        "name": job.spec.name,
        "axes": [_axis(job, n) for n, a in space.axes.items() if a.given],
        "objectives": [{"metric": o.metric, "direction": o.direction} for o in job.cut.objectives],
        "budgets": [b.text() for b in job.cut.budgets],
        "designs": space.size,
        "bytes": size,
        "bytes_text": format_quantity(size, "B"),
        "rate": rate,
        "seconds": space.size / rate,
        "seconds_text": duration(space.size / rate),
        "left_out_devices": {d: list(f) for d, f in job.left_out.items()},
        "fit_not_checked": {d: f for d in space.axes["device"].values if job.cut.fit and (f := unchecked(space, d))},
    }


def _part(space: Space) -> Space:
    return next(part for _, part in space.tiles(TILE))


def _axis(job: Job, name: str) -> dict[str, Any]:
    axis = job.space.axes[name]
    role = "per" if name in job.cut.per else "choose" if axis.dim else "fixed"
    ends = str(axis.values[0]) if len(axis.values) == 1 else f"{axis.values[0]} to {axis.values[-1]}"
    return {"name": name, "role": role, "values": len(axis.values), "first_to_last": ends}


def duration(seconds: float) -> str:
    """A time for people, in the largest unit of which there are at least two.

    >>> duration(7200), duration(90), duration(0.0032)
    ('2 h', '90 s', '3.2 ms')
    """
    for size, unit in ((86400 * 365.25, "years"), (86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.3g} {unit}"
    return format_quantity(seconds, "s", 2)
