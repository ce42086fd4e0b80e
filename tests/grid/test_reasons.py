"""Whatever is undefined says why, wherever its value is shown."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import dse
from dse.grid import reasons

DEVICES = ["stm32h743", "coral-edge-tpu", "a100-sxm-80gb", "apple-m3", "hailo-8", "gap8"]
FORMATS = ["fp32", "fp16", "int8", "int4", "w4a8"]
# All metrics; 360 and 240 combinations.
CASES = {
    "vision": (
        "mobilenet_v2",
        {"energy_profile": ["sheet", "jouppi-7nm"], "latency_model": ["roofline", "per_op", "calibrated"]}
        | {"region": ["DEU", "ALB"], "width": [0.35, 3.3]},
    ),
    "language": (
        "llama-2-7b",
        {"phase": ["decode", "train"], "tensor_parallel": [1, 3], "heads": [32, 31], "energy_profile": "*"},
    ),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("case", CASES)
def test_all_that_is_undefined_has_a_reason(case):
    network, axes = CASES[case]
    found = dse.evaluate(network, device=DEVICES, precision=FORMATS, **axes)
    undefined = [n for n, v in found.data_vars.items() if bool(np.isnan(v).any())]
    assert len(undefined) > 40
    without = [n for n in undefined if not found[n].attrs.get("reason")]
    # Each of them is explained by what was given, none by the formula.
    assert (without, [n for n in undefined if reasons.NO_VALUE in found[n].attrs["reason"]]) == ([], [])
    assert not [n for n, v in found.data_vars.items() if "reason" in v.attrs and n not in undefined]


SINGLE = [
    ("stm32h743", "int8", "operation_energy", "sheet", "the energy profile sheet has no energy of a MAC in int8"),
    ("coral-edge-tpu", "fp16", "operation_energy", "sheet", "coral-edge-tpu computes neither in fp16 nor in a wider"),
    ("stm32h743", "int4", "accuracy", "sheet", "no published evidence of mobilenet_v2 (ImageNet-1k, tf-slim) in int4"),
]


@pytest.mark.parametrize(("device", "precision", "metric", "profile", "why"), SINGLE)
def test_one_design_says_the_same_wherever_it_is_asked(device, precision, metric, profile, why, capsys):
    own = dse.evaluate("mobilenet_v2", device=device, precision=precision, energy_profile=profile)[metric]
    assert np.isnan(own) and own.attrs["reason"].startswith(why)
    line = ["evaluate", "mobilenet_v2", "--device", device, "--precision", precision]
    from dse.cli import run

    assert run([*line, "--set", f"energy_profile={profile}"]) == 0
    assert own.attrs["reason"] in " ".join(capsys.readouterr().out.split())


def test_only_reasons_of_undefined_designs_are_told():
    found = dse.evaluate("mobilenet_v2", device=["coral-edge-tpu", "stm32h743"], precision=["int8", "fp16"])
    assert found.latency.attrs["reason"] == "coral-edge-tpu computes neither in fp16 nor in a wider format"
    assert "reason" not in found.macs.attrs


@pytest.mark.parametrize("kept", [False, True])
def test_results_say_it(kept, tmp_path):
    spec = {
        "name": "x",
        "network": {"family": "mobilenet_v2", "width": [0.35, 3.3]},
        "precision": {"scheme": ["int8", "fp32"]},
        "hardware": {"device": ["stm32h743"]},
        "deployment": {"energy_profile": "sheet"},
        "objectives": {"minimize": ["macs"]},
        "output": {"metrics": ["accuracy", "operation_energy"], "grid": kept},
    }
    dse.explore(spec, out=tmp_path / "x", plots=False)
    result = dse.load(tmp_path / "x")
    for data in (result.frontier, result.grid):
        why = "the energy profile sheet has no energy of a MAC in int8 or wider"
        assert data.operation_energy.attrs["reason"] == why
    assert result.grid.accuracy.attrs["reason"].startswith("outside the fitted range")


def test_networks_together_name_the_network():
    spec = {
        "network": [{"name": "a", "model": "mobilenet_v2"}, {"name": "b", "model": "llama-2-7b"}],
        "workload": {"combine": "mix"},
        "precision": {"scheme": ["int8", "int4"]},
        "hardware": {"device": "a100-sxm-80gb"},
        "objectives": {"minimize": ["latency"]},
        "output": {"metrics": ["a.accuracy", "b.accuracy"]},
    }
    grid = dse.explore(spec).grid
    undefined = [n for n in ("a.accuracy", "b.accuracy") if bool(np.isnan(grid[n]).any())]
    assert undefined
    for name in undefined:
        assert grid[name].attrs["reason"]


@pytest.mark.parametrize(
    ("heads", "metric", "why"),
    [([2, 3, 5, 4], "macs", "heads: 5 is not allowed"), ([2, 3], "latency", "coral-edge-tpu computes neither in fp16")],
)
def test_what_no_coarse_grid_sees_is_told_in_a_kept_grid(heads, metric, why, tmp_path, monkeypatch):
    from dse.jobs import store

    monkeypatch.setattr(store, "PLAIN_LIMIT", 1)
    monkeypatch.setattr(store, "TILE", 4)
    # In the middle, where neither the ends nor the first two values are: a network whose heads do not divide its width,
    # and a format that the device does not compute in.
    formats = ["int8", "w4a8", "fp16", "int4"]
    spec = {
        "name": "x",
        "network": {"family": "vit", "layers": 2, "d_model": 192, "heads": heads},
        "precision": {"scheme": formats},
        "hardware": {"device": ["coral-edge-tpu"]},
        "objectives": {"minimize": ["macs"]},
        "output": {"metrics": ["latency"], "grid": True},
    }
    dse.explore(spec, out=tmp_path / "x", plots=False)
    kept = dse.load(tmp_path / "x").grid
    axes = {"layers": 2, "d_model": 192, "heads": heads, "device": "coral-edge-tpu", "precision": formats}
    whole = dse.evaluate("vit", metrics=["macs", "latency"], **axes)
    for name in ("macs", "latency"):
        expected, found = xr.broadcast(whole[name], kept[name])
        assert bool((np.isnan(expected) == np.isnan(found)).all())
    assert bool(np.isnan(kept[metric]).any()) and why in kept[metric].attrs["reason"]
