"""Predicted energy, flash and on-chip memory beside measured ones, each network left out in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from dse import formulas
from dse.calibration.calibrate import Fitted, errors_of
from dse.calibration.constants import Calibration, Errors
from dse.calibration.figures import energies, left_out, own_rows, parameter_bytes, peak_bytes
from dse.calibration.gate import carried, needed
from dse.calibration.measurements import Measurement, usable
from dse.calibration.terms import count, value
from dse.calibration.validation import Comparison
from dse.glossary import lookup
from dse.hardware import DEVICES
from dse.precision import PRECISIONS
from dse.profiles import PROFILES

_NONE = Errors(0, math.nan, math.nan, math.nan)


def energy_comparisons(fitted: Iterable[Fitted], measurements: Sequence[Measurement]) -> list[Comparison]:
    """Energy of networks by the power of the others, with the measured time and with the one predicted without them.

    Beside them what the models of energy tell to which no power is fitted.
    """
    measured, predicted = [], []
    for one in fitted:
        found = energies(own_rows(one.calibration, measurements))
        late = {m.label: r for m, r in zip(one.rows, one.held_out, strict=True)}
        for row, energy, time in found:
            powers = [e / t for other, e, t in found if other.network != row.network]
            if powers:
                residual = math.log(float(np.median(powers)) * time / energy)
                measured.append(residual)
                predicted.append(residual + late.get(row.label, math.nan))
    return [
        _told("energy of microcontrollers, from the measured time", measured),
        _told("energy of microcontrollers, from the predicted time", predicted),
        *energy_model_comparisons(measurements),
    ]


def energy_model_comparisons(measurements: Sequence[Measurement]) -> list[Comparison]:
    """Both models of energy beside what was measured: nothing of them is fitted to it."""
    found = {key: energies(rows) for key, rows in groups_of_energy(measurements).items()}
    measured = [row for rows in found.values() for row in rows]
    share = float(lookup("utilization").default or 0)
    by_power = [math.log(DEVICES[m.device].figure("tdp") * share * time / energy) for m, energy, time in measured]
    by_work = [math.log(_counted(m) / energy) for m, energy, _ in measured]
    return [
        _told("energy of microcontrollers, TDP × utilization × measured time", by_power, "not fitted"),
        _told("energy of microcontrollers, counted operations and bytes", by_work, "not fitted"),
    ]


def groups_of_energy(measurements: Iterable[Measurement]) -> dict[tuple[str, ...], list[Measurement]]:
    """Rows of a device, software and format, so that each energy finds its time."""
    groups: dict[tuple[str, ...], list[Measurement]] = {}
    for m in usable(list(measurements)):
        if m.use == "fit":
            groups.setdefault((m.device, m.software, m.precision), []).append(m)
    return groups


def _counted(row: Measurement) -> float:
    """The metric `operation_energy` as it stands by default: all bytes cross the memory interface."""
    profile = PROFILES[str(lookup("energy_profile").default)]
    macs, bytes_ = count("macs", row), value("dram_bytes", row) / row.batch
    mac = profile.mac_energy(PRECISIONS[row.precision].compute)
    return float(formulas.operation_energy(macs, 0.0, bytes_, mac, profile.sram, profile.dram))


def carried_comparisons(known: Iterable[Calibration], measurements: Sequence[Measurement]) -> list[Comparison]:
    """Flash and on-chip memory where an engine was measured but on another device: by what it needs there."""
    residuals: dict[str, list[float]] = {"flash_total": [], "peak_sram": []}
    for rows, engine in carried(known, measurements):
        for row in (m for m in rows if m.use == "fit"):
            residuals[row.metric].append(math.log(needed(row, engine) / row.value))
    told = {"flash_total": "flash", "peak_sram": "peak SRAM"}
    return [_told(f"{told[n]} of an engine on another device", found, "by device") for n, found in residuals.items()]


def memory_comparisons(fitted: Sequence[Fitted], measurements: Sequence[Measurement]) -> list[Comparison]:
    """Flash and on-chip memory by what the engine needs for itself on other networks."""
    flash: list[float] = []
    sram: list[float] = []
    for one in fitted:
        own = own_rows(one.calibration, measurements)
        in_place = bool(one.calibration.constants.get("engine_in_place", 1))
        flash += _residuals([m for m in own if m.metric == "flash_total"], parameter_bytes)
        sram += _residuals([m for m in own if m.metric == "peak_sram"], partial(peak_bytes, in_place=in_place))
    told = [_told("flash of microcontrollers", flash), _told("peak SRAM of microcontrollers", sram)]
    return [*told, *carried_comparisons([one.calibration for one in fitted], measurements)]


def _residuals(rows: Sequence[Measurement], known: Callable[[Measurement], float]) -> list[float]:
    if len({m.network for m in rows}) < 2:
        return []
    rest = left_out(rows, lambda others: max(0.0, float(np.median([m.value - known(m) for m in others]))))
    return [math.log((known(m) + more) / m.value) for m, more in zip(rows, rest, strict=True)]


def _told(name: str, residuals: Sequence[float], by: str = "by network") -> Comparison:
    return Comparison(name, by, _NONE, errors_of(np.array(residuals)), math.nan, _NONE)
