"""Axes that change nothing of what a job asks for: designs that differ in them alone are alike."""

from __future__ import annotations

from collections.abc import Iterator

from dse.grid.blocks import Grid
from dse.grid.program import MODEL_AXIS, PHASE_AXIS
from dse.grid.space import Axis
from dse.hardware import FIGURES
from dse.jobs.resolve import Job

# Axes that choose networks, formats and devices are told apart by their names, whatever they change.
_KINDS = ("device", "deployment", "circumstance")


def idle_notes(job: Job) -> list[str]:
    """What is said of axes of hardware and deployment along which no metric of the job varies, and of a clock."""
    told: dict[str, bool] = {}
    for grid in job.grids:
        for axis in _several(grid):
            told[axis.name] = told.get(axis.name, True) and not _matters(job, grid, axis)
    found = [
        f"{name} changes nothing of what is asked for: designs that differ in it alone are alike"
        for name, idle in told.items()
        if idle
    ]
    return found + list(_clocks(job))


def _several(grid: Grid) -> Iterator[Axis]:
    for axis in grid.space.axes.values():
        named = axis.name in (MODEL_AXIS, PHASE_AXIS, "device")
        if axis.dim is not None and len(axis.values) > 1 and axis.kind in _KINDS and not named:
            yield axis


def _matters(job: Job, grid: Grid, axis: Axis) -> bool:
    """Whether any column varies along an axis, of a design that is the first along all others."""
    part = grid.space
    for dim in part.dims:
        # What varies along what is different in other phases, and by other models of latency.
        if dim not in (MODEL_AXIS, PHASE_AXIS):
            part = part.isel(dim, slice(0, 2 if dim == axis.dim else 1))
    columns = list(dict.fromkeys([*job.metrics, *job.cut_of(grid).columns]))
    return any(axis.dim in value.dims for value in grid.evaluate(part, columns).values())


def _clocks(job: Job) -> Iterator[str]:
    """Own devices whose clock is given and whose rates are not."""
    for name, table in job.spec.device.items():
        if "clock" in table and "base" in table and not any(n.startswith("peak_") for n in table if n in FIGURES):
            yield f"device.{name}.clock: the peak rates stay those of {table['base']}; give them too"
