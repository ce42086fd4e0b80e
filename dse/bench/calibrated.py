"""Calibrated latency with both ends of its interval, beside the roofline of the same designs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from dse.bench.figures import Case, Figure, check, in_turns, nanoseconds
from dse.grid.dataset import with_ends
from dse.grid.evaluate import evaluate_values
from dse.grid.space import Space
from dse.jobs.resolve import read_job

GROUP = "calibrated"
# The ratio that is aimed at.
GOAL = 3.0
LANGUAGE: Mapping[str, Any] = {"network": {"model": "llama-3.1-8b"}, "precision": {"scheme": ["fp16", "fp8"]}}
GPUS: Mapping[str, Any] = {"hardware": {"device": ["h100-sxm", "a100-sxm-80gb", "l40s"]}}


def cases(full: bool) -> list[Case]:
    """Image networks; at full size also tokens, and requests whose prompt and output are two networks."""
    batches = list(range(1, 257 if full else 9))
    widths = {"width": {"start": 0.35, "stop": 1.4, "num": 64 if full else 4}, "resolution": [96, 160, 224]}
    lengths = {"start": 128, "stop": 4096, "num": 31}
    images = {
        "network": {"family": "mobilenet_v2", **widths},
        "precision": {"scheme": ["fp32", "fp16"]},
        "hardware": {"device": ["rtx-3090", "rtx-4090", "rtx-5090", "core-i7-12700h"]},
    }
    decode = {"phase": "decode", "context": {"start": 128, "stop": 8192, "num": 127}}
    request = {"phase": "request", "prompt_tokens": lengths, "output_tokens": {**lengths, "start": 16, "stop": 512}}
    of_images = _case("MobileNetV2", {**images, "deployment": {"batch": batches}})
    if not full:
        return [of_images]
    return [
        of_images,
        _case("tokens of Llama 3.1 8B", {**LANGUAGE, **GPUS, "deployment": {"batch": batches, **decode}}),
        _case("requests of Llama 3.1 8B", {**LANGUAGE, **GPUS, "deployment": {"batch": batches, **request}}),
    ]


def _case(name: str, document: Mapping[str, Any]) -> Case:
    what = f"calibrated latency of {name}"
    return Case(GROUP, what, lambda: _measured(what, document))


def _space(document: Mapping[str, Any], model: str) -> Space:
    deployment = {**document["deployment"], "latency_model": model}
    rest = {"name": "bench", "objectives": {"minimize": ["latency"]}, "fit": False}
    return read_job({**document, **rest, "deployment": deployment}).space


def _measured(what: str, document: Mapping[str, Any]) -> Iterator[Figure]:
    fitted, plain = (_space(document, model) for model in ("calibrated", "roofline"))
    ways = {
        "calibrated": lambda: _latency(fitted, ["latency"]),
        "with both ends": lambda: _latency(fitted, with_ends(["latency"], fitted)),
        "roofline": lambda: _latency(plain, ["latency"]),
    }
    turns = in_turns(ways)
    found = _latency(fitted, with_ends(["latency"], fitted))
    check(bool((found["latency_low"] < found["latency"]).all()), f"{what}: ends")
    told = f"{fitted.size:,} designs, {nanoseconds(turns.median('calibrated'), fitted.size)}; "
    told += f"{turns.ratio('with both ends', 'roofline'):.2f} × with both ends of the interval"
    yield Figure(GROUP, what, turns.ratio("calibrated", "roofline"), "× roofline", None, GOAL, turns.medians(), told)


def _latency(space: Space, metrics: list[str]) -> dict[str, np.ndarray]:
    values = evaluate_values(space, metrics, engine="fused")
    return {name: values[name].over(space.dims) for name in metrics}
