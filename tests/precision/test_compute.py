"""The rate follows the kernel: a format that a device lacks runs at the next wider one that it has."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dse import glossary
from dse.errors import InputError
from dse.hardware import DEVICES, figure_table
from dse.precision import FALLBACKS, PRECISIONS, compute_peak, peak_table

WIDTH = {"fp64": 64, "fp32": 32, "tf32": 19, "fp16": 16, "bf16": 16, "fp8": 8, "int8": 8, "fp4": 4, "int4": 4}


@pytest.mark.parametrize(
    ("device", "scheme", "rate", "used"),
    [
        ("v100-sxm2-32gb", "int8", 125e12, "fp16"),
        ("v100-sxm2-32gb", "bf16", 125e12, "fp16"),
        ("a100-sxm-80gb", "w4a16", 312e12, "fp16"),
        ("a100-sxm-80gb", "int8", 624e12, "int8"),
        ("a100-sxm-80gb", "w4a8", 624e12, "int8"),
        ("a100-sxm-80gb", "int4", 1248e12, "int4"),
        ("a100-sxm-80gb", "fp8", 312e12, "fp16"),
        ("a100-sxm-80gb", "nvfp4", 312e12, "fp16"),
        ("h100-sxm", "int4", 1978.9e12, "int8"),
        ("h100-sxm", "nvfp4", 1978.9e12, "fp8"),
        ("tpu-v4", "fp16", 275e12, "bf16"),
        ("stm32f746", "fp16", 432e6, "fp32"),
        ("stm32f746", "int8", 864e6, "int8"),
        ("stm32f746", "int4", 864e6, "int8"),
        ("stm32f746", "q4_0", 432e6, "fp32"),
        ("raspberry-pi-4", "int8", 0.048e12, "fp32"),
        ("cheatsheet-example", "nvfp4", 100e12, "fp4"),
        ("cheatsheet-example", "bf16", 100e12, "bf16"),
    ],
)
def test_rate_follows_the_kernel(device, scheme, rate, used):
    found, name = compute_peak(DEVICES[device].figures, PRECISIONS[scheme].compute)
    assert (found, name) == (pytest.approx(rate, rel=1e-12), used)


@pytest.mark.parametrize(("wanted", "used"), [("int8", "fp16"), ("fp8", "fp16"), ("fp16", "fp16"), ("bf16", "bf16")])
def test_order_of_two_formats_of_one_width(wanted, used):
    assert compute_peak({"peak_bf16": 2.0, "peak_fp16": 1.0, "peak_fp32": 3.0}, wanted)[1] == used


def test_no_format_wide_enough():
    rate, used = compute_peak(DEVICES["coral-edge-tpu"].figures, "fp16")
    assert math.isnan(rate)
    assert used == ""


def test_never_a_narrower_format_nor_another_kind_of_the_same_width():
    assert set(FALLBACKS) == set(WIDTH) == set(glossary.NAMES["compute"].choices)
    for wanted, chain in FALLBACKS.items():
        widths = [WIDTH[name] for name in chain]
        assert chain[0] == wanted
        assert widths == sorted(widths)
        if WIDTH[wanted] < 16:
            assert all(name[:2] == wanted[:2] or WIDTH[name] >= 16 for name in chain)


def test_table_equals_the_single_look_up():
    devices, formats = list(DEVICES.values()), list(FALLBACKS)
    rates, used = peak_table(figure_table(devices), formats)
    assert rates.shape == used.shape == (len(DEVICES), 9)
    for row, device in enumerate(devices):
        for column, wanted in enumerate(formats):
            rate, name = compute_peak(device.figures, wanted)
            np.testing.assert_equal(rates[row, column], rate)
            assert used[row, column] == name


def test_table_of_figures_that_broadcast():
    # A what-if device: two int8 rates against three fp16 rates, one of them missing.
    figures = {"peak_int8": np.array([[1.0], [np.nan]]), "peak_fp16": np.array([4.0, 5.0, np.nan]), "tdp": np.ones(7)}
    rates, used = peak_table(figures, ["int8", "fp16"])
    np.testing.assert_array_equal(rates[..., 0], [[1, 1, 1], [4, 5, np.nan]])
    np.testing.assert_array_equal(used[..., 0], [["int8"] * 3, ["fp16", "fp16", ""]])
    np.testing.assert_array_equal(rates[0, :, 1], [4, 5, np.nan])


def test_unknown_format():
    with pytest.raises(InputError, match="did you mean 'int8'"):
        compute_peak({}, "int88")
