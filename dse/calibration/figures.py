"""Figures of a device and its engine that are no time: power, flash of the code, on-chip memory of the engine.

Each is a median over networks, so that one that was measured badly does not count: of energy over time, of flash less
the parameters, of on-chip memory less the activations live at once. Which in-place rule an engine has is told by the
one that leaves the steadier rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from dse.calibration.constants import CONSTANTS, Calibration
from dse.calibration.fitting import Array
from dse.calibration.measurements import Measurement, usable
from dse.calibration.terms import count, predicted
from dse.precision import PRECISIONS

# What each measured figure that is no time is predicted by.
FIGURES = {"energy": "active_power", "flash_total": "engine_code", "peak_sram": "engine_sram"}


def predicted_figure(row: Measurement, constants: Mapping[str, float]) -> float | None:
    """Energy [J] of a sample, flash or on-chip memory [B] by a calibration; None where it has no such constant."""
    constant = constants.get(FIGURES[row.metric])
    if constant is None:
        return None
    if row.metric == "energy":
        return constant * float(predicted([row], constants)[0]) / row.batch
    known = parameter_bytes(row) if row.metric == "flash_total" else peak_bytes(row, bool(constants["engine_in_place"]))
    return known + constant


def with_constants(calibration: Calibration, measurements: Sequence[Measurement]) -> Calibration:
    """A calibration with those figures that were measured on its device, with its software and number format."""
    own = own_rows(calibration, measurements)
    found: dict[str, float] = {}
    powers = [energy / time for _, energy, time in energies(own)]
    if powers:
        found["active_power"] = float(np.median(powers))
    flash = [m for m in own if m.metric == "flash_total"]
    if flash:
        found["engine_code"] = max(0.0, float(np.median([m.value - parameter_bytes(m) for m in flash])))
    sram = [m for m in own if m.metric == "peak_sram"]
    if sram:
        in_place = in_place_of(sram)
        rest = rests(sram, in_place)
        found |= {"engine_sram": max(0.0, float(np.median(rest))), "engine_in_place": int(in_place)}
    whole = {**calibration.constants, **found}
    return replace(calibration, constants={name: whole[name] for name in CONSTANTS if name in whole})


def own_rows(calibration: Calibration, measurements: Sequence[Measurement]) -> list[Measurement]:
    """The measurements that may be fitted of a calibration's device, software and number format."""
    key = calibration.device, calibration.software, calibration.precision
    return [m for m in usable(measurements) if m.use == "fit" and (m.device, m.software, m.precision) == key]


def energies(rows: Sequence[Measurement]) -> list[tuple[Measurement, float, float]]:
    """Networks of which energy and time are measured: the row of the energy, joules and seconds."""
    times = {m.label: m.seconds / m.batch for m in rows if m.is_time}
    return [(m, m.value, times[m.label]) for m in rows if m.metric == "energy" and m.label in times]


def parameter_bytes(row: Measurement) -> float:
    """Flash of the parameters."""
    return count("params", row) * PRECISIONS[row.precision].weight_bits / 8


def peak_bytes(row: Measurement, in_place: bool) -> float:
    """On-chip memory of the activations live at once, by an in-place rule."""
    name = "peak_activations_in_place" if in_place else "peak_activations"
    return count(name, row) * PRECISIONS[row.precision].activation_bits / 8


def rests(rows: Sequence[Measurement], in_place: bool) -> Array:
    """Measured on-chip memory less the activations live at once."""
    return np.array([m.value - peak_bytes(m, in_place) for m in rows])


def in_place_of(rows: Sequence[Measurement]) -> bool:
    """Whether an engine computes depthwise convolutions in place: the rule that leaves the steadier rest."""
    return min((True, False), key=lambda rule: unsteady(rests(rows, rule)))


def unsteady(rest: Array) -> float:
    """Median distance from the median."""
    return float(np.median(np.abs(rest - np.median(rest))))


def left_out(rows: Sequence[Measurement], figure: Callable[[Sequence[Measurement]], float]) -> list[float]:
    """A figure for each row from the rows of the other networks."""
    return [figure([other for other in rows if other.network != row.network]) for row in rows]
