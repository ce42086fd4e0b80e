"""The Python interface: names, results, errors."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import xarray as xr

import dse

SPEC = {
    "network": {"family": "mobilenet_v2", "width": [0.35, 1.0], "resolution": [96, 224]},
    "precision": {"scheme": "int8"},
    "hardware": {"device": "esp32"},
    "objectives": {"minimize": ["latency"], "maximize": ["accuracy"]},
    "fit": False,
}


def test_every_public_name_is_there_and_documented():
    for name in dse.__all__:
        value = getattr(dse, name)
        assert value is not None
        if callable(value):
            assert value.__doc__, name
    assert set(dse.__all__) <= set(dir(dse))
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        _ = dse.evalute


def test_evaluate_keeps_each_metric_at_its_own_dimensions():
    found = dse.evaluate(
        "mobilenet_v2",
        device=["esp32", "gap9"],
        precision=["int8"],
        metrics=["macs", "model_size", "latency"],
        width=[0.35, 1.0],
        resolution=[96, 224],
    )
    assert found.macs.dims == ("width", "resolution")
    assert found.model_size.dims == ("width", "precision")
    assert found.latency.dims == ("width", "resolution", "precision", "device")
    # Published: see tests/reference/counts-vision.toml.
    np.testing.assert_array_equal(found.macs.sel(resolution=[96, 224], width=[0.35, 1.0]).values[0, 0], 11_934_128)
    assert float(found.macs.sel(width=1.0, resolution=224)) == 300_774_272
    assert found.latency.attrs["units"] == "s"
    assert found.latency.attrs["direction"] == "min"
    assert "lower bound" in found.latency.attrs["long_name"]
    assert found.latency.attrs["formula"] == "max(compute_time, memory_time)"


def test_evaluate_takes_arrays_and_quantities():
    found = dse.evaluate("resnet50", device="esp32", metrics="carbon", carbon_intensity=np.array([100.0, 400.0]))
    assert float(found.carbon[1] / found.carbon[0]) == pytest.approx(4)
    same = dse.evaluate("resnet50", device="esp32", metrics="carbon", carbon_intensity="0.1 kg/kWh")
    assert float(same.carbon) == float(found.carbon[0])


def test_evaluate_without_a_device():
    found = dse.evaluate("resnet50")
    assert float(found.params) == 25_557_032
    assert "latency" not in found


def test_errors_are_told_with_every_fault():
    with pytest.raises(dse.InputError) as caught:
        dse.evaluate("resnet50", device="esp23", precision="int9", batch=0)
    assert [f.where for f in caught.value.faults] == ["precision.scheme", "batch", "hardware.device"]
    assert isinstance(caught.value, dse.DseError)


def test_explore_takes_a_path_a_mapping_and_a_spec(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(
        "fit = false\n"
        '[network]\nfamily = "mobilenet_v2"\nwidth = [0.35, 1.0]\nresolution = [96, 224]\n'
        '[precision]\nscheme = "int8"\n[hardware]\ndevice = "esp32"\n'
        '[objectives]\nminimize = ["latency"]\nmaximize = ["accuracy"]\n'
    )
    results = [dse.explore(s).frontier for s in (path, str(path), SPEC, dse.Spec(**SPEC))]
    for other in results[1:]:
        xr.testing.assert_identical(results[0], other)


def test_a_result(tmp_path):
    result = dse.explore(SPEC, out=tmp_path / "x")
    assert isinstance(result, dse.Result)
    assert dict(result.frontier.sizes) == {"design": result.counts["kept"]}
    assert {"width", "resolution", "precision", "device"} <= set(result.frontier.coords)
    assert result.plot("frontier").get_axes()
    assert dse.load(tmp_path / "x").counts == result.counts
    with pytest.raises(dse.InputError, match="unknown plot 'frontir'"):
        result.plot("frontir")


def test_frontier_of_a_dataset_agrees_with_explore():
    grid = dse.evaluate("mobilenet_v2", device="esp32", precision="int8", width=[0.35, 1.0], resolution=[96, 224])
    cut = dse.frontier(grid, minimize="latency", maximize="accuracy")
    result = dse.explore(SPEC).frontier
    assert sorted(cut.latency.values) == sorted(result.latency.values)


def test_settings_replace_values():
    result = dse.explore(SPEC, settings={"network.width": 1.0, "objectives.maximize": []})
    assert result.counts["enumerated"] == 2
    assert result.frontier.resolution.values.tolist() == [96]


def test_mappings():
    assert dse.formulas["model_size"](8, 4) == dse.formulas.model_size(8, 4) == 4
    assert dse.devices["a100-sxm-80gb"].figure("peak_fp16") == 312e12
    assert dse.precisions["int8"].weight_bits == 8
    assert dse.models["resnet50"].family == "resnet"
    assert "decoder" in dse.families
    assert "latency" in dse.metrics


def test_a_metric_of_the_user_is_an_objective(monkeypatch):
    from dse import registry

    monkeypatch.setattr(registry, "METRICS", dict(registry.METRICS))

    @dse.metric(unit="1", direction="min")
    def macs_per_parameter(macs, params):
        """Multiply-accumulates for each parameter."""
        return macs / params

    result = dse.explore({**SPEC, "objectives": {"minimize": ["macs_per_parameter"]}})
    assert result.frontier.macs_per_parameter.values == pytest.approx([11_934_128 / 1_677_128], rel=1e-15)


def test_errors_can_be_sent_between_processes():
    error = dse.InputError("wrong")
    assert str(pickle.loads(pickle.dumps(error))) == "wrong"
