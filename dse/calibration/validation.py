"""Predictions beside measurements: errors of what was fitted, of what was left out, and of the plain roofline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dse.calibration.calibrate import HELD, Fitted, errors_of, left_out_by
from dse.calibration.catalogue import AUTO, choose
from dse.calibration.constants import Calibration, Errors
from dse.calibration.fitting import Array
from dse.calibration.measurements import Measurement
from dse.calibration.terms import predicted, roofline
from dse.hardware import DEVICES


@dataclass(frozen=True)
class Comparison:
    """One line of the table: errors of a calibration on some measurements.

    `fitted` and `held_out` are in and out of sample (either may have no rows), `coverage` the share of the rows that
    were left out and lie in their interval, whose factor comes from the other groups; `roofline` that of all rows.
    """

    name: str
    calibration: str
    fitted: Errors
    held_out: Errors
    coverage: float
    roofline: Errors


def compare(fitted: Fitted) -> Comparison:
    """A calibration beside the rows that it was fitted to, and beside those rows when their group is left out."""
    found = fitted.calibration
    name = f"{found.device}, {found.software}, {found.precision}"
    plain = np.log(roofline(fitted.rows) / [m.seconds for m in fitted.rows])
    held = errors_of(fitted.held_out)
    covered = coverage(fitted.held_out, left_out_by(fitted.rows)[1])
    return Comparison(name, f"by {found.held_out_by}", errors_of(fitted.fitted), held, covered, errors_of(plain))


def coverage(residuals: Array, groups: Sequence[str]) -> float:
    """The share of residuals inside an interval that is made of those of the other groups; NaN for one group."""
    labels, inside = np.asarray(groups), np.zeros(len(residuals))
    if len(set(groups)) < 2:
        return float("nan")
    for group in set(groups):
        own = labels == group
        inside[own] = np.abs(residuals[own]) <= np.quantile(np.abs(residuals[~own]), HELD)
    return float(inside.mean())


def pooled(name: str, parts: Iterable[Fitted]) -> Comparison:
    """Several calibrations together."""
    parts = list(parts)
    plain = np.concatenate([np.log(roofline(p.rows) / [m.seconds for m in p.rows]) for p in parts])
    shares = [coverage(p.held_out, left_out_by(p.rows)[1]) for p in parts]
    sizes = [0 if np.isnan(share) else len(p.rows) for share, p in zip(shares, parts, strict=True)]
    covered = float(np.average(np.nan_to_num(shares), weights=sizes)) if sum(sizes) else float("nan")
    joined = [errors_of(np.concatenate([getattr(p, what) for p in parts])) for what in ("fitted", "held_out")]
    return Comparison(name, "", joined[0], joined[1], covered, errors_of(plain))


def predict_file(measurements: Sequence[Measurement], known: Sequence[Calibration]) -> list[Comparison]:
    """The catalogue's predictions beside a user's measured times: one line for each device, software and format.

    No calibration was fitted to them, so all are told as left out; the interval is that of the calibration.
    """
    groups: dict[tuple[str, ...], list[Measurement]] = {}
    for row in (m for m in measurements if m.network and m.is_time and m.use != "skip"):
        groups.setdefault((row.device, row.software, row.precision, row.domain), []).append(row)
    found = []
    for (device, software, precision, domain), rows in groups.items():
        known_software = software if any(c.software == software for c in known) else AUTO
        choice = choose(known, DEVICES[device], known_software, precision, domain)
        seconds = np.array([m.seconds for m in rows])
        residuals = np.log(predicted(rows, choice.calibration.constants) / seconds)
        inside = float((np.abs(residuals) <= np.log(choice.calibration.spread)).mean())
        plain = errors_of(np.log(roofline(rows) / seconds))
        name = f"{device}, {software}, {precision}"
        found.append(Comparison(name, choice.what, errors_of(np.zeros(0)), errors_of(residuals), inside, plain))
    return found
