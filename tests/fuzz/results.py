"""What is fuzzed beyond reading: specs that are run, and results whose manifest anyone may have written."""

from __future__ import annotations

import json
import os
import random
import tomllib
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.fuzz.mutations import document, to_json, to_toml
from tests.fuzz.target import Target, folder

# Specs of more designs are read alone.
MOST_DESIGNS = 2_000
SERVED: dict[str, Any] = {
    "network": {"model": "mixtral-8x7b"},
    "precision": {"scheme": ["fp16", "int8"]},
    "hardware": {"device": ["h100-nvl", "a100-sxm-80gb"]},
    "deployment": {"phase": ["decode"], "context": [512, 2048], "batch": [1, 8], "tensor_parallel": [1, 2]},
    "objectives": {"minimize": ["latency", "cost_per_million_tokens"], "per": ["device"]},
    "budgets": {"memory": {"max": "80 GB"}},
}
MEASURED: dict[str, Any] = {
    "network": {"family": "mobilenet_v2", "width": [0.35, 0.5, 1.0], "resolution": [96, 128, 224]},
    "precision": {"scheme": ["int8", "fp32"]},
    "hardware": {"device": ["stm32u575", "esp32"]},
    "deployment": {"latency_model": "calibrated"},
    "objectives": {"minimize": ["latency", "operation_energy"], "maximize": ["accuracy"], "ties": "interval"},
    "budgets": {"peak_sram": "320 KiB"},
    "output": {"metrics": ["params", "macs", "energy"]},
}


def change_toml(rng: random.Random, given: bytes) -> bytes:
    """A document of TOML, changed in its structure."""
    return to_toml(document(rng, tomllib.loads(given.decode())))


def change_json(rng: random.Random, given: bytes) -> bytes:
    """A document of JSON, changed in its structure."""
    return to_json(document(rng, json.loads(given)))


def _run(path: Path) -> object:
    from dse.jobs.manifest_schema import Manifest
    from dse.jobs.resolve import read_job
    from dse.jobs.run import compute

    job = read_job(path)
    if job.size > MOST_DESIGNS or job.spec.output.grid:
        return job.size
    result = compute(job)
    counts = result.counts
    ends = ("undefined", "skipped_by_bounds", "dominated", "tied", "kept")
    assert sum(counts.get(end, 0) for end in ends) + sum(counts["excluded"].values()) == job.size
    Manifest.model_validate({**result.manifest, "plots": False, "files": []})
    return counts


@cache
def _standing(spec: str, judged: bool) -> tuple[Path, dict[str, Any]]:
    """A result in a folder, of a search where it is judged, and its manifest as it was written."""
    import dse

    made = folder() / f"result-{len(spec)}-{judged}"
    if judged:
        dse.search(json.loads(spec), out=made, plots=False, trials=20, population=10, judge=True)
    else:
        dse.explore(json.loads(spec), out=made, plots=False)
    return made, json.loads((made / "manifest.json").read_bytes())


def _manifests(small: str) -> list[bytes]:
    found = [_standing(small, judged)[1] for judged in (False, True)]
    # Without checksums, too: with them whatever else is changed is told as damage.
    return [to_json(m) for m in (*found, *({k: v for k, v in m.items() if k != "checksums"} for m in found))]


def _show(small: str, path: Path) -> object:
    import dse
    from dse.report import summary
    from dse.report.html import page

    target = _standing(small, b'"search"' in path.read_bytes())[0] / "manifest.json"
    os.replace(path, target)
    result = dse.load(target.parent)
    summary.count_rows(result.manifest), summary.misses(result.manifest), summary.unmatched(result.manifest)
    return page(result), result.check_formulas()


def targets(specs: list[dict[str, Any]], small: dict[str, Any]) -> tuple[Target, ...]:
    """The targets: `specs` are run, and `small` gives the results."""
    text = json.dumps(small)
    return (
        Target("explore", ".toml", lambda: [to_toml(s) for s in (*specs, SERVED, MEASURED)], change_toml, _run),
        Target("manifest", ".json", partial(_manifests, text), change_json, partial(_show, text)),
    )
