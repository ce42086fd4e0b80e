"""What is said of networks beside their numbers: the same by every way to ask."""

from __future__ import annotations

import json

import numpy as np
import pytest
from specs import LANGUAGE, changed

import dse
from dse.cli import run
from dse.grid.reasons import UNCOUNTED
from dse.jobs import cautions
from dse.jobs.assumptions import notes
from dse.jobs.resolve import read_job

PROMPT = {"phase": "prefill", "context": 132_000}
LINE = "evaluate llama-3.1-70b --device h200-sxm --precision fp8 --set phase=prefill --set context=132000 --metric macs"


def llama_3_1_70b_macs(context):
    """MACs of a prompt in integers, by the published shape: 8 of 64 heads have keys and values of their own."""
    of_token = 2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672
    return 80 * (context * of_token + 2 * context**2 * 8192) + 8192 * 128_256


def test_macs_beyond_2_53_are_the_nearest_float_and_told(capsys):
    contexts = [1024, 131_071, 132_000]
    metrics = ["macs", "flops", "compute_time", "activations"]
    found = dse.evaluate(
        "llama-3.1-70b", device="h200-sxm", precision="fp8", metrics=metrics, phase="prefill", context=contexts
    )
    exact = [llama_3_1_70b_macs(c) for c in contexts]
    assert exact[0] < 2**53 < exact[1]
    assert found.macs.values.tolist() == [float(n) for n in exact]
    assert found.flops.values.tolist() == [float(2 * n) for n in exact]
    alone = dse.evaluate("llama-3.1-70b", device="h200-sxm", precision="fp8", metrics=metrics, **PROMPT)
    assert all(float(alone[n]) == found[n].values[-1] for n in metrics)
    # Both notes, in every face.
    told = alone.attrs["notes"]
    assert told == found.attrs["notes"]
    assert "a context of 132,000 tokens is beyond the 131,072 that llama-3.1-70b was made for" in told
    assert f"{float(exact[-1]):.4g} MACs of llama-3.1-70b are beyond 2^53" in told
    assert run([*LINE.split(), "--json"]) == 0
    assert "; ".join(json.loads(capsys.readouterr().out)["notes"]) == told
    assert run(LINE.split()) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(f"note: {note}" in text for note in told.split("; "))
    spec = changed(LANGUAGE, network__model="llama-3.1-70b", deployment=PROMPT | {"batch": 1})
    assert "; ".join(notes(read_job(spec))) == told


def test_nothing_is_said_where_nothing_is_to_be_known():
    found = dse.evaluate("llama-3.1-70b", device="h200-sxm", metrics="macs", phase="prefill", context=8192)
    assert "notes" not in found.attrs


@pytest.mark.parametrize(("axes", "told"), [({"draft_tokens": [0, 4]}, True), ({"draft_tokens": 0}, False),
    ({"draft_tokens": 4, "draft_params": 10**9}, False)])  # fmt: skip
def test_a_draft_that_costs_nothing_is_told(axes, told):
    found = dse.evaluate("llama-3-8b", phase="decode", context=8, metrics="macs", **axes)
    assert ("without draft_params" in found.attrs.get("notes", "")) is told


def test_macs_of_a_network_that_is_refused_are_not_told():
    """12 · 2^48 weights in each of three layers are beyond 2^53: of their MACs nothing is said."""
    axes = {"layers": 3, "d_model": [1024, 2**24], "heads": 8, "vocab": 1000}
    ask = {"precision": "fp16", "device": "h100-sxm", "metrics": "params", "phase": "decode", "context": 10}
    found = dse.evaluate("decoder", **axes, **ask)
    assert int(np.isnan(found.params).sum()) == 1
    assert "notes" not in found.attrs


def test_the_most_macs_of_a_space_of_many_axes_are_found_without_counting_it(monkeypatch):
    """3^18 · 2 networks: the most layers and channels are at one end of some axes and at the other end of others."""
    each = {"kernel": [7, 3, 5], "expansion": [3, 4, 6], "depth": [4, 1, 2]}
    axes = {name: {"each": values} for name, values in each.items()}
    network = {"family": "inverted_residual", "resolution": [96, 65_536], "classes": 2, "width": 20, **axes}
    spec = {"network": network, "hardware": {"device": "l4"}, "objectives": {"minimize": ["params"]}, "fit": False}
    looked_at = []
    evaluate = cautions.evaluate_values
    monkeypatch.setattr(
        cautions, "evaluate_values", lambda space, *a, **k: looked_at.append(space.size) or evaluate(space, *a, **k)
    )
    largest = {f"{name}_{n}": max(values) for name, values in each.items() for n in range(1, 7)}
    fixed = {"resolution": 65_536, "classes": 2, "width": 20}
    exact = float(dse.evaluate("inverted_residual", metrics=["macs"], engine="plain", **fixed, **largest).macs)
    (told,) = (n for n in notes(read_job(spec)) if "MACs" in n)
    assert exact > 2**53 and told.startswith(f"{exact:.4g} MACs of inverted_residual are beyond 2^53")
    assert 0 < sum(looked_at) < 4096


def test_one_prompt_beyond_2_53_does_not_refuse_a_spec():
    spec = changed(
        LANGUAGE,
        network__model="llama-3.1-405b",
        deployment={"phase": "request", "prompt_tokens": [1024, 32_768], "output_tokens": 256, "tensor_parallel": 8},
        objectives={"minimize": ["request_latency"]},
        budgets={},
        fit=False,
    )
    result = dse.explore(spec)
    assert result.counts["undefined"] == 0 and {*result.frontier.prompt_tokens.values} == {1024, 32_768}
    (note,) = result.manifest["notes"]
    assert "MACs of llama-3.1-405b are beyond 2^53" in note


@pytest.mark.parametrize("objective", ["activation_memory", "peak_sram"])
def test_what_is_held_and_cannot_be_counted_is_undefined_where_it_is(objective):
    axes = {"layers": 1, "d_model": 2**20, "heads": 1, "vocab": 1, "ffn": 1}
    spec = {
        "network": {"family": "decoder", **axes},
        "precision": {"scheme": "fp16"},
        "hardware": {"device": "h200-sxm"},
        "deployment": {"phase": "prefill", "context": [8, 2**40]},
        "objectives": {"minimize": [objective]},
        "fit": False,
    }
    result = dse.explore(spec)
    # Work is rounded, and has a value; what is live at once is counted exactly or not at all.
    lost = 0 if objective == "activation_memory" else 1
    assert result.counts["undefined"] == lost
    told = UNCOUNTED.format("peak_activations")
    assert result.manifest["undefined_because"] == ({objective: {told: 1}} if lost else {})
    found = dse.evaluate("decoder", device="h200-sxm", metrics=[objective], **axes, **spec["deployment"])
    assert np.isnan(found[objective].values).sum() == lost and found[objective].attrs.get("reason", told) == told


def test_adapters_of_latent_attention_are_told():
    """DeepSeek-V2-Lite has a matrix of queries, and one of keys and values together."""
    on = {"metrics": ["adapter_params"], "context": 8, "device": "l4"}
    found = dse.evaluate("deepseek-v2-lite", lora_rank=8, **on)
    assert float(found.adapter_params) == 8 * 27 * (2048 + 16 * 192)
    assert "beside the matrices of queries alone" in found.attrs["notes"]
    for axes in ({"lora_rank": 0}, {"lora_rank": 8, "lora_targets": "all"}):
        assert "notes" not in dse.evaluate("deepseek-v2-lite", **axes, **on).attrs
    assert "notes" not in dse.evaluate("llama-2-7b", lora_rank=8, **on).attrs


def test_where_a_value_comes_from_is_asked_for_like_a_metric(capsys):
    """It is a text, and stands beside the value."""
    found = dse.evaluate("mobilenet_v2", metrics="accuracy_source")
    assert float(found.accuracy) == 71.8 and "TF-Slim" in str(found.accuracy_source.item())
    assert run(["evaluate", "mobilenet_v2", "--device", "l4", "--metric", "accuracy_source"]) == 0
    assert "TF-Slim" in capsys.readouterr().out
    spec = changed(LANGUAGE, output={"metrics": ["loss_source"]})
    assert "loss" in read_job(spec).metrics


def test_a_batch_that_holds_more_than_2_53_elements_is_told():
    """The cache of one sample of 4,096 tokens is 2 · 32 layers · 4,096 wide · 4,096 tokens; peaks are less."""
    batch = 999_999_999_989
    options = {
        "device": "a100-sxm-80gb",
        "precision": "fp16",
        "phase": "decode",
        "context": 4096,
        "metrics": "kv_cache",
    }
    found = dse.evaluate("llama-2-7b", batch=batch, **options)
    assert float(found.kv_cache) == pytest.approx(2 * (2**30 * batch), rel=2**-52)
    assert f"a batch of {batch:,} holds {2.0**30 * batch:.4g} elements, beyond 2^53" in found.attrs["notes"]
    assert "notes" not in dse.evaluate("llama-2-7b", batch=2**22, **options).attrs
