"""The catalogue of devices, every figure with its source."""

from dse.hardware.devices import DEVICES, RESERVES, Device, figure_table, select

__all__ = ["DEVICES", "RESERVES", "Device", "figure_table", "select"]
