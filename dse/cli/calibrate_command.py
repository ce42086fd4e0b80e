"""dse calibrate: fit the constants of a device's latency to measurements."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from dse.cli.common import echo, json_option, print_json, print_text
from dse.cli.validate_command import print_comparisons
from dse.errors import Fault, InputError


@click.command("calibrate")
@click.argument("measured", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where to write the calibrations: a .toml file.")
@json_option
def command(measured: Path, out: Path | None, as_json: bool) -> None:
    """Fit how long a device takes for each kind of work to the times in MEASURED, a CSV file.

    Its columns are network, device, software, precision, metric (latency, throughput, time_to_first_token; energy,
    peak_sram and flash_total beside such times), value, unit, and where they apply axes ("resolution=256 batch=64"),
    family, use (fit, hold or skip), source, note, totals (of a network that has no family here:
    "macs=9.31e9 params=41.6e6 activations=12.4e6"). Families of models are left out in turn to tell the error on new
    ones. A device with fewer than three networks takes the constants of its class in proportion. Rows that nothing was
    made of are listed.

    \b
    dse calibrate mine.csv -o mine.toml
    dse validate others.csv --calibration mine.toml
    """
    from dse.calibration.catalogue import CALIBRATIONS
    from dse.calibration.files import check_place, write
    from dse.calibration.measurements import read_measurements
    from dse.calibration.pool import calibrate_or_scale
    from dse.calibration.unused import not_fitted, told
    from dse.calibration.validation import compare, predict_file

    if out is not None and out.suffix != ".toml":
        raise InputError(Fault(str(out), "calibrations are written as .toml"))
    if out is not None:
        check_place(out, measured)
    measurements = read_measurements(measured)
    fitted = calibrate_or_scale(measurements, list(CALIBRATIONS.values()))
    if not fitted:
        raise InputError(
            Fault(str(measured), "has no times to fit: metric latency, throughput or time_to_first_token, use fit")
        )
    comparisons = [compare(one, fitted) for one in fitted]
    known = [one.calibration for one in fitted]
    held, not_held = predict_file([m for m in measurements if m.use == "hold"], known)
    unused = [*not_fitted(fitted, measurements), *not_held]
    notes = told(unused, len(measurements))
    comparisons += held
    rows: Path | None = None
    if out is not None:
        rows = write(
            out, fitted, f"Calibrations fitted to {measured.name}; constants in units of the datasheet's times."
        )
    if as_json:
        facts = {"comparisons": [asdict(c) for c in comparisons], "skipped": len(unused), "notes": notes}
        print_json({**facts, **({"path": str(out), "rows": str(rows)} if out else {})})
        return
    print_comparisons(comparisons)
    for note in notes:
        print_text(note)
    if out is not None:
        count = f"{len(fitted)} calibration{'s' * (len(fitted) > 1)}"
        echo(f"{out}: {count}; {rows}: measured and predicted times")
