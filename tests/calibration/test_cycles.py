"""Cycles of a fitted engine on a microcontroller, by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import dse
from dse.calibration import CALIBRATIONS
from dse.calibration.cycles import cycles, cycles_text
from dse.cli import run

NAME = "stm32h743, tinyengine/mit-han-lab, int8, vision"
PEAK = 1.92e9
FITTED = replace(CALIBRATIONS[NAME], constants={"matrix_cost": 3.6, "depthwise_cost": 5.0, "weight_cost": 4.0})


def test_cycles_by_kind_of_op():
    """480 MHz, 1.92 GOP/s (half a cycle for each multiply-accumulate) and 3.84 GB/s (an eighth for each byte)."""
    found = cycles(FITTED, dse.devices["stm32h743"], PEAK)
    assert list(found.values()) == pytest.approx([1.8, 2.5, 0.5], rel=1e-12)
    kinds = [what.partition(" of ")[2] for what in found]
    assert kinds == ["convolutions and linear layers", "depthwise convolutions", "weights"]
    assert cycles_text(FITTED, dse.devices["stm32h743"], PEAK).endswith("0.5 for a byte of weights (at 480 MHz)")
    assert (
        cycles(FITTED, dse.devices["rtx-4090"], PEAK) == {} and cycles_text(FITTED, dse.devices["rtx-4090"], PEAK) == ""
    )


def test_users_see_them(capsys):
    assert run(["show", NAME]) == 0
    assert "for a multiply-accumulate of depthwise convolutions" in capsys.readouterr().out
    line = ["evaluate", "mobilenet_v2", "--device", "stm32h743", "--precision", "int8", "--metric", "latency"]
    assert run([*line, "--set", "latency_model=calibrated", "--set", "software=tinyengine/mit-han-lab"]) == 0
    assert " for a byte of weights (at 480 MHz)" in " ".join(capsys.readouterr().out.split())


STANDS_IN = [
    ("resnet50", "h100-sxm", "fp16", [], "class:consumer-gpu, any software"),
    ("mobilenet_v2", "esp32", "int8", [], "class:mcu, any software"),
    ("mobilenet_v2", "stm32f746", "int8", ["software=tinyengine/mit-han-lab"], "class:mcu, tinyengine/mit-han-lab"),
    ("mobilenet_v2", "stm32h743", "fp32", ["software=tinyengine/mit-han-lab"], "measured in int8 only"),
    ("llama-3-8b", "h100-sxm", "fp16", ["phase=decode", "context=512"], "class:datacentre-gpu, any software"),
]


@pytest.mark.parametrize("network, device, precision, settings, what", STANDS_IN)
def test_designs_that_another_calibration_stands_for_are_told(capsys, network, device, precision, settings, what):
    """Calibrations of a class are of any number format: the cycles are those of the format computed in."""
    line = ["evaluate", network, "--device", device, "--precision", precision, "--metric", "latency", "--json"]
    sets = [word for one in ["latency_model=calibrated", *settings] for word in ("--set", one)]
    assert run([*line, *sets]) == 0
    told = json.loads(capsys.readouterr().out)["assumptions"]
    assert what in told["calibration"] and ("cycles" in told) == (dse.devices[device].device_class == "mcu")
