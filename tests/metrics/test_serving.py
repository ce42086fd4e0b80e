"""Serving language models: prompts in parts, the largest batch, pages of the cache, and drafted tokens, by hand."""

from __future__ import annotations

import numpy as np
import pytest

import dse

A100 = {"device": "a100-sxm-80gb", "precision": "fp16"}
DECODE = {**A100, "phase": "decode", "context": 1000}
# Llama-3-8B: 32 layers of eight heads of keys and values of 128.
CACHE_OF_TOKEN = 32 * 2 * 8 * 128 * 2
PARAMS = 8_030_261_248


def evaluate(metrics, network="llama-3-8b", **axes):
    data = dse.evaluate(network, metrics=list(metrics), **axes)
    return {m: float(data[m]) for m in metrics}


# Chunked prefill.


MIXED = {**A100, "phase": "mixed", "prompt_tokens": 1024, "output_tokens": 256, "batch": 32}


def test_a_mixed_pass_by_hand():
    found = evaluate(
        ["macs", "time_to_first_token", "time_per_token", "latency", "request_latency"], chunk_tokens=256, **MIXED
    )
    d, ffn, vocab = 4096, 14336, 128256
    matrices = 32 * (2 * d * d + 2 * d * 1024 + 3 * d * ffn)
    token = matrices + 32 * 2 * (1024 + 128) * d + d * vocab
    # Four parts of 256 tokens attend to 256, 512, 768 and 1024 positions: 640 on average. One row of logits.
    chunk = 256 * (matrices + 32 * 2 * 640 * d) + d * vocab
    assert found["macs"] == pytest.approx(token + chunk / 32, rel=1e-14)
    assert found["time_to_first_token"] == pytest.approx(4 * found["latency"], rel=1e-15)
    assert found["time_per_token"] == found["latency"]
    assert found["request_latency"] == pytest.approx((4 + 255) * found["latency"], rel=1e-13)


def test_a_mixed_pass_is_between_its_parts_and_their_sum():
    metrics = ["latency", "compute_time", "weight_time", "activation_time"]
    mixed = evaluate(metrics, chunk_tokens=1024, **MIXED)
    # The whole prompt as one part is a prefill of one prompt.
    prompt = evaluate(metrics, **{**A100, "phase": "prefill", "context": 1024, "batch": 1})
    tokens = evaluate(metrics, **{**A100, "phase": "decode", "context": 1024 + 128, "batch": 32})
    for name in ("compute_time", "activation_time"):
        assert mixed[name] == pytest.approx(prompt[name] + tokens[name], rel=1e-12)
    assert mixed["weight_time"] == prompt["weight_time"] > tokens["weight_time"]
    longer = max(prompt["latency"], tokens["latency"])
    assert longer <= mixed["latency"] <= prompt["latency"] + tokens["latency"]


def test_all_parts_of_a_prompt_are_the_prompt():
    """But for its attention, which is triangular in the parts, and the logits of each."""
    d, vocab, prompt = 4096, 128256, 1024
    whole = evaluate(["macs"], **{**A100, "phase": "prefill", "context": prompt})["macs"]
    for chunk in (128, 256, 512):
        token = evaluate(["macs"], **{**A100, "phase": "decode", "context": prompt + 128})["macs"]
        mixed = evaluate(["macs"], **{**MIXED, "batch": 1}, chunk_tokens=chunk)["macs"]
        parts = (mixed - token) * prompt / chunk
        less = 32 * 2 * d * prompt * (prompt - chunk) / 2
        assert parts == whole - less + (prompt / chunk - 1) * d * vocab


def test_a_larger_part_is_a_quicker_first_and_a_slower_next_token():
    data = dse.evaluate(
        "llama-3-8b", metrics=["time_to_first_token", "time_per_token"], chunk_tokens=[64, 256, 1024], **MIXED
    )
    assert bool((data.time_to_first_token.diff("chunk_tokens") < 0).all())
    assert bool((data.time_per_token.diff("chunk_tokens") > 0).all())


@pytest.mark.parametrize(
    ("deployment", "message"),
    [
        ({"phase": "mixed", "prompt_tokens": 8, "output_tokens": 8}, "deployment.chunk_tokens: is missing"),
        ({"phase": "decode", "chunk_tokens": 8}, "deployment.chunk_tokens: has a meaning with phase = \"mixed\" only"),
        ({"phase": ["mixed", "decode"]}, "deployment.phase: \"mixed\" is prefill and decode together; give it alone"),
        ({"phase": "mixed", "chunk_tokens": 8}, "deployment.prompt_tokens: is missing"),
        ({"phase": "mixed", "prompt_tokens": 8, "output_tokens": 8, "chunk_tokens": 4, "latency_model": "per_op"},
         "deployment.latency_model: 'per_op' has no form for this phase"),
        ({"phase": "decode", "draft_tokens": 2, "latency_model": "per_op"},
         "deployment.latency_model: 'per_op' has no form for this draft_tokens"),
        ({"phase": "prefill", "draft_tokens": 2}, "deployment.draft_tokens: has a meaning with phase"),
        ({"phase": "decode", "acceptance": 1.0}, "deployment.acceptance: 1.0 is not allowed"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together(deployment, message):
    with pytest.raises(dse.InputError) as caught:
        dse.evaluate("llama-3-8b", metrics=["latency"], **A100, **deployment)
    assert message.replace("1.0 is", "1 is") in str(caught.value).replace("1.0 is", "1 is")


def test_settings_of_language_models_mean_nothing_for_others():
    for name in ("page_tokens", "draft_tokens"):
        with pytest.raises(dse.InputError, match=f"deployment.{name}"):
            dse.evaluate("resnet50", metrics=["latency"], device="l4", **{name: 16})


# Memory.


def test_the_largest_batch_by_hand():
    found = evaluate(["max_batch", "sequence_memory", "fixed_memory", "peak_activations"], **DECODE)
    assert found["fixed_memory"] == PARAMS * 2
    assert found["sequence_memory"] == CACHE_OF_TOKEN * 1000 + found["peak_activations"] * 2
    free = 0.9 * 80 * 2**30 - PARAMS * 2
    assert found["max_batch"] == free // found["sequence_memory"] == 466


@pytest.mark.parametrize("more", [{}, {"tensor_parallel": 4}, {"data_parallel": 2}, {"phase": "prefill"}])
@pytest.mark.parametrize("network", ["llama-3-8b", "deepseek-v2-lite"])
def test_the_largest_batch_fits_and_one_more_does_not(network, more):
    axes = {**DECODE, **more}
    largest = int(evaluate(["max_batch"], network, **axes)["max_batch"])
    free = [evaluate(["memory_free"], network, batch=b, **axes)["memory_free"] for b in (largest, largest + 1)]
    assert free[0] >= 0 > free[1]


def test_a_network_that_does_not_fit_has_no_batch():
    assert evaluate(["max_batch"], "llama-3.1-70b", **DECODE)["max_batch"] == 0


def test_the_largest_batch_of_training():
    settings = {**A100, "phase": "train", "context": 512, "grad_bits": 16, "optimizer_bits": 32}
    found = evaluate(["max_batch", "memory", "sequence_memory", "fixed_memory"], batch=2, **settings)
    assert found["memory"] == pytest.approx(found["fixed_memory"] + 2 * found["sequence_memory"], rel=1e-14)
    assert found["fixed_memory"] == PARAMS * 8
    assert found["max_batch"] == (0.9 * 80 * 2**30 - PARAMS * 8) // found["sequence_memory"]


def test_pages_that_are_part_empty():
    found = evaluate(["kv_cache", "cached_tokens", "cache_of_sequence"], batch=3, page_tokens=16, **DECODE)
    assert found["cached_tokens"] == 1000
    assert found["kv_cache"] == pytest.approx(3 * CACHE_OF_TOKEN * 1008, rel=1e-15)
    assert found["cache_of_sequence"] == pytest.approx(CACHE_OF_TOKEN * 1008, rel=1e-15)
    request = {**A100, "phase": "request", "prompt_tokens": 100, "output_tokens": 30}
    found = evaluate(["kv_cache", "cached_tokens"], page_tokens=64, **request)
    assert found["cached_tokens"] == 130
    assert found["kv_cache"] == pytest.approx(CACHE_OF_TOKEN * 192, rel=1e-15)
    sizes = dse.evaluate("llama-3-8b", metrics=["kv_cache", "memory"], page_tokens=[1, 16], **DECODE)
    assert float(sizes.kv_cache[0]) == CACHE_OF_TOKEN * 1000
    assert float(sizes.memory[1] - sizes.memory[0]) == pytest.approx(CACHE_OF_TOKEN * 8)


def test_pages_of_layers_with_a_window():
    """Each layer fills pages of its own: of Gemma 2 half of the layers hold the window only, of Mistral all do."""
    gemma = evaluate(["kv_cache", "cached_tokens"], "gemma-2-9b", page_tokens=300, **DECODE | {"context": 10_001})
    of_token = 2 * 8 * 256 * 2
    assert gemma == {"kv_cache": 21 * of_token * (300 * 34 + 300 * 14), "cached_tokens": 10_001}
    mistral = evaluate(["kv_cache", "cached_tokens"], "mistral-7b-v0.1", **DECODE | {"context": 10_000})
    assert mistral == {"kv_cache": 32 * 2 * 8 * 128 * 4096 * 2, "cached_tokens": 4096}
    # The state of linear attention is no page, and does not grow.
    linear = {"attention": "linear", "page_tokens": 16, **DECODE}
    assert evaluate(["cached_tokens", "kv_cache"], **linear) == {"cached_tokens": 0, "kv_cache": 32 * 8 * 128 * 128 * 2}


def test_a_narrower_cache_leaves_room_for_more():
    narrow, wide = (evaluate(["max_batch", "kv_cache"], **{**DECODE, "precision": p}) for p in ("w4a8kv4", "w4a16"))
    assert wide["kv_cache"] / narrow["kv_cache"] == pytest.approx(16 / dse.precisions["w4a8kv4"].kv_bits)
    assert narrow["max_batch"] > 3 * wide["max_batch"]


# Experts.


def test_a_batch_reads_the_experts_that_it_touches():
    """Of Mixtral's eight experts one token touches two, and four tokens 8·(1 − (3/4)^4) on average."""
    an_expert = 32 * 3 * 4096 * 14336
    for batch, touched in ((1, 2), (4, 8 * (1 - 0.75**4)), (64, 8 * (1 - 0.75**64))):
        found = evaluate(["weights_read", "expert_weights_read"], "mixtral-8x7b", batch=batch, **DECODE)
        assert found["expert_weights_read"] == pytest.approx(touched * an_expert, rel=1e-12)
        assert found["weights_read"] - found["expert_weights_read"] < 1.7e9


# Speculative decoding.


def test_drafted_tokens_by_hand():
    settings = {**DECODE, "batch": 2}
    plain = evaluate(["macs", "weights_read", "activation_traffic", "cache_traffic", "memory"], **settings)
    draft = 1_235_814_400
    drafted = {"draft_tokens": 3, "draft_params": draft, "acceptance": 0.8}
    metrics = ["macs", "weights_read", "activation_traffic", "cache_traffic", "tokens_per_pass", "draft_size", "memory"]
    found = evaluate([*metrics, "time_per_token"], **settings, **drafted)
    tokens = 1 + 0.8 + 0.64 + 0.512
    assert found["tokens_per_pass"] == pytest.approx(tokens, rel=1e-14)
    assert found["macs"] == pytest.approx((4 * plain["macs"] + 3 * draft) / tokens, rel=1e-13)
    assert found["weights_read"] == pytest.approx((plain["weights_read"] + 3 * draft) / tokens, rel=1e-13)
    assert found["activation_traffic"] == pytest.approx(4 * plain["activation_traffic"] / tokens, rel=1e-13)
    assert found["cache_traffic"] == pytest.approx(plain["cache_traffic"] / tokens, rel=1e-13)
    assert found["draft_size"] == draft * 2
    assert found["memory"] == plain["memory"] + draft * 2
    moved = found["weights_read"] * 2 + (found["activation_traffic"] + found["cache_traffic"]) * 2 * 2
    assert found["time_per_token"] == pytest.approx(moved / 2039e9, rel=1e-13)


def test_tokens_that_are_checked_together_touch_more_experts():
    plain = evaluate(["expert_weights_read"], "mixtral-8x7b", batch=4, **DECODE)
    checked = evaluate(["weights_read", "tokens_per_pass"], "mixtral-8x7b", batch=1, draft_tokens=3, **DECODE)
    read = checked["weights_read"] * checked["tokens_per_pass"]
    assert read > plain["expert_weights_read"] > 0


def test_where_drafting_pays():
    """With one sequence memory is the limit and drafting saves; with many arithmetic is, and it costs."""
    ratios = {}
    for batch in (1, 512):
        settings = {**A100, "phase": "decode", "context": 128, "batch": batch, "draft_params": 10**9, "acceptance": 0.7}
        data = dse.evaluate("llama-3-8b", metrics=["time_per_token"], draft_tokens=[0, 4], **settings)
        plain = evaluate(["time_per_token"], **{**A100, "phase": "decode", "context": 128, "batch": batch})
        # Nothing drafted is the plain decoding.
        assert float(data.time_per_token[0]) == plain["time_per_token"]
        ratios[batch] = float(data.time_per_token[1] / data.time_per_token[0])
    assert ratios[1] < 0.65 and ratios[512] > 1.05


def test_a_request_with_drafted_tokens():
    settings = {**A100, "phase": "request", "prompt_tokens": 512, "output_tokens": 64}
    drafted = {"draft_tokens": 4, "draft_params": 10**9}
    request = evaluate(["time_to_first_token", "time_per_token"], **settings, **drafted)
    token = evaluate(["time_per_token"], **{**A100, "phase": "decode", "context": 544}, **drafted)
    prompt = evaluate(["latency"], **{**A100, "phase": "prefill", "context": 512})
    assert request["time_per_token"] == pytest.approx(token["time_per_token"], rel=1e-13)
    assert request["time_to_first_token"] == prompt["latency"]


def test_both_engines_agree():
    axes = {"chunk_tokens": [64, 512], "tensor_parallel": [1, 2], "batch": [1, 8], "prompt_tokens": [512, 1024]}
    metrics = ["latency", "time_to_first_token", "memory", "energy_per_token", "max_batch", "scalability_ratio"]
    on = {**A100, "phase": "mixed", "output_tokens": 64, **axes, "page_tokens": [1, 16]}
    plain, fused = (dse.evaluate("mixtral-8x7b", metrics=metrics, engine=e, **on) for e in ("plain", "fused"))
    for name in metrics:
        np.testing.assert_allclose(fused[name], plain[name], rtol=1e-12, err_msg=name)


def test_service_levels_as_budgets():
    """A model that no single device holds, under a time to the first token and between two: the fewest devices."""
    spec = {
        "name": "service-level", "network": {"model": "llama-3.1-70b"}, "precision": {"scheme": ["fp16", "fp8"]},
        "hardware": {"device": "h100-sxm"},
        "deployment": {
            "phase": "request", "prompt_tokens": 1024, "output_tokens": 256, "batch": [1, 8, 32],
            "tensor_parallel": [1, 2, 4, 8],
        },
        "objectives": {"minimize": ["total_devices"], "maximize": ["token_throughput"]},
        "budgets": {"time_per_token": "15 ms", "time_to_first_token": "1 s"},
    }  # fmt: skip
    result = dse.explore(spec)
    rows = result.frontier.to_dataframe()
    assert (rows.time_per_token <= 0.015).all() and (rows.time_to_first_token <= 1).all()
    # One device holds the 70.6 GB of 8-bit weights, and takes 21 ms to read them at 3.35 TB/s.
    assert rows.total_devices.min() == 2
    assert result.counts["excluded"]["fit: memory_free"] > 0


def test_requests_in_flight_hold_half_of_their_output():
    """72 GiB of an H100 hold as many sequences of Llama-2-7B as have a prompt and half of the output in the cache."""
    on = {"phase": "request", "prompt_tokens": 128, "output_tokens": 2048, "batch": 1}
    given = {"device": "h100-sxm", "precision": "fp8", "metrics": ["max_batch", "cache_of_sequence", "sequence_memory"]}
    static, flying = (dse.evaluate("llama-2-7b", **given, **on, in_flight=f) for f in (0, 1))
    assert float(flying.cache_of_sequence) == 32 * 2 * 4096 * (128 + 1024)
    assert float(static.cache_of_sequence) == 32 * 2 * 4096 * (128 + 2048)
    free = 80 * 2**30 * 0.9 - 6_738_415_616
    assert float(flying.max_batch) == free // float(flying.sequence_memory)
    with pytest.raises(dse.InputError, match='has a meaning with phase = "request" only'):
        dse.evaluate("llama-2-7b", **given, phase="decode", context=128, in_flight=1)


def test_electricity_of_a_million_tokens_at_a_published_site():
    on = {"device": "h100-sxm", "precision": "fp8", "phase": "decode", "context": 128}
    found = dse.evaluate("llama-2-7b", metrics=["energy_per_million_tokens", "energy"], pue="google@2024", **on)
    assert float(found.energy_per_million_tokens) == pytest.approx(float(found.energy) * 1e6 / 3.6e6)
    plain = dse.evaluate("llama-2-7b", metrics=["energy"], pue=1, **on)
    assert float(found.energy) == pytest.approx(1.09 * float(plain.energy))
    with pytest.raises(dse.InputError, match="unknown published pue 'gogle@2024'; did you mean 'google@2024'"):
        dse.evaluate("llama-2-7b", metrics=["energy"], pue="gogle@2024", **on)
