"""Calibration: constants of the latency formula fitted to measurements, with their error in and out of sample."""

from __future__ import annotations

from dse.calibration.catalogue import AUTO, CALIBRATIONS, Calibrations, Choice, choose, engine_of, named, software_names
from dse.calibration.constants import CONSTANTS, Calibration, Errors, read_calibrations, read_table

__all__ = [
    "AUTO",
    "CALIBRATIONS",
    "CONSTANTS",
    "Calibration",
    "Calibrations",
    "Choice",
    "Errors",
    "choose",
    "engine_of",
    "named",
    "read_calibrations",
    "read_table",
    "software_names",
]
