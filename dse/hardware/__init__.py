"""The catalogue of devices, every figure with its source."""

from dse.hardware.devices import DEVICES, FIGURES, Device, figure_table, select
from dse.hardware.linear import Linear

__all__ = ["DEVICES", "FIGURES", "Device", "Linear", "figure_table", "select"]
