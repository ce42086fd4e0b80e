"""One design of a result, and what is around it. Expected values follow from rooflines by hand, or from the result."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.jobs.sample import sample
from dse.plot import design

SPEC = {
    "name": "small",
    "network": {"family": "mobilenet_v2", "width": [0.35, 0.5, 1.0], "resolution": [96, 160, 224]},
    "precision": {"scheme": ["fp32", "int8"]},
    "hardware": {"device": ["stm32u575", "esp32"]},
    "objectives": {"minimize": ["latency", "peak_sram"], "maximize": ["accuracy"], "per": ["device"]},
    "budgets": {"flash": "4 MiB"},
}


@pytest.fixture(scope="module")
def result():
    return dse.explore(SPEC)


@pytest.mark.parametrize("which", [None, 0, 3, "accuracy", "latency"])
def test_a_design_is_that_of_the_frontier(result, which):
    design = result.design(which)
    found = design.metrics(["latency", "accuracy", "peak_sram"])
    frontier = result.frontier
    row = {None: int(frontier.latency.values.argmin()), "latency": int(frontier.latency.values.argmin())}.get(
        which, which
    )
    row = int(frontier.accuracy.values.argmax()) if which == "accuracy" else row
    for name in ("latency", "accuracy", "peak_sram"):
        assert float(found[name]) == float(frontier[name][row])
    assert design.axes["device"] == str(frontier.device.values[row])


def test_what_differs_from_the_model_of_the_name_is_told():
    told = design("mobilenet_v2", device="stm32u575", precision="int8", width=0.35).told
    assert told["width"] == "0.35" and "resolution" not in told
    plain = design("llama-3.1-8b", device="h100-sxm", precision="fp8", phase="decode", context=9, layers=16).told
    assert plain["layers"] == "16" and "d_model" not in plain


def test_designs_that_are_not_there(result):
    with pytest.raises(dse.InputError, match="the frontier has the designs 0 to"):
        result.design(10_000)
    with pytest.raises(dse.InputError, match="unknown metric of the frontier 'latencie'; did you mean 'latency'"):
        result.design("latencie")


def test_the_slice_counts_what_the_result_counts(result):
    # All designs of one device and format, held to the same budgets and the same fit.
    design = result.design("accuracy")
    around = design.around(["width", "resolution"], ["latency"])
    whole = {"network": SPEC["network"], "precision": {"scheme": design.axes["precision"]}, "budgets": SPEC["budgets"]}
    counts = dse.explore({**SPEC, **whole, "hardware": {"device": design.axes["device"]}}).counts
    assert int(around.feasible.sum()) == counts["kept"] + counts["dominated"]
    excluded = list(counts["excluded"].values())
    told = [int((around.excluded_by == n).sum()) for n in range(len(excluded))]
    assert told == excluded


def test_a_compute_bound_design_gains_a_tenth_of_its_time_by_a_faster_core(result):
    change = dse.plot.design("mobilenet_v2", device="stm32u575", precision="int8").sensitivity(["latency"]).change
    by_model = change.sel(metric="latency (whole network)")
    np.testing.assert_allclose(by_model.sel(figure="peak_int8"), 1 / 1.1 - 1, rtol=1e-12)
    assert float(by_model.sel(figure="bandwidth")) == 0
    energy = dse.plot.design("mobilenet_v2", device="stm32u575", precision="int8").sensitivity(["energy"]).change
    np.testing.assert_allclose(energy.sel(figure="tdp"), 0.1, rtol=1e-12)


def test_scaling_doubles_what_is_moved_and_tells_what_fits():
    axes = {"phase": "decode", "context": 4096}
    scaling = dse.plot.design("llama-3.1-8b", device="a100-sxm-80gb", precision="fp16", **axes).scaling()
    assert scaling.token_throughput.dims == ("context", "batch")
    # 8,030,261,248 parameters of 2 B and 128 KiB of cache a token, in nine tenths of 80 GiB.
    room = 0.9 * 80 * 2**30 - 2 * 8_030_261_248
    fits = scaling.fits.sel(context=4096)
    largest = int(scaling.batch[fits.values].max())
    assert largest * 4096 * 2**17 < room < 2 * largest * 4096 * 2**17
    np.testing.assert_allclose(
        scaling.token_throughput.values, scaling.batch.values / scaling.time_per_token.values, rtol=1e-12
    )


def test_all_designs_or_a_sample_with_the_whole_frontier(result):
    designs, limits, size = sample(result, 100)
    assert (designs.sizes["design"], size) == (36, 36)
    assert [(li["column"], li["fit"]) for li in limits] == [
        ("sram_free", "mcu"),
        ("flash_free", "mcu"),
        ("memory_free", "other"),
        ("flash", ""),
    ]
    few, _, _ = sample(result, 5)
    axes = ("width", "resolution", "precision", "device")
    kept, frontier = (set(zip(*(d[a].values.tolist() for a in axes), strict=True)) for d in (few, result.frontier))
    assert frontier <= kept


def test_several_networks_as_one_workload_are_told():
    spec = {
        "network": [{"name": n, "family": "mobilenet_v2", "width": w} for n, w in (("a", 0.35), ("b", [0.5, 1.0]))],
        "workload": {"combine": "together"},
        "precision": {"scheme": "int8"},
        "hardware": {"device": ["stm32h743", "stm32h747"]},
        "objectives": {"minimize": ["latency"]},
        "fit": False,
    }
    design = dse.explore(spec).design()
    with pytest.raises(dse.InputError, match="several networks as one workload"):
        _ = design.ops
    assert design.around(["b.width", "device"], ["latency"]).latency.shape == (2, 2)
