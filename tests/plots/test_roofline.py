"""What the roofline prepares. Figures of two imaginary devices: 100 TFLOP/s at 1 TB/s, 1 TFLOP/s at 0.1 TB/s."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from dse.plots import draw
from dse.plots.kinds import NotInResult
from dse.plots.roofline import prepare
from tests.plots.results import make_cloud, make_result


def make(devices, formats, intensity, attained, peak, ridge):
    frontier = xr.Dataset(
        {
            "arithmetic_intensity": ("design", intensity, {"units": "FLOP/B"}),
            "achieved_ops_per_second": ("design", attained, {"units": "FLOP/s"}),
            "peak_performance": ("design", peak, {"units": "FLOP/s"}),
            "ridge_point": ("design", ridge, {"units": "FLOP/B"}),
        },
        {
            "device": ("design", np.array(devices, dtype=object)),
            "compute_format": ("design", np.array(formats, dtype=object)),
        },
    )
    return make_result(frontier, make_cloud(("a", "b"), {}), [])


def two_devices():
    return make(
        ["big", "small", "big", "big"],
        ["fp16"] * 4,
        [50.0, 20.0, 200.0, np.nan],
        [5e13, 1e12, 1e14, 1e14],
        [1e14, 1e12, 1e14, 1e14],
        [100.0, 10.0, 100.0, 100.0],
    )


def test_a_roof_for_each_device_and_format():
    data = prepare(two_devices())
    big, small = data.roofs
    assert (big.label, big.peak, big.ridge) == ("big fp16", 1e14, 100.0)
    assert big.intensity.tolist() == [50.0, 200.0]
    assert big.attained.tolist() == [5e13, 1e14]
    assert (small.device, small.intensity.tolist()) == ("small", [20.0])
    assert "Left out for want of these metrics: 1 design." in data.footer


def test_of_several_devices_the_rate_of_one_is_under_the_roof_of_one():
    """Eight devices together attain 4e14 FLOP/s at 50 FLOP/B, where each has a roof of 5e13: all are on it."""
    result = make(["big"] * 2, ["fp16"] * 2, [50.0, 50.0], [4e14, 2.5e13], [1e14] * 2, [100.0] * 2)
    shared = {"tensor_parallel": ("design", [4, 1]), "pipeline_parallel": ("design", [2, 1]), "data_parallel": 16}
    result.frontier = result.frontier.assign_coords(shared)
    data = prepare(result)
    assert data.roofs[0].attained.tolist() == [5e13, 2.5e13]
    assert "the rate of each" in data.footer and "the rate of each" not in prepare(two_devices()).footer


def test_a_mark_that_no_design_has_is_not_explained():
    below = make(["big"], ["fp16"], [50.0], [2e13], [1e14], [100.0])
    for result, told in ((two_devices(), True), (below, False)):
        (legend,) = draw("roofline", result).legends
        assert ("design on the roof" in [text.get_text() for text in legend.get_texts()]) is told


def test_what_a_search_found_is_told():
    result = two_devices()
    result.manifest["search"] = {"designs": 4, "space": 80}
    assert prepare(result).footer.startswith("The frontier was found by a search of 4 of 80 designs, not proven")


def test_both_axes_are_logarithmic_and_have_units():
    data = prepare(two_devices())
    assert data.x.log and data.y.log
    assert data.x.label == "arithmetic intensity (FLOP/B)"
    assert data.y.label == "attained performance (TFLOP/s)"
    assert data.x.low <= 10.0 and data.x.high >= 200.0


def test_roofs_of_one_device_that_differ_are_told_apart():
    data = prepare(make(["chip"] * 2, ["int8"] * 2, [5.0, 5.0], [1e9, 2e9], [1e9, 2e9], [2.0, 2.0]))
    assert [r.label for r in data.roofs] == ["chip int8, 2 GOP/s, 1 GB/s", "chip int8, 1 GOP/s, 500 MB/s"]


def test_integers_are_no_floats():
    whole = make(["chip"], ["int8"], [5.0], [1e12], [2e12], [2.0])
    assert prepare(whole).x.label == "arithmetic intensity (OP/B)"
    assert prepare(whole).y.label == "attained performance (TOP/s)"


def test_beyond_ten_roofs_those_with_most_designs_are_drawn_and_that_is_said():
    names = [f"d{i:02d}" for i in range(12) for _ in range(1 if i in (3, 5) else 2)]
    n = len(names)
    data = prepare(make(names, ["int8"] * n, [5.0] * n, [1e9] * n, [1e9] * n, [2.0] * n))
    assert [r.device for r in data.roofs] == [f"d{i:02d}" for i in range(12) if i not in (3, 5)]
    assert data.subtitle.startswith("20 of the 22 designs") and "2 more roofs are not drawn" in data.subtitle


def test_one_device_for_all_designs_may_be_a_scalar():
    result = two_devices()
    result.frontier = result.frontier.isel(design=[0, 2]).drop_vars("device").assign_coords(device="big")
    (roof,) = prepare(result).roofs
    assert roof.device == "big"


def test_missing_metrics_are_named():
    result = two_devices()
    result.frontier = result.frontier.drop_vars(["ridge_point", "peak_performance"])
    with pytest.raises(NotInResult, match="needs the metrics peak_performance, ridge_point; add them"):
        prepare(result)


def test_no_usable_design():
    result = two_devices()
    result.frontier = result.frontier.isel(design=[3])
    with pytest.raises(NotInResult, match="no design on the frontier"):
        prepare(result)
