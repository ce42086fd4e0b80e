"""The catalogue of devices against published figures, and its rules."""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dse import glossary
from dse.errors import InputError
from dse.hardware import DEVICES, Device, figure_table, select
from dse.hardware.devices import read_devices

CASES = tomllib.loads((Path(__file__).parents[1] / "reference" / "devices.toml").read_text())["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["device"])
def test_published_figures(case):
    device = DEVICES[case["device"]]
    figures = {key: value for key, value in case.items() if key not in ("device", "source", "missing")}
    assert {key: device.figure(key) for key in figures} == pytest.approx(figures, rel=1e-12)
    assert all(math.isnan(device.figure(key)) for key in case.get("missing", ()))


def test_classes_are_complete():
    assert len(DEVICES) == 117
    assert Counter(device.device_class for device in DEVICES.values()) == {
        "datacentre-gpu": 27,
        "datacentre-accelerator": 8,
        "tpu": 8,
        "consumer-gpu": 9,
        "apple-soc": 12,
        "edge": 18,
        "cpu": 4,
        "phone": 3,
        "mcu": 25,
        "npu-ip": 2,
        "example": 1,
    }


@pytest.mark.parametrize("name", DEVICES)
def test_every_device_has_a_source_and_sound_figures(name):
    device = DEVICES[name]
    assert device.source.startswith("https://") or device.device_class == "example"
    assert device.check in ("two", "one", "cited", "derived", "n/a")
    assert device.figures
    for key, value in device.figures.items():
        assert glossary.NAMES[key].kind == "device"
        assert math.isfinite(value)
        assert value > 0 or key == "flash_capacity"
    assert device.figures.get("sram_bank", 0) <= device.figures.get("sram", math.inf)


def test_missing_is_never_zero():
    assert {name for name, device in DEVICES.items() if device.figures.get("flash_capacity") == 0} == {
        "stm32n657",
        "gap8",
    }
    assert all(
        math.isnan(device.figure("memory_capacity")) for device in DEVICES.values() if device.device_class == "mcu"
    )


def test_unknown_figure_names_the_nearest():
    with pytest.raises(InputError, match="bandwidth"):
        DEVICES["t4"].figure("bandwith")


def test_default_pue_by_class():
    ones = {device.device_class for device in DEVICES.values() if device.pue == 1.0}
    assert ones == {"mcu", "edge", "phone", "consumer-gpu", "apple-soc", "npu-ip"}
    assert {device.pue for device in DEVICES.values()} == {1.0, 1.2}


@pytest.mark.parametrize(
    ("device", "figure", "capacity"),
    [
        ("stm32h743", "sram_bank", 512 * 1024),
        ("stm32h743", "flash_capacity", 2048 * 1024),
        ("stm32h743", "memory_capacity", math.nan),
        ("a100-sxm-80gb", "memory_capacity", 80 * 2**30),
        ("a100-sxm-80gb", "flash_capacity", math.nan),
    ],
)
def test_capacities(device, figure, capacity):
    assert DEVICES[device].figure(figure) == pytest.approx(capacity, rel=1e-15, nan_ok=True)


def test_select():
    assert select("stm32f746") == ["stm32f746"]
    assert len(select("class:mcu")) == 25
    assert "stm32f746" in select("class:mcu")
    assert len(select("*")) == 117


@pytest.mark.parametrize(("pattern", "nearest"), [("stm32f74", "stm32f746"), ("class:mcus", "mcu"), ("class:", "tpu")])
def test_select_answers_with_the_nearest(pattern, nearest):
    with pytest.raises(InputError, match=nearest) as caught:
        select(pattern, "sweep.toml: hardware.device")
    assert caught.value.faults[0].where == "sweep.toml: hardware.device"


def test_unknown_device_of_the_mapping():
    assert DEVICES.get("a100") is None
    assert "a100" not in DEVICES
    with pytest.raises(KeyError, match="did you mean 'a100-"):
        DEVICES["a100-sxm-80g"]
    with pytest.raises(InputError):
        DEVICES["a100-sxm-80g"]


def test_own_device_over_a_catalogue_one():
    chip = Device.from_fields("my-chip", {"clock": "600 MHz", "sram": "2 MiB"}, DEVICES["stm32f746"])
    assert chip.figure("clock") == 600e6
    assert chip.figure("flash_capacity") == 1024 * 1024
    assert chip.figure("sram_bank") == 2 * 2**20, "memory that is given is one bank"
    assert (chip.device_class, chip.pue) == ("mcu", 1.0)
    assert chip.source == DEVICES["stm32f746"].source
    assert chip.note == "own figures over stm32f746: clock, sram"
    assert Device.from_fields("my-chip", {"sram": "64 KiB"}, DEVICES["stm32h743"]).figure("sram_bank") == 64 * 1024
    split = Device.from_fields("my-chip", {"sram": "2 MiB", "sram_bank": "1 MiB"}, DEVICES["stm32h743"])
    assert split.figure("sram_bank") == 2**20


def test_every_fault_of_an_own_device_is_named():
    fields = {"peak_int": "1 TOPS", "bandwidth": "80 GiB", "tdp": "-1 W"}
    with pytest.raises(InputError) as caught:
        Device.from_fields("my-chip", fields)
    text = str(caught.value)
    assert "peak_int8" in text or "peak_int4" in text
    assert "my-chip.bandwidth: unit 'GiB'" in text
    assert "my-chip.tdp: -1 is not allowed" in text


def test_figure_table_follows_the_order_given():
    table = figure_table([DEVICES["t4"], DEVICES["stm32f746"]])
    np.testing.assert_array_equal(table["peak_int8"], [130e12, 864e6])
    np.testing.assert_array_equal(table["tdp"], [70, np.nan])
    assert set(table) == {name for name, entry in glossary.NAMES.items() if entry.kind == "device"}


def test_faults_of_a_catalogue_file_name_file_device_and_field(tmp_path):
    (tmp_path / "mcu.toml").write_text('pue = 1.0\n[device.a]\nclock = "5 GB"\n')
    with pytest.raises(InputError, match=r"^mcu\.toml: a\.clock: unit 'GB'"):
        read_devices(tmp_path)


def test_a_device_is_defined_once(tmp_path):
    for name in ("mcu", "edge"):
        (tmp_path / f"{name}.toml").write_text('pue = 1.0\n[device.a]\nclock = "5 GHz"\n')
    with pytest.raises(InputError, match=r"mcu\.toml: device 'a' is defined twice"):
        read_devices(tmp_path)
