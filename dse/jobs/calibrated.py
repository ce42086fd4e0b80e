"""What a calibrated latency rests on: where another calibration stands in, and where nothing was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from dse.errors import few
from dse.grid.calibrations import (
    OF_ENGINE,
    batches_outside,
    calibrated_anywhere,
    calibrations_chosen,
    engine_texts,
    has_engine,
    stands_for,
    width_outside,
)
from dse.grid.labelled import Labelled, along
from dse.grid.program import plan_of
from dse.grid.space import Space
from dse.jobs.catalogues import CURRENT, Catalogues
from dse.jobs.cautions import cautions
from dse.jobs.resolve import Job
from dse.pareto.cut import FIT

# Choices that are told one by one; the column `calibration` of the frontier tells them all.
_TOLD = 5


def notes_of(space: Space, catalogues: Catalogues = CURRENT) -> list[str]:
    """What whoever reads the metrics of a space has to know: of its network, and of what latency is fitted to."""
    return [*cautions(space, catalogues), *remarks([space])]


def calibration_notes(job: Job) -> Iterator[str]:
    """That predictions have intervals, which devices have no calibration of their own, and which batches no rows."""
    if not any(map(calibrated_anywhere, job.networks.values())):
        return
    yield (
        "latency is fitted to measurements, and what follows from it too: columns _low and _high bound 80 % of "
        "networks that were not fitted; the column calibration says what each design is fitted to"
    )
    yield from remarks(job.networks.values())


def remarks(spaces: Iterable[Space]) -> Iterator[str]:
    """Of calibrated spaces: which calibrations stand in, for which software, and batches beyond those measured."""
    found: dict[tuple[str, float], dict[str, None]] = {}
    extrapolated: dict[str, None] = {}
    software: dict[str, None] = {}
    for space in filter(calibrated_anywhere, spaces):
        for device, choice in _by_device(space, calibrations_chosen(space)):
            if not choice.exact:
                found.setdefault((choice.what, choice.calibration.spread), {})[device] = None
            if outside := batches_outside(space, choice):
                extrapolated[f"{device}: {outside}: {width_outside(space, choice)}"] = None
        software |= dict.fromkeys(f"{taken} on {device}" for taken, device in stands_for(space))
    told = [f"{few(devices, 8)}: {what}, 80 % within a factor {k:.2f}" for (what, k), devices in found.items()]
    yield from (f"calibration falls back on what is nearest: {text}" for text in told[:_TOLD])
    if len(told) > _TOLD:
        yield f"calibration falls back in {len(told) - _TOLD} more ways: the column calibration tells them"
    if software:
        yield (
            "software auto is what is measured in the number format or the nearest, of several that with most rows: "
            f"{few(software, 8)}"
        )
    if extrapolated:
        yield f"calibration reaches beyond the batches that were measured: {few(extrapolated, 8)}"


def engine_notes(job: Job) -> Iterator[str]:
    """What an engine needs on a microcontroller: of which it is, and where it was not measured."""
    for space in job.networks.values():
        if not has_engine(space) or not OF_ENGINE & set(plan_of(space.first(), _columns(job)).leaves):
            continue
        found: dict[str, dict[str, None]] = {}
        for device, told in _by_device(space, engine_texts(space)):
            if told:
                found.setdefault(told, {})[device] = None
        yield from (f"{few(devices, 8)}: {told}" for told, devices in found.items())


def _columns(job: Job) -> list[str]:
    """Metrics that are asked for, and those by which fitting is checked."""
    return list(dict.fromkeys([*job.all_metrics, *(FIT if job.cut.fit else ())]))


def _by_device(space: Space, values: Labelled) -> Iterator[tuple[str, Any]]:
    """Values with the device that each is of, each pair once."""
    axis = space.axes["device"]
    dims = tuple(d for d in space.dims if d in (*values.dims, axis.dim))
    names = along(axis.dim, np.array(axis.values, dtype=object)).over(dims)
    pairs = np.broadcast_arrays(names, values.over(dims))
    yield from dict.fromkeys(zip(pairs[0].flat, pairs[1].flat, strict=True))
