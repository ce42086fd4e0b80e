"""Terms of the latency formula for measured networks: seconds for each unit of a constant."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from dse import registry
from dse.calibration.constants import CONSTANTS
from dse.calibration.fitting import Array, Problem
from dse.calibration.forms import Form
from dse.calibration.measured_axes import SEVERAL
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
    often = np.array([often for _, often, _ in parts])
    found = _each([part for _, _, part in parts], lambda part: _terms(part, form)) * often
    seconds = np.array([m.seconds for m in measurements])
    return Problem(
        (found[:-1] - found[-1]).T, seconds, np.array(form.prior),
        np.array([row for row, _, _ in parts]), form.pairs, form.to_scale, found[-1], form.pull,
    )  # fmt: skip


def _terms(part: Measurement, form: Form) -> list[Any]:
    """Seconds with 1 for each group of constants alone, and with none."""
    known = _NO_COST | inputs(part)
    kept = {"resident_bytes": resident(part) if form.resident else 0.0}
    alone = [calibrated_latency(**(known | dict.fromkeys(group, 1.0) | kept)) for group in form.groups]
    return [*alone, calibrated_latency(**known)]


def predicted(measurements: Sequence[Measurement], constants: Mapping[str, float]) -> Array:
    """Calibrated latency of measured networks [s]."""
    costs = _NO_COST | {name: value for name, value in constants.items() if name in _NO_COST}
    return _sums(measurements, lambda part: calibrated_latency(**(inputs(part) | costs)))


def roofline(measurements: Sequence[Measurement]) -> Array:
    """The datasheet's roofline of measured networks [s]."""
    return _sums(measurements, lambda part: _metric("latency", part))


def _sums(measurements: Sequence[Measurement], seconds: Callable[[Measurement], Any]) -> Array:
    """The seconds of all parts of each."""
    parts = [(row, often, part) for row, m in enumerate(measurements) for often, part in m.parts]
    found = np.zeros(len(measurements))
    (each,) = _each([part for _, _, part in parts], lambda part: [seconds(part)])
    np.add.at(found, [row for row, _, _ in parts], each * [often for _, often, _ in parts])
    return found


def _each(parts: Sequence[Measurement], values: Callable[[Measurement], Sequence[Any]]) -> Array:
    """Values of each part, of shape (values, parts): those that differ in numbers alone are computed in one go."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, part in enumerate(parts):
        groups.setdefault(_alike(part), []).append(place)
    # As in the engines: what runs over is infinite, and told where it is read.
    with np.errstate(all="ignore"):
        columns = [(places, values(_as_one([parts[i] for i in places]))) for places in groups.values()]
    found = np.empty((len(columns[0][1]) if columns else 1, len(parts)))
    for places, value in columns:
        for row, one in enumerate(value):
            found[row, places] = one
    return found


def _alike(part: Measurement) -> tuple[Any, ...]:
    """What parts share that differ in numbers alone: all but the numbers of axes that formulas are computed over."""
    single = SEVERAL if part.totals else _single(part.network)
    axes = tuple((n, v if n in single or isinstance(v, str) else None) for n, v in part.axes.items())
    return part.network, part.device, part.precision, bool(part.totals), axes


@cache
def _single(network: str) -> frozenset[str]:
    """Axes of a network that have one value in a trace, and those by which devices share the work."""
    return frozenset((*SEVERAL, *Measurement(network, "", "", "", "", 1.0, {}).builder[0].structural))


def _as_one(parts: Sequence[Measurement]) -> Measurement:
    """Parts that are alike as one, whose axes and totals are arrays where there are several."""
    first = parts[0]
    if len(parts) == 1:
        return first
    *_, kept = _alike(first)
    axes = {n: np.array([float(part.axes[n]) for part in parts]) for n, v in kept if v is None}
    totals: dict[str, Any] = {n: np.array([part.totals[n] for part in parts]) for n in first.totals}
    return replace(first, axes={**first.axes, **axes}, totals=totals)


def resident(measurement: Measurement) -> float:
    """Bytes of weights that stay on the chip of its device."""
    return float(DEVICES[measurement.device].figures["sram"])


def inputs(measurement: Measurement) -> dict[str, Any]:
    """What the latency formula takes beside its constants."""
    return {name: _metric(name, measurement) for name in _ARGUMENTS if name not in CONSTANTS}


def value(name: str, measurement: Measurement) -> float:
    """A metric of a measured network that follows from its counts, its number format and its device's figures."""
    return float(_metric(name, measurement))


def _metric(name: str, measurement: Measurement, scope: str = "") -> Any:
    """The value of an input: of the device, the number format and the deployment, or a metric made of such."""
    own, base = registry.scoped(name)
    scope = registry.joined_scope(scope, own)
    if base not in registry.METRICS:
        return _leaf(base, measurement)
    settings = () if scope.startswith(registry.SINGLE) else measurement.settings
    record = registry.metric_record(base, None, registry.part_of(scope) or measurement.phase, settings)
    if record.kind == "count":
        return _counted(base, measurement)
    return record.function(*(_metric(i, measurement, scope) for i in record.inputs))


def by_totals(measurement: Measurement) -> Measurement:
    """The same measurement, of whose network only the totals are told."""
    totals = {name: count(name, measurement) for name in NAMES}
    return replace(measurement, totals=totals, own_family=measurement.family)


def count(name: str, measurement: Measurement) -> float:
    """A count of the network of a measurement; of its forward pass, in training."""
    return float(_counted(name, measurement))


def _counted(name: str, measurement: Measurement) -> Any:
    if measurement.totals:
        return counts(measurement.totals)[name]
    axes = dict(measurement.axes)
    if measurement.phase == "train":
        axes |= {"phase": "prefill", "all_logits": 1}
    axes["batch"] = np.ceil(np.asarray(axes.get("batch", 1.0)) / axes.get("micro_batches", 1))
    family, _ = measurement.builder
    own = {n: float(lookup(n).number(v)) if lookup(n).choices else v for n, v in axes.items() if n in family.axes}
    # Arrays as bytes, so that what was counted is found again.
    key = tuple((n, v.tobytes() if isinstance(v, np.ndarray) else v) for n, v in own.items())
    return _count(name, measurement.network, key)


def _leaf(name: str, measurement: Measurement) -> Any:
    """An input that is no metric: a setting, a figure of the device or of the number format, or its default."""
    if name in measurement.axes:
        return np.asarray(measurement.axes[name], dtype=float)[()]
    device, scheme = DEVICES[measurement.device], PRECISIONS[measurement.precision]
    if name == "peak_ops":
        return compute_peak(device.figures, scheme.compute)[0]
    if name in _PARTS:
        return _PARTS[name](measurement)
    entry = lookup(name)
    if entry.kind == "device":
        return device.figure(name)
    return float(getattr(scheme, name) if entry.kind == "precision" else entry.number(entry.default or 0))


def _shared(measurement: Measurement, *axes: str) -> int:
    return math.prod(int(measurement.axes.get(name, 1)) for name in axes)


def _cache_shards(measurement: Measurement) -> Any:
    """Devices that the heads of keys and values are divided among."""
    known = measurement.builder[1] | dict(measurement.axes)
    own, queries = known.get("kv_heads"), known.get("heads", 1)
    # Without a number of their own there are as many as of queries.
    heads = queries if own is None else np.where(own, own, queries)
    return np.minimum(_shared(measurement, "tensor_parallel"), np.floor(heads))


# Into how many parts devices divide the work.
_PARTS: Mapping[str, Callable[[Measurement], Any]] = {
    "working_devices": lambda m: _shared(m, "tensor_parallel", "pipeline_parallel", "expert_parallel"),
    "tensor_shards": lambda m: _shared(m, "tensor_parallel"),
    "cache_shards": _cache_shards,
}


@lru_cache(maxsize=2**16)
def _count(name: str, network: str, axes: tuple[tuple[str, Any], ...]) -> Any:
    record = registry.metric_record(name)
    known = {"trace": _traced(network, axes), "counting": "trainable"}
    return record.function(**{i: known[i] for i in record.inputs})


@lru_cache(maxsize=2**12)
def _traced(network: str, axes: tuple[tuple[str, Any], ...]) -> Trace:
    family, fixed = Measurement(network, "", "", "", "", 1.0, {}).builder
    return trace(family, fixed | {n: np.frombuffer(v) if isinstance(v, bytes) else v for n, v in axes})
