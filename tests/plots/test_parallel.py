"""Parallel coordinates of any frontier, and panels over parts of one axis."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse import plots
from dse.errors import InputError
from dse.plots import parallel
from dse.plots.style import Scale
from dse.plots.windows import opened, window, window_length
from tests.plots.results import four_designs

BUDGET = {"metric": "latency", "text": "latency ≤ 100 ms", "max": 0.1}


def test_axes_that_vary_objectives_and_budgets():
    data = parallel.prepare(four_designs(budgets=[BUDGET]))
    assert [u.name for u in data.uprights] == ["width", "resolution", "latency (ms)", "accuracy (%)"]
    assert [u.asked for u in data.uprights] == ["", "", "min\n≤ 100 ms", "max"]
    # Four widths stand evenly from the least to the most; of the resolutions two designs share the middle one.
    np.testing.assert_allclose(data.heights[:, 0], [0, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(data.heights[:, 1], [0, 0.5, 0.5, 1], atol=0.05)
    assert data.heights[1, 1] < data.heights[2, 1], "lines of one value stand side by side"
    # 10, 20, 50, 200 ms on a logarithmic axis.
    np.testing.assert_allclose(data.heights[:, 2], np.log([1, 2, 5, 20]) / np.log(20))
    assert [t for _, t in data.uprights[1].ticks] == ["96", "160", "224"]
    np.testing.assert_array_equal(data.colour, [0.01, 0.02, 0.05, 0.2])


def test_named_axes():
    data = parallel.prepare(four_designs(), axes=["precision", "width"])
    assert [u.name for u in data.uprights][:2] == ["precision", "width"]
    assert [t for _, t in data.uprights[0].ticks] == ["int8"]
    with pytest.raises(InputError, match="unknown axis 'widht'; did you mean 'width'"):
        parallel.prepare(four_designs(), axes="widht")


@pytest.mark.parametrize("found", [dse.explore, lambda spec: dse.search(spec, trials=60, seed=1)])
def test_of_explorations_and_searches(found, tmp_path):
    spec = {
        "name": "small",
        "network": {"family": "mobilenet_v2", "width": [0.35, 0.5], "resolution": [96, 128]},
        "precision": {"scheme": "int8"},
        "hardware": {"device": ["stm32u575", "esp32"]},
        "objectives": {"minimize": ["latency"], "maximize": ["accuracy"]},
        "budgets": {"peak_sram": "320 KiB"},
    }
    result = found(spec)
    data = parallel.prepare(result)
    assert [u.name for u in data.uprights][-1] == "peak SRAM (KiB)"
    assert len(data.heights) == result.frontier.sizes["design"]
    path = plots.save(plots.draw("parallel", result, style="paper"), tmp_path / "x.png")
    assert path.stat().st_size > 2000


def test_windows_are_equally_long_and_only_where_they_help():
    scale = Scale("latency", "ms", 1e-3, True, 1e-4, 1.0)
    quick, slow = np.array([2e-4, 4e-4]), np.array([0.1, 0.3])
    length = window_length(scale, [quick, slow])
    # 2.2 times the longer one: 0.1 to 0.3.
    assert length == pytest.approx(2.2 * np.log(3))
    for values in (quick, slow):
        part = window(scale, values, length)
        assert part.low < values.min() and part.high > values.max()
        assert np.log(part.high / part.low) == pytest.approx(length)
    assert window_length(scale, [np.array([2e-4, 0.5]), slow]) == 0
    assert window_length(scale, [quick]) == 0


def test_one_value_does_not_fill_the_axis():
    assert opened(Scale("x", "", 1.0, False, 2.0, 2.001)).limits() == pytest.approx((1.44, 2.56), rel=0.02)
    assert opened(Scale("x", "", 1.0, False, 2.0, 3.0)).low == 2.0
