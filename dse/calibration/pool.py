"""Calibrations for devices that were never measured: the pooled measurements of their class, and one network of theirs.

Constants are relative to the datasheet, so those of several devices are fitted as if they were of one: computing scales
with the peak rate, traffic with the bandwidth. What a device adds of its own is told by leaving it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from dse.calibration import fitting
from dse.calibration.calibrate import Fitted, errors_of, fit_rows, groups_of, spread_of
from dse.calibration.catalogue import AUTO, choose
from dse.calibration.constants import ANY, CLASS, Calibration
from dse.calibration.fitting import Array
from dse.calibration.forms import FORMS
from dse.calibration.measurements import Measurement
from dse.calibration.terms import predicted, problem
from dse.hardware import DEVICES

# Interval of a device of a class of which no second device was measured: errors of a factor of 3 are usual.
UNKNOWN_SPREAD = 3.0
# With fewer networks a device takes the constants of its class in proportion.
FEWEST = 3


def pooled(fitted: Iterable[Fitted]) -> list[Calibration]:
    """A calibration for each class of devices, software and domain, and one of all classes for each domain."""
    groups: dict[tuple[str, str, str], list[Fitted]] = {}
    for one in fitted:
        found = one.calibration
        device_class = DEVICES[found.device].device_class
        groups.setdefault((device_class, found.software, found.domain), []).append(one)
        groups.setdefault((ANY, ANY, found.domain), []).append(one)
    return [_pooled(key, members) for key, members in groups.items()]


def _pooled(key: tuple[str, str, str], members: Sequence[Fitted]) -> Calibration:
    device_class, software, domain = key
    forms = [m.calibration.form for m in members for _ in m.rows]
    form = max(dict.fromkeys(forms), key=forms.count)
    rows = [row for m in members if m.calibration.form == form for row in m.rows]
    whole = problem(rows, FORMS[form])
    values = fitting.fit(whole)
    out = left_out_devices(rows, form)
    return Calibration(
        CLASS + device_class, software, ANY, domain, form, FORMS[form].constants(values.tolist()),
        UNKNOWN_SPREAD if np.isnan(out).all() else spread_of(out, [m.device for m in rows]), "device",
        errors_of(whole.residuals(values)), errors_of(out), len({m.family for m in rows}),
        (min(m.batch for m in rows), max(m.batch for m in rows)),
        ", ".join(dict.fromkeys(m.calibration.device for m in members if m.calibration.form == form)),
    )  # fmt: skip


def left_out_devices(rows: Sequence[Measurement], form: str) -> Array:
    """log(predicted / measured) of each row by a fit to the other devices; NaN where there is one device."""
    return fitting.held_out(problem(rows, FORMS[form]), [m.device for m in rows])


def with_one_network(residuals: Array, known: int) -> Array:
    """Residuals of a device when all its times are scaled by the error at one row of it."""
    return np.delete(residuals - residuals[known], known)


def calibrate_or_scale(measurements: Sequence[Measurement], known: Sequence[Calibration]) -> list[Fitted]:
    """Calibrations of measured devices; one of too few networks takes the constants of its class in proportion."""
    found = []
    for rows in groups_of(measurements).values():
        device = DEVICES[rows[0].device]
        if len({m.network for m in rows}) >= FEWEST:
            found.append(fit_rows(rows))
            continue
        choice = choose([c for c in known if c.pooled], device, AUTO, rows[0].precision, rows[0].domain)
        of_class = choice.calibration
        residuals = np.log(predicted(rows, of_class.constants) / [m.seconds for m in rows])
        after = residuals - np.median(residuals)
        found.append(Fitted(scaled(of_class, rows, residuals), rows, after, np.full(len(rows), np.nan)))
    return found


def scaled(of_class: Calibration, rows: Sequence[Measurement], residuals: Array) -> Calibration:
    """The calibration of a class for a device of which a few times are known: all times in one proportion."""
    factor = float(np.exp(-np.median(residuals)))
    constants = {n: v if n == "overlap" else v * factor for n, v in of_class.constants.items()}
    first = rows[0]
    return replace(
        of_class, device=first.device, software=first.software, precision=first.precision, constants=constants,
        form=f"{of_class.form}, {of_class.device} in proportion",
        fitted=errors_of(residuals + np.log(factor)),
    )  # fmt: skip
