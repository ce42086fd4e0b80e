"""Terms of the latency formula for measured networks: seconds for each unit of a constant."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from dse import registry
from dse.calibration.constants import CONSTANTS
from dse.calibration.fitting import Array, Problem
from dse.calibration.forms import Form
from dse.calibration.measurements import Measurement
from dse.calibration.totals import NAMES, counts
from dse.glossary import lookup
from dse.hardware import DEVICES
from dse.metrics.latency_fitted import calibrated_latency
from dse.networks import Trace, trace
from dse.precision import PRECISIONS, compute_peak

_ARGUMENTS = tuple(inspect.signature(calibrated_latency).parameters)
# Constants that time is made of, each without a cost.
_NO_COST = {name: 0.0 for name in CONSTANTS if name in _ARGUMENTS}


def problem(measurements: Sequence[Measurement], form: Form) -> Problem:
    """The fit of a form to measured times of a device, its software and format."""
    parts = [(row, often, part) for row, m in enumerate(measurements) for often, part in m.parts]
    fixed = np.array([often * _seconds(part, ()) for _, often, part in parts])
    kept = [("resident_bytes", resident(part) if form.resident else 0.0) for _, _, part in parts]
    terms = np.array([
        [often * _seconds(part, group, one) for group in form.groups]
        for (_, often, part), one in zip(parts, kept, strict=True)
    ])  # fmt: skip
    seconds = np.array([m.seconds for m in measurements])
    return Problem(
        terms.reshape(len(parts), -1) - fixed[:, None], seconds, np.array(form.prior),
        np.array([row for row, _, _ in parts]), form.pairs, form.to_scale, fixed, form.pull,
    )  # fmt: skip


def predicted(measurements: Sequence[Measurement], constants: Mapping[str, float]) -> Array:
    """Calibrated latency of measured networks [s]."""
    costs = _NO_COST | {name: value for name, value in constants.items() if name in _NO_COST}
    return _sums(measurements, lambda part: float(calibrated_latency(**(inputs(part) | costs))))


def roofline(measurements: Sequence[Measurement]) -> Array:
    """The datasheet's roofline of measured networks [s]."""
    return _sums(measurements, lambda part: _metric("latency", part))


def _sums(measurements: Sequence[Measurement], seconds: Callable[[Measurement], float]) -> Array:
    return np.array([sum(often * seconds(part) for often, part in m.parts) for m in measurements])


def _seconds(measurement: Measurement, group: Sequence[str], *more: tuple[str, float]) -> float:
    given = _NO_COST | inputs(measurement) | dict.fromkeys(group, 1.0) | dict(more)
    return float(calibrated_latency(**given))


def resident(measurement: Measurement) -> float:
    """Bytes of weights that stay on the chip of its device."""
    return float(DEVICES[measurement.device].figures["sram"])


def inputs(measurement: Measurement) -> dict[str, float]:
    """What the latency formula takes beside its constants."""
    return {name: _metric(name, measurement) for name in _ARGUMENTS if name not in CONSTANTS}


def value(name: str, measurement: Measurement) -> float:
    """A metric of a measured network that follows from its counts, its number format and its device's figures."""
    return _metric(name, measurement)


def _metric(name: str, measurement: Measurement, scope: str = "") -> float:
    """The value of an input: of the device, the number format and the deployment, or a metric made of such."""
    own, base = registry.scoped(name)
    scope = registry.joined_scope(scope, own)
    if base not in registry.METRICS:
        return _leaf(base, measurement)
    settings = () if scope.startswith(registry.SINGLE) else measurement.settings
    record = registry.metric_record(base, None, registry.part_of(scope) or measurement.phase, settings)
    if record.kind == "count":
        return count(base, measurement)
    return float(record.function(*(_metric(i, measurement, scope) for i in record.inputs)))


def by_totals(measurement: Measurement) -> Measurement:
    """The same measurement, of whose network only the totals are told."""
    totals = {name: count(name, measurement) for name in NAMES}
    return replace(measurement, totals=totals, own_family=measurement.family)


def count(name: str, measurement: Measurement) -> float:
    """A count of the network of a measurement; of its forward pass, in training."""
    if measurement.totals:
        return counts(measurement.totals)[name]
    axes = dict(measurement.axes)
    if measurement.phase == "train":
        axes |= {"phase": "prefill", "all_logits": 1}
    axes["batch"] = math.ceil(measurement.batch / axes.get("micro_batches", 1))
    return _count(name, measurement.network, tuple(axes.items()))


def _leaf(name: str, measurement: Measurement) -> float:
    """An input that is no metric: a setting, a figure of the device or of the number format, or its default."""
    if name in measurement.axes:
        return float(measurement.axes[name])
    device, scheme = DEVICES[measurement.device], PRECISIONS[measurement.precision]
    if name == "peak_ops":
        return compute_peak(device.figures, scheme.compute)[0]
    if name in _PARTS:
        return float(_PARTS[name](measurement))
    entry = lookup(name)
    if entry.kind == "device":
        return device.figure(name)
    return float(getattr(scheme, name) if entry.kind == "precision" else entry.number(entry.default or 0))


def _shared(measurement: Measurement, *axes: str) -> int:
    return math.prod(int(measurement.axes.get(name, 1)) for name in axes)


def _cache_shards(measurement: Measurement) -> int:
    """Devices that the heads of keys and values are divided among."""
    known = measurement.builder[1] | dict(measurement.axes)
    heads = known.get("kv_heads") or known.get("heads", 1)
    return min(_shared(measurement, "tensor_parallel"), int(heads))


# Into how many parts devices divide the work.
_PARTS: Mapping[str, Callable[[Measurement], int]] = {
    "working_devices": lambda m: _shared(m, "tensor_parallel", "pipeline_parallel", "expert_parallel"),
    "tensor_shards": lambda m: _shared(m, "tensor_parallel"),
    "cache_shards": _cache_shards,
}


@cache
def _count(name: str, network: str, axes: tuple[tuple[str, Any], ...]) -> float:
    record = registry.metric_record(name)
    known = {"trace": _traced(network, axes), "counting": "trainable"}
    return float(record.function(**{i: known[i] for i in record.inputs}))


@cache
def _traced(network: str, axes: tuple[tuple[str, Any], ...]) -> Trace:
    family, fixed = Measurement(network, "", "", "", "", 1.0, {}).builder
    own = {n: float(lookup(n).number(v)) if lookup(n).choices else v for n, v in axes if n in family.axes}
    return trace(family, fixed | own)
