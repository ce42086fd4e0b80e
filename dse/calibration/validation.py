"""Predictions beside measurements: errors of what was fitted, of what was left out, and of the plain roofline."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.calibration.calibrate import Fitted, errors_of, left_out_by, shares_with, widest
from dse.calibration.catalogue import AUTO, Choice, choose
from dse.calibration.constants import Calibration, Errors
from dse.calibration.figures import FIGURES, predicted_figure
from dse.calibration.fitting import Array
from dse.calibration.measurements import Measurement
from dse.calibration.terms import predicted, roofline
from dse.calibration.unused import Unused, not_predicted, skipped
from dse.hardware import DEVICES

# Of fewer rows the share inside an interval tells nothing.
TELLING = 8


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


@dataclass(frozen=True)
class Residuals:
    """log(predicted / measured) of rows, in and out of sample, and of the roofline, each of shape (rows,).

    `inside` is 1 where what was left out is in the interval that the other groups make, NaN where there is none.
    """

    rows: Sequence[Measurement]
    fitted: Array
    held_out: Array
    inside: Array
    roofline: Array

    def only(self, chosen: Callable[[Measurement], bool]) -> Residuals:
        """Those of some rows."""
        kept = np.array([chosen(m) for m in self.rows], dtype=bool)
        arrays = (self.fitted[kept], self.held_out[kept], self.inside[kept], self.roofline[kept])
        return Residuals([m for m, k in zip(self.rows, kept, strict=True) if k], *arrays)


def residuals_of(fitted: Sequence[Fitted]) -> list[Residuals]:
    """The residuals of each calibration, with the interval that it has among them all."""
    return [_residuals(one, fitted) for one in fitted]


def _residuals(one: Fitted, parts: Sequence[Fitted]) -> Residuals:
    plain = np.log(roofline(one.rows) / [m.seconds for m in one.rows])
    return Residuals(one.rows, one.fitted, one.held_out, _inside(one, parts), plain)


def _inside(one: Fitted, parts: Sequence[Fitted]) -> Array:
    """Which rows lie in the interval made of the groups that are not theirs."""
    members = shares_with(one, parts)
    labels = np.array([group for p in members for group in left_out_by(p.rows)[1]])
    errors = np.concatenate([p.held_out for p in members])
    phases = np.array([row.phase or "" for p in members for row in p.rows])
    own = np.array(left_out_by(one.rows)[1])
    found = np.full(len(one.rows), np.nan)
    for group in dict.fromkeys(own):
        others = labels != group
        if others.any():
            k = widest(errors[others], labels[others], phases[others])
            found[own == group] = np.abs(one.held_out[own == group]) <= np.log(k)
    return found


def compare(fitted: Fitted, parts: Sequence[Fitted] = ()) -> Comparison:
    """A calibration beside the rows that it was fitted to, and beside those rows when their group is left out."""
    by = f"by {fitted.calibration.held_out_by}"
    return joined(of_rows(fitted.rows), by, [_residuals(fitted, parts or [fitted])])


def of_rows(rows: Sequence[Measurement]) -> str:
    """What a line of rows of one calibration is called."""
    return f"{rows[0].device}, {rows[0].software}, {rows[0].precision}"


def together(parts: Sequence[Residuals]) -> Residuals:
    """The residuals of several as one."""
    names = ("fitted", "held_out", "inside", "roofline")
    arrays = (np.concatenate([np.zeros(0), *(getattr(p, name) for p in parts)]) for name in names)
    return Residuals([row for p in parts for row in p.rows], *arrays)


def joined(name: str, by: str, parts: Sequence[Residuals]) -> Comparison:
    """The errors of several calibrations together."""
    all_rows = together(parts)
    known = all_rows.inside[~np.isnan(all_rows.inside)]
    covered = float(known.mean()) if len(known) >= TELLING else float("nan")
    fitted, held_out, plain = map(errors_of, (all_rows.fitted, all_rows.held_out, all_rows.roofline))
    return Comparison(name, by, fitted, held_out, covered, plain)


def never_fitted(
    pools: Mapping[str, Callable[[Measurement], bool]], rows: Sequence[Measurement], known: Sequence[Calibration]
) -> list[Comparison]:
    """Errors on rows that nothing was fitted to, with the intervals that their user is told; of each kind of rows."""
    kinds = {name: [m for m in rows if chosen(m)] for name, chosen in pools.items()}
    return [joined(name, "never fitted", [_chosen(m, known) for m in own]) for name, own in kinds.items() if own]


def _chosen(row: Measurement, known: Sequence[Calibration]) -> Residuals:
    found = choose(known, DEVICES[row.device], row.software, row.precision, row.domain).calibration
    out, plain = (np.log(f / row.seconds) for f in (predicted([row], found.constants), roofline([row])))
    inside = (np.abs(out) <= np.log(found.spread_at([row.batch]))).astype(float)
    return Residuals([row], np.full(1, np.nan), out, inside, plain)


def predict_file(
    measurements: Sequence[Measurement], known: Sequence[Calibration], seen: Container[tuple[str, ...]] = ()
) -> tuple[list[Comparison], list[Unused]]:
    """Predictions beside a user's measurements, and the rows that are not predicted, with the reason.

    One line for each device, software and format, and for each kind of figure that is no time. `seen` are the keys
    (`row_key`) of rows that calibrations were fitted to: these are told as fitted, all others as left out. The interval
    is that of the calibration, of the latter.
    """
    groups: dict[tuple[str, ...], list[Measurement]] = {}
    unused = [(m, skipped(m)) for m in measurements if m.use == "skip"]
    for row in (m for m in measurements if m.use != "skip"):
        kind = "" if row.is_time else row.metric
        groups.setdefault((row.device, row.software, row.precision, row.domain, kind), []).append(row)
    found = []
    for (device, software, precision, domain, kind), rows in groups.items():
        known_software = software if any(c.software == software for c in known) else AUTO
        choice = choose(known, DEVICES[device], known_software, precision, domain)
        name = f"{device}, {software}, {precision}{f': {kind}' if kind else ''}"
        if not kind:
            found.append(_compared(name, rows, choice, seen))
        elif choice.calibration.software == software and FIGURES[kind] in choice.calibration.constants:
            found.append(_figures_compared(name, rows, choice))
        else:
            unused += [(m, not_predicted(m)) for m in rows]
    return found, unused


def _compared(name: str, rows: Sequence[Measurement], choice: Choice, seen: Container[tuple[str, ...]]) -> Comparison:
    seconds = np.array([m.seconds for m in rows])
    residuals = np.log(predicted(rows, choice.calibration.constants) / seconds)
    fitted = np.array([m.use == "fit" and row_key(m) in seen for m in rows])
    new, spreads = residuals[~fitted], choice.calibration.spread_at([m.batch for m in rows])[~fitted]
    inside = float((np.abs(new) <= np.log(spreads)).mean()) if len(new) else float("nan")
    plain = errors_of(np.log(roofline(rows) / seconds))
    return Comparison(name, choice.what, errors_of(residuals[fitted]), errors_of(new), inside, plain)


def _figures_compared(name: str, rows: Sequence[Measurement], choice: Choice) -> Comparison:
    constants = choice.calibration.constants
    residuals = np.array([np.log((predicted_figure(m, constants) or np.nan) / m.value) for m in rows])
    return Comparison(
        name, choice.what, errors_of(np.zeros(0)), errors_of(residuals), float("nan"), errors_of(np.zeros(0))
    )


def row_key(row: Measurement) -> tuple[str, ...]:
    """What a measured row is told apart by: its network, where it ran, and its time to four digits."""
    return row.device, row.software, row.precision, row.label, f"{row.seconds:.4g}"
