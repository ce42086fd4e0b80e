"""How wrong predictions are for devices that were never measured, and for those of which one network was.

Each device in turn is left out with all its measurements, and predicted from the others of its kind and mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from dse.calibration import fitting
from dse.calibration.batches import with_batches
from dse.calibration.calibrate import Fitted, refitted, sharing
from dse.calibration.catalogue import AUTO, choose
from dse.calibration.constants import Calibration
from dse.calibration.fitting import Array
from dse.calibration.measurements import Measurement
from dse.calibration.pool import pooled, tells_of_others
from dse.calibration.terms import predicted, roofline
from dse.calibration.validation import Comparison, Residuals, joined, of_rows
from dse.hardware import DEVICES

# The network that is measured first on a new device.
FIRST_NETWORK = "resnet50"
# What is known of a device.
UNMEASURED, ONE_MEASURED = "device not measured", f"only {FIRST_NETWORK} measured"

# What devices of a class and domain are told together as.
TOLD = {
    ("consumer-gpu", "vision"): "image networks on GPUs",
    ("datacentre-gpu", "vision"): "image networks on GPUs",
    ("cpu", "vision"): "image networks on CPUs",
    ("phone", "vision"): "phones (TensorFlow Lite)",
    ("mcu", "vision"): "microcontrollers",
    ("edge", "vision"): "single-board computers",
    ("consumer-gpu", "language"): "LLM on GPUs",
    ("datacentre-gpu", "language"): "LLM on GPUs",
}


def unseen_devices(fitted: Sequence[Fitted]) -> list[Comparison]:
    """Errors on devices left out: with nothing of theirs known, and where one network was measured on them.

    Predictions are those that a user of such a device gets, with the software named and without, and so are their
    intervals. Of classes and domains of which two or more devices were measured: told by kind of device, and with the
    software named for each device, software and number format too.
    """
    named: dict[str, list[Residuals]] = {}
    auto: dict[str, list[Residuals]] = {}
    one: dict[str, list[Residuals]] = {}
    for kind, rest, own in _left_out(fitted):
        known = pooled(rest)
        auto.setdefault(kind, []).extend(_as_chosen(f, known, AUTO) for f in own)
        found = [_as_chosen(f, known, f.calibration.software) for f in own]
        named.setdefault(kind, []).extend(found)
        one.setdefault(kind, []).extend(r for r in map(_one_known, found) if len(r.rows))
    lines = [(named, UNMEASURED), (auto, f"{UNMEASURED}, any software"), (one, ONE_MEASURED)]
    return [
        *(_told(kind, what, parts) for found, what in lines for kind, parts in found.items() if parts),
        *(_told(of_rows(p.rows), what, [p]) for found, what in lines[::2] for parts in found.values() for p in parts),
    ]


def _told(name: str, what: str, parts: Sequence[Residuals]) -> Comparison:
    return joined(f"{name}: {what}", "by device", parts)


def _left_out(fitted: Sequence[Fitted]) -> Iterator[tuple[str, list[Fitted], list[Fitted]]]:
    """For each device of each class and domain: what is told together with it, the others of these, and its own."""
    fitted = [one for one in fitted if tells_of_others(one)]
    for kind in dict.fromkeys(map(_kind, fitted)):
        members = [f for f in fitted if _kind(f) == kind]
        devices = dict.fromkeys(f.calibration.device for f in members)
        for device in devices if len(devices) > 1 else ():
            own = [f for f in members if f.calibration.device == device]
            yield (
                TOLD.get(kind, ", ".join(kind)),
                with_batches(sharing(refitted([f for f in members if f not in own]))),
                own,
            )


def _kind(one: Fitted) -> tuple[str, str]:
    return DEVICES[one.calibration.device].device_class, one.calibration.domain


def _as_chosen(one: Fitted, known: Sequence[Calibration], software: str) -> Residuals:
    """The errors of what is chosen for a device that is not known, and which rows are in its interval."""
    device, own = DEVICES[one.calibration.device], one.calibration
    chosen = choose(known, device, software, own.precision, own.domain).calibration
    out = np.log(predicted(one.rows, chosen.constants) / [m.seconds for m in one.rows])
    return replace(_residuals(replace(one, calibration=chosen), out), fitted=np.full(len(out), np.nan))


def _one_known(found: Residuals) -> Residuals:
    """The residuals of the other rows when all times of a device are scaled by the error at one network of it."""
    first = [i for i, row in enumerate(found.rows) if row.network == FIRST_NETWORK]
    if not first:
        return found.only(lambda _: False)
    rest = replace(found, held_out=found.held_out - found.held_out[first[0]], inside=np.full(len(found.rows), np.nan))
    measured = found.rows[first[0]]
    return rest.only(lambda row: row is not measured)


# Families that are near twins: whoever leaves one out and keeps the other knows more than of a new network.
TWINS = {
    "resnext": "resnet",
    "wide_resnet": "resnet",
    "mobilenet_v3": "mobilenet_v2",
    "efficientnet": "mobilenet_v2",
}


def without_twins(fitted: Sequence[Fitted], pools: Mapping[str, Callable[[Measurement], bool]]) -> list[Comparison]:
    """Errors of the same calibrations where families that are near twins are left out of a fit together."""
    found = []
    for name, chosen in pools.items():
        members = [one for one in fitted if all(map(chosen, one.rows))]
        parts = [_residuals(one, fitting.held_out(one.problem, list(map(_twins, one.rows)))) for one in members]
        found.append(joined(f"{name}, twin families together", "by twin families", parts))
    return found


def _twins(row: Measurement) -> str:
    return TWINS.get(row.family, row.family)


def _residuals(one: Fitted, out: Array) -> Residuals:
    spreads = one.calibration.spread_at([m.batch for m in one.rows])
    inside = np.where(np.isnan(out), np.nan, np.abs(out) <= np.log(spreads))
    plain = np.log(roofline(one.rows) / [m.seconds for m in one.rows])
    return Residuals(one.rows, one.fitted, out, inside, plain)
