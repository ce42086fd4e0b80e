"""Units, prefixes, ticks and labels of axes. Expected values follow from the definitions of the prefixes."""

from __future__ import annotations

import numpy as np
import pytest

from dse.plots.style import log_ticks, make_scale, prefixed, readable, tick_text, widened


@pytest.mark.parametrize(
    ("unit", "typical", "counted", "text", "factor"),
    [
        ("s", 0.004, "", "ms", 1e-3),
        ("s", 2.6e-5, "", "µs", 1e-6),
        ("s", 90.0, "", "s", 1.0),
        ("s", 5000.0, "", "min", 60.0),
        ("s", 4 * 365.25 * 86400.0, "", "years", 365.25 * 86400.0),
        ("B", 327680.0, "", "KiB", 1024.0),
        ("B", 2.0**20, "", "MiB", 1048576.0),
        ("B", 40 * 2.0**30, "", "GiB", 1073741824.0),
        ("B/s", 1.73e9, "", "GB/s", 1e9),
        ("FLOP/s", 8.64e8, "", "MFLOP/s", 1e6),
        ("J", 2e-3, "", "mJ", 1e-3),
        ("kg", 4e-10, "", "ng", 1e-12),
        ("kg", 5e-7, "", "µg", 1e-9),
        ("kg", 3.0, "", "kg", 1.0),
        ("%", 70.0, "", "%", 1.0),
        ("USD", 0.3, "", "USD", 1.0),
        ("mm2", 800.0, "", "mm²", 1.0),
        ("1", 3.5e6, "", "millions", 1e6),
        ("1", 12.0, "", "", 1.0),
        ("1", 3e8, "MAC", "MMAC", 1e6),
        ("FLOP/B", 30.0, "", "FLOP/B", 1.0),
        ("1/s", 30000.0, "", "1/s", 1.0),
    ],
)
def test_prefix(unit, typical, counted, text, factor):
    found, by = prefixed(unit, typical, counted)
    assert found == text
    assert by == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "values", "log"),
    [
        ("s", [0.01, 0.2], True),
        ("s", [0.01, 0.1], False),
        ("s", [0.0, 0.2], False),
        ("s", [-1.0, 20.0], False),
        ("%", [1.0, 80.0], False),
        ("dB", [1.0, 80.0], False),
        ("B", [1024.0, 20480.0], True),
    ],
)
def test_log_scale_is_for_more_than_a_decade_of_positive_values(unit, values, log):
    assert make_scale("x", {"units": unit}, values).log is log


def test_label_says_what_the_number_is():
    attrs = {"units": "s", "long_name": "The larger of compute and memory time (roofline, lower bound)"}
    assert make_scale("latency", attrs, [0.001, 0.005]).label == "latency (ms), roofline, lower bound"
    assert make_scale("peak_sram", {"units": "B"}, [1e5, 3e5]).label == "peak SRAM (KiB)"
    assert make_scale("accuracy", {"units": "%"}, [60.0, 70.0]).label == "accuracy (%)"
    assert make_scale("batch", {"units": "1"}, [1, 8]).label == "batch"
    assert readable("kv_cache") == "KV cache"


def test_values_are_shown_in_the_unit_of_the_label():
    scale = make_scale("peak_sram", {"units": "B"}, [65536.0, 327680.0])
    np.testing.assert_array_equal(scale.show([65536.0, 327680.0]), [64.0, 320.0])
    low, high = scale.limits()
    assert low < 64 and high > 320


def test_a_single_value_has_room_on_both_sides():
    low, high = make_scale("latency", {"units": "s"}, [0.01]).limits()
    assert low < 10 < high


def test_room_is_made_on_the_better_side():
    log = make_scale("latency", {"units": "s"}, [0.01, 1.0])
    assert (widened(log, "min", 0.5).low, widened(log, "min", 0.5).high) == (pytest.approx(0.001), 1.0)
    assert (widened(log, "max", 0.5).low, widened(log, "max", 0.5).high) == (0.01, pytest.approx(10.0))
    straight = make_scale("latency", {"units": "s"}, [2.0, 6.0])
    assert widened(straight, "min", 0.25).low == 1.0
    assert widened(straight, "min", 0.75).low == 0.0
    assert widened(straight, "max", 0.25).high == 7.0


def test_not_finite_values_do_not_count():
    scale = make_scale("latency", {"units": "s"}, [np.nan, 1.0, 2.0, np.inf])
    assert (scale.low, scale.high) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("low", "high", "base", "expected"),
    [
        (0.9, 1500.0, 10, [1, 10, 100, 1000]),
        (9.0, 60.0, 10, [10, 20, 50]),
        (0.5, 2e6, 10, [1, 100, 10000, 1e6]),
        (60.0, 600.0, 2, [64, 128, 256, 512]),
    ],
)
def test_ticks_of_a_log_axis(low, high, base, expected):
    assert log_ticks(low, high, 5, base) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "0.5"), (10000, "10,000"), (1e-6, "10⁻⁶"), (2e7, "2·10⁷"), (0.001, "0.001")],
)
def test_tick_text(value, text):
    assert tick_text(value) == text
