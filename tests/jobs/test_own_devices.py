"""Own devices of a spec: figures as axes and linear figures against an enumeration in NumPy, and every misuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from specs import changed

import dse
from dse.errors import InputError
from dse.grid.dataset import evaluate
from dse.jobs import assumptions
from dse.jobs.estimate import estimate
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


def test_on_chip_memory_that_is_given_is_one_bank_unless_the_bank_is_given_too():
    small = {"class": "mcu", "peak_int8": "1 GOPS", "bandwidth": "1 GB/s", "sram": ["64 KiB", "256 KiB"]}
    spec = changed(PLAIN, device={"chip": small}, objectives={"minimize": ["peak_sram"]})
    assert evaluate(read_job(spec).space, ["sram_free"]).sizes == {"sram": 2}
    # The largest bank of the chip below, 512 KiB, is neither what 64 KiB nor what 2 MiB are made of.
    own = {"base": "stm32h743", "sram": ["64 KiB", "2 MiB"]}
    data = evaluate(read_job(changed(spec, device={"chip": own})).space, ["sram_free", "peak_sram"])
    np.testing.assert_array_equal(data.sram_free + data.peak_sram, [64 * 1024, 2 * 2**20])
    banked = own | {"sram_bank": "32 KiB"}
    data = evaluate(read_job(changed(spec, device={"chip": banked})).space, ["sram_free", "peak_sram"])
    assert float(data.sram_free) == 32 * 1024 - float(data.peak_sram)


def test_a_device_that_is_not_named_is_told():
    result = dse.explore(changed(PLAIN, hardware__device="esp32", objectives={"minimize": ["latency"]}, fit=False))
    assert result.manifest["notes"] == ["device.chip is not used: hardware.device does not name it"]


def test_a_device_with_axes_beside_another_one_is_one_fault():
    linear = {"tdp": {"base": "0.1 W", "sram": "1 mW/KiB"}}
    for spec in (
        changed(SPEC, hardware__device=["chip", "esp32"]),
        changed(chip(**linear), hardware__device=["esp32", "chip"]),
    ):
        with pytest.raises(InputError) as caught:
            read_job(spec)
        assert len([f for f in caught.value.faults if "chip" in str(f)]) == 1


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


def test_an_own_device_over_an_own_device():
    """The table of the one below holds, but for what the one above says; here by hand with both tables in one."""
    big = {"base": "chip", "area": "9 mm2", "bandwidth": "8 GB/s"}
    spec = changed(SPEC, device={"big": big, "chip": CHIP}, hardware__device="big")
    merged = {**CHIP, "area": "9 mm2", "bandwidth": "8 GB/s"}
    found, expected = dse.explore(spec), dse.explore(changed(SPEC, device={"big": merged}, hardware__device="big"))
    assert found.frontier.identical(expected.frontier)
    assert set(found.frontier.area.values) == {9.0}
    small = {"base": "mine", "tdp": "5 mW"}
    both = {"small": small, "mine": {"base": "stm32u575", "bandwidth": "1 GB/s", "tdp": "20 mW"}}
    plain = {"network": {"model": "resnet50"}, "precision": {"scheme": "int8"}, "fit": False, "device": both}
    job = read_job({**plain, "hardware": {"device": ["small", "mine"]}, "objectives": {"minimize": ["power"]}})
    devices = [job.space.devices[n] for n in ("small", "mine")]
    assert [(d.figure("tdp"), d.figure("bandwidth")) for d in devices] == [(0.005, 1e9), (0.02, 1e9)]
    assert not np.isnan(devices[0].figure("clock"))
    assert devices[0].figure("clock") == dse.devices["stm32u575"].figure("clock")


def test_own_devices_in_evaluate():
    """40 mW · 0.7 for the time of 2 · MAC / 1 GFLOP/s."""
    tables = {"mine": {"base": "stm32u575", "tdp": "40 mW", "peak_int8": "1 GOPS", "bandwidth": "1 TB/s"}}
    ask = {"precision": "int8", "metrics": ["energy", "latency"], "width": 0.35, "resolution": 96}
    found = dse.evaluate("mobilenet_v2", device=tables, **ask)
    macs = float(dse.evaluate("mobilenet_v2", metrics="macs", width=0.35, resolution=96).macs)
    assert float(found.energy) == pytest.approx(0.04 * 0.7 * 2 * macs / 1e9, rel=1e-12)
    two = dse.evaluate("mobilenet_v2", device={**tables, "theirs": {"base": "mine", "tdp": "80 mW"}}, **ask)
    assert two.device.values.tolist() == ["mine", "theirs"]
    assert float(two.energy[1] / two.energy[0]) == pytest.approx(2, rel=1e-12)
    chosen = dse.evaluate("resnet50", device={"chip": CHIP}, precision="int8", metrics=["latency"])
    assert chosen.latency.dims == ("peak_int8", "bandwidth")
    known = dse.devices["stm32u575"]
    twice = replace(known, name="fast", figures={**known.figures, "tdp": 2 * known.figure("tdp")}, pue=1.5)
    one, pair = (dse.evaluate("mobilenet_v2", device=d, **ask) for d in (twice, [twice, "stm32u575"]))
    base = dse.evaluate("mobilenet_v2", device="stm32u575", **ask)
    assert float(one.energy) == pytest.approx(2 * 1.5 * float(base.energy), rel=1e-12)
    assert pair.energy.values.tolist() == [float(one.energy), float(base.energy)]


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ({}, "hardware.device: the axis has no values"),
        ({"mine": {"base": "stm32u757"}}, "device.mine.base: unknown device 'stm32u757'; did you mean 'stm32u575'?"),
        ({"mine": 3}, "device.mine: 3 is not a table"),
        ([3], "hardware.device: 3 is neither a name nor a Device"),
        (3, "hardware.device: 3 is neither a name nor a Device"),
        (["stm32u757"], "hardware.device: unknown device 'stm32u757'; did you mean 'stm32u575'?"),
    ],
)
def test_faults_of_devices_in_evaluate(device, expected):
    with pytest.raises(InputError) as caught:
        dse.evaluate("resnet50", device=device, metrics="latency")
    assert str(caught.value).startswith(expected)


def chip(**changes):
    return changed(SPEC, **{f"device__chip__{k}": v for k, v in changes.items()})


FAULTS = [
    (chip(peek_int8=3), "device.chip: unknown field 'peek_int8'; did you mean 'peak_int8'?"),
    (chip(peek_int8=[3]), "device.chip: unknown field 'peek_int8'; did you mean 'peak_int8'?"),
    (chip(memory="1 GiB"), "device.chip: unknown field 'memory'; did you mean 'memory_capacity'?"),
    (chip(memory="LPDDR5"), "device.chip: unknown field 'memory'; did you mean 'memory_type'?"),
    (chip(note={"base": 3}), "device.chip.note: {'base': 3} is not a text"),
    (chip(year="new"), "device.chip.year: 'new' is not a year"),
    (chip(compared_with="https://example.org"), "device.chip.compared_with: 'https://example.org' is not a list"),
    (chip(process="7 W"), "device.chip.process: unit 'W' is energy/time, but feature size is needed"),
    (chip(bandwidth="3 GB"), "device.chip.bandwidth: unit 'GB' is information, but information/time is needed"),
    (chip(bandwidth=["3 GB/s", "3 GB/s"]), "device.chip.bandwidth: the value 3000000000.0 stands twice"),
    (chip(bandwidth=[]), "device.chip.bandwidth: the axis has no values"),
    (chip(bandwidth=-1), "device.chip.bandwidth: -1 is not allowed; allowed: a number above 0"),
    (chip(peak_int8="0 OPS"), "device.chip.peak_int8: 0 is not allowed; allowed: a number above 0"),
    (chip(tdp="0 W"), "device.chip.tdp: 0 is not allowed; allowed: a number above 0"),
    (chip(tdp={"base": "1 W", "sram": "-1 W/MiB"}), "device.chip.tdp: would be 0 W; allowed: a number above 0"),
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
    ({**chip(), "device": {"stm32h734": {"sram": "2 MiB"}}},
     "device.stm32h734.class: is missing, and so is base; did you mean [device.stm32h743]? Else give one; classes: "),
    ({**chip(), "device": {"chip": {"base": "chip"}}}, "device.chip.base: 'chip' is this device itself, and none of"),
    (chip(**{"class": "egde"}), "device.chip.class: unknown class of devices 'egde'; did you mean 'edge'?"),
    (changed(SPEC, hardware__device=["chip", "esp32"]), "device.chip: has axes (peak_int8, bandwidth, sram), so"),
    (chip(sram="64 KiB", sram_bank="1 MiB"), "device.chip.sram_bank: 1 MiB is more than the whole of sram, 64 KiB"),
    (chip(sram=["64 KiB", "2 MiB"], sram_bank=["32 KiB", "1 MiB"]), "device.chip.sram_bank: 1 MiB is more than the"),
    (chip(sram=[], tdp={"sram": "1 mW/KiB"}), "device.chip.sram: the axis has no values"),
    (changed(SPEC, hardware__device="chp"), "hardware.device: unknown device 'chp'; did you mean 'chip'?"),
    (changed(SPEC, device__big={"base": "chip", "tpd": 1}), "device.big: unknown field 'tpd'; did you mean 'tdp'?"),
    (changed(SPEC, device__big={"base": "chp"}, hardware__device="big"), "device.big.base: unknown device 'chp'; did"),
    (changed(SPEC, device={"chip": {"base": "b"}, "b": {"base": "c"}, "c": {"base": "chip"}}),
     "device: devices that are the base of each other in a circle: chip, b, c"),
    (changed(SPEC, device=3), "device: 3 is not a table"),
    (changed(SPEC, device={"chip": 3}), "device.chip: 3 is not a table"),
    (changed(SPEC, device={"class:x": {"base": "esp32"}}), "device.class:x: the name stands for devices of"),
    ({**chip(), "device": {"chip": {"class": "edge", "tdp": "3 W", "bandwidth": "1 GB/s", "peak_int8": 1e12}}}
     | {"objectives": {"minimize": ["cost_per_million_tokens"]}, "network": {"model": "llama-2-7b"}},
     "hardware.device: 'chip' lacks price_per_hour or device_price; needed by cost_per_million_tokens"),
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


def test_axes_that_change_nothing_are_told():
    """A clock stands behind peak rates, and does not move them; nor does a region what is not asked for."""
    spec = {
        "network": {"model": "resnet18"},
        "hardware": {"device": "mine"},
        "device": {"mine": {"base": "stm32h743", "clock": ["240 MHz", "480 MHz"], "tdp": ["0.3 W", "0.6 W"]}},
        "deployment": {"region": ["DEU", "FRA"], "batch": [1, 2]},
        "objectives": {"minimize": ["energy"]},
        "fit": False,
    }
    alike = "changes nothing of what is asked for: designs that differ in it alone are alike"
    rates = "device.mine.clock: the peak rates stay those of stm32h743; give them too"
    found = estimate(read_job(spec))
    assert found["notes"] == [f"region {alike}", f"clock {alike}", rates]
    assert {a["name"]: a["first_to_last"] for a in found["axes"]}["clock"] == "240 MHz to 480 MHz"
    assert dse.explore(spec).manifest["notes"] == found["notes"]
    spec["device"]["mine"] |= {"tdp": {"base": "0.1 W", "clock": "1 nW/Hz"}, "peak_int8": "1 GOPS"}
    spec["objectives"] = {"minimize": ["energy", "carbon"]}
    assert estimate(read_job(spec))["notes"] == []


def test_one_frontier_for_each_price_as_the_spec_spells_it():
    spec = {
        "network": {"model": "resnet18"},
        "hardware": {"device": "mine"},
        "device": {"mine": {"base": "rtx-4090", "price": [1000, 1500]}},
        "objectives": {"minimize": ["latency"], "per": ["price"]},
    }
    frontier = dse.explore(spec).frontier
    assert sorted(frontier.device_price.values.tolist()) == [1000, 1500]


def test_a_device_that_is_wrong_does_not_lack_a_figure_too():
    spec = {
        "network": {"family": "mobilenet_v2"},
        "precision": {"scheme": "int8"},
        "hardware": {"device": "stm32f746"},
        "device": {"stm32f746": {"tdp": {"base": "-5 W", "peak_int8": "1 mW/TOPS"}}},
        "objectives": {"minimize": ["energy"]},
    }
    with pytest.raises(InputError) as told:
        dse.explore(spec)
    assert [f.where for f in told.value.faults] == ["device.stm32f746.tdp"]
