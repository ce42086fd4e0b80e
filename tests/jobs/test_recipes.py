"""Accuracies of different training recipes never share a frontier."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

import dse
from dse.errors import InputError
from dse.jobs.estimate import estimate
from dse.jobs.recut import recut
from dse.jobs.resolve import read_job

NAMES = ["resnet18", "resnet101", "mobilenet_v2"]
SPEC = {
    "network": [{"model": n} for n in NAMES],
    "precision": {"scheme": "fp16"},
    "hardware": {"device": "rtx-4090"},
    "objectives": {"minimize": ["params"], "maximize": ["accuracy"]},
}
TORCHVISION, SLIM = "ImageNet-1k, torchvision-v1", "ImageNet-1k, tf-slim"


def kept(frontier):
    return sorted(zip(frontier.network.values.tolist(), frontier.recipe.values.tolist(), strict=True))


# Of resnet18 (11.7 M, 69.8 %) and resnet101 (44.5 M, 77.4 %) none dominates the other; mobilenet_v2 (3.5 M, 71.8 %)
# would dominate resnet18 if the two compared.
EXPECTED = [("mobilenet_v2", SLIM), ("resnet101", TORCHVISION), ("resnet18", TORCHVISION)]


@pytest.mark.parametrize("way", [{}, {"bounds": True}, {"output": {"grid": True}}])
def test_recipes_have_frontiers_of_their_own(way, tmp_path):
    result = dse.explore({**SPEC, **way}, out=tmp_path / "r", plots=False)
    assert kept(result.frontier) == EXPECTED
    assert result.manifest["per"] == ["recipe"]
    assert any("recipes do not compare" in note for note in result.manifest["notes"])
    again = recut(dse.load(tmp_path / "r"), minimize=["macs"], maximize=["accuracy"])
    assert kept(again.frontier) == EXPECTED


def test_a_stored_grid_tells_the_recipe(tmp_path):
    result = dse.explore({**SPEC, "output": {"grid": True}}, out=tmp_path / "r", plots=False)
    assert str(result.grid["mobilenet_v2"].recipe.item()) == SLIM


def test_the_compiled_scan_keeps_recipes_apart():
    spec = {**SPEC, "network": [{"family": "resnet", "depth": [18, 34]}, {"family": "mobilenet_v2"}]}
    spec["deployment"] = {"batch": {"start": 1, "stop": 400_000, "step": 1}}
    spec["fit"] = False
    frontier = dse.explore(spec).frontier
    assert set(frontier.recipe.values.tolist()) == {TORCHVISION, SLIM}


def test_without_accuracy_there_is_one_frontier():
    result = dse.explore({**SPEC, "objectives": {"minimize": ["params"]}})
    assert result.frontier.network.values.tolist() == ["mobilenet_v2"]
    assert result.manifest["per"] == []


def test_a_table_of_ones_own_is_one_recipe(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("network,accuracy\nresnet18,60\nresnet101,70\nmobilenet_v2,65\n")
    frontier = dse.explore({**SPEC, "quality": {"table": str(table)}}).frontier
    assert sorted(frontier.network.values.tolist()) == ["mobilenet_v2", "resnet101"]


def test_one_frontier_a_network_is_one_a_recipe():
    spec = {**SPEC, "objectives": {**SPEC["objectives"], "per": ["network"]}}
    assert dse.explore(spec).manifest["per"] == ["network"]


def test_choosing_across_recipes_is_refused():
    with pytest.raises(InputError, match="do not compare"):
        read_job({**SPEC, "objectives": {**SPEC["objectives"], "choose": ["recipe"]}})


def test_a_formula_of_the_accuracy_is_of_a_recipe_too(own_registry):
    @dse.metric(unit="1", direction="max")
    def points_above_fifty(accuracy):
        """Accuracy above 50 %."""
        return accuracy - 50

    spec = {**SPEC, "objectives": {"minimize": ["params"], "maximize": ["points_above_fifty"]}}
    assert kept(dse.explore(spec).frontier) == EXPECTED


def test_a_dry_run_tells():
    axes = {a["name"]: a for a in estimate(read_job(SPEC))["axes"]}
    assert axes["recipe"]["role"] == "per"
    assert axes["recipe"]["values"] == 2


def test_a_dataset_of_several_recipes():
    parts = [dse.evaluate(n, precision="fp16", metrics=["params", "accuracy"]) for n in NAMES]
    parts = [p.drop_vars([n for n in p.coords if n != "recipe"]) for p in parts]
    data = xr.concat(parts, "network").assign_coords(network=NAMES)
    found = dse.frontier(data, minimize="params", maximize="accuracy")
    assert kept(found) == EXPECTED
    with pytest.raises(InputError, match="do not compare"):
        dse.frontier(data, minimize="params", maximize="accuracy", choose="recipe")
    assert dse.frontier(data, minimize="params").network.values.tolist() == ["mobilenet_v2"]


def test_a_mix_of_networks_is_one_design_of_all():
    spec = {**SPEC, "workload": {"combine": "mix"}, "objectives": {"minimize": ["latency"]}}
    spec["budgets"] = {"resnet18.accuracy": 60}
    result = dse.explore(spec)
    assert result.manifest["per"] == []
    assert np.isfinite(result.frontier["resnet18.accuracy"].values).all()


def test_panels_are_named_by_recipe():
    from dse.plots import frontier_data

    data = frontier_data.prepare(dse.explore(SPEC))
    assert {p.title for p in data.panels} == {TORCHVISION, SLIM}
    assert dataclasses.is_dataclass(data)
