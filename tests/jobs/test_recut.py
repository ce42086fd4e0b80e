"""A new cut is of the whole space that the spec selects: what one metric lacks a figure for, another may not need."""

from __future__ import annotations

import itertools

import pytest
from specs import SMALL, changed

import dse
from dse.errors import InputError
from dse.hardware import DEVICES
from dse.jobs.assumptions import gather
from dse.jobs.recut import recut
from dse.jobs.resolve import read_job

VISION = {
    "name": "cuts",
    "network": {"model": "mobilenet_v2"},
    "precision": {"scheme": "int8"},
    "hardware": {"device": "class:apple-soc"},
    "objectives": {"minimize": ["energy"]},
    "fit": False,
}
TWO = [
    {"name": "a", "family": "mobilenet_v2", "width": [0.35, 0.5]},
    {"name": "b", "family": "mobilenet_v2", "resolution": 96},
]
CLASSES = sorted({device.device_class for device in DEVICES.values()})
CASES = {
    "own": changed(VISION, hardware__device=["my", "*"], device={"my": {"base": "stm32h743", "tdp": "1 W"}}),
    "over one of the catalogue": changed(VISION, device={"apple-m2": {"tdp": "20 W"}}),
    "calibrated": changed(VISION, hardware__device="class:mcu", deployment={"latency_model": "calibrated"}),
    "regions": changed(VISION, hardware__device="h100-sxm", deployment={"region": "*"}),
    "a region by name": changed(VISION, hardware__device="h100-sxm", deployment={"region": ["EUROPE", "USA"]}),
    "choose": changed(VISION, network=TWO, hardware__device="class:mcu"),
    "together": changed(VISION, network=TWO, workload={"combine": "together"}, hardware__device="class:mcu"),
    **{f"class:{c}": changed(VISION, hardware__device=f"class:{c}") for c in CLASSES},
}
METRICS = ("energy", "latency", "device_cost", "area", "electricity_cost", "carbon")


def job_of(spec, metric, assumptions=None):
    """The job of a spec by one objective; None where no device or region has every figure, or it has no meaning."""
    try:
        return read_job(changed(spec, objectives={"minimize": [metric]}), assumptions=assumptions)
    except InputError:
        return None


@pytest.mark.no_cover
@pytest.mark.parametrize("name", CASES)
def test_a_cut_of_held_figures_has_the_designs_of_a_new_run(name):
    today = {metric: job_of(CASES[name], metric) for metric in METRICS}
    compared = 0
    for first, second in itertools.permutations(METRICS, 2):
        if today[first] is None:
            continue
        found, expected = job_of(CASES[name], second, gather(today[first])), today[second]
        assert (found is None) == (expected is None), (first, second)
        if found is not None:
            assert gather(found) == gather(expected), (first, second)
            for own, other in zip(found.grids, expected.grids, strict=True):
                assert own.space.axes == other.space.axes, (first, second)
            compared += 1
    assert compared > 1 or name.startswith("class:")


@pytest.mark.parametrize("combine", ["one", "choose", "together"])
def test_a_frontier_that_is_cut_again_is_that_of_a_new_run(combine, tmp_path):
    spec = VISION if combine == "one" else changed(CASES[combine], hardware__device="class:apple-soc")
    spec = changed(spec, output={"grid": True})
    cuts = {m: changed(spec, objectives={"minimize": [m]}) for m in ("energy", "latency")}
    for first, second in itertools.permutations(cuts):
        found = dse.explore(cuts[first], out=tmp_path / first, plots=False)
        expected = dse.explore(cuts[second])
        again = recut(dse.load(tmp_path / first), minimize=[second])
        assert again.frontier.identical(expected.frontier)
        assert again.counts == expected.counts != found.counts
        assert again.manifest["left_out_devices"] == expected.manifest["left_out_devices"]


def test_what_older_assumptions_do_not_hold_is_told():
    spec = changed(VISION, deployment={"region": "*"}, objectives={"minimize": ["electricity_cost"]})
    facts = gather(read_job(spec))
    used = [d for d in facts["device"] if d not in facts["left_out"]]
    with_price = [r for r, f in facts["region"].items() if "electricity_price" in f]
    assert 0 < len(used) < len(facts["device"]) and 0 < len(with_price) < len(facts["region"])
    old = {k: v for k, v in facts.items() if k not in ("whole_selection", "notes")}
    old |= {"device": {d: facts["device"][d] for d in used}, "region": {r: facts["region"][r] for r in with_price}}
    job = read_job(changed(spec, objectives={"minimize": ["latency"]}), assumptions=old)
    assert list(job.space.axes["device"].values) == used
    notes = " ".join(gather(job)["notes"])
    assert "holds no figures of what was left out then: apple-m1-pro" in notes
    assert f'region = "*" stands for the {len(with_price)} regions that were used' in notes
    assert "whole_selection" not in gather(job)


def test_notes_of_a_replay_are_those_of_the_result():
    given = {"region": ["USA", "WORLD"], "carbon_intensity": "100 g/kWh"}
    facts = gather(read_job(changed(SMALL, deployment=given)))
    assert "carbon_intensity stands over" in facts["notes"][0]
    assert gather(read_job(changed(SMALL, deployment=given), assumptions=facts)) == facts
