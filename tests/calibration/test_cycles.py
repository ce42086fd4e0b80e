"""Cycles of a fitted engine on a microcontroller, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

import dse
from dse.calibration import CALIBRATIONS
from dse.calibration.cycles import cycles, cycles_text
from dse.cli import run

NAME = "stm32h743, tinyengine/mit-han-lab, int8, vision"
FITTED = replace(CALIBRATIONS[NAME], constants={"matrix_cost": 3.6, "depthwise_cost": 5.0, "weight_cost": 4.0})


def test_cycles_by_kind_of_op():
    """480 MHz, 1.92 GOP/s (half a cycle for each multiply-accumulate) and 3.84 GB/s (an eighth for each byte)."""
    found = cycles(FITTED, dse.devices["stm32h743"])
    assert list(found.values()) == pytest.approx([1.8, 2.5, 0.5], rel=1e-12)
    kinds = [what.partition(" of ")[2] for what in found]
    assert kinds == ["convolutions and linear layers", "depthwise convolutions", "weights"]
    assert cycles_text(FITTED, dse.devices["stm32h743"]).endswith("0.5 for a byte of weights (at 480 MHz)")
    assert cycles(FITTED, dse.devices["rtx-4090"]) == {} and cycles_text(FITTED, dse.devices["rtx-4090"]) == ""


def test_users_see_them(capsys):
    assert run(["show", NAME]) == 0
    assert "for a multiply-accumulate of depthwise convolutions" in capsys.readouterr().out
    line = ["evaluate", "mobilenet_v2", "--device", "stm32h743", "--precision", "int8", "--metric", "latency"]
    assert run([*line, "--set", "latency_model=calibrated", "--set", "software=tinyengine/mit-han-lab"]) == 0
    assert " for a byte of weights (at 480 MHz)" in " ".join(capsys.readouterr().out.split())
