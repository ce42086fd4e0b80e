"""What `dse.evaluate` makes of settings, and what it tells of devices and regions that it leaves out."""

import math

import pytest

import dse
from dse import glossary
from dse.api import design_space
from dse.cli import run
from dse.hardware import DEVICES
from dse.jobs.catalogues import CURRENT
from dse.jobs.settings import NAMED, SETTINGS

# Of settings without a default, and of those that others need.
GIVEN = {
    "context": 128,
    "phase": "decode",
    "prompt_tokens": 16,
    "output_tokens": 16,
    "price_per_hour": "2 USD/h",
    "latency_model": "per_op",
    "region": "USA",
    "software": "llama.cpp",
    "source_tokens": 16,
    "chunk_tokens": 16,
}
WITH = {
    "prompt_tokens": {"phase": "request", "output_tokens": 8},
    "output_tokens": {"phase": "request", "prompt_tokens": 8},
    "chunk_tokens": {"phase": "mixed", "prompt_tokens": 8, "output_tokens": 8},
    "source_tokens": {"phase": "decode", "context": 8},
    "context": {"phase": "decode"},
    "phase": {"context": 8},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_of_a_deployment_is_taken(name):
    value = GIVEN.get(name, glossary.lookup(name).default)
    if name in NAMED and name == "software":
        value = sorted(NAMED[name][1](CURRENT))[0]
    others = WITH.get(name, {"phase": "decode", "context": 8})
    network = "t5-small" if name == "source_tokens" else "llama-2-7b"
    axis = design_space(network, "h100-sxm", "fp16", None, "trainable", {**others, name: value}).axes[name]
    assert axis.given
    assert axis.values == (2.0,) if name == "price_per_hour" else axis.values[0] == value


def test_a_rent_is_what_tokens_cost(capsys):
    axes = {"phase": "decode", "context": 128, "price_per_hour": ["1 USD/h", "3 USD/h"]}
    metrics = ["cost_per_million_tokens", "throughput"]
    found = dse.evaluate("llama-2-7b", device="h100-sxm", precision="fp16", metrics=metrics, **axes)
    expected = [rent / 3600 / float(found.throughput) * 1e6 for rent in (1, 3)]
    assert found.cost_per_million_tokens.values == pytest.approx(expected, rel=1e-12)
    command = ["evaluate", "llama-2-7b", "--device", "h100-sxm", "--metric", "cost_per_million_tokens"]
    assert run([*command, "--set", "phase=decode", "--set", "context=128", "--set", "price_per_hour=1 USD/h"]) == 0


def test_what_is_left_out_is_told():
    with pytest.warns(UserWarning, match=r"left out: .* devices lack figures: .*apple-m2-ultra \(tdp\)"):
        found = dse.evaluate("mobilenet_v2", device="class:apple-soc", precision="int8", metrics=["energy", "latency"])
    apple = [n for n, d in DEVICES.items() if d.device_class == "apple-soc"]
    lost = [n for n in apple if math.isnan(DEVICES[n].figure("tdp"))]
    assert sorted({*apple} - {*lost}) == sorted(found.device.values.reshape(-1))
    assert found.attrs["left_out"].startswith(f"{len(lost)} of {len(apple)} devices lack figures: {lost[0]} (tdp)")
    assert dse.frontier(found, minimize="latency").attrs["left_out"] == found.attrs["left_out"]
    with pytest.warns(UserWarning, match="of .* regions a figure is not published: "):
        price = dse.evaluate("mobilenet_v2", device="h100-sxm", region="*", metrics="electricity_cost")
    assert (
        "left_out"
        not in dse.evaluate("mobilenet_v2", device="class:apple-soc", precision="int8", metrics="latency").attrs
    )
    assert price.sizes["region"] < len(CURRENT.regions)


@pytest.mark.parametrize("wrong", [5, None, 1.5])
def test_what_is_no_spec(wrong):
    with pytest.raises(dse.InputError, match="is not a spec; give the path of a TOML file"):
        dse.explore(wrong)


@pytest.mark.parametrize(("called", "axis"), [("depth", "layers"), ("width", "d_model")])
def test_axes_of_a_transformer_by_other_names(called, axis):
    with pytest.raises(dse.InputError, match=f"unknown axis or deployment setting '{called}'; did you mean '{axis}'"):
        dse.evaluate("vit", **{called: 4})


@pytest.mark.parametrize(
    ("given", "meant"), [("contxt", "context"), ("bacth", "batch"), ("layres", "layers"), ("deployment.batch", "batch")]
)
def test_axes_and_settings_are_one_list(given, meant):
    with pytest.raises(dse.InputError) as told:
        dse.evaluate("llama-2-7b", device="h100-sxm", **{given: 3})
    (fault,) = told.value.faults
    assert fault.where == given and fault.problem.endswith(f"; did you mean {meant!r}?")


def test_wrong_values_are_told_by_the_name_that_was_given():
    with pytest.raises(dse.InputError) as told:
        dse.evaluate("llama-2-7b", device="h100-sxm", batch=-1, layers=0)
    assert {f.where for f in told.value.faults} == {"batch", "layers"}


def test_metrics_may_be_given_as_functions(own_metric):
    found = dse.evaluate("resnet50", device="h100-sxm", metrics=[own_metric, "latency"])
    assert float(found.energy_delay) == float(dse.evaluate("resnet50", device="h100-sxm", metrics="energy").energy) * (
        float(found.latency)
    )
    alone = dse.evaluate("resnet50", device="h100-sxm", metrics=own_metric)
    assert list(alone.data_vars) == ["energy_delay"]


@pytest.mark.parametrize("wrong", [len, [len], 5, [5]])
def test_what_is_no_metric(wrong):
    with pytest.raises(dse.InputError, match="is no metric; give a name, or a function under"):
        dse.evaluate("resnet50", device="h100-sxm", metrics=wrong)


@pytest.fixture
def own_metric(own_registry):
    @dse.metric(unit="J·s", direction="min")
    def energy_delay(energy, latency):
        """Energy times delay."""
        return energy * latency

    return energy_delay
