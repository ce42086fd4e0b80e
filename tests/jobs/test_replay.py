"""A run under the assumptions of an earlier result gives its numbers, whatever the catalogues say by now."""

from __future__ import annotations

import copy
import tomllib
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from specs import LANGUAGE, SMALL, changed, to_toml

import dse
from dse import glossary
from dse.cli import run
from dse.errors import InputError
from dse.hardware import DEVICES
from dse.jobs.recut import recut
from dse.jobs.resolve import read_job
from dse.precision import PRECISIONS
from dse.profiles import PROFILES
from dse.regions import REGIONS

MCU = changed(
    SMALL,
    hardware__device="class:mcu",
    precision={"scheme": ["int8", "mine"], "mine": {"weight_bits": [3, 4], "activation_bits": 8, "group_size": 32}},
    deployment={"region": ["USA", "WORLD"]},
    objectives={"minimize": ["latency", "carbon"], "maximize": ["params"], "per": ["device"]},
    output={"metrics": ["operation_energy", "electricity_cost", "sqnr"]},
    budgets={"latency": "3 s"},
)
WHAT_IF = {
    "name": "what-if",
    "network": {"model": "resnet50"},
    "precision": {"scheme": "int8"},
    "hardware": {"device": "chip"},
    "device": {
        "chip": {
            "base": "stm32h743",
            "peak_int8": ["10 MOPS", "40 MOPS"],
            "sram": ["1 MiB", "4 MiB"],
            "tdp": {"base": "10 mW", "peak_int8": "0.1 W/GOPS", "sram": "1 mW/KiB"},
        }
    },
    "objectives": {"minimize": ["latency", "power"]},
    "fit": False,
}
TWO = {
    "name": "two",
    "network": [
        {"name": "a", "family": "mobilenet_v2", "width": [0.35, 0.5]},
        {"name": "b", "family": "mobilenet_v2", "width": [0.35, 0.5], "resolution": 96},
    ],
    "workload": {"combine": "together"},
    "precision": {"scheme": "int8"},
    "hardware": {"device": ["stm32u575", "esp32"]},
    "objectives": {"minimize": ["latency", "energy"], "maximize": ["params"]},
    "fit": False,
}
SERVING = changed(LANGUAGE, name="serving", objectives={"minimize": ["latency", "energy"]}, output__metrics=["carbon"])
SPECS = {"mcu": MCU, "what-if": WHAT_IF, "two": TWO, "serving": SERVING}


@pytest.fixture
def other_catalogues(monkeypatch):
    """Every figure of every catalogue, and every default, is another one."""

    def change():
        devices = {
            n: replace(d, figures=MappingProxyType({k: 1.5 * v for k, v in d.figures.items()}), pue=d.pue + 0.1)
            for n, d in DEVICES.items()
        }
        schemes = {n: replace(s, weight_bits=s.weight_bits + 1, element_bits=7) for n, s in PRECISIONS.items()}
        regions = {
            n: replace(r, carbon_intensity=r.carbon_intensity and replace(r.carbon_intensity, value=1.0))
            for n, r in REGIONS.items()
        }
        profiles = {n: replace(p, sram=2 * p.sram, dram=3 * p.dram) for n, p in PROFILES.items()}
        for catalogue, entries in ((DEVICES, devices), (PRECISIONS, schemes), (REGIONS, regions), (PROFILES, profiles)):
            monkeypatch.setitem(catalogue.__dict__, "_entries", entries)
        for name, value in {"utilization": 0.9, "carbon_intensity": 50.0, "electricity_price": 1.0}.items():
            monkeypatch.setitem(glossary.NAMES, name, replace(glossary.NAMES[name], default=value))

    return change


@pytest.mark.parametrize("name", SPECS)
def test_the_same_numbers_after_the_catalogues_have_changed(name, tmp_path, other_catalogues):
    spec = SPECS[name]
    first = dse.explore(spec, out=tmp_path / "first", plots=False)
    assert first.counts["kept"] > 1
    other_catalogues()
    today = dse.explore(spec)
    again = dse.explore(spec, assumptions=tmp_path / "first" / "assumptions.toml", out=tmp_path / "again", plots=False)
    assert again.frontier.identical(first.frontier)
    assert again.counts == first.counts
    assert not today.frontier.equals(first.frontier)
    # What a replay rests on is what it was given.
    texts = [(tmp_path / n / "assumptions.toml").read_text(encoding="utf-8") for n in ("first", "again")]
    assert texts[0] == texts[1]
    assert again.manifest["left_out_devices"] == first.manifest["left_out_devices"]
    assert again.manifest["replayed"] == {"assumptions": "assumptions.toml", "defaults_of_today": []}
    assert "replayed" not in first.manifest
    assert again.manifest["key"] != first.manifest["key"]


def test_what_is_made_of_a_replayed_result_is_replayed_too(tmp_path, other_catalogues):
    spec = changed(MCU, hardware__device=["stm32u575", "esp32"])
    first = dse.explore(spec, out=tmp_path / "first", plots=False)
    cut, grid = recut(first, minimize=["carbon"], maximize=["params"]), first.grid.load()
    other_catalogues()
    dse.explore(spec, assumptions=tmp_path / "first" / "assumptions.toml", out=tmp_path / "again", plots=False)
    again = dse.load(tmp_path / "again")
    assert again.grid.identical(grid)
    assert recut(again, minimize=["carbon"], maximize=["params"]).frontier.identical(cut.frontier)
    content = tomllib.loads((tmp_path / "first" / "assumptions.toml").read_text(encoding="utf-8"))
    in_memory = dse.explore(spec, assumptions=content)
    assert in_memory.grid.identical(grid)
    assert dse.explore(spec, assumptions=content, out=tmp_path / "again").state == "reused"


def test_a_result_of_today_is_not_one_of_a_replay(tmp_path):
    result = dse.explore(SMALL, out=tmp_path / "x", plots=False)
    path = tmp_path / "x" / "assumptions.toml"
    with pytest.raises(InputError, match="holds the result of another spec"):
        dse.explore(SMALL, assumptions=path, out=tmp_path / "x")
    changed_file = tmp_path / "changed.toml"
    text = path.read_text(encoding="utf-8")
    changed_file.write_text(text.replace("utilization = { value = 0.7", "utilization = { value = 0.35"))
    again = dse.explore(SMALL, assumptions=changed_file)
    assert again.manifest["key"] != dse.explore(SMALL, assumptions=path).manifest["key"]
    share = again.frontier.energy.values.min() / result.frontier.energy.values.min()
    assert share == pytest.approx(0.5, rel=1e-12)


def test_what_the_spec_says_goes_before_the_assumptions(tmp_path):
    dse.explore(SMALL, out=tmp_path / "x", plots=False)
    path = tmp_path / "x" / "assumptions.toml"
    job = read_job(changed(SMALL, deployment={"utilization": 0.1}, counting="weights"), assumptions=path)
    assert job.space.axes["utilization"].values == (0.1,)
    assert job.space.counting == "weights"
    path.write_text(path.read_text(encoding="utf-8").replace('"trainable"', '"statistics"'))
    assert read_job(SMALL, assumptions=path).space.counting == "statistics"


def test_a_default_that_the_file_does_not_hold_is_told(tmp_path):
    given = changed(SMALL, deployment={"utilization": 0.5})
    dse.explore(given, out=tmp_path / "x", plots=False)
    result = dse.explore(SMALL, assumptions=tmp_path / "x" / "assumptions.toml")
    assert result.manifest["replayed"]["defaults_of_today"] == ["utilization"]


def test_from_the_command_line(tmp_path, capsys):
    spec = tmp_path / "spec.toml"
    spec.write_text(to_toml(SMALL))
    path = tmp_path / "a" / "assumptions.toml"
    assert run(["explore", str(spec), "--out", str(tmp_path / "a"), "--no-plots"]) == 0
    again = ["explore", str(spec), "--out", str(tmp_path / "b"), "--no-plots", "--assumptions"]
    assert run([*again, str(path)]) == 0
    assert "figures and defaults are those of assumptions.toml" in capsys.readouterr().out
    np.testing.assert_array_equal(dse.load(tmp_path / "b").frontier.energy, dse.load(tmp_path / "a").frontier.energy)
    assert run([*again, str(tmp_path / "c.toml")]) == 2
    assert capsys.readouterr().err.strip().endswith(f"{tmp_path / 'c.toml'}: no such file")


def facts():
    return tomllib.loads(_written())


def _written():
    from dse.jobs.assumptions import to_toml as written

    return written(read_job(changed(MCU, hardware__device=["stm32u575", "esp32"])))


def edited(keys, value):
    document = copy.deepcopy(facts())
    *parents, last = keys
    table = document
    for part in parents:
        table = table[part]
    if value is None:
        del table[last]
    else:
        table[last] = value
    return document


ESP = ("device", "esp32")
FAULTS = [
    (("device",), None, "is not the assumptions.toml of a result: it has no device"),
    (("devcie",), {}, "unknown field 'devcie'; did you mean 'device'?"),
    (("device",), 3, "device: 3 is not a table"),
    ((*ESP, "colour"), "red", "device.esp32: unknown field 'colour'"),
    ((*ESP, "figures"), None, "device.esp32.figures: is missing"),
    ((*ESP, "pue"), "low", "device.esp32.pue: 'low' is not a number"),
    ((*ESP, "figures", "tpd"), {"value": 1, "unit": "W"}, "unknown figure of a device 'tpd'; did you mean 'tdp'?"),
    ((*ESP, "figures", "tdp"), 3, "device.esp32.figures.tdp: 3 is not a table with value and unit"),
    ((*ESP, "figures", "tdp", "unit"), "mW", "device.esp32.figures.tdp: the unit is 'mW'; allowed: 'W'"),
    ((*ESP, "figures", "tdp", "unit"), None, "device.esp32.figures.tdp.unit: is missing"),
    ((*ESP, "figures", "tdp", "value"), -1, "device.esp32.figures.tdp: -1 is not allowed; allowed: a number above 0"),
    ((*ESP, "figures", "tdp", "value"), float("nan"), "device.esp32.figures.tdp: nan is not a number"),
    ((*ESP, "linear"), {"tdp": {"bse": 1}}, "device.esp32.linear.tdp: is not a figure with a base and rates"),
    ((*ESP, "linear"), {"tdp": {"base": 1, "srm": 1}}, "unknown figure of a device 'srm'; did you mean 'sram'?"),
    (("precision", "int8", "weight_bits"), None, "precision.int8.weight_bits: is missing"),
    (("precision", "int8", "weight_bits"), "8", "precision.int8.weight_bits: '8' is not a number"),
    (("precision", "int8", "weigth"), 8, "precision.int8: unknown field 'weigth'"),
    (("region", "USA", "carbon_intensity", "unit"), "kg/kWh", "the unit is 'kg/kWh'; allowed: 'g/kWh'"),
    (("region", "USA", "intensity"), {}, "region.USA: unknown field 'intensity'"),
    (("energy_profile", "horowitz-45nm", "mac"), None, "energy_profile.horowitz-45nm.mac: is missing"),
    (("defaults", "utilisation"), {"value": 1}, "defaults: unknown axis 'utilisation'; did you mean 'utilization'?"),
    (("defaults", "utilization"), 0.7, "defaults.utilization: is not a table with value, unit and meaning"),
    (("defaults", "utilization", "value"), 2, "defaults.utilization: 2 is not allowed; allowed: a number at least 0"),
    (("defaults", "energy_profile", "value"), 0.5, "defaults.energy_profile: 0.5 is not a name"),
    (("left_out",), {"x": 3}, "left_out.x: 3 is not a list of texts"),
    (("counting",), "all", "counting: 'all' is not allowed; allowed: trainable, weights, statistics"),
    (("fit",), "yes", "fit: 'yes' is not allowed; allowed: true, false"),
    (("latency_model",), "rooflin", "latency_model: 'rooflin' is not allowed; allowed: roofline, per_op"),
]


@pytest.mark.parametrize(("keys", "value", "expected"), FAULTS, ids=range(len(FAULTS)))
def test_faults_of_the_file(keys, value, expected):
    with pytest.raises(InputError) as caught:
        read_job(changed(MCU, hardware__device="esp32"), assumptions=edited(keys, value))
    lines = str(caught.value).splitlines()
    assert len(lines) == 1
    assert expected in lines[0]


def test_peaks_of_integers_may_be_told_in_flop():
    older = edited((*ESP, "figures", "peak_int8", "unit"), "FLOP/s")
    spec = changed(MCU, hardware__device="esp32")
    found, expected = (read_job(spec, assumptions=known) for known in (older, facts()))
    assert found.space.devices["esp32"].figures == expected.space.devices["esp32"].figures


def test_files_that_are_no_assumptions(tmp_path):
    path = tmp_path / "none.toml"
    for content, expected in (
        (None, f"{path}: no such file"),
        ("a = ", f"{path}: is not valid TOML"),
        (to_toml(SMALL), f"{path}: is not the assumptions.toml of a result: it has no counting, fit, defaults, device"),
    ):
        if content is not None:
            path.write_text(content)
        with pytest.raises(InputError) as caught:
            dse.explore(SMALL, assumptions=path)
        assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hardware__device": "rp2040"}, "hardware.device: unknown device 'rp2040'; allowed: esp32, stm32u575"
         " (figures are those of the assumptions of the earlier result)"),
        ({"hardware__device": "class:edge"}, "hardware.device: unknown class of devices 'edge'; allowed: mcu"),
        ({"precision__scheme": "fp16"}, "precision.scheme: unknown number format 'fp16'; allowed: int8"),
        ({"deployment__region": "DEU"}, "deployment.region: unknown region 'DEU'; allowed: USA, WORLD"),
        ({"device__chip": {"base": "rp2040"}, "hardware__device": "chip"}, "device.chip.base: unknown device 'rp2040'"),
    ],
)  # fmt: skip
def test_what_the_assumptions_lack_is_not_taken_from_today(change, expected):
    spec = changed(MCU, hardware__device=["stm32u575", "esp32"], precision={"scheme": "int8"})
    with pytest.raises(InputError) as caught:
        read_job(changed(spec, **change), assumptions=facts())
    assert str(caught.value).startswith(expected)


def test_a_result_is_cut_again_under_its_own_figures(tmp_path, other_catalogues):
    """A catalogue that changes changes no result, and a device that was left out is held with its figures of then."""
    asked = changed(SMALL, hardware__device="class:mcu", objectives={"minimize": ["energy"], "maximize": ["params"]})
    result = dse.explore(asked, out=tmp_path / "x", plots=False)
    assert result.manifest["left_out_devices"]
    # Without energy more devices have every figure.
    latency = recut(result, minimize=["latency"], maximize=["params"])
    assert latency.counts["enumerated"] > result.counts["enumerated"]
    grid = dse.load(tmp_path / "x").grid.load()
    other_catalogues()
    loaded = dse.load(tmp_path / "x")
    assert recut(loaded).frontier.identical(loaded.frontier)
    assert recut(loaded, minimize=["latency"], maximize=["params"]).frontier.identical(latency.frontier)
    assert loaded.grid.identical(grid)


@pytest.mark.parametrize("profile", [None, "sheet"])
def test_a_result_that_needed_no_energy_profile_is_cut_by_one(profile, tmp_path):
    asked = {"precision__scheme": "fp32", "objectives": {"minimize": ["latency"], "maximize": ["params"]}, "fit": False}
    spec = changed(SMALL, deployment={"energy_profile": profile} if profile else {}, **asked)
    found = dse.explore(spec, out=tmp_path / "x", plots=False)
    assert recut(found).frontier.identical(found.frontier)
    again = recut(found, minimize=["operation_energy"])
    assert again.frontier.identical(dse.explore(changed(spec, objectives={"minimize": ["operation_energy"]})).frontier)
    # Those that an earlier version wrote hold no profile that was not needed.
    assumed = {k: v for k, v in found.assumptions.items() if k != "energy_profile"}
    assert read_job(spec, assumptions=assumed).size == found.counts["enumerated"]
    with pytest.raises(InputError) as caught:
        read_job(changed(spec, objectives={"minimize": ["operation_energy"]}), assumptions=assumed)
    told = (
        f"deployment.energy_profile: {profile or 'horowitz-45nm'} is not held in the assumptions of the earlier result"
    )
    assert str(caught.value).startswith(told)


def test_what_has_changed_since_is_told(tmp_path, monkeypatch, capsys):
    dse.explore(SMALL, out=tmp_path / "x")
    assert run(["frontier", str(tmp_path / "x")]) == 0
    assert "have changed" not in capsys.readouterr().out
    monkeypatch.setattr("dse.jobs.recut.code_key", lambda: "another")
    assert run(["frontier", str(tmp_path / "x")]) == 0
    assert "formulas or catalogues have changed since the result was computed" in capsys.readouterr().out
