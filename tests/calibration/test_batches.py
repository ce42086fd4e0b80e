"""Intervals at batches beyond those measured: as wide as leaving out the ends of these tells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dse.calibration.batches import left_out, with_batches
from dse.calibration.calibrate import calibrate
from dse.calibration.constants import read_table
from dse.calibration.measurements import Measurement
from dse.calibration.terms import predicted

BATCHES = (1, 8, 64, 512, 4096)
# What is believed without measurements, so that what leaving out hides is known all the same.
COSTS = {"matrix_cost": 1.0, "weight_cost": 1.0, "traffic_cost": 1.0, "overlap": 1, "launch_time": 5e-6}


def product(width: int, batch: int, drift: float) -> Measurement:
    axes = {"features_in": width, "hidden": 4096, "batch": batch}
    row = Measurement("matrix_product", "a100-sxm-80gb", "mine", "fp16", "latency", 1.0, axes, own_family=str(width))
    return replace(row, value=float(predicted([row], COSTS)[0]) * batch**drift)


def width_beyond(drift: float) -> float:
    (found,) = with_batches(calibrate([product(w, b, drift) for w in (2048, 8192) for b in BATCHES]))
    return found.calibration.batch_spread


def test_a_time_that_follows_the_formula_is_as_sure_at_any_batch_and_one_that_drifts_is_not():
    still, little, more = map(width_beyond, (0.0, 0.02, 0.06))
    assert 1 <= still < 1.03
    assert still < little < more < 1.2


def test_batches_are_left_out_from_either_end_as_long_as_half_of_the_rows_are_kept():
    (one,) = calibrate([product(w, b, 0.0) for w in (2048, 8192) for b in BATCHES])
    told = [(sorted({row.batch for row in out.rows}), np.exp(out.far).round(6).tolist()) for out in left_out(one)]
    assert told == [
        ([1], [8, 8]), ([1, 8], [64, 8, 64, 8]), ([512, 4096], [8, 64, 8, 64]), ([4096], [8, 8]),
    ]  # fmt: skip


def test_networks_at_one_batch_each_tell_nothing_of_it():
    rows = [product(w, b, 0.0) for w, b in zip((1024, 2048, 4096, 8192, 16384), BATCHES, strict=True)]
    (one,) = with_batches(calibrate(rows))
    assert one.calibration.batch_spread == 1 and list(left_out(one)) == []


def test_the_interval_is_that_of_independent_errors():
    known = calibrate([product(w, b, 0.0) for w in (2048, 8192) for b in (8, 64)])[0].calibration
    known = replace(known, spread=1.2, batch_spread=1.1)
    assert known.spread_at([8, 20, 64]).tolist() == [1.2] * 3
    expected = np.exp(np.sqrt(np.log(1.2) ** 2 + (np.log(1.1) * np.log([8, 10])) ** 2))
    assert known.spread_at([1, 640]) == pytest.approx(expected, rel=1e-12)


def test_a_file_of_before_has_intervals_that_do_not_get_wider():
    known = calibrate([product(w, b, 0.0) for w in (2048, 8192) for b in (8, 64)])[0].calibration
    facts = replace(known, batch_spread=1.1).facts()
    assert read_table(facts).batch_spread == 1.1
    assert read_table({k: v for k, v in facts.items() if k != "batch_spread"}).batch_spread == 1
