"""The whole grid on disk: what `dse.evaluate` gives, opened lazily, refused where there is no room."""

from __future__ import annotations

import shutil
from collections import namedtuple

import numpy as np
import pytest
import xarray as xr
from specs import LANGUAGE, SMALL, changed

import dse
from dse.errors import InputError
from dse.jobs import recut as recuts
from dse.jobs import run as runs
from dse.jobs import store
from dse.jobs.recut import recut
from dse.jobs.result import load

KEPT = changed(SMALL, output__grid=True)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return dse.explore(KEPT, out=tmp_path_factory.mktemp("results") / "kept", plots=False)


def evaluated(spec, metrics):
    network = {k: v for k, v in spec["network"].items() if k not in ("family", "model")}
    name = spec["network"].get("model") or spec["network"]["family"]
    return dse.evaluate(
        name,
        device=spec["hardware"]["device"],
        precision=spec["precision"]["scheme"],
        metrics=metrics,
        **network,
        **spec.get("deployment", {}),
    )


@pytest.mark.parametrize("tile", [3, 10**6])
@pytest.mark.parametrize("spec", [SMALL, LANGUAGE, changed(LANGUAGE, deployment__latency_model=["roofline", "per_op"])])
def test_the_store_holds_what_evaluate_gives(tmp_path, monkeypatch, spec, tile):
    monkeypatch.setattr(runs, "Scanner", lambda blocks: Scanner(blocks, tile=tile))
    monkeypatch.setattr(store, "CHUNK", 7)
    result = dse.explore(changed(spec, output__grid=True), out=tmp_path / "x", plots=False)
    grid = dse.load(tmp_path / "x").grid
    expected = evaluated(spec, [*result.manifest["metrics"], "params"])
    for name, variable in expected.data_vars.items():
        assert grid[name].dims == variable.dims, name
        np.testing.assert_array_equal(grid[name].values, variable.values, strict=True)
        assert grid[name].attrs == variable.attrs
    assert set(grid.coords) == set(expected.coords)
    for name, coordinate in expected.coords.items():
        assert grid[name].values.tolist() == coordinate.values.tolist()
        assert grid[name].attrs == coordinate.attrs
    assert grid.attrs.items() <= expected.attrs.items()


Scanner = runs.Scanner


def test_opened_and_not_loaded(kept):
    grid = load(kept.path).grid
    assert not grid.latency.variable._in_memory
    assert kept.manifest["files"] == sorted(p.name for p in kept.path.iterdir())
    assert "grid.zarr" in kept.manifest["files"]


def test_natural_dimensions_and_chunks(kept):
    import zarr

    group = zarr.open_group(kept.path / "grid.zarr", mode="r")
    assert group["params"].shape == (4,)
    assert group["latency"].metadata.dimension_names == ("width", "resolution", "precision", "device")
    assert group["latency"].compressors[0].level == 1
    assert group.metadata.zarr_format == 3
    assert store._chunks((50, 700, 3000)) == (1, 333, 3000)


def test_a_cut_from_the_store_is_the_one_from_the_formulas(kept, monkeypatch):
    options = {
        "minimize": ["peak_sram"],
        "maximize": ["accuracy"],
        "budgets": {"latency": "200 ms"},
        "per": ["precision"],
    }
    expected = recut(dse.explore(SMALL), **options)
    assert expected.counts["kept"] > 1
    read = []
    monkeypatch.setattr(recuts, "stored_values", lambda *given: read.append(given) or store.stored_values(*given))
    found = recut(load(kept.path), **options)
    assert read
    assert found.counts == expected.counts
    xr.testing.assert_identical(found.frontier, expected.frontier)


def test_a_cut_by_a_metric_that_is_not_stored_is_evaluated(kept):
    found = recut(load(kept.path), minimize=["carbon"])
    xr.testing.assert_identical(found.frontier, recut(dse.explore(SMALL), minimize=["carbon"]).frontier)


def test_a_store_of_older_formulas_is_not_used(kept, monkeypatch):
    monkeypatch.setattr(recuts, "stored_values", lambda *_: pytest.fail("read"))
    old = load(kept.path)
    old.manifest["code"] = "older"
    assert recut(old).counts == kept.counts


def test_plots_made_later_keep_the_grid(kept, tmp_path):
    shutil.copytree(kept.path, tmp_path / "copy")
    again = dse.explore(KEPT, out=tmp_path / "copy", plots=True)
    assert again.state == "reused"
    np.testing.assert_array_equal(dse.load(tmp_path / "copy").grid.latency, kept.grid.latency)


def test_refused_before_the_work_where_the_disk_has_no_room(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: usage(10, 9, 1000))
    monkeypatch.setattr(runs, "compute", None)
    with pytest.raises(InputError, match=r"output.grid: the whole grid takes .* are free at .*narrow the axes"):
        dse.explore(KEPT, out=tmp_path / "deep" / "x", plots=False)
    assert list(tmp_path.iterdir()) == []


def test_in_memory_there_is_nothing_to_keep_it_in():
    assert dict(dse.explore(KEPT).grid.sizes) == {"width": 4, "resolution": 3, "precision": 2, "device": 2}


def test_true_or_false():
    with pytest.raises(InputError, match=r"output\.grid: 'yes' is not true or false"):
        dse.explore(changed(SMALL, output__grid="yes"))


def test_axes_of_an_own_format_are_coordinates_of_the_grid(tmp_path):
    own = {"scheme": ["int8", "mine"], "mine": {"weight_bits": [2, 4], "group_size": [32, 64]}}
    result = dse.explore(changed(KEPT, precision=own), out=tmp_path / "x", plots=False)
    kept = dse.load(tmp_path / "x").grid
    assert kept.sizes["precision"] == 5
    assert kept["weight_bits"].dims == kept["group_size"].dims == ("precision",)
    assert list(kept["group_size"].values[1:]) == [32, 64, 32, 64]
    xr.testing.assert_equal(kept["latency"].load(), result.grid["latency"])
