"""Reasons of undefined designs, counted against the values of the grid itself."""

from __future__ import annotations

import numpy as np
import pytest
from specs import LANGUAGE, SMALL, changed

import dse
from dse.cli import run
from dse.jobs import recut, undefined
from dse.jobs.assumptions import notes
from dse.jobs.resolve import read_job

# fp32 runs on no unit of the first chip, int8 on the next wider one of the second.
CHIPS = {
    "narrow": {"class": "edge", "peak_int8": "1 TOPS", "bandwidth": "1 GB/s", "memory_capacity": "1 GiB"},
    "wide": {"class": "edge", "peak_fp32": "1 TFLOPS", "bandwidth": "1 GB/s", "memory_capacity": "1 GiB"},
}
FORMATS = changed(
    SMALL,
    device=CHIPS,
    hardware__device=["narrow", "wide"],
    objectives={"minimize": ["latency"], "maximize": ["accuracy"]},
    budgets={},
    output={},
)


def absent(result, metric):
    return int(np.isnan(result.grid[metric].broadcast_like(result.grid.latency * result.grid[metric])).sum())


def test_reasons_are_counted_when_designs_are_kept_too():
    result = dse.explore(FORMATS)
    assert 0 < result.counts["undefined"] < result.counts["enumerated"] == 48
    told = result.manifest["undefined_because"]
    # 4 widths and 3 resolutions in fp32 on the chip without it.
    assert told["latency"] == {"narrow computes neither in fp32 nor in a wider format": 12}
    assert sum(told.get("accuracy", {}).values()) == absent(result, "accuracy")
    lost = np.isnan(result.grid.latency * result.grid.accuracy)
    assert int(lost.sum()) == result.counts["undefined"]


@pytest.mark.parametrize("tile", [1, 7, 10**6])
def test_parts_add_up(tile, monkeypatch):
    whole = dse.explore(FORMATS).manifest["undefined_because"]
    monkeypatch.setattr(undefined, "TILE", tile)
    assert dse.explore(FORMATS).manifest["undefined_because"] == whole


def test_no_device_is_lost_in_the_sample_of_a_large_space(monkeypatch):
    """Of five chips the second and the fourth lack a unit: neither stands at an end of its axis."""
    chips = {f"chip{n}": CHIPS["narrow" if n in (1, 3) else "wide"] for n in range(5)}
    spec = changed(FORMATS, device=chips, hardware__device=list(chips), objectives={"minimize": ["latency"]})
    monkeypatch.setattr(undefined, "PLAIN_LIMIT", 1)
    monkeypatch.setattr(undefined, "TILE", 50)
    told = undefined.undefined_because(read_job(spec), 24)
    # 5 chips in 2 formats with 2 of 4 widths and 2 of 3 resolutions.
    assert told == {
        "latency": {
            f"{chip} computes neither in fp32 nor in a wider format (of 40 designs of a coarse grid)": 4
            for chip in ("chip1", "chip3")
        }
    }


def test_nothing_undefined_has_no_reasons():
    assert dse.explore(changed(FORMATS, precision__scheme="int8", objectives={"minimize": ["latency"]})).manifest[
        "undefined_because"
    ] == {}  # fmt: skip


def test_outside_of_a_phase():
    result = dse.explore(changed(LANGUAGE, objectives={"minimize": ["latency", "time_per_token"]}))
    assert result.counts["undefined"] == result.counts["enumerated"] // 2 == 16
    told = result.manifest["undefined_because"]
    assert told == {"time_per_token": {"undefined outside the phase decode or request or mixed": 16}}


def test_of_several_networks(tmp_path):
    networks = [{"name": "a", "family": "mobilenet_v2", "width": [0.35, 3.3]}, {"name": "b", "model": "llama-2-7b"}]
    spec = {
        "network": networks,
        "precision": {"scheme": "fp16"},
        "hardware": {"device": "a100-sxm-80gb"},
        "objectives": {"maximize": ["accuracy"]},
    }
    told = dse.explore(spec).manifest["undefined_because"]
    assert told["b: accuracy"] == {"no published accuracy of the family 'decoder'": 1}
    assert sum(told["a: accuracy"].values()) == 1


def test_of_networks_together():
    """3 kv_heads do not divide 4 heads: of 2 × 3 designs those with it have no network, whatever the other has."""
    decoder = {"family": "decoder", "layers": 2, "d_model": 64, "heads": 4, "vocab": 100}
    networks = [{"name": "a", **decoder, "kv_heads": [1, 3]}, {"name": "b", **decoder, "d_model": [64, 128, 256]}]
    spec = {
        "network": networks,
        "workload": {"combine": "together"},
        "device": CHIPS,
        "precision": {"scheme": ["int8", "fp32"]},
        "hardware": {"device": ["narrow", "wide"]},
        "objectives": {"minimize": ["latency"]},
    }
    result = dse.explore(spec)
    # 2 × 3 × 2 × 2 designs: half without a network, and of the others one in four on a chip that cannot.
    assert (result.counts["enumerated"], result.counts["undefined"]) == (24, 15)
    told = result.manifest["undefined_because"]
    assert [sum(own.values()) for own in told.values()] == [12, 3, 6]
    assert list(told) == ["a: network", "a: latency", "b: latency"]


def test_they_are_printed(tmp_path, monkeypatch, capsys):
    from specs import to_toml

    monkeypatch.chdir(tmp_path)
    spec = changed(FORMATS, hardware__device="stm32u575", device={}, precision__scheme="int8", budgets={})
    (tmp_path / "spec.toml").write_text(to_toml(changed(spec, network__width=[0.35, 3.3])))
    assert run(["explore", "spec.toml", "--no-plots"]) == 0
    assert "undefined: accuracy: " in capsys.readouterr().out


# One chip with units for int8 and fp16 and on-chip memory, one without a unit for fp32.
ENERGY = changed(
    FORMATS,
    network={"family": "mobilenet_v2", "width": [0.35, 0.5], "resolution": 96},
    precision__scheme=["fp32", "fp16", "int8"],
    device={
        "narrow": {**CHIPS["narrow"], "sram": "1 MiB"},
        "half": {**CHIPS["narrow"], "peak_fp16": "1 TFLOPS", "sram": "1 MiB"},
    },
    hardware__device=["narrow", "half"],
    deployment={"energy_profile": ["horowitz-45nm", "sheet"]},
    objectives={"minimize": ["operation_energy"]},
)


def test_only_the_profile_that_lacks_a_format_is_told():
    result = dse.explore(ENERGY)
    # 2 widths each: fp32 runs on neither chip, fp16 on the second alone; the sheet has no energy of integers.
    assert result.manifest["undefined_because"]["operation_energy"] == {
        "narrow computes neither in fp32 nor in a wider format": 4,
        "narrow computes neither in fp16 nor in a wider format": 4,
        "half computes neither in fp32 nor in a wider format": 4,
        "the energy profile sheet has no energy of a MAC in int8 or wider": 4,
    }
    assert result.counts["undefined"] == 16


def test_a_single_format_without_energy_is_told():
    alone = changed(ENERGY, precision__scheme="int8", hardware__device="half", deployment__energy_profile="sheet")
    told = dse.explore(alone).manifest["undefined_because"]
    assert told == {"operation_energy": {"the energy profile sheet has no energy of a MAC in int8 or wider": 2}}


def test_a_wider_format_that_stands_for_another_is_told():
    told = "the energy profile sheet has no energy of a MAC in fp16: that of fp32 stands for it, an upper bound"
    assert dse.explore(ENERGY).manifest["notes"] == [told]
    assert not dse.explore(changed(ENERGY, deployment__energy_profile="horowitz-45nm")).manifest["notes"]


def test_a_wider_format_is_told_of_one_design(capsys):
    given = ["--device", "movidius-myriad-x", "--precision", "fp16", "--set", "energy_profile=sheet"]
    assert run(["evaluate", "mobilenet_v2", *given, "--explain", "operation_energy"]) == 0
    assert "of the energy profile sheet, that of fp32: it has none of fp16 (" in capsys.readouterr().out


def test_a_new_cut_tells_what_it_leaves_out(tmp_path, monkeypatch, capsys):
    """Devices, regions and designs that lack what the new objectives need: as an exploration tells them."""
    from specs import to_toml

    monkeypatch.chdir(tmp_path)
    chip = {**CHIPS["wide"], "tdp": "1 W", "device_price": 9}
    spec = {
        "network": {"family": "mobilenet_v2", "width": [0.35, 3.3]},
        "precision": {"scheme": "fp32"},
        "device": {"a": chip},
        "objectives": {"minimize": ["latency"]},
        "fit": False,
    }
    devices = {"hardware": {"device": ["class:edge", "a"]}}
    regions = {"hardware": {"device": "a"}, "deployment": {"region": "*"}}
    for name, own in (("devices", devices), ("regions", regions)):
        (tmp_path / f"{name}.toml").write_text(to_toml({"name": name, **spec, **own}))
        assert run(["explore", f"{name}.toml", "--no-plots"]) == 0
    capsys.readouterr()
    assert run(["frontier", "results/devices", "--minimize", "device_cost", "--maximize", "accuracy"]) == 0
    told = capsys.readouterr().out
    assert "left out, for want of figures: " in told and "jetson-tx2 (device_price)" in told
    assert "undefined: accuracy: outside the fitted range" in told
    assert run(["frontier", "results/regions", "--minimize", "electricity_cost"]) == 0
    assert "left out" in capsys.readouterr().out
    found = recut.recut(dse.load("results/devices"), minimize=["device_cost"])
    assert found.manifest["left_out_devices"]["jetson-tx2"] == ["device_price"]


def test_a_frontier_of_a_dataset_counts_what_it_leaves_out():
    data = dse.evaluate("mobilenet_v2", device="stm32h743", precision=["int8", "int4"], width=[0.5, 1.0])
    cut = dse.frontier(data, minimize="latency", maximize="accuracy")
    assert cut.attrs["undefined"].startswith("accuracy of 2 of 4 designs (no published evidence of mobilenet_v2")
    assert "undefined" not in dse.frontier(data, minimize="latency").attrs


@pytest.mark.parametrize(("context", "told"), [([512, 163_840], False), ([512, 163_841], True)])
def test_a_context_beyond_that_of_the_model_is_told(context, told):
    # config.json of DeepSeek-V2: max_position_embeddings 163840.
    spec = changed(LANGUAGE, network__model="deepseek-v2", deployment__context=context, deployment__phase="decode")
    found = [n for n in notes(read_job(spec)) if "beyond the 163,840 that deepseek-v2 was made for" in n]
    assert bool(found) == told


def test_adapters_of_one_network_that_has_no_matrices_for_them():
    """Of two networks one has no matrices of queries and values: its designs are undefined, and the other's stand."""
    spec = changed(
        LANGUAGE,
        network=[{"model": "llama-3.2-1b"}, {"model": "deepseek-v2-lite", "name": "latent", "q_lora_rank": [512, 768]}],
        deployment={"phase": "train", "context": 64, "lora_rank": [4, 8]},
        objectives={"minimize": ["memory"]},
        budgets={},
        fit=False,
        output={},
    )
    result = dse.explore(spec, plots=False)
    assert set(result.frontier.network.values) == {"llama-3.2-1b"}
    told = 'this network (deepseek-v2-lite) has no matrices of queries and values (try lora_targets = "all")'
    size = result.counts["enumerated"]
    assert result.manifest["undefined_because"] == {"latent: memory": {told: size * 2 // 3}}
    with pytest.raises(dse.InputError, match=r"lora_rank: this network \(deepseek-v2-lite\) has no"):
        dse.explore(changed(spec, network=spec["network"][1:]))
    # A design of a mix is made of both.
    with pytest.raises(dse.InputError, match=r"lora_rank: this network \(deepseek-v2-lite\) has no"):
        both = [n | {"q_lora_rank": 512} if "name" in n else n for n in spec["network"]]
        dse.explore(changed(spec, network=both, workload={"combine": "mix"}))
