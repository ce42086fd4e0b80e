"""Spaces: dimensions, tiles, lists of designs, what is refused."""

import itertools

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.grid import capacity, evaluate
from dse.grid.evaluate import evaluate_values
from dse.grid.space import check_axis, make_grid, make_list
from dse.networks import FAMILIES
from tests.grid.spaces import make, random_space


def test_each_metric_keeps_the_dimensions_that_it_varies_along():
    data = dse.evaluate(
        "mobilenet_v2", width=[0.35, 1.0], resolution=[96, 224], batch=[1, 8], pue=[1.0, 1.5],
        device=["rtx-4090", "stm32u575"], precision=["fp16", "int8"],
    )  # fmt: skip
    expected = {
        "params": ("width",),
        "macs": ("width", "resolution"),
        "model_size": ("width", "precision"),
        "peak_sram": ("width", "resolution", "precision", "batch"),
        "ridge_point": ("precision", "device"),
        "power": ("device",),
        "total_power": ("pue", "device"),
        "latency": ("width", "resolution", "precision", "batch", "device"),
        "energy": ("width", "resolution", "precision", "batch", "pue", "device"),
        "kv_cache": ("precision", "batch"),
        "compute_format": ("precision", "device"),
    }
    assert {name: data[name].dims for name in expected} == expected


def test_a_count_varies_along_a_structural_axis_only_where_it_does():
    data = dse.evaluate(
        "decoder", layers=2, d_model=64, heads=2, vocab=100, gated=[0, 1], positions=[0, 4096], context=8
    )
    assert data.macs.dims == ("gated",)
    assert data.params.dims == ("gated", "positions")


def test_an_axis_with_one_value_in_a_list_is_a_dimension_of_length_one():
    data = dse.evaluate("mobilenet_v2", width=[0.5], resolution=[96, 224], metrics=["macs", "model_size"])
    assert dict(data.sizes) == {"width": 1, "resolution": 2}
    alone = dse.evaluate("mobilenet_v2", width=0.5, resolution=[96, 224], metrics=["macs", "model_size"])
    np.testing.assert_array_equal(data.macs.isel(width=0), alone.macs)


def test_no_axes_at_all():
    data = dse.evaluate("mobilenet_v2", metrics=["params", "macs"])
    assert dict(data.sizes) == {} and float(data.params) == 3_504_872


def test_attributes_of_a_result():
    data = dse.evaluate("resnet50", device="stm32u575", precision="int4")
    assert data.latency.attrs["units"] == "s" and data.latency.attrs["direction"] == "min"
    assert data.latency.attrs["formula"] == "max(compute_time, memory_time)"
    assert "lower bound" in data.latency.attrs["long_name"]
    assert "not a language model" in data.tokens_per_second.attrs["reason"]
    # The device has no 4-bit arithmetic: it computes in the next wider format that it has, and says so.
    assert str(data.compute_format.values) == "int8"
    assert float(data.peak_performance) == 640e6


@pytest.mark.parametrize("seed", range(9))
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_tiles_cover_the_grid_once(seed, limit):
    space = random_space(seed)
    seen = np.zeros(tuple(space.sizes.values()), dtype=int)
    for place, tile in space.tiles(limit):
        assert tile.size <= limit
        where = tuple(place.get(d, slice(None)) for d in space.dims)
        seen[where] += 1
        for dim, index in place.items():
            assert tile.axes[dim].values == space.axes[dim].values[index]
    assert (seen == 1).all()


def test_designs_at_flat_places_are_row_major():
    space = make("mobilenet_v2", width=[0.35, 1.0], resolution=[96, 160, 224], device=["rtx-4090", "stm32u575"])
    rows = space.designs(np.arange(space.size))
    columns = [rows.axes[d].values for d in space.dims]
    assert list(zip(*columns, strict=True)) == list(itertools.product(*(space.axes[d].values for d in space.dims)))


def test_a_list_of_designs_with_structural_columns():
    columns = {"depth": [50, 18, 101, 18], "resolution": [224, 224, 96, 96], "precision": "fp32"}
    space = make_list(FAMILIES["resnet"], columns)
    params = evaluate_values(space, ["params"])["params"]
    assert params.dims == ("design",)
    assert params.data.tolist() == [25_557_032, 11_689_512, 44_549_160, 11_689_512]


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="does not fit"):
        make_list(FAMILIES["resnet"], {"depth": [50, 18], "resolution": [224, 96, 128]})


# Networks that the axes cannot make.


def test_a_single_network_that_cannot_be_built_is_refused():
    with pytest.raises(InputError, match="bottleneck"):
        dse.evaluate("resnet", depth=18, groups=32, metrics="params")


def test_among_many_it_is_undefined():
    data = dse.evaluate("resnet", depth=[18, 50], groups=[1, 32], width_per_group=[4, 64], metrics=["params", "macs"])
    undefined = data.params.isnull()
    assert undefined.sel(depth=18).values.tolist() == [[True, False], [True, True]]
    assert not undefined.sel(depth=50).any()
    assert float(data.params.sel(depth=50, groups=32, width_per_group=4)) == 25_028_904


@pytest.mark.parametrize("model", ["roofline", "per_op"])
def test_what_cannot_be_built_has_no_latency(model):
    axes = {"layers": 2, "d_model": 512, "d_head": 64, "vocab": 100, "heads": [8, 12], "kv_heads": [4, 8]}
    data = dse.evaluate("decoder", **axes, device="rtx-4090", latency_model=model)
    for name in ("latency", "energy", "params", "peak_activations", "tokens_per_second", "memory_free"):
        assert data[name].isnull().values.tolist() == [[False, False], [False, True]], name


@pytest.mark.parametrize("limit", [1, 2, 4096])
def test_undefined_networks_whatever_the_tiles(limit, monkeypatch):
    from dse.grid import counting

    monkeypatch.setattr(counting, "TRACE_LIMIT", limit)
    axes = {"layers": 2, "d_model": 512, "d_head": 64, "vocab": 100}
    data = dse.evaluate("decoder", **axes, heads=[8, 12, 16], kv_heads=[1, 4, 8, 16], metrics=["params", "macs"])
    expected = [[h % k != 0 for k in (1, 4, 8, 16)] for h in (8, 12, 16)]
    assert data.params.isnull().values.tolist() == expected
    assert data.macs.isnull().values.tolist() == expected


# What is refused.


def test_a_metric_that_needs_a_device():
    with pytest.raises(InputError, match="'latency' needs one"):
        dse.evaluate("resnet50", metrics=["params", "latency"])


def test_without_a_device_all_metrics_that_need_none():
    data = dse.evaluate("resnet50", precision="int8")
    assert {"params", "macs", "model_size", "accuracy", "peak_sram"} <= set(data.data_vars)
    assert not {"latency", "power", "energy", "memory_free"} & set(data.data_vars)


@pytest.mark.parametrize("metrics", ["latensy", ["params", "latensy"]])
def test_an_unknown_metric(metrics):
    with pytest.raises(InputError, match="did you mean 'latency'"):
        dse.evaluate("resnet50", device="rtx-4090", metrics=metrics)


def test_an_unknown_engine():
    with pytest.raises(InputError, match="auto, plain, fused"):
        dse.evaluate("resnet50", metrics="params", engine="quick")


def test_a_count_beyond_exact_integers():
    with pytest.raises(InputError, match=r"beyond 2\^53"):
        dse.evaluate("decoder", layers=10**6, d_model=65536, heads=512, vocab=100, d_head=128, metrics="params")


def test_a_grid_that_memory_cannot_hold_is_refused_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(capacity, "available_memory", lambda: 2.0**30)
    space = make("mobilenet_v2", batch=list(range(1, 10_001)), carbon_intensity=list(range(100_000)), device="rtx-4090")
    needed = 8 * 10**9 / 2**30
    with pytest.raises(InputError, match=f"1e\\+09 designs need {needed:.2f}.* GiB"):
        evaluate_values(space, ["carbon"])
    # What varies along one axis only is small.
    assert evaluate_values(space, ["latency"])["latency"].data.shape == (10_000,)


@pytest.mark.no_cover
@pytest.mark.parametrize("network_axes", [False, True])
def test_absurd_grids_are_refused_at_once(network_axes):
    many = [0.5 + i * 1e-5 for i in range(50_000)]
    axes = dict.fromkeys(("compute_efficiency", "bandwidth_efficiency", "utilization", "memory_share"), many)
    if network_axes:
        axes |= {"width": many, "resolution": list(range(32, 10_032)), "classes": list(range(2, 10_002))}
    space = make("mobilenet_v2", device="rtx-4090", **axes)
    assert space.size >= 10**18
    with pytest.raises(InputError, match="of memory"):
        evaluate_values(space, ["energy", "memory_free"])


def test_memory_that_is_available(monkeypatch, tmp_path):
    assert 0 < capacity.available_memory() < 2**60
    files = {"memory.max": "1000000", "memory.current": "700000", "memory.stat": "anon 5\ninactive_file 200000\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    group = (str(tmp_path), "memory.max", "memory.current", "inactive_file")
    monkeypatch.setattr(capacity, "_GROUPS", (group,))
    assert capacity.available_memory() == 500_000
    (tmp_path / "memory.max").write_text("max\n")
    assert capacity.available_memory() > 2**20


def test_small_spaces_are_not_measured(monkeypatch):
    monkeypatch.setattr(evaluate, "check_memory", lambda *_: pytest.fail("measured"))
    assert dse.evaluate("mobilenet_v2", width=[0.5, 1.0], device="rtx-4090").sizes["width"] == 2


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("batch", [], "no values"),
        ("batch", [1, 0], "at least 1"),
        ("batch", [1, 0, 0.5, -1], "0 is not allowed; allowed: an integer at least 1 (and 2 more values)"),
        ("batch", [1, 2, 1], "twice"),
        ("batch", [1.5], "an integer"),
        ("utilization", [float("nan")], "at most 1"),
        ("phase", ["decode", "dekode"], "prefill, decode"),
    ],
)
def test_values_of_an_axis(name, values, problem):
    faults = check_axis(name, values, "deployment")
    assert len(faults) == 1 and problem in str(faults[0])


def test_defaults_stand_by_name():
    space = make_grid(FAMILIES["decoder"], {"layers": 1, "d_model": 64, "heads": 1, "vocab": 10})
    assert space.axes["phase"].values == ("decode",) and not space.axes["phase"].given


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("compute_efficiency", 70, ' (in percent: "70 %")'),
        ("bandwidth_efficiency", 1.5, ' (in percent: "70 %")'),
        ("link_efficiency", 80, ' (in percent: "80 %")'),
        ("sparsity", 50, ' (in percent: "50 %")'),
        ("on_chip_reuse", 2, "at most 1"),  # a switch is no share
        ("compute_efficiency", 0, "at most 1"),
    ],
)
def test_a_share_above_the_whole(name, value, hint):
    (fault,) = check_axis(name, [value], "x")
    assert fault.problem.endswith(hint)
