"""A lead smaller than the interval is a tie, on request: against a plain search, and alike on every path."""

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.pareto.cut import Objective
from dse.pareto.ties import leading

OBJECTIVES = [Objective("latency", "min"), Objective("accuracy", "max")]


def mask(latency, accuracy, half, groups=None):
    columns = {"latency": latency, "accuracy": accuracy}
    columns |= {"accuracy_low": accuracy - half, "accuracy_high": accuracy + half}
    groups = np.zeros(len(latency), dtype=np.int64) if groups is None else groups
    # The latency of this model has no interval.
    return leading(OBJECTIVES, lambda name: columns.get(name, np.full(len(latency), np.nan)), groups)


def beats(a, b):
    """(latency, low, high): no objective surely worse, one surely better."""
    return a[0] <= b[0] and a[2] >= b[1] and (a[0] < b[0] or a[1] > b[2])


def test_a_small_lead_is_a_tie_and_chains_do_not_wear_the_frontier_down():
    # Each leads the one before by 0.6; intervals of 1 in all: every second one leads the last that stayed.
    latency, accuracy = np.arange(1.0, 7), 70 + 0.6 * np.arange(6)
    assert mask(latency, accuracy, np.full(6, 0.5)).tolist() == [True, False, True, False, True, False]
    assert mask(latency, accuracy, np.full(6, 0.29)).all()
    assert mask(latency, accuracy, np.full(6, 50.0)).tolist() == [True] + [False] * 5
    # Equal designs all stay; an undefined bound is the value itself.
    assert mask(np.ones(3), np.full(3, 70.0), np.full(3, 0.5)).all()
    assert mask(latency, accuracy, np.full(6, np.nan)).all()
    # Each group by itself.
    assert mask(latency, accuracy, np.full(6, 50.0), np.array([0, 1, 0, 1, 2, 2])).sum() == 3


def test_those_that_stay_beat_none_and_those_that_go_are_beaten():
    rng = np.random.default_rng(5)
    for _ in range(30):
        latency, accuracy = np.round(rng.uniform(1, 5, 60), 1), np.round(rng.uniform(60, 75, 60), 1)
        half = rng.choice([0.0, 0.3, 2.0], 60)
        stays = mask(latency, accuracy, half)
        designs = list(zip(latency, accuracy - half, accuracy + half, strict=True))
        kept = [d for d, s in zip(designs, stays, strict=True) if s]
        assert not any(beats(a, b) for a in kept for b in kept)
        assert all(s or any(beats(a, d) for a in kept) for d, s in zip(designs, stays, strict=True))


SPEC = {
    "name": "ties",
    "network": {
        "family": "mobilenet_v2",
        "width": [0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 1.0],
        "resolution": [96, 104, 112, 120, 128, 144, 160, 192, 224],
    },
    "precision": {"scheme": ["fp32", "int8"]},
    "hardware": {"device": ["stm32u575", "gap9"]},
    "objectives": {"minimize": ["latency"], "maximize": ["accuracy"], "per": ["device"]},
    "fit": False,
}
TIED = {"objectives": {**SPEC["objectives"], "ties": "interval"}}


def places(frontier):
    axes = (frontier[a].values.tolist() for a in ("width", "resolution", "precision", "device"))
    return sorted(zip(*axes, strict=True))


def test_every_path_finds_the_same(tmp_path):
    exact = dse.explore(SPEC)
    found = dse.explore(SPEC | TIED)
    assert 0 < found.counts["tied"] == exact.counts["kept"] - found.counts["kept"]
    counted = [v if isinstance(v, int) else sum(v.values()) for n, v in found.counts.items() if n != "enumerated"]
    assert sum(counted) == found.counts["enumerated"]
    assert set(places(found.frontier)) < set(places(exact.frontier))
    bounded = dse.explore(SPEC | TIED | {"bounds": True})
    stored = dse.explore(SPEC | {"output": {"grid": True}}, out=tmp_path / "r", plots=False)
    from dse.jobs.recut import recut

    again = recut(dse.load(tmp_path / "r"), ties="interval")
    axes = SPEC["network"] | {"device": SPEC["hardware"]["device"], "precision": SPEC["precision"]["scheme"]}
    metrics = ["latency", "accuracy", "accuracy_low", "accuracy_high"]
    data = dse.evaluate(axes.pop("family"), metrics=metrics, **axes)
    listed = dse.frontier(data, minimize="latency", maximize="accuracy", per="device", ties="interval")
    for other in (bounded.frontier, again.frontier, listed):
        assert places(other) == places(found.frontier)
    assert stored.counts["kept"] == exact.counts["kept"] and again.counts["tied"] == found.counts["tied"]
    assert {"accuracy_low", "accuracy_high"} <= set(found.frontier.data_vars)


def test_what_is_wrong_is_told():
    with pytest.raises(InputError, match=r"objectives.ties: 'some' is not allowed; allowed: exact, interval"):
        dse.explore(SPEC | {"objectives": {**SPEC["objectives"], "ties": "some"}})
    with pytest.raises(InputError, match=r"objectives.ties: no objective has an interval; .*accuracy, loss"):
        dse.explore(SPEC | {"objectives": {"minimize": ["params"], "ties": "interval"}})
    data = dse.evaluate("mobilenet_v2", metrics=["macs", "accuracy"], width=[0.5, 1.0])
    with pytest.raises(InputError, match="accuracy_low"):
        dse.frontier(data, minimize="macs", maximize="accuracy", ties="interval")
