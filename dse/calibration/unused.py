"""Rows of a file of measurements that nothing was made of, each with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dse.calibration.calibrate import Fitted
from dse.calibration.figures import FIGURES, energies, own_rows
from dse.calibration.measurements import Measurement

Unused = tuple[Measurement, str]


def not_fitted(fitted: Sequence[Fitted], measurements: Iterable[Measurement]) -> list[Unused]:
    """Rows that no calibration was fitted to, but for those held back."""
    rows = [m for m in measurements if m.use != "hold"]
    by_key = {(o.calibration.device, o.calibration.software, o.calibration.precision): o.calibration for o in fitted}
    used = {id(row) for one in fitted for row in one.rows}
    timed = {id(row) for one in fitted for row, _, _ in energies(own_rows(one.calibration, rows))}
    found = []
    for row in rows:
        if row.use == "skip":
            found.append((row, skipped(row)))
        elif row.is_time:
            found += [] if id(row) in used else [(row, "the only network of its device, software and format")]
        elif (row.device, row.software, row.precision) not in by_key:
            found.append((row, f"{row.metric} of a device, software and format of which no time was fitted"))
        elif row.metric == "energy" and id(row) not in timed:
            found.append((row, "energy of a network whose time is not given"))
    return found


def skipped(row: Measurement) -> str:
    """Why a row that is marked so takes no part."""
    return f"marked skip{f' ({row.note})' if row.note else ''}"


def not_predicted(row: Measurement) -> str:
    """Why a figure that is no time cannot be predicted."""
    return f"{row.metric} needs {FIGURES[row.metric]} of its device, software and format, which no calibration has"


@dataclass(frozen=True)
class Accounts:
    """What has become of measured figures: how many of them there are, and of these how many each.

    `held_out` were never fitted, only predicted; `unused` counts the rest by reason.
    """

    rows: int
    fitted: int
    held_out: int
    unused: Mapping[str, int]

    def told(self) -> str:
        """In words."""
        reasons = "; ".join(f"{count} {reason}" for reason, count in self.unused.items())
        rest = f", {sum(self.unused.values()):,} not used: {reasons}" if reasons else ""
        return f"({self.rows:,} measured figures: {self.fitted:,} fitted, {self.held_out:,} only predicted{rest})"


def accounts(unused: Sequence[Unused], rows: Sequence[Measurement], compared: Iterable[Measurement] = ()) -> Accounts:
    """The counts of all rows, of which some were not fitted to; of these some may be compared nonetheless."""
    beside = {id(row) for row in compared}
    rest = [(row, reason) for row, reason in unused if id(row) not in beside]
    held = sum(row.use == "hold" for row in rows) + len(unused) - len(rest)
    reasons = Counter(_without_network(row, reason) for row, reason in rest)
    return Accounts(len(rows), len(rows) - held - len(rest), held, dict(reasons.most_common()))


def _without_network(row: Measurement, reason: str) -> str:
    """A reason that may stand for many rows."""
    return row.note.partition(": ")[2] or row.note if row.use == "skip" else reason


def told(unused: Sequence[Unused], total: int) -> list[str]:
    """What is not used, in words: how many rows, and the lines of each reason."""
    if not unused:
        return []
    lines: dict[str, list[int]] = {}
    for row, reason in unused:
        lines.setdefault(reason, []).append(row.line)
    reasons = [f"line{'s' * (len(n) > 1)} {', '.join(map(str, n))}: {reason}" for reason, n in lines.items()]
    return [f"({len(unused)} of {total} rows are not used: {'; '.join(reasons)})"]
