"""Relations that hold between metrics, whatever the design."""

import numpy as np
import pytest
import xarray as xr

import dse

AXES = {
    "device": ["a100-sxm-80gb", "stm32u575", "cheatsheet-example"],
    "precision": ["fp32", "int8"],
    "batch": [1, 7, 64],
    "utilization": [0.2, 0.7],
}


@pytest.fixture(scope="module", params=["roofline", "per_op"])
def designs(request):
    return dse.evaluate("mobilenet_v2", width=[0.35, 1.0], resolution=[96, 224], latency_model=request.param, **AXES)


@pytest.fixture(scope="module")
def tokens():
    axes = {"context": [1, 128, 4096], "batch": [1, 16], "device": "a100-sxm-80gb", "precision": ["fp16", "int8"]}
    return dse.evaluate("llama-2-7b", phase=["prefill", "decode"], **axes)


def assert_same(a, b):
    a, b = xr.broadcast(xr.DataArray(a), xr.DataArray(b))
    np.testing.assert_allclose(a.values, b.transpose(*a.dims).values, rtol=1e-13)


def test_energy(designs):
    latency, batch = designs.latency, designs.batch
    assert_same(designs.energy * batch, designs.total_power * latency)
    assert_same(designs.energy, designs.energy_wh * 3600)
    assert_same(designs.ops_per_wh, designs.ops_per_watt * 3600)
    assert_same(designs.ops_per_watt * designs.energy, designs.flops)
    assert_same(designs.inferences_per_second_per_watt * designs.energy, designs.throughput * latency / batch)


def test_energy_grows_with_utilization_and_nothing_else_does(designs):
    low, high = designs.sel(utilization=0.2), designs.sel(utilization=0.7)
    for name in ("power", "total_power", "energy", "carbon", "electricity_cost"):
        assert_same(high[name], low[name] * 3.5)
    assert "utilization" not in designs.latency.dims


def test_roofline_is_above_both_bounds_and_per_op_above_the_roofline(designs):
    bound = np.maximum(designs.compute_time, designs.memory_time)
    assert bool((designs.latency >= bound * (1 - 1e-12)).all())
    assert_same(designs.throughput * designs.latency, designs.batch)


def test_compute_bound_is_the_longer_of_the_two_times(designs):
    assert_same(designs.compute_bound, (designs.compute_time >= designs.memory_time) * 1.0)
    assert_same(designs.arithmetic_intensity * designs.bytes_moved, designs.flops * designs.batch)


def test_more_bits_are_never_smaller(designs):
    wide, narrow = designs.sel(precision="fp32"), designs.sel(precision="int8")
    for name in ("model_size", "peak_sram", "memory", "bytes_moved", "memory_time"):
        assert_same(wide[name], narrow[name] * 4)


def test_memory_adds_up(designs):
    assert_same(designs.memory, designs.model_size + designs.kv_cache + designs.peak_activation_memory)
    assert_same(designs.memory_free.sel(device="a100-sxm-80gb"), 0.9 * 80 * 2**30 - designs.memory)
    assert bool(designs.memory_free.sel(device="stm32u575").isnull().all())
    assert bool(designs.sram_free.sel(device="a100-sxm-80gb").isnull().all())


def test_tokens(tokens):
    decode = tokens.sel(phase="decode")
    assert_same(decode.tokens_per_second * decode.latency, 1.0)
    assert_same(decode.tokens_per_second * decode.batch, decode.throughput)
    assert_same(decode.carbon_per_million_tokens, decode.carbon * 1e6)
    assert_same(decode.cost_per_million_tokens * decode.throughput * 3600, 1.3e6)
    assert_same(decode.kv_cache.sel(context=4096), decode.kv_cache.sel(context=128) * 32)


def test_metrics_of_one_phase_are_undefined_in_the_other(tokens):
    for name in ("tokens_per_second", "energy_per_token", "cost_per_million_tokens"):
        assert bool(tokens[name].sel(phase="prefill").isnull().all())
        assert not bool(tokens[name].sel(phase="decode").isnull().any())
    assert bool(tokens.time_to_first_token.sel(phase="decode").isnull().all())
    assert_same(tokens.time_to_first_token.sel(phase="prefill"), tokens.latency.sel(phase="prefill"))


def test_the_phase_that_stands_by_default_is_decode():
    axes = {"device": "a100-sxm-80gb", "precision": "fp16", "context": 64, "metrics": "tokens_per_second"}
    default, named = (dse.evaluate("llama-2-7b", **axes, **more) for more in ({}, {"phase": "decode"}))
    assert float(default.tokens_per_second) == float(named.tokens_per_second) > 0
