"""What a fitted engine takes on a microcontroller in cycles of its clock, as its users count."""

from __future__ import annotations

import math

from dse.calibration.constants import Calibration
from dse.hardware import Device
from dse.precision import PRECISIONS, compute_peak

MAC, BYTE = "a multiply-accumulate", "a byte"
# Fitted costs by what they are of, each in units of the datasheet's time of a multiply-accumulate or of a byte.
_COSTS = {
    "matrix_cost": (MAC, "of convolutions and linear layers"),
    "product_cost": (MAC, "between activations"),
    "depthwise_cost": (MAC, "of depthwise convolutions"),
    "stream_cost": (BYTE, "of inputs and outputs"),
    "weight_cost": (BYTE, "of weights"),
}


def cycles(entry: Calibration, device: Device) -> dict[str, float]:
    """Cycles of the clock for a multiply-accumulate of each kind of op, and for a byte, by what they are of.

    Empty for what is no microcontroller, and where its clock, peak rate or bandwidth is not stated.
    """
    clock, bandwidth = device.figure("clock"), device.figure("bandwidth")
    peak = compute_peak(device.figures, PRECISIONS[entry.precision].compute)[0]
    if device.device_class != "mcu" or math.isnan(clock + bandwidth + peak):
        return {}
    datasheet = {MAC: 2 * clock / peak, BYTE: clock / bandwidth}
    return {
        f"{unit} {what}": datasheet[unit] * entry.constants[name]
        for name, (unit, what) in _COSTS.items()
        if name in entry.constants
    }


def cycles_text(entry: Calibration, device: Device) -> str:
    """The same in words; "" where there are none."""
    found = ", ".join(f"{value:.3g} for {what}" for what, value in cycles(entry, device).items())
    return found and f"{found} (at {device.figure('clock') / 1e6:g} MHz)"
