"""Searches with little or nothing to choose, and what they are told."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import dse
from dse.plots import importances
from dse.plots.kinds import NotInResult
from tests.search.test_search import SEVERAL, SPEC

ONE = {**SPEC, "network": {"family": "mobilenet_v2", "width": 0.35, "resolution": 96}}
FIXED = {**ONE, "precision": {"scheme": "int8"}, "hardware": {"device": "esp32"}}
TWICE = {
    **ONE,
    "network": [
        {"name": name, "family": "mobilenet_v2", "width": 0.35, "resolution": r} for name, r in (("a", 96), ("b", 128))
    ],
}


@pytest.mark.parametrize("sampler", ["nsga2", "nsga3", "tpe", "random", "qmc"])
def test_with_nothing_to_choose_one_trial_tells_all(sampler):
    for spec, inner, size in ((FIXED, "sample", 1), (ONE, "enumerate", 4)):
        result = dse.search(spec, trials=10, population=5, sampler=sampler, inner=inner, judge=True)
        went = result.manifest["search"]
        assert (went["trials"], went["duplicates"], went["designs"], went["space"]) == (1, 0, size, size)
        assert [t.params for t in result.study.trials] == [{}]
        assert sum("nothing is left for the sampler to choose" in m for m in result.messages) == 1
        assert went["judge"]["frontier_share"] == 1
        xr.testing.assert_identical(result.frontier, dse.explore(spec).frontier.load())


def test_with_nothing_to_choose_the_result_is_kept_drawn_and_used_again(tmp_path):
    options = {"inner": "enumerate", "out": tmp_path / "x"}
    first = dse.search(ONE, trials=10, **options)
    assert (tmp_path / "x" / "hypervolume.svg").exists()
    with pytest.raises(NotInResult, match="needs two parameters"):
        importances.prepare(first)
    again = dse.search(ONE, trials=20, **options)
    assert again.state == "reused" and again.messages == first.messages
    shared = [dse.search(ONE, trials=10, inner="enumerate", storage=tmp_path / "shared") for _ in range(2)]
    assert [s.manifest["search"]["trials"] for s in shared] == [1, 1]


def test_of_several_networks_the_network_is_chosen():
    result = dse.search(TWICE, trials=10, population=5, inner="enumerate")
    assert {t.params["network"] for t in result.study.trials} == {"a", "b"} and len(result.study.trials) == 10


def test_integers_of_numpy_are_integers():
    numbers = {name: np.int64(5) for name in ("trials", "population", "seed")}
    first, second = (dse.search(SPEC, **given) for given in (numbers, {n: int(v) for n, v in numbers.items()}))
    assert [t.params for t in first.study.trials] == [t.params for t in second.study.trials]
    with pytest.raises(dse.InputError, match="trials = True; allowed: an integer from 1"):
        dse.search(SPEC, trials=True)


def test_a_warm_start_without_designs_is_told():
    with pytest.raises(dse.InputError, match="designs to start from: there are none"):
        dse.search(SPEC, trials=2, warm_start=[])


def test_no_frontier_of_trials_is_drawn_across_groups():
    """Best trials, and those of importances, are the best of each device, also where another one beats them."""
    spec = {**SPEC, "fit": False, "budgets": {}, "objectives": {**SPEC["objectives"], "per": ["device"]}}
    result = dse.search(spec, trials=150, sampler="random", polish=False)
    data = result.search
    trials = [result.study.trials[n] for n in data["number"].values.tolist()]
    for trial, best in zip(trials, data["best"].values.tolist(), strict=True):
        own = [t for t in trials if t.params["device"] == trial.params["device"]]
        (latency, params) = trial.values
        beaten = any(t.values[0] <= latency and t.values[1] >= params and t.values != trial.values for t in own)
        assert best == (not beaten)
    names = data["parameter"].values.tolist()
    share = dict(zip(names, data["importance"].values[0].tolist(), strict=True))
    assert np.isnan(share.pop("device")) and sum(share.values()) == pytest.approx(1)
    assert np.isfinite(data["importance"].values[1:]).all()
    drawn = importances.prepare(result)
    assert "of the best tenth for each device, of 150" in drawn.subtitle and drawn.parameters[-1] == "device"


def test_frontiers_of_circumstances_reach_the_importances():
    """Of two contexts the longer one is slower throughout: no trial of it is among the best tenth of all."""
    spec = {**SEVERAL, "deployment": {**SEVERAL["deployment"], "phase": "decode", "latency_model": "roofline"}}
    spec["objectives"] = {"minimize": ["latency", "energy"]}
    data = dse.search(spec, trials=120, sampler="random", polish=False).search
    names = data["parameter"].values.tolist()
    context = names.index("context")
    assert np.isnan(data["importance"].values[0, context]) and data["importance"].values[1, context] > 0
    best = data["best"].values == 1
    assert {0.0, 1.0} == set(data["place"].values[best, context].tolist())
