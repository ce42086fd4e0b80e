"""Predictions beside measurements: errors of what was fitted, of what was left out, and of the plain roofline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dse.calibration.calibrate import FEW, HELD, Fitted, errors_of, left_out_by
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
    few = len(fitted.rows) < FEW
    covered = float("nan") if few else coverage(*shared(fitted, [fitted]))
    return Comparison(name, f"by {found.held_out_by}", errors_of(fitted.fitted), held, covered, errors_of(plain))


def coverage(residuals: Array, groups: Sequence[str], of: Array) -> float:
    """The share of the residuals `of` a calibration inside an interval that is made of those of the other groups."""
    labels, inside = np.asarray(groups), np.zeros(len(residuals))
    if len(set(groups)) < 2:
        return float("nan")
    for group in set(groups):
        own = labels == group
        inside[own] = np.abs(residuals[own]) <= np.quantile(np.abs(residuals[~own]), HELD)
    return float(inside[of.astype(bool)].mean())


def shared(one: Fitted, parts: Sequence[Fitted]) -> tuple[Array, list[str], Array]:
    """Residuals and groups that the interval of a calibration is made of, and which of them are its own."""
    source = one.rows[0].source
    few = [p for p in parts if len(p.rows) < FEW and p.rows[0].source == source]
    members = few if len(one.rows) < FEW else [one]
    groups = [group for p in members for group in left_out_by(p.rows)[1]]
    own = np.concatenate([np.full(len(p.rows), p is one) for p in members])
    return np.concatenate([p.held_out for p in members]), groups, own


def pooled(name: str, parts: Iterable[Fitted]) -> Comparison:
    """Several calibrations together."""
    parts = list(parts)
    plain = np.concatenate([np.log(roofline(p.rows) / [m.seconds for m in p.rows]) for p in parts])
    covered = float(np.average([coverage(*shared(p, parts)) for p in parts], weights=[len(p.rows) for p in parts]))
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
