"""Budgets, objectives, and frontiers of Datasets that users made."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import xarray as xr

import dse
from dse import registry
from dse.errors import InputError
from dse.hardware import FIGURES
from dse.pareto import cloud
from dse.pareto.cloud import Cloud
from dse.pareto.cut import Budget, Cut, Objective, apply, check_objectives, make_budget
from dse.pareto.tally import Tally


@pytest.mark.parametrize(
    ("metric", "limit", "low", "high"),
    [
        ("peak_sram", "320 KiB", -math.inf, 327680.0),
        ("throughput", 30, 30.0, math.inf),
        ("accuracy", "70 %", 70.0, math.inf),
        ("latency", {"min": "1 ms", "max": 0.1}, 0.001, 0.1),
        ("macs", "100 MMAC", -math.inf, 1e8),
        ("compute_bound", {"min": 1}, 1.0, math.inf),
        ("memory_free", "-1 GiB", -(2.0**30), math.inf),
        ("sqnr", "-3 dB", -3.0, math.inf),
    ],
)
def test_budgets(metric, limit, low, high):
    assert make_budget(metric, limit) == Budget(metric, low, high)


@pytest.mark.parametrize(
    ("metric", "limit", "problem"),
    [
        ("peak_srm", 1, "did you mean 'peak_sram'"),
        ("peak_sram", "320 ms", "unit 'ms' is time"),
        ("peak_sram", {}, "min and max"),
        ("peak_sram", {"most": 1}, "given ['most']"),
        ("latency", {"min": 2, "max": 1}, "min 2 is above max 1"),
        ("compute_bound", 1, "no better side"),
        ("latency", "-5 ms", "-5 ms is not allowed; latency is at least 0"),
        ("latency", {"min": -1, "max": 1}, "-1 s is not allowed"),
        ("accuracy", "101 %", "101 % is not allowed; accuracy is 0 to 100 %"),
        ("latency", True, "not a quantity"),
    ],
)
def test_budgets_that_are_refused(metric, limit, problem):
    with pytest.raises(InputError) as raised:
        make_budget(metric, limit, f"budgets.{metric}")
    assert str(raised.value).startswith(f"budgets.{metric}: ") and problem in str(raised.value)


@pytest.mark.parametrize(
    ("model", "scheme", "deployment"),
    [
        ("mobilenet_v1_1.0_128", ["fp32", "int8"], {"batch": [1, 4096]}),
        ("llama-3.1-8b", ["fp16", "w4a16"], {"phase": "decode", "context": [1, 2**20], "batch": [1, 4096]}),
        ("resnet50", ["fp16"], {"phase": "train", "batch": [1, 4096]}),
    ],
)
def test_metrics_without_values_below_0(model, scheme, deployment):
    signed = {name for name in registry.METRICS if registry.metric_record(name).signed}
    assert signed == {"memory_free", "sram_free", "flash_free", "sqnr"}
    base = dse.devices["stm32h743"]
    lacking = {n: 1.0 for n in FIGURES if math.isnan(base.figure(n))}
    spec = {
        "network": {"model": model},
        "precision": {"scheme": scheme},
        "hardware": {"device": "whole"},
        "device": {"whole": {"base": "stm32h743", **lacking}},
        "deployment": deployment,
        "objectives": {"minimize": ["params"]},
        "output": {"metrics": list(registry.METRICS)},
    }
    grid = dse.explore(spec).grid
    negative = {name for name in registry.METRICS if (grid[name] < 0).any()}
    assert negative and negative <= signed


def test_infinite_values_meet_a_lower_limit():
    least = Budget("latency", low=3.0)
    np.testing.assert_array_equal(least.violation(np.array([np.inf, -np.inf, np.nan])), [-np.inf, np.inf, np.nan])


def test_violations():
    budget = Budget("latency", low=1.0, high=3.0)
    np.testing.assert_array_equal(budget.violation(np.array([0.5, 1, 2, 3, 5, np.nan])), [0.5, 0, -1, 0, 2, np.nan])
    assert budget.text() == "latency ≤ 3 s, latency ≥ 1 s"


@pytest.mark.parametrize("names", [[], ["a", "a"], list("abcdef")])
def test_objectives_that_are_refused(names):
    with pytest.raises(InputError):
        check_objectives([Objective(n, "min") for n in names])


def test_a_design_is_excluded_by_the_first_constraint_that_it_breaks():
    cut = Cut((Objective("latency", "min"),), (Budget("latency", high=2.0), Budget("energy", high=2.0)), fit=False)
    # The first design is at both limits.
    columns = {"latency": np.array([2.0, 3, 1, 3, np.nan, 9]), "energy": np.array([2.0, 1, 3, 3, 1, np.nan])}
    tally = Tally()
    alive = apply(cut, columns, np.zeros(6, dtype=bool), tally, np.array([True] * 5 + [False]))
    assert alive.tolist() == [True, False, False, False, False, False]
    assert (tally.enumerated, tally.undefined, tally.feasible) == (6, 2, 1)
    assert tally.excluded == {"latency ≤ 2 s": 2, "energy ≤ 2 J": 1}
    assert tally.broken == {"latency ≤ 2 s": 2, "energy ≤ 2 J": 2}


@pytest.mark.parametrize("parts", [[[0], [1], [2]], [[2, 1], [0]], [[1], [2, 0]], [[0, 1, 2]]])
def test_the_nearest_miss_breaks_nothing_else_whatever_the_parts(parts):
    cut = Cut((Objective("latency", "min"),), (Budget("latency", high=2.0), Budget("energy", high=2.0)), fit=False)
    latency, energy = np.array([8.0, 2.5, 7.0]), np.array([1.0, 9.0, 1.0])
    tally = Tally()
    for part in parts:
        apply(cut, {"latency": latency[part], "energy": energy[part]}, np.zeros(len(part), dtype=bool), tally)
    # 2.5 s is nearer, but its energy is too large; for energy there is no other design.
    assert tally.nearest == {"latency ≤ 2 s": 7.0, "energy ≤ 2 J": 9.0}


@pytest.mark.parametrize("values", [[1.0, 5.0, math.inf], [5.0, math.inf, 1.0]])
def test_of_misses_as_near_the_lower_one_is_told_and_none_that_is_infinitely_far_away(values):
    tally = Tally()
    cut = Cut((Objective("latency", "min"),), (Budget("latency", low=2.0, high=4.0),), fit=False)
    apply(cut, {"latency": np.array(values)}, np.zeros(3, dtype=bool), tally)
    assert tally.nearest == {"latency ≤ 4 s, latency ≥ 2 s": 1.0}
    far = Tally()
    apply(cut, {"latency": np.full(3, math.inf)}, np.zeros(3, dtype=bool), far)
    assert far.nearest == {} and far.excluded == {"latency ≤ 4 s, latency ≥ 2 s": 3}


def test_fit_by_kind_of_device():
    cut = Cut((Objective("latency", "min"),))
    nan = math.nan
    columns = {
        "latency": np.ones(6),
        "sram_free": np.array([1.0, -1, 1, nan, -5, nan]),
        "flash_free": np.array([1.0, 1, -1, nan, -5, nan]),
        "memory_free": np.array([nan, nan, nan, 1, -1, nan]),
    }
    mcu = np.array([True, True, True, False, False, True])
    assert apply(cut, columns, mcu, Tally()).tolist() == [True, False, False, True, False, True]


# Frontiers of Datasets.


def table():
    latency = xr.DataArray([[1.0, 2.0, 3.0], [2.0, 2.0, np.nan]], dims=("chip", "size"))
    error = xr.DataArray([3.0, 2.0, 2.0], dims="size")
    data = xr.Dataset({"latency": latency, "error": error}, {"chip": ["a", "b"], "size": [10, 20, 30]})
    return data.assign_coords(kind=("chip", ["x", "x"]))


def rows(found):
    return list(zip(found.chip.values.tolist(), found["size"].values.tolist(), strict=True))


def test_frontier_of_a_dataset():
    found = dse.frontier(table(), minimize=["latency", "error"])
    assert rows(found) == [("a", 10), ("a", 20), ("b", 20)]  # ties stay; NaN is undefined
    assert set(found.coords) == {"chip", "size", "kind"} and found.latency.dims == ("design",)
    per = dse.frontier(table(), minimize=["latency", "error"], per="chip")
    assert rows(per) == [("a", 10), ("a", 20), ("b", 20)]
    assert rows(dse.frontier(table(), minimize="latency", per=["chip"])) == [("a", 10), ("b", 10), ("b", 20)]
    assert rows(dse.frontier(table(), minimize="latency", per=["kind"])) == [("a", 10)]
    assert rows(dse.frontier(table(), maximize="latency")) == [("a", 30)]
    assert rows(dse.frontier(table(), minimize="latency", budgets={"latency": {"min": "1500 ms"}})) == [
        ("a", 20), ("b", 10), ("b", 20)
    ]  # fmt: skip


def test_a_frontier_that_nothing_is_left_of():
    found = dse.frontier(table(), minimize="latency", budgets={"latency": "1 us"})
    assert found.sizes["design"] == 0 and set(found.coords) >= {"chip", "size"}


def test_a_frontier_of_one_design():
    data = dse.evaluate("resnet50", device="rtx-4090")
    found = dse.frontier(data, minimize=["latency"])
    assert found.sizes["design"] == 1 and found.device.values.tolist() == ["rtx-4090"]
    assert dse.frontier(data, minimize="latency", budgets={"latency": "1 ns"}).sizes["design"] == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"minimize": "latncy"}, "did you mean 'latency'"),
        ({"minimize": "latency", "per": "chp"}, "did you mean 'chip'"),
        ({"minimize": "latency", "budgets": {"energy": 1}}, "unknown variable 'energy'"),
        ({}, "give one to five"),
        ({"minimize": "latency", "maximize": "latency"}, "twice"),
    ],
)
def test_frontiers_that_are_refused(arguments, problem):
    with pytest.raises(InputError, match=problem):
        dse.frontier(table(), **arguments)


# The cloud.


def test_cells_of_the_cloud():
    counted = Cloud(["latency", "energy"])
    latency, energy = np.array([1.0, 10.0, 10.0, 0.0, -1.0, np.inf]), np.array([1e-3, 1e3, 1e3, 1.0, 1.0, 1.0])
    groups, feasible = np.array([0, 2, 2, 0, 0, 0]), np.array([True, False, False, True, True, True])
    for part in (slice(0, 2), slice(2, 6)):
        columns = {"latency": latency[part], "energy": energy[part]}
        counted.add(columns, groups[part], feasible[part])
    table = counted.dataset()
    assert table.x.values.tolist() == [0, 256] and table.y.values.tolist() == [-768, 768]
    assert table.designs.values.tolist() == [1, 2] and table.group.values.tolist() == [0, 2]
    assert table.feasible.values.tolist() == [1, 0]


def test_parts_add_up(monkeypatch):
    """However many parts are merged on the way, against one histogram of all."""
    rng = np.random.default_rng(0)
    values = {n: 10 ** rng.normal(0, 0.05, 3000) for n in ("latency", "energy", "power")}
    groups, feasible = rng.integers(0, 3, 3000), rng.random(3000) < 0.5
    monkeypatch.setattr(cloud, "PARTS", 7)
    parts = Cloud(list(values))
    for rows in np.array_split(np.arange(3000), 30):
        parts.add({n: v[rows] for n, v in values.items()}, groups[rows], feasible[rows])
    expected = Counter(
        (pair, int(groups[i]), int(feasible[i]), *(math.floor(math.log10(values[n][i]) * 256) for n in names))
        for pair, names in enumerate(itertools.combinations(values, 2))
        for i in range(3000)
    )
    table = parts.dataset()
    found = zip(*(table[n].values.tolist() for n in ("pair", "group", "feasible", "x", "y", "designs")), strict=True)
    assert {tuple(row[:5]): row[5] for row in found} == dict(expected)


def test_extreme_values_have_cells_of_their_own():
    tiny = Cloud(["latency", "energy"])
    tiny.add(
        {"latency": np.array([5e-324, 1.7e308]), "energy": np.array([1.7e308, 5e-324])},
        np.zeros(2, int),
        np.ones(2, bool),
    )
    table = tiny.dataset()
    assert table.x.values.tolist() == [math.floor(math.log10(5e-324) * 256), math.floor(math.log10(1.7e308) * 256)]
    assert table.y.values.tolist() == table.x.values.tolist()[::-1]


def test_too_many_groups():
    with pytest.raises(InputError, match="frontiers; at most"):
        Cloud(["latency"]).add({"latency": np.ones(1)}, np.array([2**22]), np.ones(1, bool))


def test_no_frontier_is_drawn_across_circumstances():
    data = dse.evaluate(
        "mobilenet_v2", device="esp32", precision="int8", width=[0.35, 1.0], utilization=[0.1, 0.9], metrics=ENERGY
    )
    kept = dse.frontier(data, minimize=ENERGY)
    assert sorted(zip(kept.width.values, kept.utilization.values)) == [(0.35, 0.1), (0.35, 0.9)]
    assert dse.frontier(data, minimize=ENERGY, choose="utilization").utilization.values.tolist() == [0.1]
    with pytest.raises(InputError, match="utilisation"):
        dse.frontier(data, minimize=ENERGY, choose="utilisation")


ENERGY = ["energy"]
