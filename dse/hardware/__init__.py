"""The catalogue of devices, every figure with its source."""

from dse.hardware.devices import DEVICES, Device, figure_table, select

__all__ = ["DEVICES", "Device", "figure_table", "select"]
