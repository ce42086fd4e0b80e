"""Measured times beside predicted ones, row by row: what the table of `dse validate` summarises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import xarray as xr

from dse.calibration.calibrate import HELD
from dse.calibration.catalogue import AUTO, CALIBRATIONS, choose
from dse.calibration.constants import Calibration
from dse.calibration.measurements import Measurement
from dse.calibration.shipped import by_kinds_of_work, fit_all
from dse.calibration.terms import predicted
from dse.hardware import DEVICES

# What a fit does not know where it is judged, by what was left out of it.
_LEFT_OUT = {"family": "family of models", "class": "class of networks", "row": "own time"}


def of_catalogue() -> xr.Dataset:
    """The times that the catalogue was fitted to, each predicted by a fit that it was left out of.

    Returns
    -------
    xr.Dataset
        measured, predicted, low and high [s] along "measurement", with device, software, precision and network as
        coordinates; low and high are the ends of the interval that is meant to hold the share `held` of the times.
    """
    rows, values, spreads = [], [], []
    left_out: Counter[str] = Counter()
    for one in filter(by_kinds_of_work, fit_all()[0]):
        known = np.isfinite(one.held_out)
        rows += [row for row, is_known in zip(one.rows, known, strict=True) if is_known]
        values += [row.seconds * float(np.exp(r)) for row, r in zip(one.rows, one.held_out) if np.isfinite(r)]
        spreads += one.calibration.spread_at([m.batch for m in one.rows])[known].tolist()
        left_out[one.calibration.held_out_by] += int(known.sum())
    names = [f"{_LEFT_OUT.get(by, by)} ({number:,})" for by, number in left_out.most_common()]
    which = " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
    told = f"Each was predicted by a fit without its {which}."
    return _dataset(rows, values, spreads, "measurements of the catalogue", told)


def of_rows(rows: Sequence[Measurement], source: str, known: Sequence[Calibration] | None = None) -> xr.Dataset:
    """Times of a file, predicted by the calibrations of the catalogue, or by `known` ones; of the same form."""
    calibrations = list(CALIBRATIONS.values()) if known is None else list(known)
    software = {c.software for c in calibrations}
    times = [row for row in rows if row.network and row.is_time and row.use != "skip"]
    values, spreads = [], []
    for row in times:
        named = row.software if row.software in software else AUTO
        found = choose(calibrations, DEVICES[row.device], named, row.precision, row.domain).calibration
        values.append(float(predicted([row], found.constants)[0]))
        spreads.append(float(found.spread_at(row.batch)))
    return _dataset(times, values, spreads, source, "No prediction was fitted to them.")


def _dataset(
    rows: Sequence[Measurement], values: Sequence[float], spreads: Sequence[float], source: str, told: str
) -> xr.Dataset:
    along = "measurement"
    prediction, spread = np.array(values), np.array(spreads)
    seconds = {"measured": np.array([r.seconds for r in rows]), "predicted": prediction}
    seconds |= {"low": prediction / spread, "high": prediction * spread}
    names = {n: [getattr(r, n) for r in rows] for n in ("device", "software", "precision")}
    names["network"] = [r.label for r in rows]
    return xr.Dataset(
        {n: (along, v, {"units": "s"}) for n, v in seconds.items()},
        {n: (along, np.array(v, dtype=object)) for n, v in names.items()},
        {"source": source, "fitted": told, "held": HELD},
    )
