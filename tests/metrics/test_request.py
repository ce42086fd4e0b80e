"""A request is its prompt and, one after another, its tokens at the mean context."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.grid.dataset import evaluate
from dse.grid.explain import chain
from dse.grid.space import make_grid
from dse.networks import FAMILIES, MODELS

ON = {"device": "a100-sxm-80gb", "precision": "fp16", "batch": 4}
PROMPT, OUTPUT = 1024, 256


def llama(metrics, **axes):
    space = make_grid(FAMILIES["decoder"], {**MODELS["llama-3-8b"].axes, **ON, **axes})
    return evaluate(space, metrics)


@pytest.fixture(scope="module")
def request_():
    metrics = [n for n in dse.metrics if n not in ("accuracy", "accuracy_low", "accuracy_high")]
    return llama(metrics, phase="request", prompt_tokens=PROMPT, output_tokens=OUTPUT)


PARTS = ["latency", "macs", "weight_bytes", "activation_bytes", "compute_time", "memory_time"]


@pytest.fixture(scope="module")
def parts():
    return llama(PARTS, phase="prefill", context=PROMPT), llama(PARTS, phase="decode", context=PROMPT + OUTPUT // 2)


@pytest.mark.parametrize("name", PARTS)
def test_a_request_is_the_sum_of_its_parts(request_, parts, name):
    prompt, token = (float(part[name]) for part in parts)
    assert float(request_[name]) == pytest.approx(prompt + (OUTPUT - 1) * token, rel=1e-13)


def test_times(request_, parts):
    prompt, token = (float(part.latency) for part in parts)
    assert float(request_.time_to_first_token) == prompt
    assert float(request_.time_per_token) == token
    assert float(request_.request_latency) == float(request_.latency)
    assert float(request_.tokens_per_second) == pytest.approx(1 / token, rel=1e-15)
    assert float(request_.throughput) == pytest.approx(4 / float(request_.latency), rel=1e-15)
    assert float(request_.token_throughput) == pytest.approx(4 * OUTPUT / float(request_.latency), rel=1e-15)


def test_energy_carbon_and_cost_are_per_generated_token(request_):
    total_power = 400 * 0.7 * 1.2
    per_token = total_power * float(request_.latency) / 4 / OUTPUT
    assert float(request_.energy_per_token) == pytest.approx(per_token, rel=1e-13)
    assert float(request_.tokens_per_second_per_watt) == pytest.approx(1 / per_token, rel=1e-13)
    grams = per_token / 3.6e6 * 400
    assert float(request_.carbon_per_million_tokens) == pytest.approx(grams / 1000 * 1e6, rel=1e-13)
    rent = dse.devices["a100-sxm-80gb"].figure("price_per_hour")
    expected = rent / 3600 * float(request_.latency) / (4 * OUTPUT) * 1e6
    assert float(request_.cost_per_million_tokens) == pytest.approx(expected, rel=1e-13)


def test_the_cache_is_full_at_the_end(request_):
    assert float(request_.kv_cache) == 4 * 32 * 2 * 8 * 128 * (PROMPT + OUTPUT) * 2


def test_one_token_is_the_prompt_alone():
    alone = llama(["latency", "macs"], phase="request", prompt_tokens=PROMPT, output_tokens=1)
    prompt = llama(["latency", "macs"], phase="prefill", context=PROMPT)
    assert float(alone.latency) == float(prompt.latency)
    assert float(alone.macs) == float(prompt.macs)


def test_phases_side_by_side():
    axes = {"phase": ["prefill", "decode"], "context": [512, 1024]}
    both = llama(["latency", "params", "time_to_first_token"], **axes)
    assert both.latency.dims == ("phase", "context")
    assert both.params.dims == ()
    assert both.time_to_first_token.sel(phase="decode").isnull().all()
    assert float(both.latency.sel(phase="decode", context=1024)) == float(
        llama(["latency"], phase="decode", context=1024).latency
    )


def test_each_model_of_latency_applies_to_the_parts():
    axes = {"phase": "request", "prompt_tokens": PROMPT, "output_tokens": OUTPUT}
    both = llama(["request_latency"], **axes, latency_model=["roofline", "per_op"]).request_latency
    assert float(both.sel(latency_model="per_op")) > float(both.sel(latency_model="roofline"))


def test_the_chain_of_a_request_names_its_parts():
    space = make_grid(
        FAMILIES["decoder"],
        {**MODELS["llama-3-8b"].axes, **ON, "phase": "request", "prompt_tokens": PROMPT, "output_tokens": OUTPUT},
    )
    lines = chain(space, "request_latency")
    assert lines[1] == "    = time_to_first_token + (output_tokens − 1) · time_per_token"
    assert "    = max(decode_compute_time, decode_memory_time)" in lines
    assert "    = max(prefill_compute_time, prefill_memory_time)" in lines


def test_both_engines_agree():
    axes = {"phase": "request", "prompt_tokens": [512, 1024], "output_tokens": [1, 256], "context": 1}
    space = make_grid(FAMILIES["decoder"], {**MODELS["llama-3-8b"].axes, **ON, **axes})
    metrics = ["request_latency", "macs", "activation_bytes", "memory", "energy_per_token"]
    plain, fused = (evaluate(space, metrics, engine=engine) for engine in ("plain", "fused"))
    for name in metrics:
        np.testing.assert_array_equal(fused[name].values, plain[name].values, name)
