"""Networks of which only totals are known, and devices of which too few networks were measured for more."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.calibration import CALIBRATIONS, choose
from dse.calibration.measurements import read_measurements
from dse.calibration.terms import predicted, roofline
from dse.hardware import DEVICES

HEADER = "network,device,software,precision,metric,value,unit,axes,totals"
DARKNET = "darknet53,rtx-3090,torch-nchw,fp16,throughput,2072.88,1/s,batch=1024"
TOTALS = "macs=9.31e9 params=41.61e6 activations=12.39e6"
DOMAIN = "vision, totals only"


def read(tmp_path, *rows):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return read_measurements(path)


def test_a_network_without_a_family_is_predicted_from_its_totals(tmp_path):
    """By hand: operations at the peak rate, bytes at the bandwidth, each times its cost; outputs are read once."""
    rows = read(tmp_path, f"{DARKNET},{TOTALS}")
    found = choose(CALIBRATIONS.values(), DEVICES["rtx-3090"], "torch-nchw", "fp16", DOMAIN).calibration
    cost = found.constants
    compute = 2 * 1024 * 9.31e9 / 71.16e12
    maps, weights = 2 * 12.39e6 * 2 * 1024 / 936e9, 41.61e6 * 2 / 936e9
    by_hand = compute * cost["matrix_cost"] + maps * cost["stream_cost"] + weights * cost.get("weight_cost", 0.0)
    assert predicted(rows, cost) == pytest.approx([by_hand + cost.get("call_time", 0.0)], rel=1e-9)
    assert roofline(rows) == pytest.approx([max(compute, maps + weights)], rel=1e-9)
    # Within the interval of what was measured: 1024 images at 2072.88 a second, published by timm.
    assert abs(np.log(by_hand / (1024 / 2072.88))) < np.log(found.spread)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (f"{DARKNET},macs=9e9 params=4e7", "totals: activations: is missing"),
        (f"{DARKNET},{TOTALS} macs=3", "totals: macs: is given twice"),
        (f"{DARKNET},{TOTALS.replace('9.31e9', '0')}", "'0' is not a finite number above 0"),
        (f"{DARKNET},{TOTALS.replace('macs', 'flops')}", "unknown total 'flops'"),
        (f"{DARKNET} resolution=256,{TOTALS}", "allowed: batch"),
        (f",rtx-3090,a,fp16,latency,3,ms,,{TOTALS}", "network: is empty"),
        (f"a,rtx-3090,a,fp16,energy,3,J,,{TOTALS}", "allowed: latency, throughput"),
    ],
)
def test_totals_that_say_nothing_are_refused_with_their_line(tmp_path, row, told):
    with pytest.raises(dse.InputError, match="line 2: ") as refused:
        read(tmp_path, row)
    assert told in str(refused.value)


def test_what_a_device_of_two_networks_is_predicted_by_is_told():
    """The two detectors that were measured lie in the interval of the others' errors; a new network says why it may."""
    found = dse.evaluate(
        "ssd_mobilenet_v2_coco", device=["raspberry-pi-4", "raspberry-pi-5", "jetson-orin-nano-8gb"],
        precision="fp32", software="tensorflow", latency_model="calibrated",
        metrics=["latency", "latency_low", "latency_high"],
    )  # fmt: skip
    for device, seconds in (("raspberry-pi-4", 0.4835), ("raspberry-pi-5", 0.1489)):
        own = found.sel(device=device)
        assert float(own.latency_low) < seconds < float(own.latency_high)
        assert "totals only" in str(own.calibration.values)
    other = found.sel(device="jetson-orin-nano-8gb")
    assert "never measured" in str(other.calibration.values)
    widths = found.latency_high / found.latency
    assert float(widths.sel(device="jetson-orin-nano-8gb")) >= float(widths.sel(device="raspberry-pi-4")) > 2
