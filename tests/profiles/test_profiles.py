"""Energy profiles against the published tables, in picojoule."""

from __future__ import annotations

import math

import pytest

from dse.profiles import PROFILES


@pytest.mark.parametrize(
    ("profile", "form", "picojoule"),
    [
        ("horowitz-45nm", "int8", 0.2 + 0.1),  # multiply int8 + add int32
        ("horowitz-45nm", "fp16", 1.1 + 0.9),  # multiply fp16 + add fp32
        ("horowitz-45nm", "fp32", 3.7 + 0.9),
        ("jouppi-7nm", "int8", 0.07 + 0.03),
        ("jouppi-7nm", "fp16", 0.34 + 0.38),
        ("jouppi-7nm", "bf16", 0.21 + 0.38),
        ("jouppi-7nm", "fp32", 1.31 + 0.38),
        ("jouppi-7nm", "int4", 0.07 + 0.03),  # runs as int8
        ("jouppi-7nm", "fp8", 0.34 + 0.38),  # runs as fp16
    ],
)
def test_mac(profile, form, picojoule):
    assert PROFILES[profile].mac_energy(form) == pytest.approx(picojoule * 1e-12, rel=1e-12)


@pytest.mark.parametrize(
    ("profile", "sram", "dram"),
    [("horowitz-45nm", 100 / 8, (1300 + 2600) / 2 / 8), ("jouppi-7nm", 14 / 8, (250 + 450) / 2 / 8)],
)
def test_bytes(profile, sram, dram):
    assert PROFILES[profile].sram == pytest.approx(sram * 1e-12, rel=1e-12)
    assert PROFILES[profile].dram == pytest.approx(dram * 1e-12, rel=1e-12)


def test_the_sheet_s_costs_in_int32_adds():
    # Horowitz: an int32 add is 0.1 pJ; fp32 multiply 37 of these, a 32-bit word of 8 KiB SRAM 50, of DRAM 6400.
    sheet, add, fp32_add = PROFILES["sheet"], 0.1e-12, 0.9e-12
    assert (sheet.mac_energy("fp32") - fp32_add) / add == pytest.approx(37, rel=1e-12)
    assert 4 * sheet.sram / add == pytest.approx(50, rel=1e-12)
    assert 4 * sheet.dram / add == pytest.approx(6400, rel=1e-12)


def test_no_integer_mac_is_charged_as_a_float_one():
    assert math.isnan(PROFILES["sheet"].mac_energy("int8"))
    assert PROFILES["sheet"].mac_energy("fp16") == PROFILES["sheet"].mac_energy("fp32")


def test_no_format_wide_enough():
    assert math.isnan(PROFILES["horowitz-45nm"].mac_energy("fp64"))
