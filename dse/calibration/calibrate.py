"""Fitting: from measurements to calibrations with their errors in and out of sample."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from dse.calibration import fitting
from dse.calibration.constants import Calibration, Errors
from dse.calibration.figures import with_constants
from dse.calibration.fitting import Array, Problem
from dse.calibration.forms import Form, form_of
from dse.calibration.measurements import Measurement, usable
from dse.calibration.terms import problem, resident
from dse.hardware import DEVICES

# The share of errors that an interval is to hold.
HELD = 0.8
# The narrowest interval that is believed, whatever a few rows say.
LEAST_SPREAD = 1.02
# As many rows on several devices with the same software make an interval.
ENOUGH = 12
# With fewer rows a calibration shares its interval with others of its source.
FEW = 20


@dataclass(frozen=True)
class Fitted:
    """A calibration, and each row that it was fitted to: log(predicted / measured) in and out of sample.

    `problem` are the terms of these rows.
    """

    calibration: Calibration
    rows: Sequence[Measurement]
    fitted: Array
    held_out: Array
    problem: Problem


def calibrate(measurements: Iterable[Measurement]) -> list[Fitted]:
    """A calibration for each device, software, number format and domain among measured times.

    Rows that are to be held out or skipped take no part; a device with fewer than two networks is not calibrated.
    """
    rows = list(measurements)
    found = fit_groups([g for g in groups_of(rows).values() if len({m.label for m in g}) > 1])
    return [with_figures(one, rows) for one in sharing(found)]


def sharing(fitted: Sequence[Fitted]) -> list[Fitted]:
    """Calibrations with their intervals, those of few rows with one from all such of one source."""
    return [
        replace(one, calibration=replace(one.calibration, spread=_spread(shares_with(one, fitted)))) for one in fitted
    ]


def shares_with(one: Fitted, fitted: Sequence[Fitted]) -> list[Fitted]:
    """The calibrations whose errors make the interval of one: it alone; where it has few rows, all such of its source
    and software, on whatever device; where these are few too, of its source; and last, of its form."""
    if len(one.rows) >= FEW:
        return [one]
    source, software = one.rows[0].source, one.calibration.software
    few = [other for other in fitted if len(other.rows) < FEW and other.calibration.form == one.calibration.form]
    alike = [other for other in few if other.rows[0].source == source]
    same = [other for other in alike if other.calibration.software == software]
    enough = (found for found in (same, alike) if sum(len(other.rows) for other in found) >= ENOUGH)
    return next(enough, few)


def _spread(members: Sequence[Fitted]) -> float:
    groups = [group for one in members for group in left_out_by(one.rows)[1]]
    phases = [row.phase or "" for one in members for row in one.rows]
    return widest(np.concatenate([one.held_out for one in members]), groups, phases)


def widest(residuals: Array, groups: Sequence[str] | Array, phases: Sequence[str] | Array) -> float:
    """The factor of the interval of errors in the phase of the work that is predicted worst."""
    labels, kinds = np.asarray(groups), np.asarray(phases)
    return max(spread_of(residuals[kinds == kind], labels[kinds == kind]) for kind in dict.fromkeys(phases))


def groups_of(measurements: Iterable[Measurement]) -> dict[tuple[str, ...], list[Measurement]]:
    """Times that may be fitted, by device, software, number format and domain."""
    groups: dict[tuple[str, ...], list[Measurement]] = {}
    for row in usable([m for m in measurements if m.is_time and m.use == "fit"]):
        groups.setdefault((row.device, row.software, row.precision, row.domain), []).append(row)
    return groups


def fit_groups(groups: Iterable[Sequence[Measurement]]) -> list[Fitted]:
    """The calibrations of rows, each group of one device, software and number format.

    Of an engine that reaches like shares of every datasheet, devices of few rows are fitted together.
    """
    found: dict[tuple[str, ...], list[Sequence[Measurement]]] = {}
    for rows in groups:
        first = rows[0]
        device = DEVICES[first.device].device_class if shares_constants(rows) else f"{first.device}, {first.precision}"
        found.setdefault((device, first.software, first.domain), []).append(rows)
    return [one for members in found.values() for one in _fit_together(members)]


def refitted(fitted: Sequence[Fitted]) -> list[Fitted]:
    """Some of the calibrations that were fitted, as if there were no others."""
    alone = [one for one in fitted if not shares_constants(one.rows)]
    return [*alone, *fit_groups(one.rows for one in fitted if shares_constants(one.rows))]


def shares_constants(rows: Sequence[Measurement]) -> bool:
    """Whether a device has its constants in common with others of its class and software."""
    return _form(rows).shared and len(rows) < FEW


def _form(rows: Sequence[Measurement]) -> Form:
    first = rows[0]
    return form_of(DEVICES[first.device], first.domain, first.software, len({m.network for m in rows}))


def _fit_together(members: Sequence[Sequence[Measurement]]) -> list[Fitted]:
    """A calibration for each device, all with the same constants; what is left out is left out of all."""
    form = _form(members[0])
    held = [problem(rows, form) for rows in members]
    whole = fitting.joined(held)
    values = fitting.fit(whole)
    by, groups = left_out_by([row for rows in members for row in rows])
    outs = np.split(fitting.held_out(whole, groups), np.cumsum([len(rows) for rows in members])[:-1])
    return [_fitted(*one, form, values, by) for one in zip(members, held, outs, strict=True)]


def _fitted(rows: Sequence[Measurement], held: Problem, out: Array, form: Form, values: Array, by: str) -> Fitted:
    first = rows[0]
    calibration = Calibration(
        first.device, first.software, first.precision, first.domain, form.name,
        form.constants(values.tolist(), resident(first) if form.resident else 0.0),
        spread_of(out, left_out_by(rows)[1]), by,
        errors_of(held.residuals(values)), errors_of(out), len({m.family for m in rows}),
        (min(m.batch for m in rows), max(m.batch for m in rows)),
        source="; ".join(dict.fromkeys(m.source for m in rows if m.source)),
    )  # fmt: skip
    return Fitted(calibration, rows, held.residuals(values), out, held)


def with_figures(fitted: Fitted, measurements: Sequence[Measurement]) -> Fitted:
    """The calibration with power, code and memory of its engine, where these were measured too."""
    return replace(fitted, calibration=with_constants(fitted.calibration, measurements))


def left_out_by(rows: Sequence[Measurement]) -> tuple[str, list[str]]:
    """What is left out of a fit together: families of models, or where there are too few, networks, or rows."""
    families, networks = [m.family for m in rows], [m.network for m in rows]
    if len(set(families)) > 1:
        return "family", families
    if len(set(networks)) > 1:
        return "network", networks
    return "row", [f"{m.device}, {m.software}, {m.precision}: {number}" for number, m in enumerate(rows)]


def spread_of(residuals: Array, groups: Sequence[str] | Array) -> float:
    """The factor k of the interval [p / k, p k] that holds 80 % of errors: a quantile, since their tails are heavy.

    Of few groups it is wider, as Student's t is wider than the normal distribution: the groups, not the rows in them,
    are what was drawn.
    """
    width = float(np.quantile(np.abs(residuals), HELD)) * _few_groups(len(set(groups)))
    return max(LEAST_SPREAD, math.exp(width))


def _few_groups(groups: int) -> float:
    """Student's t over the normal quantile where 80 % lie inside, with a degree of freedom less than there are groups.

    Each is predicted from all the others, so that of two the errors are one another's mirror image. One group tells of
    no other: it counts as two. The quantile is exact for one and two degrees, else by Cornish and Fisher.
    """
    inside, freedom = (1 + HELD) / 2, max(groups - 1, 1)
    z = NormalDist().inv_cdf(inside)
    if freedom == 1:
        return math.tan(math.pi * (inside - 0.5)) / z
    if freedom == 2:
        return (2 * inside - 1) / math.sqrt(2 * inside * (1 - inside)) / z
    return 1 + (z**2 + 1) / (4 * freedom) + (5 * z**4 + 16 * z**2 + 3) / (96 * freedom**2)


def errors_of(residuals: Array) -> Errors:
    """Relative errors of log(predicted / measured)."""
    known = residuals[~np.isnan(residuals)]
    if not len(known):
        return Errors(0, math.nan, math.nan, math.nan)
    relative = np.expm1(known)
    size = np.abs(relative)
    # Between two infinite errors there is nothing to interpolate.
    most = np.quantile(size, 0.9, method="linear" if np.isfinite(size).all() else "higher")
    return Errors(len(known), float(np.median(relative)), float(np.median(size)), float(most))
