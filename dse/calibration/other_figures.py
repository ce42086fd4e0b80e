"""Predicted energy, flash and on-chip memory beside measured ones, each network left out in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from dse.calibration.calibrate import Fitted, errors_of
from dse.calibration.constants import Errors
from dse.calibration.figures import energies, left_out, own_rows, parameter_bytes, peak_bytes
from dse.calibration.measurements import Measurement
from dse.calibration.validation import Comparison

_NONE = Errors(0, math.nan, math.nan, math.nan)


def energy_comparisons(fitted: Iterable[Fitted], measurements: Sequence[Measurement]) -> list[Comparison]:
    """Energy of networks by the power of the others, with the measured time and with the one predicted without them."""
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
    ]


def memory_comparisons(fitted: Iterable[Fitted], measurements: Sequence[Measurement]) -> list[Comparison]:
    """Flash and on-chip memory by what the engine needs for itself on other networks."""
    flash: list[float] = []
    sram: list[float] = []
    for one in fitted:
        own = own_rows(one.calibration, measurements)
        in_place = bool(one.calibration.constants.get("engine_in_place", 1))
        flash += _residuals([m for m in own if m.metric == "flash_total"], parameter_bytes)
        sram += _residuals([m for m in own if m.metric == "peak_sram"], partial(peak_bytes, in_place=in_place))
    return [_told("flash of microcontrollers", flash), _told("peak SRAM of microcontrollers", sram)]


def _residuals(rows: Sequence[Measurement], known: Callable[[Measurement], float]) -> list[float]:
    if len({m.network for m in rows}) < 2:
        return []
    rest = left_out(rows, lambda others: max(0.0, float(np.median([m.value - known(m) for m in others]))))
    return [math.log((known(m) + more) / m.value) for m, more in zip(rows, rest, strict=True)]


def _told(name: str, residuals: Sequence[float]) -> Comparison:
    return Comparison(name, "by network", _NONE, errors_of(np.array(residuals)), math.nan, _NONE)
