"""On-chip memory and the energy of operations: bytes, time and joules worked out by hand, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.jobs.resolve import read_job
from tests.metrics import layers

TABLE = layers.mobilenet_v2()
WEIGHTS = layers.total(TABLE, "weights")  # bytes in int8
TRAFFIC = layers.total(TABLE, "moved")
MACS = 300_774_272
LIVE = 1_404_928  # MCUNetV2, figure 1: 1372 KiB
KIB = 1024
# Below what is live; what is live exactly; not quite the weights beside it; exactly those too.
SRAM = [LIVE - 1, LIVE, LIVE + 3_504_872 - 1, LIVE + 3_504_872]
OFF_CHIP = [WEIGHTS + TRAFFIC, WEIGHTS, WEIGHTS, 0]
SPEC = {
    "network": {"model": "mobilenet_v2"},
    "precision": {"scheme": "int8"},
    "hardware": {"device": "chip"},
    "device": {"chip": {"class": "edge", "peak_int8": "1 TOPS", "bandwidth": "1 GB/s", "sram": SRAM, "tdp": "1 W"}},
    "objectives": {"minimize": ["dram_bytes"]},
    "fit": False,
}
METRICS = ["dram_bytes", "sram_bytes", "bytes_moved", "memory_time", "latency", "energy", "live_bytes", "weights_moved"]
METRICS += ["activations_moved", "operation_energy", "compute_bound"]


def chip(deployment=None, **options):
    from dse.grid.dataset import evaluate

    return evaluate(read_job({**SPEC, "deployment": deployment or {}}).space, METRICS, **options)


def test_the_table_of_layers_has_the_published_parameters():
    assert WEIGHTS == 3_504_872


@pytest.mark.parametrize("engine", ["plain", "fused"])
def test_what_stays_on_chip_is_served_from_there(engine):
    data = chip({"on_chip_reuse": 1}, engine=engine)
    np.testing.assert_array_equal(data.dram_bytes, OFF_CHIP)
    np.testing.assert_array_equal(data.sram_bytes, WEIGHTS + TRAFFIC - np.array(OFF_CHIP))
    assert float(data.live_bytes) == LIVE


@pytest.mark.parametrize("engine", ["plain", "fused"])
def test_without_reuse_all_bytes_cross_the_interface(engine):
    # The sheet's model: on-chip memory enters neither time nor energy.
    data = chip(engine=engine)
    assert (data.dram_bytes, data.sram_bytes) == (WEIGHTS + TRAFFIC, 0)
    assert (data.bytes_moved, data.weights_moved, data.activations_moved) == (WEIGHTS + TRAFFIC, 1, 1)
    assert float(data.memory_time) == pytest.approx((WEIGHTS + TRAFFIC) / 1e9, rel=1e-15)


@pytest.mark.parametrize("engine", ["plain", "fused"])
def test_reuse_takes_it_out_of_time_and_energy(engine):
    data = chip({"on_chip_reuse": 1}, engine=engine)
    seconds = np.array(OFF_CHIP) / 1e9
    compute = 2 * MACS / 1e12
    np.testing.assert_allclose(data.memory_time, seconds, rtol=1e-14)
    np.testing.assert_allclose(data.latency, np.maximum(compute, seconds), rtol=1e-14)
    np.testing.assert_allclose(data.energy, 0.7 * np.maximum(compute, seconds), rtol=1e-14)
    np.testing.assert_array_equal(data.bytes_moved, OFF_CHIP)
    np.testing.assert_array_equal(data.weights_moved, [1, 1, 1, 0])
    np.testing.assert_array_equal(data.activations_moved, [1, 0, 0, 0])
    np.testing.assert_array_equal(data.compute_bound, compute >= seconds)


def test_reuse_op_by_op():
    deployment = {"on_chip_reuse": [0, 1], "latency_model": "per_op"}
    data = chip(deployment)

    def by_hand(weights, activations):
        times = [(2 * op.macs / 1e12, (weights * op.weights + activations * op.moved) / 1e9) for op in TABLE]
        return sum(map(max, times))

    assert data.latency.dims == ("on_chip_reuse", "sram")
    assert data.dram_bytes.dims == ("on_chip_reuse", "sram")
    expected = [[by_hand(1, 1)] * 4, [by_hand(1, 1), by_hand(1, 0), by_hand(1, 0), by_hand(0, 0)]]
    np.testing.assert_allclose(data.latency, expected, rtol=1e-12)


def test_the_cache_of_a_language_model_is_live():
    axes = {"precision": "fp16", "phase": "decode", "context": 1024, "metrics": ["live_bytes", "peak_sram", "kv_cache"]}
    data = dse.evaluate("llama-2-7b", **axes)
    assert float(data.kv_cache) == 32 * 2 * 4096 * 1024 * 2
    assert float(data.live_bytes) == float(data.kv_cache) + (4096 + 32000) * 2


# Horowitz, ISSCC 2014; Jouppi et al., ISCA 2021, table 2: int8 MAC, 64 bits of a 1 MiB SRAM and of DRAM (middle), pJ.
PROFILES = {"horowitz-45nm": (0.2 + 0.1, 100, 1950), "jouppi-7nm": (0.07 + 0.03, 14, 350)}


def test_operation_energy():
    deployment = {"energy_profile": list(PROFILES), "batch": [1, 4], "on_chip_reuse": 1}
    data = chip(deployment).operation_energy
    assert data.dims == ("batch", "energy_profile", "sram")
    for name, (mac, sram, dram) in PROFILES.items():
        off_chip = np.array(OFF_CHIP)
        expected = MACS * mac + (WEIGHTS + TRAFFIC - off_chip) * sram / 8 + off_chip * dram / 8
        np.testing.assert_allclose(data.sel(energy_profile=name, batch=1), expected * 1e-12, rtol=1e-13)
    # Four samples are more than any of these memories hold; weights are read once for the four.
    mac, _, dram = PROFILES["jouppi-7nm"]
    expected = MACS * mac + (WEIGHTS / 4 + TRAFFIC) * dram / 8
    np.testing.assert_allclose(data.sel(energy_profile="jouppi-7nm", batch=4)[:2], expected * 1e-12, rtol=1e-13)


def test_a_mac_costs_what_it_costs_in_the_format_computed_in():
    # A Cortex-M7 has no int4: it computes in int8.
    axes = {"device": "stm32h743", "precision": ["int8", "int4", "fp32"], "metrics": ["operation_energy", "macs"]}
    data = dse.evaluate("mobilenet_v2", **axes, resolution=32, on_chip_reuse=1)
    assert data.compute_format.values.tolist() == ["int8", "int8", "fp32"]
    # At 32 pixels everything but the weights stays: of these the megabyte holds none at 8 bits.
    traffic = dse.evaluate("mobilenet_v2", resolution=32, precision="int8", metrics="activation_bytes").activation_bytes
    expected = float(data.macs) * 0.3e-12 + float(traffic) * 12.5e-12 + 3_504_872 * 243.75e-12
    assert float(data.operation_energy.sel(precision="int8")) == pytest.approx(expected, rel=1e-12)
    difference = data.operation_energy.sel(precision="int8") - data.operation_energy.sel(precision="int4")
    assert float(difference) == pytest.approx(float(traffic) / 2 * 12.5e-12 + 3_504_872 / 2 * 243.75e-12, rel=1e-9)


def test_a_device_without_a_figure_of_on_chip_memory():
    for metric in ("operation_energy", "dram_bytes", "latency"):
        with pytest.raises(InputError) as caught:
            dse.evaluate("resnet50", device="a100-sxm-80gb", metrics=metric, on_chip_reuse=1)
        assert str(caught.value) == f"hardware.device: 'a100-sxm-80gb' lacks the figure 'sram'; needed by {metric}"


def test_without_reuse_every_device_has_both_energies():
    """Those of the catalogue that state a power and a rate: no figure of on-chip memory is asked for."""
    device = [name for name, d in dse.devices.items() if d.figures.get("tdp") and d.figures.get("peak_fp16")]
    device = [name for name in device if dse.devices[name].figures.get("bandwidth")]
    assert len(device) > 40
    axes = {"precision": "fp16", "resolution": 32, "metrics": ["energy", "operation_energy"]}
    found = dse.evaluate("mobilenet_v2", device=device, **axes)
    bytes_ = 2 * WEIGHTS + float(dse.evaluate("mobilenet_v2", precision="fp16", resolution=32).activation_bytes)
    macs = float(dse.evaluate("mobilenet_v2", resolution=32).macs)
    # Horowitz: an fp16 MAC, adding in fp32, takes 1.1 + 0.9 pJ, a byte of DRAM 243.75 pJ; by line O'Connor, Jouppi, Ha.
    lines = {"LPDDR": 12.4 * 8, "HBM": 3.97 * 8, "GDDR6": 415 / 8, "GDDR7": 415 / 8, "DDR4": 1300 / 8, "DDR5": 1300 / 8}
    kinds = [dse.devices[name].memory_type or "" for name in device]
    charged = np.array([next((v for line, v in lines.items() if k.startswith(line)), 243.75) for k in kinds])
    assert len(set(charged)) >= 4
    np.testing.assert_allclose(found.operation_energy, (macs * 2 + bytes_ * charged) * 1e-12, rtol=1e-12)
    assert (found.energy > 0).all()


@pytest.mark.parametrize(
    ("deployment", "expected"),
    [
        ({"energy_profile": "horowitz"}, "deployment.energy_profile: unknown energy profile 'horowitz'; did you mean"),
        ({"energy_profile": ["sheet", "sheet"]}, "deployment.energy_profile: one energy profile stands twice"),
        ({"energy_profile": []}, "deployment.energy_profile: the axis has no values"),
        ({"energy_profile": 3}, "deployment.energy_profile: unknown energy profile '3'; allowed"),
        ({"on_chip_reuse": 2}, "deployment.on_chip_reuse: 2 is not allowed; allowed: an integer at least 0 and"),
    ],
)  # fmt: skip
def test_faults(deployment, expected):
    with pytest.raises(InputError) as caught:
        read_job({**SPEC, "deployment": deployment})
    assert str(caught.value).startswith(expected)
