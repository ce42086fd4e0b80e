"""The engines, the cuts and the ways to say the same space give the same numbers."""

import numpy as np
import pytest

import dse
from dse import registry
from dse.grid import counting
from dse.grid.evaluate import evaluate_values
from dse.grid.program import has_meaning, plan_of
from dse.pareto.dominance import canonical
from tests.grid.spaces import assert_same, make, random_space, vision, whole

ALL = tuple(registry.METRICS)


# Every set of dimensions is compiled: few axes, that cover both phases and both models.
@pytest.mark.parametrize(("seed", "fixed"), [(0, {}), (2, {"heads": 8, "gated": 1, "layers": 4, "vocab": 100})])
def test_fused_equals_plain(seed, fixed):
    space = random_space(seed, **fixed)
    plain = evaluate_values(space, ALL, engine="plain")
    fused = evaluate_values(space, ALL, engine="fused")
    assert set(plain) == set(fused) == {*ALL, "accuracy_source", "loss_source"}
    for name, value in plain.items():
        assert value.dims == fused[name].dims, name
        assert_same(fused[name].data, value.data)


@pytest.mark.parametrize("reuse", [0, 1])
def test_compiled_and_plain_sums_over_ops_are_the_same_bits(reuse):
    """With formats and batches that move ops, and where what moves depends on the device."""
    devices = ["rtx-4090", "a100-sxm-80gb", "h100-sxm", "apple-m4", "jetson-nano-4gb", "stm32u575"]
    axes = {"latency_model": "per_op", "on_chip_reuse": reuse, "batch": [1, 3, 40]}
    # Six heads cannot share four of keys and values.
    network = {"layers": [1, 3], "d_model": 192, "d_head": 32, "heads": [4, 6], "kv_heads": [1, 4], "vocab": 1000}
    network |= {"phase": "decode", "context": 64}
    space = make("decoder", device=devices, precision=["fp16", "int8"], **network, **axes)
    plain, fused = (evaluate_values(space, ["latency"], engine=e)["latency"] for e in ("plain", "fused"))
    assert 0 < np.isnan(plain.data).sum() < plain.data.size
    assert_same(fused.data, plain.data)


def test_results_do_not_depend_on_threads():
    space = vision(np.random.default_rng(0), batch=list(range(1, 200)), carbon_intensity=list(range(1, 200)))
    metrics = ("energy", "carbon", "latency", "memory_free")
    one, two, five = (evaluate_values(space, metrics, engine="fused", threads=n) for n in (1, 2, 5))
    for name in metrics:
        assert_same(two[name].data, one[name].data)
        assert_same(five[name].data, one[name].data)


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("limit", [1, 3])
def test_results_do_not_depend_on_the_tiles_of_the_trace(seed, limit, monkeypatch):
    space = random_space(seed)
    expected = evaluate_values(space, ALL)
    monkeypatch.setattr(counting, "TRACE_LIMIT", limit)
    for name, value in evaluate_values(space, ALL).items():
        assert_same(whole(space, value), whole(space, expected[name]))


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(12))
def test_a_list_of_designs_equals_the_grid(seed):
    space = random_space(seed)
    rng = np.random.default_rng(seed)
    places = rng.integers(0, space.size, 40)
    listed = space.designs(places)
    grid, rows = evaluate_values(space, ALL), evaluate_values(listed, ALL)
    for name, value in grid.items():
        assert_same(whole(listed, rows[name]), whole(space, value).reshape(-1)[places])


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(12))
def test_single_points_equal_the_grid(seed):
    space = random_space(seed)
    grid = evaluate_values(space, ALL)
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, space.size, 3):
        index = np.unravel_index(place, tuple(space.sizes.values()))
        point = space
        for dim, i in zip(space.dims, index, strict=True):
            point = point.isel(dim, slice(int(i), int(i) + 1))
        for name, value in evaluate_values(point, ALL).items():
            assert_same(value.data.reshape(()), whole(space, grid[name])[index])


@pytest.mark.parametrize("seed", range(0, 12, 3))
def test_grids_equal_the_functions_called_with_floats(seed):
    """Each metric's own function, on Python floats taken from the grid."""
    space = random_space(seed, latency_model="roofline")
    from dse.grid.inputs import leaf

    inputs = plan_of(space, ALL).only(lambda record: has_meaning(record, space))
    values = evaluate_values(space, [*ALL, *(r.name for r in (*inputs.counts, *inputs.steps))])

    values |= {name: leaf(space, name) for name in inputs.leaves}
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, space.size, 5):
        point = {n: whole(space, v).reshape(-1)[place] for n, v in values.items()}
        for step in inputs.steps:
            if step.domain is None:
                given = step.function(*(float(point[i]) for i in step.inputs))
                np.testing.assert_array_equal(float(given), point[step.name], step.name)


def test_the_order_of_values_is_the_users():
    up = dse.evaluate("mobilenet_v2", resolution=[96, 160, 224], device=["rtx-4090", "stm32u575"])
    down = dse.evaluate("mobilenet_v2", resolution=[224, 96, 160], device=["stm32u575", "rtx-4090"])
    assert list(down.resolution.values) == [224, 96, 160]
    same = down.sel(resolution=up.resolution, device=up.device)
    for name in up.data_vars:
        np.testing.assert_array_equal(same[name].values, up[name].values)


@pytest.mark.parametrize("engine", ["plain", "fused"])
def test_single_precision_is_the_nearest_to_double(engine):
    axes = {"device": ["stm32u575", "esp32"], "precision": ["fp32", "int8"], "width": [0.35, 0.5, 1.0]}
    axes |= {"metrics": ["latency", "energy", "macs"], "engine": engine}
    double, single = (dse.evaluate("mobilenet_v2", dtype=d, **axes) for d in ("float64", "float32"))
    for name in axes["metrics"]:
        assert single[name].dtype == np.float32 and double[name].dtype == np.float64
        np.testing.assert_array_equal(single[name].values, double[name].values.astype(np.float32))
    with pytest.raises(dse.InputError, match="unknown dtype 'float16'; did you mean 'float"):
        dse.evaluate("mobilenet_v2", dtype="float16")


def test_designs_that_tie_by_sums_over_ops_tie_with_every_engine():
    """All is on chip and bound by computing: throughput is that of one sample at any batch, by any order of sums."""
    chip = {"class": "edge", "memory_capacity": "8 GiB", "sram": "64 MiB", "bandwidth": "1 GB/s"}
    chip["peak_int8"] = {"start": "1 TOPS", "stop": "40 TOPS", "num": 48, "scale": "log"}
    axes = {"precision": "int8", "width": 0.5, "resolution": 96, "batch": list(range(1, 20))}
    axes |= {"latency_model": "per_op", "on_chip_reuse": 1, "device": {"chip": chip}, "metrics": ["throughput"]}
    plain, fused = (dse.evaluate("mobilenet_v2", engine=e, **axes).throughput for e in ("plain", "fused"))
    np.testing.assert_array_equal(fused.values, plain.values)
    tied = canonical(plain.transpose("peak_int8", "batch").values)
    np.testing.assert_array_equal(tied, np.broadcast_to(tied[:, :1], tied.shape))
