"""How wrong predictions are for devices that were never measured, and for those of which one network was.

Each device in turn is left out with all its measurements, and predicted from the others of its kind and mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dse.calibration.calibrate import Fitted
from dse.calibration.constants import ANY, CLASS, Calibration
from dse.calibration.fitting import Array
from dse.calibration.measurements import Measurement
from dse.calibration.pool import left_out_devices, with_one_network
from dse.calibration.terms import roofline
from dse.calibration.validation import Comparison, Residuals, joined, together
from dse.hardware import DEVICES

# The network that is measured first on a new device.
FIRST_NETWORK = "resnet50"


# What devices of a class and domain are told together as.
TOLD = {
    ("consumer-gpu", "vision"): "image networks on GPUs",
    ("datacentre-gpu", "vision"): "image networks on GPUs",
    ("cpu", "vision"): "image networks on CPUs",
    ("phone", "vision"): "phones (TensorFlow Lite)",
    ("mcu", "vision"): "microcontrollers (MLPerf Tiny)",
    ("consumer-gpu", "language"): "LLM on GPUs",
    ("datacentre-gpu", "language"): "LLM on GPUs",
}


def unseen_devices(fitted: Sequence[Fitted], classes: Sequence[Calibration]) -> list[Comparison]:
    """Errors on devices left out: with nothing of theirs known, and where one network was measured on them.

    Of every class, software and domain of which two or more devices were measured, told by kind of device.
    """
    nothing: dict[str, list[Residuals]] = {}
    one: dict[str, list[Residuals]] = {}
    for kind, rows, out in _left_out(fitted, classes):
        nothing.setdefault(kind, []).append(_residuals(rows, out))
        known = _one_known(rows, out)
        if len(known.rows):
            one.setdefault(kind, []).append(known)
    found = [joined(f"{kind}: device not measured", "by device", parts) for kind, parts in nothing.items()]
    return found + [joined(f"{k}: only {FIRST_NETWORK} measured", "by device", parts) for k, parts in one.items()]


def _one_known(rows: Sequence[Measurement], out: Array) -> Residuals:
    """The residuals when all times of each device are scaled by the error at one network of it."""
    found = []
    for device in dict.fromkeys(m.device for m in rows):
        own = [i for i, m in enumerate(rows) if m.device == device]
        first = [k for k, i in enumerate(own) if rows[i].network == FIRST_NETWORK]
        if first:
            rest = [rows[i] for k, i in enumerate(own) if k != first[0]]
            found.append(_residuals(rest, with_one_network(out[own], first[0])))
    return together(found)


def _left_out(
    fitted: Sequence[Fitted], classes: Sequence[Calibration]
) -> Iterator[tuple[str, list[Measurement], Array]]:
    for of_class in classes:
        device_class = of_class.device.removeprefix(CLASS)
        if device_class == ANY:
            continue
        rows = [
            row
            for one in fitted
            if one.calibration.form == of_class.form
            and (one.calibration.software, one.calibration.domain) == (of_class.software, of_class.domain)
            and DEVICES[one.calibration.device].device_class == device_class
            for row in one.rows
        ]
        out = left_out_devices(rows, of_class.form)
        if not np.isnan(out).all():
            yield TOLD.get((device_class, of_class.domain), f"{device_class}, {of_class.domain}"), rows, out


def _residuals(rows: Sequence[Measurement], out: Array) -> Residuals:
    plain = np.log(roofline(rows) / [m.seconds for m in rows])
    none = np.full(len(rows), np.nan)
    return Residuals(rows, none, out, none, plain)
