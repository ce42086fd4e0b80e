"""What is known of a result beside its designs: spec, hashes, versions, counts."""

from __future__ import annotations

import hashlib
import inspect
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any

import numpy as np

import dse
from dse import registry
from dse.grid.dataset import equation
from dse.grid.program import plan_of
from dse.jobs.assumptions import default_values, notes, regions, unchecked_devices
from dse.jobs.document import on_files
from dse.jobs.resolve import Job
from dse.jobs.undefined import undefined_because
from dse.jobs.unfit import nearest_misses
from dse.networks import FAMILIES
from dse.pareto.cut import Budget
from dse.pareto.scan import Scan
from dse.pareto.ties import INTERVAL

CITATION = "dse: vectorised design-space exploration for AI efficiency, version {version} (CITATION.cff)"


def make_manifest(job: Job, found: Scan, units: Mapping[str, str], seconds: float) -> dict[str, Any]:
    """The content of manifest.json; `units` are those of the metrics that the frontier holds."""
    tally = found.tally
    nearest = nearest_misses(job, tally)
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
        "axes": _axes(job),
        "metrics": list(job.metrics),
        "units": dict(units),
        "regions": regions(job.space),
        "notes": notes(job),
        "own_formulas": _own_formulas(job),
        "left_out_devices": {d: list(f) for d, f in job.left_out.items()},
        "fit_not_checked": unchecked_devices(job),
        "counts": {
            "enumerated": tally.enumerated,
            "undefined": tally.undefined,
            "excluded": tally.excluded,
            "skipped_by_bounds": sum(tally.skipped.values()),
            "dominated": tally.dominated,
            **({"tied": tally.tied} if job.cut.ties == INTERVAL else {}),
            "kept": tally.kept,
        },
        "broken_totals": tally.broken,
        "nearest_misses": nearest.values,
        "nearest_unfit": nearest.unfit,
    }
    if found.bounded is not None:
        manifest["bounds"] = {"skipped": tally.skipped, **asdict(found.bounded)}
    if job.catalogues.replayed:
        manifest["replayed"] = {"assumptions": job.catalogues.source, "defaults_of_today": _defaults_of_today(job)}
    if "" not in job.networks:
        manifest["networks"] = {n: {"budgets": _own_budgets(job, n)} for n in job.networks}
    if job.quality is not None:
        unmatched = job.quality.unmatched([g.space for g in job.grids])
        manifest["quality"] = {"table": job.quality.name, "rows": len(job.quality.numbers), "unmatched": len(unmatched)}
    manifest["undefined_because"] = undefined_because(job, tally.undefined + tally.skipped.get("undefined", 0))
    return manifest


def _own_formulas(job: Job) -> dict[str, str]:
    """The user's own metrics that the result rests on, with their equations."""
    steps = [step for space in job.networks.values() for step in plan_of(space.first(), job.all_metrics).steps]
    return {step.name: equation(step) for step in steps if registry.is_own(step.function)}


def _defaults_of_today(job: Job) -> list[str]:
    """Defaults in force that the assumptions do not hold, such as those of settings that their spec had given."""
    held = job.catalogues
    names = {n: held.defaults_of(name) for name, space in job.networks.items() for n in default_values(space)}
    return sorted(n for n, own in names.items() if n not in own and n != "pue")


def _axes(job: Job) -> dict[str, int]:
    """Number of values of every axis that was given, over all networks."""
    values: dict[str, dict[Any, None]] = {}
    for grid in job.grids:
        for name, axis in grid.space.axes.items():
            if axis.given:
                values.setdefault(name, {}).update(dict.fromkeys(axis.values))
    return {name: len(found) for name, found in values.items()}


def _own_budgets(job: Job, network: str) -> list[dict[str, Any]]:
    return [{**_budget(b), "unit": b.unit} for b in job.own_budgets if b.network == network]


def _budget(budget: Budget) -> dict[str, Any]:
    limits = {"min": budget.low, "max": budget.high}
    return {"metric": budget.metric, "text": budget.text(), **{k: v for k, v in limits.items() if np.isfinite(v)}}


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("numpy", "numba", "xarray", "moocore")}


def job_key(job: Job) -> str:
    """A hash of what was asked for."""
    # The network as it was read: a model's file may change while the spec does not.
    spaces = job.networks.items()
    network: dict[str, Any] = {
        k: {n: a.values[0] for n, a in s.network_axes().items() if a.dim is None} for k, s in spaces
    }
    network |= {f"{k}: layers": s.family.source for k, s in spaces if FAMILIES.get(s.family.name) is not s.family}
    # What files say, wherever they lie.
    document = on_files(job.spec.document(), lambda name: PurePath(name).name)
    if job.quality is not None:
        # What the table says, wherever it lies.
        document["quality"] = job.quality.digest
    asked = [document, network, *([job.catalogues.document] if job.catalogues.replayed else [])]
    text = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def code_key() -> str:
    """A hash of the formulas, metrics, families and catalogues that results depend on, those of the user included."""
    digest = hashlib.sha256(_package_key().encode())
    for variants in registry.METRICS.values():
        for record in variants.values():
            if registry.is_own(record.function):
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
    """A hash of everything in the package but the rooms that only show results."""
    root, digest = Path(dse.__file__).parent, hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".toml", ".csv")):
        if path.relative_to(root).parts[0] not in ("cli", "plots", "report"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
