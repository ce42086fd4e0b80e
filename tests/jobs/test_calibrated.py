"""Calibrated latency in explorations: both ends beside every prediction, and what it is fitted to."""

from __future__ import annotations

import json

import numpy as np
import pytest

import dse
from dse.calibration import CALIBRATIONS
from dse.report.html import page
from dse.report.tables import frontier_rows

SPEC = {
    "name": "fitted",
    "network": {"model": "resnet18"},
    "precision": {"scheme": "fp16"},
    "hardware": {"device": ["rtx-3090", "jetson-orin-nano-8gb"]},
    "deployment": {"batch": [1, 128], "latency_model": ["roofline", "calibrated"]},
    "objectives": {"minimize": ["latency", "energy"], "per": ["device", "latency_model", "batch"]},
}
# Single-board computers of which nothing was measured.
OF_CLASS = CALIBRATIONS["class:edge, *, *, vision"]


@pytest.fixture(scope="module")
def found():
    return dse.explore(SPEC)


def test_every_prediction_has_both_ends(found):
    designs = found.frontier
    fitted = designs.latency_model.values == "calibrated"
    assert designs.sizes["design"] == 8 and fitted.sum() == 4
    own = CALIBRATIONS["rtx-3090, torch-nchw, fp16, vision"]
    assert OF_CLASS.spread > 4 * own.spread and own.batches == (96, 1024) and OF_CLASS.batches == (1, 1)
    # Beyond the batches measured errors that are independent: their logarithms add in squares.
    far = {"rtx-3090": {1: np.log(96), 128: 0}, "jetson-orin-nano-8gb": {1: 0, 128: np.log(128)}}
    of = {"rtx-3090": own, "jetson-orin-nano-8gb": OF_CLASS}
    where = zip(designs.device.values, designs.batch.values, strict=True)
    factor = np.exp([np.hypot(np.log(of[d].spread), far[d][b] * np.log(of[d].batch_spread)) for d, b in where])
    assert own.batch_spread > 1.05
    for metric in ("latency", "energy"):
        np.testing.assert_allclose(designs[f"{metric}_low"][fitted], (designs[metric] / factor)[fitted], rtol=1e-12)
        np.testing.assert_allclose(designs[f"{metric}_high"][fitted], (designs[metric] * factor)[fitted], rtol=1e-12)
        assert np.isnan(designs[f"{metric}_low"][~fitted]).all()
    assert set(designs.calibration.values[~fitted]) == {""}
    assert next(iter(designs.calibration.values[fitted])).startswith(("rtx-3090, ", "never measured: class:edge"))


def test_the_table_and_the_report_show_them(found):
    columns, rows = frontier_rows(found.frontier, found.manifest["axes"], found.manifest["metrics"], 10)
    assert columns == ["batch", "latency_model", "device", "latency", "energy"]
    assert [" to " in row[3] for row in rows] == [row[1] == "calibrated" for row in rows]
    text = page(found)
    told = [f'"name":"{n}"' in text for n in ("latency_low", "latency_high", "energy_high", "calibration")]
    assert all(told) and "calibration falls back on what is nearest: jetson-orin-nano-8gb" in text


def test_notes_tell_what_stands_in_and_what_was_never_measured(found):
    notes = " / ".join(found.manifest["notes"])
    assert "jetson-orin-nano-8gb: never measured: class:edge" in notes
    assert f"within a factor {OF_CLASS.spread:.2f}" in notes
    assert "rtx-3090: batch 1, measured at 96 to 1024: a factor 1.6" in notes
    assert "which nothing measured tests" in notes
    assert "of several that with most rows: torch-nchw on rtx-3090" in notes
    assert "rtx-3090: never" not in notes
    plain = dse.explore({**SPEC, "deployment": {"batch": 1}, "objectives": {"minimize": ["latency"]}})
    assert not any("calibrat" in note for note in plain.manifest["notes"])
    assert "latency_low" not in plain.frontier


def test_one_design_says_where_it_is_extrapolated_and_its_interval_is_wider(capsys):
    from dse.cli import run

    on = ["--device", "rtx-3090", "--precision", "fp16", "--set", "latency_model=calibrated", "--metric", "latency"]
    wide = []
    for batch, beyond in ((256, False), (48, True), (1, True)):
        assert run(["evaluate", "resnet18", *on, "--set", f"batch={batch}", "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        outside = f"batch {batch}, measured at 96 to 1024"
        told = facts["assumptions"]["calibration"]
        assert (f"untested: extrapolated to {outside}" in told) is beyond and ("80 %" in told) is not beyond
        assert any(f"rtx-3090: {outside}" in note for note in facts["notes"]) is beyond
        latency, high = (facts["metrics"][n]["value"] for n in ("latency", "latency_high"))
        wide.append(high / latency)
        assert f"within a factor {wide[-1]:.2f}" in facts["assumptions"]["calibration"]
    assert wide == sorted(set(wide))


def test_a_latency_of_several_models_is_no_bound(found):
    told = found.frontier.latency.attrs
    assert told["long_name"] == "Time of a batch by each model of latency. (roofline, lower bound or calibrated)"
    assert told["formula"].startswith("roofline: ") and "; calibrated: " in told["formula"]


def test_evaluate_gives_them_along():
    on = {"device": "rtx-3090", "precision": "fp16", "batch": [1, 128]}
    found = dse.evaluate("resnet18", metrics="throughput", latency_model=["roofline", "calibrated"], **on)
    assert {"throughput", "throughput_low", "throughput_high"} == set(found.data_vars)
    assert found.calibration.dims == ("latency_model",)
    assert found.calibration.values.tolist()[0] == "" and found.calibration.values[1].startswith("rtx-3090, ")
    assert "throughput_low" not in dse.evaluate("resnet18", metrics="throughput", **on)


def test_a_mix_has_the_interval_of_each_of_its_networks():
    """Its ends are the means of theirs: of a detector and a language model the factors differ."""
    networks = [{"model": "resnet18", "name": "a", "weight": 3}, {"model": "llama-3.2-1b", "name": "b", "weight": 1}]
    spec = {k: v for k, v in SPEC.items() if k != "network"} | {"network": networks, "workload": {"combine": "mix"}}
    spec |= {"hardware": {"device": "rtx-3090"}, "objectives": {"minimize": ["latency"]}}
    spec["deployment"] = {"latency_model": "calibrated", "phase": "decode", "context": 128}
    mixed = dse.explore(spec).frontier
    on = {"device": "rtx-3090", "precision": "fp16", "latency_model": "calibrated", "metrics": "latency"}
    one, other = dse.evaluate("resnet18", **on), dse.evaluate("llama-3.2-1b", **on, phase="decode", context=128)
    for end in ("latency", "latency_low", "latency_high"):
        assert float(mixed[end][0]) == pytest.approx(0.75 * float(one[end]) + 0.25 * float(other[end]), rel=1e-12)
