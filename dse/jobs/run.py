"""Run a job: find the frontier, and keep it in a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dse.errors import InputError
from dse.grid.dataset import evaluate
from dse.jobs import folder as folders
from dse.jobs.manifest import code_key, job_key, make_manifest
from dse.jobs.resolve import Job
from dse.jobs.result import Result, load, read_manifest
from dse.pareto.scan import Scan, group_values, scan
from dse.plots import roofline

Progress = Callable[[int, int], None]


def run(
    job: Job, folder: Path | None = None, *, fresh: bool = False, progress: Progress | None = None, plots: bool = True
) -> Result:
    """Run a job, or give the finished result that already stands in its folder.

    A result of the same spec is computed again where formulas or catalogues have changed since.

    Parameters
    ----------
    folder
        Where to keep the result; None keeps it in memory only.
    fresh
        Compute it again, and replace whatever result the folder holds.
    progress
        Called with designs done and designs in all.

    Raises
    ------
    InputError
        When the folder holds the result of another spec (unless `fresh`), or is no result (always).
    DseError
        When the folder cannot be written.
    """
    if folder is None:
        return _compute(job, progress)
    manifest = _standing(job, folder, fresh)
    if manifest is not None and not fresh and manifest.get("code") == code_key():
        return _reuse(job, folder, plots)
    # Where nothing can be written is told before the work, not after it.
    with folders.temporary(folder) as part:
        result = _compute(job, progress)
        written = folders.write(result, job, part, folder, plots)
    return replace(written, state="recomputed" if manifest and not fresh else "computed")


def _standing(job: Job, folder: Path, fresh: bool) -> dict[str, Any] | None:
    """The manifest of the result in the folder, if there is one that may be used or replaced."""
    manifest = read_manifest(folder)
    if manifest is None:
        if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
            raise InputError(f"{folder}: exists and is not a result; choose another folder with --out")
    elif manifest["key"] != job_key(job) and not fresh:
        raise InputError(
            f"{folder}: holds the result of another spec; replace it with --fresh, or choose another --out"
        )
    return manifest


def _reuse(job: Job, folder: Path, plots: bool) -> Result:
    result = load(folder)
    if plots and not result.manifest["plots"]:
        with folders.temporary(folder) as part:
            result = folders.write(result, job, part, folder, plots)
    return replace(result, state="reused")


def _compute(job: Job, progress: Progress | None) -> Result:
    started = time.perf_counter()
    try:
        found = scan(job.space, job.cut, progress=progress)
    except InputError as error:
        # Axes that are right one by one, and make no network together.
        raise error.at(job.origin) if job.origin else error from None
    frontier = frontier_dataset(job, found)
    manifest = make_manifest(job, found, list(map(str, frontier.data_vars)), time.perf_counter() - started)
    return Result(frontier, cloud_dataset(job, found), manifest)


def frontier_dataset(job: Job, found: Scan) -> xr.Dataset:
    """All metrics of the job, and those that the roofline plot shows, at the designs of the frontier.

    Sorted by group, then by objectives.
    """
    metrics = list(dict.fromkeys([*job.metrics, *roofline.NEEDED]))
    # Without any design the first one lends names, units and types; two of it, since a list of designs may hold
    # networks that cannot be built, and a single one may not.
    places = found.places if len(found.places) else np.zeros(2, dtype=np.int64)
    size = {"design": len(places)}
    designs = job.space.designs(places) if job.space.dims else job.space
    flat = evaluate(designs, metrics).reset_coords()
    flat = flat.map(lambda v: v if "design" in v.dims else v.expand_dims(size), keep_attrs=True)
    axes = [n for n in flat if n not in metrics]
    dataset = flat[[*axes, *metrics]].set_coords(axes)
    keys: list[Any] = [dataset[o.metric].values * o.sign for o in reversed(job.cut.objectives)]
    keys += [_ranks(job.space.axes[p].values, dataset[p].values.tolist()) for p in reversed(job.cut.per)]
    dataset = dataset.isel(design=np.lexsort(keys)[: len(found.places)])
    dataset.attrs["objectives"] = ", ".join(f"{o.direction} {o.metric}" for o in job.cut.objectives)
    return dataset


def _ranks(order: Sequence[Any], values: Sequence[Any]) -> list[int]:
    place = {v: i for i, v in enumerate(order)}
    return [place[v] for v in values]


def cloud_dataset(job: Job, found: Scan) -> xr.Dataset:
    """The histograms of all designs, with the values of the axes `per` for each group along "groups"."""
    names = {a: ("groups", np.array(v, dtype=object)) for a, v in group_values([job.space], job.cut.per).items()}
    return found.cloud.dataset().assign(names)
