"""What a fitted engine takes on a microcontroller in cycles of its clock, as its users count."""

from __future__ import annotations

import math

from dse.calibration.constants import Calibration
from dse.hardware import Device

MAC, BYTE = "a multiply-accumulate", "a byte"
# Fitted costs by what they are of, each in units of the datasheet's time of a multiply-accumulate or of a byte.
_COSTS = {
    "matrix_cost": (MAC, "of convolutions and linear layers"),
    "product_cost": (MAC, "between activations"),
    "depthwise_cost": (MAC, "of depthwise convolutions"),
    "stream_cost": (BYTE, "of inputs and outputs"),
    "weight_cost": (BYTE, "of weights"),
}


def cycles(entry: Calibration, device: Device, peak: float) -> dict[str, float]:
    """Cycles of the clock for a multiply-accumulate of each kind of op, and for a byte, by what they are of.

    `peak` is the rate [OP/s] of the device in the format that is computed in: a calibration of a class has none of its
    own. Empty for what is no microcontroller, and where its clock, peak rate or bandwidth is not stated.
    """
    clock, bandwidth = device.figure("clock"), device.figure("bandwidth")
    if device.device_class != "mcu" or math.isnan(clock + bandwidth + peak):
        return {}
    datasheet = {MAC: 2 * clock / peak, BYTE: clock / bandwidth}
    return {
        f"{unit} {what}": datasheet[unit] * entry.constants[name]
        for name, (unit, what) in _COSTS.items()
        if name in entry.constants
    }


def cycles_text(entry: Calibration, device: Device, peak: float) -> str:
    """The same in words; "" where there are none."""
    found = ", ".join(f"{value:.3g} for {what}" for what, value in cycles(entry, device, peak).items())
    return found and f"{found} (at {device.figure('clock') / 1e6:g} MHz)"
