"""Designs that stream through compiled nests: the same frontier and counts as those that are held, however divided."""

import dataclasses

import numpy as np
import pytest

from dse.grid.evaluate import evaluate_values
from dse.pareto import stream, units
from dse.pareto.cut import Budget, Cut, Objective
from dse.pareto.regions import regions, thinned
from dse.pareto.scan import scan
from tests.grid.spaces import make

HARDWARE = {"device": ["rtx-4090", "a100-sxm-80gb", "stm32u575"], "precision": ["fp16", "int8"]}
AXES = {"width": [0.35, 0.75, 1.0], "resolution": [96, 160, 224], "batch": [1, 2, 7, 30]}
OBJECTIVES = (Objective("latency", "min"), Objective("energy", "min"), Objective("accuracy", "max"))
BUDGETS = (Budget("peak_sram", high=4e6), Budget("throughput", low=100.0), Budget("model_size", 1e6, 8e6))


def same(space, cut, **options):
    """The scan that streams, after comparing all that it says with the one that holds every tile."""
    held, found = scan(space, cut, engine="plain"), scan(space, cut, engine="fused", **options)
    assert found.places.tolist() == held.places.tolist()
    assert dataclasses.asdict(found.tally) == dataclasses.asdict(held.tally)
    return found


@pytest.mark.parametrize("per", [(), ("device",), ("batch", "device"), (*AXES, *HARDWARE)])
def test_streaming_finds_what_holding_finds(per):
    space = make("mobilenet_v2", utilization=[0.2, 0.7], compute_efficiency=[0.5, 1.0], **AXES, **HARDWARE)
    found = same(space, Cut(OBJECTIVES, BUDGETS, True, per))
    assert found.tally.kept > 0 and found.tally.excluded["fit: flash_free"] > 0


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_do_not_depend_on_boxes_regions_or_threads(threads, monkeypatch):
    space = make("mobilenet_v2", utilization=[0.2, 0.7], compute_efficiency=[0.5, 1.0], **AXES, **HARDWARE)
    for name, value in {"BOX": 11, "ROWS": 3, "AHEAD": 20}.items():
        monkeypatch.setattr(stream, name, value)
    monkeypatch.setattr(units, "UNIT", 50)
    same(space, Cut(OBJECTIVES, BUDGETS, True, ("precision",)), threads=threads)


def test_settings_that_choose_formulas_are_streamed_apart():
    axes = {"latency_model": ["roofline", "per_op"], "on_chip_reuse": [0, 1], "batch": [1, 2, 3]}
    space = make("resnet", depth=[18, 50], resolution=[96, 224], **axes, **HARDWARE)
    cut = Cut((Objective("latency", "min"), Objective("params", "max")), (Budget("latency", high=1.0),), True)
    held, found = scan(space, cut, engine="plain"), scan(space, cut, engine="fused")
    assert found.tally.kept == held.tally.kept and found.tally.excluded == held.tally.excluded
    assert found.places.tolist() == held.places.tolist()


def test_the_nearest_miss_is_the_same():
    space = make("mobilenet_v2", **AXES, **HARDWARE)
    least = float(evaluate_values(space, ["flash"])["flash"].data.min())
    budgets = (Budget("flash", high=least - 1), Budget("latency", 3.0, 4.0), Budget("memory", high=1.0))
    # What does not fit, and what it needs, is told by jobs, however they scan.
    found = same(space, Cut(OBJECTIVES[:2], budgets))
    assert found.tally.feasible == 0 and list(found.tally.nearest) == [b.text() for b in budgets]


def test_one_design_and_designs_without_axes_that_matter():
    assert same(make("mobilenet_v2", device="rtx-4090"), Cut(OBJECTIVES[:1])).tally.kept == 1
    # The axis moves nothing: all designs are equal, and all stay.
    space = make("mobilenet_v2", device="rtx-4090", carbon_intensity=[1.0, 2.0, 3.0])
    assert same(space, Cut(OBJECTIVES[:2])).tally.kept == 3


def test_a_list_of_designs():
    rng = np.random.default_rng(0)
    space = make("mobilenet_v2", **AXES, **HARDWARE)
    same(space.designs(rng.integers(0, space.size, 200)), Cut(OBJECTIVES, BUDGETS))


def test_a_coarse_grid_keeps_the_ends_of_every_axis():
    space = make("mobilenet_v2", batch=list(range(1, 1001)), resolution=list(range(32, 232)), device="rtx-4090")
    coarse = thinned(space, 500)
    assert coarse.space.size <= 500
    for axis in ("batch", "resolution"):
        assert {coarse.space.axes[axis].values[i] for i in (0, -1)} == {space.axes[axis].values[i] for i in (0, -1)}
    places = coarse.all_places(space.sizes)
    rows = space.designs(places)
    for axis in ("batch", "resolution"):
        assert set(rows.axes[axis].values) == set(coarse.space.axes[axis].values)
    assert len(set(places.tolist())) == coarse.space.size


def test_regions_cover_a_grid_once():
    space = make("mobilenet_v2", latency_model=["roofline", "per_op"], **AXES, **HARDWARE)
    found = list(regions(space, 30))
    places = np.concatenate([r.all_places(space.sizes) for r in found])
    assert sorted(places.tolist()) == list(range(space.size))
    assert all(len(r.space.axes["latency_model"].values) == 1 for r in found)
    # Each tells its own places from those of all others, also from places outside of the grid.
    asked = np.arange(-5, space.size + 5)
    for region in found:
        own = np.flatnonzero(region.holds(asked, space.sizes)) - 5
        assert own.tolist() == sorted(region.all_places(space.sizes).tolist())


def test_the_cloud_of_a_stream_is_a_coarse_grid_and_says_so(monkeypatch):
    monkeypatch.setattr(units, "CLOUD", 50)
    space = make("mobilenet_v2", **AXES, **HARDWARE)
    table = scan(space, Cut(OBJECTIVES), engine="fused").cloud.dataset()
    assert table.attrs["counted"] <= 50 < table.attrs["designs"] == space.size
