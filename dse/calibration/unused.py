"""Rows of a file of measurements that nothing was made of, each with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dse.calibration.calibrate import Fitted
from dse.calibration.figures import FIGURES, energies, own_rows
from dse.calibration.measurements import Measurement

Unused = tuple[Measurement, str]


def not_fitted(fitted: Sequence[Fitted], measurements: Iterable[Measurement]) -> list[Unused]:
    """Rows that no calibration was fitted to, but for those held back."""
    rows = [m for m in measurements if m.use != "hold"]
    by_key = {(o.calibration.device, o.calibration.software, o.calibration.precision): o.calibration for o in fitted}
    timed = {id(row) for one in fitted for row, _, _ in energies(own_rows(one.calibration, rows))}
    found = []
    for row in rows:
        if row.use == "skip":
            found.append((row, skipped(row)))
        elif row.is_time:
            continue
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


def told(unused: Sequence[Unused], total: int) -> list[str]:
    """What is not used, in words: how many rows, and the lines of each reason."""
    if not unused:
        return []
    lines: dict[str, list[int]] = {}
    for row, reason in unused:
        lines.setdefault(reason, []).append(row.line)
    reasons = [f"line{'s' * (len(n) > 1)} {', '.join(map(str, n))}: {reason}" for reason, n in lines.items()]
    return [f"({len(unused)} of {total} rows are not used: {'; '.join(reasons)})"]
