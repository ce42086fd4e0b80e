"""What a job would take, without doing it."""

from __future__ import annotations

import time
from typing import Any

from dse.grid.engines import PLAIN_LIMIT
from dse.grid.space import OF_NETWORK, Axis
from dse.jobs.assumptions import default_values, notes, unchecked_devices
from dse.jobs.axes import axis_text
from dse.jobs.possible import check_networks
from dse.jobs.resolve import Job
from dse.jobs.settings import RUN_AXES
from dse.pareto.regions import thinned
from dse.pareto.scan import scan_blocks
from dse.pareto.scanner import TILE
from dse.pareto.units import Block
from dse.units import format_quantity


def estimate(job: Job) -> dict[str, Any]:
    """Axes with roles, designs, bytes of the whole grid, and the time from the rate measured on a part of it.

    Where bounds are used, rate and time are None: they follow from the frontier.

    Raises InputError where the axes make no network.
    """
    check_networks(job)
    rate = None if job.by_bounds else _rate(job)
    size = job.size * 8 * len(job.metrics)
    return {
        "name": job.spec.name,
        "axes": _axes(job),
        "objectives": [{"metric": o.metric, "direction": o.direction} for o in job.cut.objectives],
        "budgets": [b.text() for b in (*job.cut.budgets, *job.own_budgets)],
        "designs": job.size,
        "bytes": size,
        "bytes_text": format_quantity(size, "B"),
        "mode": "bounds" if job.by_bounds else "enumeration",
        "rate": rate,
        "seconds": rate and job.size / rate,
        "seconds_text": rate and format_quantity(job.size / rate, "s", 3),
        "notes": notes(job),
        "left_out_devices": {d: list(f) for d, f in job.left_out.items()},
        "fit_not_checked": unchecked_devices(job),
    }


def _rate(job: Job) -> float:
    """Designs a second, measured on a part of the space."""
    engine = "fused" if job.size > PLAIN_LIMIT else "plain"
    blocks = [Block(grid, job.cut_of(grid), part=thinned(grid.space, TILE).space) for grid in job.grids]
    # Once to load or compile the kernels, which is not the rate.
    scan_blocks(blocks, engine=engine)
    started = time.perf_counter()
    scan_blocks(blocks, engine=engine)
    return sum(b.space.size for b in blocks) / (time.perf_counter() - started)


def _axes(job: Job) -> list[dict[str, Any]]:
    """Axes with roles; of networks to choose from each has its own. The work of a network is told by default too."""
    found = {}
    for grid in job.grids:
        for name, axis in grid.space.axes.items():
            own = grid.name and axis.kind == "architecture"
            full = f"{grid.name}.{name}" if own else name
            if axis.given:
                found[full] = _axis(job, axis, full)
    for space in job.networks.values():
        for name in (n for n in default_values(space) if n in space.family.axes and n in RUN_AXES and n not in found):
            told = _axis(job, space.axes[name], name)
            found[name] = {**told, "first_to_last": f"{told['first_to_last']} (default)"}
    for name in (n for n in OF_NETWORK if n in found):
        values = dict.fromkeys(grid.space.axes[name].values[0] for grid in job.grids)
        found[name] = _axis(job, Axis(name, tuple(values), name), name)
    return list(found.values())


def _axis(job: Job, axis: Axis, name: str) -> dict[str, Any]:
    role = "per" if axis.name in job.cut.per else "choose" if axis.dim else "fixed"
    first, last = (axis_text(axis.name, axis.values[i]) for i in (0, -1))
    ends = first if len(axis.values) == 1 else f"{first} to {last}"
    return {"name": name, "role": role, "values": len(axis.values), "first_to_last": ends}
