"""dse validate: predictions beside measurements."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dse.cli.common import json_option, print_json, print_table, print_text
from dse.errors import Fault, InputError

if TYPE_CHECKING:
    from dse.calibration.constants import Errors
    from dse.calibration.validation import Comparison

COLUMNS = ("measurements", "rows", "fitted", "left out", "by", "in the 80 % interval", "roofline")


@click.command("validate")
@click.argument("measured", required=False, type=click.Path(path_type=Path))
@click.option(
    "--calibration", type=click.Path(path_type=Path), help="Calibrations to use: what `dse calibrate -o` wrote."
)
@json_option
def command(measured: Path | None, calibration: Path | None, as_json: bool) -> None:
    """Hold predictions against measurements: MEASURED (a CSV file), or those that the catalogue was fitted to.

    Errors are relative: signed median, median of the size and its 90th percentile. "left out" are rows that the
    prediction was not fitted to: whole families of models at a time, or those rows of MEASURED that the catalogue
    (or the --calibration file) does not hold. "by" says what was left out together: families, networks, single rows
    or whole devices; of MEASURED, which calibration predicts. Rows of MEASURED that cannot be compared are listed.

    \b
    dse validate
    dse validate mine.csv
    """
    from dse.calibration.catalogue import CALIBRATIONS, FITTED
    from dse.calibration.constants import read_calibrations
    from dse.calibration.files import read_keys
    from dse.calibration.measurements import read_measurements
    from dse.calibration.unused import told
    from dse.calibration.validation import predict_file

    if measured is None:
        from dse.calibration.gate import gate_lines, gates
        from dse.calibration.shipped import measurements, validation

        comparisons, accounts = validation()
        notes, counts = [accounts.told()], asdict(accounts)
        notes += gate_lines(gates(measurements(), CALIBRATIONS.values()))
    else:
        known = list(CALIBRATIONS.values()) if calibration is None else read_calibrations(calibration)
        rows = read_measurements(measured)
        comparisons, unused = predict_file(rows, known, read_keys(calibration or FITTED))
        notes, counts = told(unused, len(rows)), {"rows": len(rows), "unused": len(unused)}
        if not comparisons:
            raise InputError(Fault(str(measured), f"no row can be compared {' '.join(notes)}"))
    if as_json:
        print_json({"comparisons": [asdict(c) for c in comparisons], "counts": counts, "notes": notes})
        return
    print_comparisons(comparisons)
    for note in notes:
        print_text(note)


def print_comparisons(comparisons: list[Comparison]) -> None:
    """Print a line for each comparison."""
    rows = [_row(c) for c in comparisons]
    print_table(COLUMNS, rows, right=COLUMNS[1:4] + COLUMNS[5:], prose=["measurements", "by"])


def _row(found: Comparison) -> list[str]:
    count = str(max(found.fitted.rows, found.held_out.rows))
    errors = [_told(found.fitted), _told(found.held_out)]
    return [found.name, count, *errors, found.calibration, _percent(found.coverage), _told(found.roofline)]


def _told(errors: Errors) -> str:
    if not errors.rows:
        return "-"
    return f"{_share(errors.signed, '+.0f')} / {_share(errors.median, '.1f')} / {_share(errors.p90, '.0f')} %"


def _share(error: float, form: str) -> str:
    """An error in percent; of what is wrong beyond all use, its size."""
    return f"{100 * error:{form if abs(error) < 1e6 else '.1e'}}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.0f} %"
