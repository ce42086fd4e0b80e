"""Energy of bytes by the kind of a device's main memory, by hand: pJ a bit of the publications, times eight."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.cli import run
from dse.profiles import MEMORIES, SCOPES, kind_of, usual_memory

CHIP = {"class": "datacentre-gpu", "peak_int8": "100 TOPS", "bandwidth": "1 TB/s"}
KINDS = {"hbm2": "HBM2", "hbm3": "HBM3", "gddr6x": "GDDR6X", "ddr4": "DDR4-3200 x8", "sram": "SRAM", "none": None}
CHIPS = {n: {**CHIP, "memory_type": k} if k else CHIP for n, k in KINDS.items()}
ON = {"device": CHIPS, "precision": "int8", "resolution": 64, "energy_profile": ["horowitz-45nm", "jouppi-7nm"]}
# Middle of 1.3 to 2.6 nJ and of 250 to 450 pJ, for 64 bits.
HOROWITZ, JOUPPI = 1950 / 8, 350 / 8


def spec(**more):
    return {
        "name": "memories", "network": {"family": "mobilenet_v2", "resolution": 64}, "precision": {"scheme": "int8"},
        "device": CHIPS, "hardware": {"device": list(CHIPS)}, "fit": False,
        "objectives": {"minimize": ["operation_energy"]}, "deployment": more,
    }  # fmt: skip


@pytest.mark.parametrize("engine", ["plain", "fused"])
def test_bytes_are_charged_by_the_kind_of_memory(engine):
    metrics = ["operation_energy", "macs", "dram_bytes"]
    named = ["auto", "energy_profile", "ddr5-4800-estimate"]
    data = dse.evaluate("mobilenet_v2", metrics=metrics, memory_profile=named, engine=engine, **ON)
    by_kind = {"hbm2": 3.97 * 8, "hbm3": 3.97 * 8, "gddr6x": (350 + 480) / 2 / 8, "ddr4": 1300 / 8}
    for profile, mac, usual in (("horowitz-45nm", 0.3, HOROWITZ), ("jouppi-7nm", 0.1, JOUPPI)):
        for device in CHIPS:
            of_bytes = data.operation_energy.sel(energy_profile=profile, device=device) - data.macs * mac * 1e-12
            pico = of_bytes / data.dram_bytes * 1e12
            # Nothing is published of HBM3 and GDDR6X, but of their lines; of SRAM as main memory nothing at all.
            expected = {"auto": by_kind.get(device, usual), "energy_profile": usual, "ddr5-4800-estimate": 14 * 8}
            for name, value in expected.items():
                assert float(pico.sel(memory_profile=name)) == pytest.approx(value, rel=1e-12), (device, name)


def test_what_was_taken_is_told_and_replayed(tmp_path, capsys):
    found = dse.explore(spec(), out=tmp_path / "x", plots=False)
    told = [n for n in found.manifest["notes"] if n.startswith("a byte of main memory is charged")]
    assert found.manifest["notes"][-1].startswith("memory_profile = energy_profile charges all devices alike")
    assert len(told) == 5 and not any(n.endswith(": none") for n in told)
    assert (
        "hbm2-oconnor-2017, 31.76 pJ/B, of the memory itself (https://doi.org/10.1145/3123939.3124545): hbm2" in told[0]
    )
    assert told[1].endswith("(https://doi.org/10.1145/3123939.3124545), since nothing of HBM3 is published: hbm3")
    assert told[4].endswith("horowitz-45nm, 243.8 pJ/B: nothing of the line of SRAM is published: sram")
    held = found.assumptions["memory_profile"]
    assert sorted(held) == ["ddr4-jouppi-2021", "gddr6-jouppi-2021", "hbm2-oconnor-2017"]
    assert held["gddr6-jouppi-2021"]["low"] == {"value": 43.75e-12, "unit": "J/B"}
    again = dse.explore(spec(), assumptions=found.assumptions)
    assert again.frontier.identical(found.frontier)
    # A result of an earlier version holds no kinds of memories: its energies stay what they were.
    devices = {n: {k: v for k, v in d.items() if k != "memory_type"} for n, d in found.assumptions["device"].items()}
    before = {k: v for k, v in found.assumptions.items() if k not in ("memory_profile", "device")} | {"device": devices}
    bare = {**spec(), "device": {}}
    assert dse.explore(bare, assumptions=before).frontier.operation_energy.min() > found.frontier.operation_energy.min()
    line = ["evaluate", "mobilenet_v2", "--device", "t4", "--precision", "int8", "--explain", "operation_energy"]
    assert run([*line, "--set", "resolution=64"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "dram_energy = 51.88 pJ/B: energy of one byte of off-chip memory, of gddr6-jouppi-2021" in out
    assert run([*line, "--set", "memory_profile=hbm4"]) == 2
    assert "unknown memory profile 'hbm4'; allowed: auto, " in capsys.readouterr().err


def test_assumptions_that_are_wrong(tmp_path):
    found = dse.explore(spec(), out=tmp_path / "x", plots=False).assumptions
    memory = found["memory_profile"]["hbm2-oconnor-2017"]
    for field, value, problem in [
        ("scope", "board", "scope: 'board' is not allowed; allowed: device, path, not stated"),
        ("usual", "yes", "usual: 'yes' is not allowed; allowed: true, false"),
        ("energy", 3.0, "energy: 3.0 is not a table with value and unit"),
    ]:
        wrong = {**found, "memory_profile": {"hbm2-oconnor-2017": {**memory, field: value}}}
        with pytest.raises(dse.InputError) as caught:
            dse.explore(spec(), assumptions=wrong)
        assert str(caught.value).endswith(f"memory_profile.hbm2-oconnor-2017.{problem}")


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        ("HBM2e", "hbm2-oconnor-2017"), ("HBM", "hbm2-oconnor-2017"), ("GDDR5", "gddr5-oconnor-2017"),
        ("GDDR7", "gddr6-jouppi-2021"), ("DDR5-4800 x12", "ddr4-jouppi-2021"), ("DDR3", "ddr3-jouppi-2021"),
        ("DDR", "ddr-horowitz-2014"), ("LPDDR5X (shared)", "lpddr4-32gbit-ha-2018"), ("SRAM", None), ("", None),
    ],
)  # fmt: skip
def test_the_nearest_of_a_line_stands_for_a_kind(kind, taken):
    found = usual_memory(kind, MEMORIES)
    assert (found and found.name) == taken


def test_published_figures():
    bit = {"ddr-horowitz-2014": 1950 / 64, "ddr-han-2016": 20, "gddr5-oconnor-2017": 14, "fgdram-oconnor-2017": 1.95}
    bit |= {"lpddr4-8gbit-ha-2018": 8.5, "lpddr4-32gbit-ha-2018": 12.4, "lpddr5-6400-estimate": 9}
    bit |= {"lpddr5x-8533-estimate": 7.5, "hbm2-jouppi-2021": 350 / 64, "ddr3-jouppi-2021": 1300 / 64}
    for name, value in bit.items():
        assert MEMORIES[name].energy == pytest.approx(value / 1e12 * 8, rel=1e-12), name
    for memory in MEMORIES.values():
        assert memory.source and memory.scope in SCOPES and memory.kind == kind_of(memory.kind)
        # Nothing is charged unasked that is no figure of a publication, and one figure of a kind.
        assert not (memory.usual and "ESTIMATE" in memory.note)
        assert np.isnan(memory.low) or memory.low < memory.energy < memory.high
    usual = [m.kind for m in MEMORIES.values() if m.usual]
    assert len(set(usual)) == len(usual)
