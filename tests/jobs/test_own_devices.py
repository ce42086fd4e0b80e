"""Own devices of a spec: figures as axes and linear figures against an enumeration in NumPy, and every misuse."""

from __future__ import annotations

import numpy as np
import pytest
from specs import changed

import dse
from dse.errors import InputError
from dse.grid.dataset import evaluate
from dse.jobs import assumptions
from dse.jobs.resolve import read_job

CHIP = {
    "class": "edge",
    "peak_int8": ["1 TOPS", "4 TOPS", "16 TOPS"],
    "bandwidth": {"start": "4 GB/s", "stop": "8 GB/s", "step": "2 GB/s"},
    "sram": ["256 KiB", "1 MiB"],
    "memory_capacity": "1 GiB",
    "tdp": {"base": "0.05 W", "peak_int8": "0.3 W/TOPS", "sram": "1 mW/KiB"},
    "area": {"base": "2 mm2", "peak_int8": "0.5 mm2/TOPS", "sram": "4 mm2/MiB"},
    "price": {"base": "1 USD", "area": "0.1 USD/mm2"},
}
SPEC = {
    "network": {"model": "resnet50"},
    "precision": {"scheme": "int8"},
    "hardware": {"device": "chip"},
    "device": {"chip": CHIP},
    "objectives": {"minimize": ["latency", "energy", "area"]},
    "output": {"metrics": ["device_cost", "memory_time"]},
}


def by_hand():
    """Latency, energy, area, price of every chip, with ResNet-50's 4,089,184,256 MAC, over peak, bandwidth, SRAM."""
    peak = np.array([1e12, 4e12, 16e12])[:, None, None]
    bandwidth = np.array([4e9, 6e9, 8e9])[None, :, None]
    sram = np.array([256.0, 1024.0])[None, None, :]  # KiB
    moved = float(dse.evaluate("resnet50", precision="int8", metrics="bytes_moved").bytes_moved)
    latency = np.maximum(2 * 4_089_184_256 / peak, moved / bandwidth) + 0 * sram
    area = 2 + 0.5 * peak / 1e12 + 4 * sram / 1024 + 0 * bandwidth
    tdp = 0.05 + 0.3 * peak / 1e12 + 1e-3 * sram
    # An edge device: no overhead of a site.
    return {"latency": latency, "energy": tdp * 0.7 * latency, "area": area, "device_cost": 1 + 0.1 * area}


def test_figures_that_are_axes_and_figures_that_are_linear_in_them():
    data = evaluate(read_job(SPEC).space, ["latency", "energy", "area", "device_cost", "peak_performance"])
    assert data.peak_performance.dims == ("peak_int8",)
    assert data.area.dims == ("peak_int8", "sram")
    for name, expected in by_hand().items():
        found = data[name].broadcast_like(data.latency * data.area).transpose("peak_int8", "bandwidth", "sram")
        np.testing.assert_allclose(found.values, expected, rtol=1e-13)


def test_the_frontier_of_what_if_hardware():
    columns = {n: v.ravel() for n, v in by_hand().items()}
    points = np.column_stack([columns[n] for n in ("latency", "energy", "area")])
    rounded = np.array([[float(f"{v:.12g}") for v in p] for p in points])
    better = [(np.all(rounded <= p, axis=1) & np.any(rounded < p, axis=1)).any() for p in rounded]
    expected = sorted(map(tuple, rounded[~np.array(better)]))
    result = dse.explore(SPEC)
    found = np.column_stack([result.frontier[n].values for n in ("latency", "energy", "area")])
    assert sorted(tuple(float(f"{v:.12g}") for v in p) for p in found) == expected
    assert result.counts["enumerated"] == 18
    assert 1 < len(expected) < 18  # not one corner
    assert {"peak_int8", "bandwidth", "sram"} <= set(result.frontier.coords)


@pytest.mark.parametrize("engine", ["plain", "fused"])
def test_lists_of_designs_and_parts_of_the_grid_agree_with_it(engine):
    space = read_job(
        changed(SPEC, precision__scheme=["int8", "fp32", "int4"], device__chip__peak_fp16="1 TFLOPS")
    ).space
    whole = evaluate(space, ["latency", "energy", "area"], engine=engine)
    latency = np.broadcast_to(whole.latency.transpose(..., "peak_int8", "bandwidth").values[..., None], (3, 3, 3, 2))
    rows = evaluate(space.designs(np.arange(space.size)), ["latency", "area"], engine=engine)
    np.testing.assert_array_equal(rows.latency.values, latency.ravel())
    one = space.isel("peak_int8", slice(1, 2)).isel("sram", slice(0, 1)).isel("bandwidth", slice(2, 3))
    alone = evaluate(one, ["area", "latency"])
    assert float(alone.area.squeeze()) == float(whole.area.isel(peak_int8=1, sram=0))
    np.testing.assert_array_equal(np.squeeze(alone.latency.values), whole.latency.values.reshape(3, 3, 3)[:, 1, 2])


PLAIN = changed(SPEC, output={})


def test_the_rate_is_that_of_the_format_computed_in():
    """A format that the chip lacks runs at the next wider one, whether that is an axis or not."""
    spec = changed(PLAIN, precision__scheme=["fp16", "int4", "int8", "fp32"], device__chip__peak_fp16="2 TFLOPS")
    data = evaluate(read_job(spec).space, ["peak_performance"])
    axis, fixed, none = [1e12, 4e12, 16e12], [2e12] * 3, [np.nan] * 3
    np.testing.assert_array_equal(data.peak_performance.transpose("precision", ...), [fixed, axis, axis, none])
    formats = data.compute_format.transpose("precision", ...)
    assert formats.values[:, 0].tolist() == ["fp16", "int8", "int8", ""]


def test_an_own_device_over_one_of_the_catalogue():
    spec = changed(
        PLAIN, hardware__device=["mine", "stm32u575"], device={"mine": {"base": "stm32u575", "tdp": "20.6 mW"}}
    )
    spec = changed(
        spec, network={"family": "mobilenet_v2", "resolution": 96}, objectives={"minimize": ["energy"]}, fit=False
    )
    data = evaluate(read_job(spec).space, ["energy", "latency"])
    assert float(data.energy[0] / data.energy[1]) == pytest.approx(2, rel=1e-12)
    assert float(data.latency[0]) == float(data.latency[1])


def test_a_device_of_the_catalogue_is_changed_for_this_spec_only():
    spec = changed(
        PLAIN, hardware__device="class:mcu", device={"stm32f746": {"tdp": "0.3 W"}}, objectives__minimize=["energy"]
    )
    job = read_job(spec)
    assert "stm32f746" in job.space.axes["device"].values  # without it the power is missing
    assert job.space.devices["stm32f746"].figure("tdp") == 0.3
    assert np.isnan(dse.devices["stm32f746"].figure("tdp"))


def test_the_bank_follows_the_on_chip_memory_where_it_is_all_of_it():
    small = {"class": "mcu", "peak_int8": "1 GOPS", "bandwidth": "1 GB/s", "sram": ["64 KiB", "256 KiB"]}
    spec = changed(PLAIN, device={"chip": small}, objectives={"minimize": ["peak_sram"]})
    assert evaluate(read_job(spec).space, ["sram_free"]).sizes == {"sram": 2}
    banked = {"base": "stm32h743", "sram": ["1 MiB", "2 MiB"]}  # its largest bank is 512 KiB
    data = evaluate(read_job(changed(spec, device={"chip": banked})).space, ["sram_free", "peak_sram"])
    assert float(data.sram_free) == 512 * 1024 - float(data.peak_sram)


def test_microcontrollers_are_told_by_their_class():
    mcu = {
        "class": "mcu",
        "peak_int8": "1 GOPS",
        "bandwidth": "1 GB/s",
        "sram": ["64 KiB", "256 KiB"],
        "flash_capacity": "2 MiB",
    }
    network = {"family": "mobilenet_v2", "width": 0.35, "resolution": 96}
    result = dse.explore(changed(PLAIN, network=network, device={"chip": mcu}, objectives={"minimize": ["latency"]}))
    # At 96 pixels 126 KiB are live: 8 channels and six times as many, expanded in place: 48·48·(8 + 48) bytes.
    assert result.counts["excluded"]["fit: sram_free"] == 1
    assert result.frontier.sram.values.tolist() == [256 * 1024]


def test_what_is_written_of_them():
    text = assumptions.to_toml(read_job(SPEC))
    import tomllib

    facts = tomllib.loads(text)["device"]["chip"]
    assert facts["class"] == "edge"
    assert facts["linear"]["tdp"]["peak_int8"] == pytest.approx(0.3e-12, rel=1e-15)
    assert "sram" not in facts["figures"]


def chip(**changes):
    return changed(SPEC, **{f"device__chip__{k}": v for k, v in changes.items()})


FAULTS = [
    (chip(peek_int8=3), "device.chip: unknown field 'peek_int8'; did you mean 'peak_int8'?"),
    (chip(peek_int8=[3]), "device.chip: unknown field 'peek_int8'; did you mean 'peak_int8'?"),
    (chip(note={"base": 3}), "device.chip.note: {'base': 3} is not a text"),
    (chip(year="new"), "device.chip.year: 'new' is not a year"),
    (chip(compared_with="https://example.org"), "device.chip.compared_with: 'https://example.org' is not a list"),
    (chip(process="7 W"), "device.chip.process: unit 'W' is energy/time, but feature size is needed"),
    (chip(bandwidth="3 GB"), "device.chip.bandwidth: unit 'GB' is information, but information/time is needed"),
    (chip(bandwidth=["3 GB/s", "3 GB/s"]), "device.chip.bandwidth: the value 3000000000.0 stands twice"),
    (chip(bandwidth=[]), "device.chip.bandwidth: the axis has no values"),
    (chip(bandwidth=-1), "device.chip.bandwidth: -1 is not allowed; allowed: a number at least 0"),
    (chip(bandwidth={"start": 1, "stop": 2}), "device.chip.bandwidth: has the keys start, stop"),
    (chip(bandwidth={"sram": "1 GB/s/KiB"}), "device.chip.bandwidth: cannot be linear in other figures; tdp, die_area"),
    (chip(tdp={"base": "1 J"}), "device.chip.tdp: base: unit 'J' is energy, but energy/time is needed"),
    (chip(tdp={"sram": "1 W"}), "device.chip.tdp: sram: unit 'W' is energy/time, but"),
    (chip(tdp={"srm": "1 W/KiB"}), "device.chip.tdp: unknown figure of a device 'srm'; did you mean 'sram'?"),
    (chip(tdp={"tdp": 1}), "device.chip.tdp: tdp: a figure cannot be linear in itself"),
    (chip(tdp={"base": "1 W", "sram": "-1 W/MiB", "peak_int8": "-1 W/POPS"}), "device.chip.tdp: would be -0.016 W"),
    (chip(tdp={"area": 1}, area={"tdp": 1}), "device.chip: figures that are linear in each other in a circle"),
    (chip(tdp={"clock": "1 nW/Hz"}), "device.chip.tdp: is linear in clock, which the device lacks"),
    (chip(die_area="3 mm2"), "device.chip.die_area: the figure is given as 'area' too"),
    (chip(base="stm32u757"), "device.chip.base: unknown device 'stm32u757'; did you mean 'stm32u575'?"),
    ({**chip(), "device": {"chip": {"tdp": 3}}}, "device.chip.class: is missing, and so is base"),
    (chip(**{"class": "egde"}), "device.chip.class: unknown class of devices 'egde'; did you mean 'edge'?"),
    (changed(SPEC, hardware__device=["chip", "esp32"]), "device.chip: has axes (peak_int8, bandwidth, sram), so"),
    (changed(SPEC, hardware__device="esp32"), "device.chip: the device is not used; name it in hardware.device"),
    (changed(SPEC, hardware__device="chp"), "hardware.device: unknown device 'chp'; did you mean 'chip'?"),
    (changed(SPEC, device=3), "device: 3 is not a table"),
    (changed(SPEC, device={"chip": 3}), "device.chip: 3 is not a table"),
    (changed(SPEC, device={"class:x": {"base": "esp32"}}), "device.class:x: the name stands for devices of"),
    (chip(tdp="3 W", bandwidth="1 GB/s", memory_capacity=[1], area="1 mm2", peak_int8=1e12, sram=1, price=1)
     | {"objectives": {"minimize": ["cost_per_million_tokens"]}, "network": {"model": "llama-2-7b"}},
     "hardware.device: 'chip' lacks the figure 'price_per_hour'; needed by cost_per_million_tokens"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), FAULTS, ids=range(len(FAULTS)))
def test_faults(spec, expected):
    with pytest.raises(InputError) as caught:
        read_job(spec)
    assert any(line.startswith(expected) for line in str(caught.value).splitlines()), str(caught.value)


def test_a_device_that_is_wrong_is_told_once():
    with pytest.raises(InputError) as caught:
        read_job(chip(bandwidth="3 GB"))
    assert len(caught.value.faults) == 1
