"""Run a job: find the frontier, write the folder of the result in one step."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import dse
from dse import registry
from dse.errors import DseError, InputError
from dse.grid.dataset import evaluate
from dse.jobs import assumptions
from dse.jobs.resolve import Job
from dse.jobs.result import ASSUMPTIONS, CLOUD, FRONTIER, MANIFEST, TABLE, Result, load, read_manifest
from dse.pareto.scan import Scan, group_values, scan
from dse.plots import roofline

Progress = Callable[[int, int], None]
CITATION = "dse: vectorised design-space exploration for AI efficiency, version {version} (CITATION.cff)"


def run(
    job: Job, folder: Path | None = None, *, fresh: bool = False, progress: Progress | None = None, plots: bool = True
) -> Result:
    """Run a job, or give the finished result that already stands in its folder.

    Parameters
    ----------
    folder
        Where to keep the result; None keeps it in memory only.
    fresh
        Recompute, and replace whatever result the folder holds.

    Raises
    ------
    InputError
        When the folder holds the result of another spec, or is something else.
    """
    if folder is not None and not fresh:
        standing = _standing(job, folder)
        if standing is not None:
            return standing
    started = time.perf_counter()
    found = scan(job.space, job.cut, progress=progress)
    frontier = frontier_dataset(job, found)
    result = Result(frontier, _cloud(job, found), _manifest(job, found, time.perf_counter() - started))
    return result if folder is None else _write(result, job, folder, plots)


def frontier_dataset(job: Job, found: Scan) -> xr.Dataset:
    """All metrics of the job, and those that the roofline plot shows, at the designs of the frontier.

    Sorted by group, then by objectives.
    """
    metrics = tuple(dict.fromkeys([*job.metrics, *roofline.NEEDED]))
    if len(found.places) == 0:
        empty = {m: ("design", np.empty(0)) for m in metrics}
        axes = {n: ("design", np.empty(0, dtype=object)) for n, a in job.space.axes.items() if a.given}
        return xr.Dataset(empty, axes)
    designs = job.space.designs(found.places)
    dataset = evaluate(designs, metrics)
    size = {"design": len(found.places)}
    dataset = dataset.map(lambda v: v if "design" in v.dims else v.expand_dims(size), keep_attrs=True)
    first = job.cut.objectives[0]
    keys = [dataset[o.metric].values * o.sign for o in reversed(job.cut.objectives)]
    groups = [np.unique(dataset[p].values.astype(str), return_inverse=True)[1] for p in reversed(job.cut.per)]
    order = np.lexsort([*keys, *groups])
    dataset = dataset.isel(design=order)
    dataset.attrs["objectives"] = ", ".join(f"{o.direction} {o.metric}" for o in job.cut.objectives)
    dataset.attrs["sorted_by"] = first.metric
    return dataset


def _cloud(job: Job, found: Scan) -> xr.Dataset:
    """The histograms, with the values of the axes `per` that each group stands for."""
    names = {axis: ("groups", values) for axis, values in group_values(job.space, job.cut.per).items()}
    return found.cloud.dataset().assign(names)


def _manifest(job: Job, found: Scan, seconds: float) -> dict[str, Any]:
    tally = found.tally
    units = {m: registry.metric_record(m).unit for m in job.metrics}
    return {
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
        "units": units,
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


def _budget(budget: Any) -> dict[str, Any]:
    limits = {"min": budget.low, "max": budget.high}
    return {"metric": budget.metric, "text": budget.text(), **{k: v for k, v in limits.items() if np.isfinite(v)}}


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("numpy", "numba", "xarray", "moocore")}


def job_key(job: Job) -> str:
    """A hash of what was asked for."""
    text = json.dumps(job.spec.document(), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_key() -> str:
    """A hash of the formulas, metrics, families and catalogues that results depend on."""
    root, digest = Path(dse.__file__).parent, hashlib.sha256()
    rooms = ("formulas", "metrics", "networks", "hardware", "precision", "quality", "grid", "pareto", "jobs")
    for path in sorted(p for room in rooms for p in (root / room).rglob("*") if p.suffix in (".py", ".toml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _standing(job: Job, folder: Path) -> Result | None:
    """The finished result of this very job in the folder; None where it is to be computed."""
    manifest = read_manifest(folder)
    if manifest is None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder}: exists and is not a result; choose another folder with --out")
        return None
    if manifest["key"] != job_key(job):
        raise InputError(
            f"{folder}: holds the result of another spec; replace it with --fresh, or choose another --out"
        )
    if manifest.get("code") != code_key():
        return None
    result = load(folder)
    return Result(result.frontier, result.cloud, {**result.manifest, "reused": True}, folder)


def _write(result: Result, job: Job, folder: Path, plots: bool) -> Result:
    """Write under a temporary name beside the folder, then rename: never a half-written result."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise DseError(f"{folder}: cannot be written: {error.strerror}") from None
    written = Result(result.frontier, result.cloud, result.manifest, folder)
    try:
        _write_files(written, job, part, plots)
        _swap(part, folder)
    except OSError as error:
        raise DseError(f"{folder}: cannot be written: {error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return written


def _write_files(result: Result, job: Job, folder: Path, plots: bool) -> None:
    result.frontier.to_netcdf(folder / FRONTIER, engine="netcdf4")
    result.cloud.to_netcdf(folder / CLOUD, engine="netcdf4")
    result.frontier.to_dataframe().reset_index(drop=True).to_csv(folder / TABLE, index=False)
    (folder / ASSUMPTIONS).write_text(assumptions.to_toml(job), encoding="utf-8")
    if plots:
        from dse.plots import save_all

        save_all(result, folder)
    (folder / MANIFEST).write_text(json.dumps(result.manifest, indent=2) + "\n", encoding="utf-8")


def _swap(part: Path, folder: Path) -> None:
    part.chmod(0o755)
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".old", dir=folder.parent))
        os.rename(folder, old / "result")
        os.rename(part, folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.rename(part, folder)
