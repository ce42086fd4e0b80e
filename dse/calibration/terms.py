"""Terms of the latency formula for measured networks: seconds for each unit of a constant."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from dse import registry
from dse.calibration.constants import CONSTANTS
from dse.calibration.fitting import Array, Problem
from dse.calibration.forms import Form
from dse.calibration.measurements import Measurement
from dse.glossary import lookup
from dse.hardware import DEVICES
from dse.metrics.latency import calibrated_latency
from dse.networks import Trace, trace
from dse.precision import PRECISIONS, compute_peak

_ARGUMENTS = tuple(inspect.signature(calibrated_latency).parameters)
# Constants that time is made of, each without a cost.
_NO_COST = {name: 0.0 for name in CONSTANTS if name in _ARGUMENTS}


def problem(measurements: Sequence[Measurement], form: Form) -> Problem:
    """The fit of a form to measured times of a device, its software and format."""
    parts = [(row, often, part) for row, m in enumerate(measurements) for often, part in m.parts]
    terms = [[often * _seconds(part, group) for group in form.groups] for _, often, part in parts]
    seconds = np.array([m.seconds for m in measurements])
    return Problem(
        np.array(terms).reshape(len(parts), -1), seconds, np.array(form.prior), np.array([row for row, _, _ in parts]),
        form.pairs, form.to_scale,
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


def _seconds(measurement: Measurement, group: Sequence[str]) -> float:
    return float(calibrated_latency(**(_NO_COST | inputs(measurement) | dict.fromkeys(group, 1.0))))


def inputs(measurement: Measurement) -> dict[str, float]:
    """What the latency formula takes beside its constants."""
    return {name: _metric(name, measurement) for name in _ARGUMENTS if name not in CONSTANTS}


def _metric(name: str, measurement: Measurement) -> float:
    """The value of an input: of the device, the number format and the deployment, or a metric made of such."""
    known = _known(measurement)
    if name in known:
        return known[name]
    record = registry.metric_record(name)
    if record.kind == "count":
        return count(name, measurement)
    return float(record.function(**{i: _metric(i, measurement) for i in record.inputs}))


def count(name: str, measurement: Measurement) -> float:
    """A count of the network of a measurement."""
    return _count(name, measurement.network, tuple(measurement.axes.items()))


def _known(measurement: Measurement) -> dict[str, float]:
    device, scheme = DEVICES[measurement.device], PRECISIONS[measurement.precision]
    rate, _ = compute_peak(device.figures, scheme.compute)
    return {
        "batch": measurement.batch,
        "weight_bits": scheme.weight_bits,
        "activation_bits": scheme.activation_bits,
        "kv_bits": scheme.kv_bits,
        "peak_ops": rate,
        "bandwidth": device.figure("bandwidth"),
        "compute_efficiency": 1.0,
        "bandwidth_efficiency": 1.0,
        "weights_moved": 1.0,
        "activations_moved": 1.0,
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
