"""Both models of energy beside the energy that was measured of microcontrollers."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.calibration.other_figures import energy_model_comparisons
from dse.calibration.shipped import measurements


def test_neither_model_reaches_what_was_measured():
    """Of every row whose time is measured too: what the metrics tell, at the measured time, beside it."""
    rows = [m for m in measurements() if m.software == "x-cube-ai-9.0/st" and m.use == "fit"]
    times = {(m.device, m.software, m.label): m.seconds for m in rows if m.is_time}
    by_power, by_work = [], []
    for m in (m for m in rows if m.metric == "energy"):
        on = {"device": m.device, "precision": m.precision, "engine": "plain", **dict(m.axes)}
        by_work.append(float(dse.evaluate(m.network, metrics="operation_energy", **on).operation_energy) / m.value - 1)
        power = 0.7 * dse.devices[m.device].figures.get("tdp", np.nan)
        by_power.append(power * times[m.device, m.software, m.label] / m.value - 1)
    told = {c.name: c.held_out for c in energy_model_comparisons(rows)}
    for name, found in (
        ("energy of microcontrollers, TDP × utilization × measured time", np.array(by_power)),
        ("energy of microcontrollers, counted operations and bytes", np.array(by_work)),
    ):
        known = found[~np.isnan(found)]
        assert told[name].rows == len(known) >= 5
        assert told[name].signed == pytest.approx(np.median(known), rel=1e-6)
        assert told[name].median == pytest.approx(np.median(np.abs(known)), rel=1e-6)
    # What is counted is a small part: a core, its clock and its leakage take the rest.
    assert told["energy of microcontrollers, counted operations and bytes"].signed < -0.9
