"""Run a job: find the frontier, and keep it in a folder."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import dse
from dse import registry
from dse.errors import InputError
from dse.grid.dataset import evaluate
from dse.grid.explain import reason
from dse.jobs import folder as folders
from dse.jobs.resolve import Job
from dse.jobs.result import Result, load, read_manifest
from dse.pareto.cut import Budget
from dse.pareto.scan import Scan, scan

Progress = Callable[[int, int], None]
CITATION = "dse: vectorised design-space exploration for AI efficiency, version {version} (CITATION.cff)"


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
    found = scan(job.space, job.cut, progress=progress)
    frontier = frontier_dataset(job, found)
    seconds = time.perf_counter() - started
    return Result(frontier, cloud_dataset(job, found), make_manifest(job, found, seconds))


def frontier_dataset(job: Job, found: Scan) -> xr.Dataset:
    """All metrics of the job at the designs of the frontier, sorted by group and first objective."""
    # Without any design the first one lends names, units and types; two of it, since a list of designs may hold
    # networks that cannot be built, and a single one may not.
    places = found.places if len(found.places) else np.zeros(2, dtype=np.int64)
    size = {"design": len(places)}
    flat = evaluate(job.space.designs(places), job.metrics).reset_coords()
    flat = flat.map(lambda v: v if "design" in v.dims else v.expand_dims(size), keep_attrs=True)
    axes = [n for n in flat if n not in job.metrics]
    dataset = flat[[*axes, *job.metrics]].set_coords(axes)
    keys = [dataset[o.metric].values * o.sign for o in reversed(job.cut.objectives)]
    groups = [_ranks(job.space.axes[p].values, dataset[p].values.tolist()) for p in reversed(job.cut.per)]
    dataset = dataset.isel(design=np.lexsort([*keys, *groups])[: len(found.places)])
    dataset.attrs["objectives"] = ", ".join(f"{o.direction} {o.metric}" for o in job.cut.objectives)
    return dataset


def _ranks(order: Sequence[Any], values: Sequence[Any]) -> list[int]:
    place = {v: i for i, v in enumerate(order)}
    return [place[v] for v in values]


def cloud_dataset(job: Job, found: Scan) -> xr.Dataset:
    """The histograms of all designs, with the values of the axes `per` for each group along "groups"."""
    axes = [job.space.axes[name] for name in job.cut.per]
    # Groups are numbered row-major over the sorted values of each axis: see `group_codes`.
    values = [sorted({str(v) for v in axis.values}) for axis in axes]
    rows = list(itertools.product(*values))
    names = {a.name: ("groups", np.array([r[i] for r in rows], dtype=object)) for i, a in enumerate(axes)}
    return found.cloud.dataset().assign(names)


def make_manifest(job: Job, found: Scan, seconds: float) -> dict[str, Any]:
    """What is known of a result beside its designs: see the file manifest.json."""
    tally = found.tally
    manifest = {
        "name": job.spec.name,
        "spec": job.spec.document(),
        "key": job_key(job),
        "code": code_key(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "versions": {"dse": dse.__version__, "python": platform.python_version(), **_versions()},
        "citation": CITATION.format(version=dse.__version__),
        "objectives": [{"metric": o.metric, "direction": o.direction} for o in job.cut.objectives],
        "budgets": [_budget(b) for b in job.cut.budgets],
        "per": list(job.cut.per),
        "axes": {n: len(a.values) for n, a in job.space.axes.items() if a.given},
        "units": {m: registry.metric_record(m).unit for m in job.metrics},
        "left_out_devices": {d: list(f) for d, f in job.left_out.items()},
        "counts": {
            "enumerated": tally.enumerated,
            "undefined": tally.undefined,
            "excluded": tally.excluded,
            "skipped_by_bounds": 0,
            "dominated": tally.dominated,
            "kept": tally.kept,
        },
        "broken_totals": tally.broken,
        "nearest_misses": tally.nearest if tally.feasible == 0 else {},
    }
    if tally.undefined and not tally.kept:
        manifest["undefined_because"] = _why_undefined(job)
    return manifest


def _why_undefined(job: Job) -> dict[str, str]:
    """For the first design why each metric that objectives and budgets need is undefined."""
    first = job.space
    for dim in first.dims:
        first = first.isel(dim, slice(0, 1))
    needed = [m for m in job.metrics if m in job.cut.metrics]
    try:
        data = evaluate(first, needed)
    except InputError as error:
        return {"network": str(error)}
    return {m: reason(first, m, data) for m in needed if bool(data[m].isnull().all())}


def _budget(budget: Budget) -> dict[str, Any]:
    limits = {"min": budget.low, "max": budget.high}
    return {"metric": budget.metric, "text": budget.text(), **{k: v for k, v in limits.items() if np.isfinite(v)}}


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("numpy", "numba", "xarray", "moocore")}


def job_key(job: Job) -> str:
    """A hash of what was asked for."""
    text = json.dumps(job.spec.document(), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def code_key() -> str:
    """A hash of the formulas, metrics, families and catalogues that results depend on, those of the user included."""
    digest = hashlib.sha256(_package_key().encode())
    for variants in registry.METRICS.values():
        for record in variants.values():
            if not record.function.__module__.startswith("dse."):
                digest.update(_source(record.function).encode())
    return digest.hexdigest()


def _source(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except OSError:
        # Typed at a prompt: the compiled code tells versions apart.
        return f"{function.__code__.co_code!r} {function.__code__.co_consts!r}"


@cache
def _package_key() -> str:
    root, digest = Path(dse.__file__).parent, hashlib.sha256()
    rooms = ("formulas", "metrics", "networks", "hardware", "precision", "quality", "grid", "pareto", "jobs")
    for path in sorted(p for room in rooms for p in (root / room).rglob("*") if p.suffix in (".py", ".toml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
