"""Calibrations and the rows that they were fitted to, written: all or nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dse.calibration.calibrate import Fitted
from dse.calibration.constants import Calibration, to_toml
from dse.catalogue import MOST_BYTES, read_at_most
from dse.errors import Fault, InputError
from dse.files import write_whole

# What the rows beside a file of calibrations are called in place of its suffix.
ROWS = ".rows.csv"
COLUMNS = ("device", "software", "precision", "network", "family", "measured_s", "predicted_s", "left_out_s")


def check_place(path: Path, measured: Path) -> None:
    """Raise InputError where what stands beside a file of calibrations would be lost: it is not the rows of a fit."""
    rows = path.with_suffix(ROWS)
    if rows.exists() and (rows.samefile(measured) or not _is_of_a_fit(path)):
        raise InputError(
            Fault(str(rows), f"would be replaced by the rows of {path.name}, and is none of a fit; move it")
        )


def _is_of_a_fit(path: Path) -> bool:
    try:
        read_keys(path)
    except InputError:
        return False
    return True


def write(path: Path, fitted: Sequence[Fitted], heading: str, pooled: Sequence[Calibration] = ()) -> Path:
    """Write calibrations as TOML, and beside them the rows with measured and predicted times; gives the latter's path.

    `predicted_s` is of the fit to all rows, `left_out_s` of one without the row's family.
    """
    rows = path.with_suffix(ROWS)
    write_whole(rows, rows_csv(fitted))
    write_whole(path, to_toml([*(f.calibration for f in fitted), *pooled], heading))
    return rows


def read_keys(path: Path) -> set[tuple[str, ...]]:
    """The keys of the rows that the calibrations of a file were fitted to; none where no file tells them.

    Raises
    ------
    InputError
        For a file in that place that holds something else.
    """
    path = path.with_suffix(ROWS)
    try:
        content = read_at_most(path, MOST_BYTES)
    except OSError:
        return set()
    if len(content) > MOST_BYTES:
        raise InputError(Fault(str(path), f"more than {MOST_BYTES // 2**20} MiB; the rows of a fit are shorter"))
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
        return {(*(r[c] for c in COLUMNS[:4]), f"{float(r['measured_s']):.4g}") for r in rows}
    except (csv.Error, KeyError, TypeError, ValueError) as error:
        raise InputError(Fault(str(path), f"does not hold the rows of a fit ({error}); write both anew")) from None


def rows_csv(fitted: Sequence[Fitted]) -> str:
    """Every row of every fit as CSV; times to four digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in fitted:
        for row, inside, outside in zip(one.rows, np.exp(one.fitted), np.exp(one.held_out), strict=True):
            times = (f"{row.seconds * factor:.4g}" for factor in (1.0, inside, outside))
            writer.writerow([row.device, row.software, row.precision, row.label, row.family, *times])
    return out.getvalue()
