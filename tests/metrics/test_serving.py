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


D, FFN, VOCAB = 4096, 14336, 128256
MATRICES = 32 * (2 * D * D + 2 * D * 1024 + 3 * D * FFN)


def test_a_mixed_pass_by_hand():
    """Where prompts are the limit: one is read in eight passes, and 255 other tokens are made meanwhile."""
    found = evaluate(
        ["macs", "time_to_first_token", "time_per_token", "latency", "request_latency", "generating_sequences",
         "prompt_passes", "passes_per_request", "token_throughput", "energy_per_token", "tokens_per_second_per_watt"],
        chunk_tokens=130, **MIXED | {"batch": 64},
    )  # fmt: skip
    token = MATRICES + 32 * 2 * (1024 + 128) * D + D * VOCAB
    # Eight equal parts of 128 tokens, each with its share of the square of 1024 positions, and one row of logits.
    part = 128 * (MATRICES + 32 * 2 * 1024 * D) + D * VOCAB
    assert found["macs"] == pytest.approx((255 * token + 8 * part) / 256, rel=1e-14)
    assert found["prompt_passes"] == found["passes_per_request"] == 8
    assert found["generating_sequences"] == 255 / 8
    a_pass = found["time_per_token"]
    assert found["time_to_first_token"] == pytest.approx(8 * a_pass, rel=1e-14)
    assert found["request_latency"] == pytest.approx((8 + 255) * a_pass, rel=1e-13)
    assert found["token_throughput"] == pytest.approx(256 / (8 * a_pass), rel=1e-13)
    assert found["latency"] == pytest.approx(64 * 8 / 256 * a_pass, rel=1e-13)
    assert found["energy_per_token"] == pytest.approx(1 / found["tokens_per_second_per_watt"], rel=1e-13)


@pytest.mark.parametrize("model", ["roofline", "calibrated"])
def test_a_batch_of_one_mixes_nothing(model):
    """Its only request is read, whole, and then makes its tokens: a request as any other."""
    metrics = ["latency", "macs", "token_throughput", "time_to_first_token", "time_per_token", "request_latency"]
    on = {**MIXED, "batch": 1, "latency_model": model}
    mixed = evaluate(metrics, chunk_tokens=1024, **on)
    request = evaluate(metrics, **on | {"phase": "request"})
    # The unit of a request is the whole of it.
    request |= {name: request[name] / 256 for name in ("latency", "macs")}
    assert mixed == pytest.approx(request, rel=1e-12)


def test_all_parts_of_a_prompt_are_the_prompt():
    """But for the logits of each."""
    whole = evaluate(["macs"], **{**A100, "phase": "prefill", "context": 1024})["macs"]
    axes = MIXED | {"output_tokens": 1}
    for chunk in (128, 512, 1024):
        parts = evaluate(["macs"], **axes, chunk_tokens=chunk)["macs"]
        assert parts == pytest.approx(whole + (1024 / chunk - 1) * D * VOCAB, rel=1e-14)


def simulated(prompt, output, chunk, batch, requests):
    """Tokens a second, and mean times to the first and between tokens, of passes that are gone through one by one.

    Each pass is a roofline by hand of an A100, with every sequence at its own context.
    """
    traffic = evaluate(["activation_traffic"], **DECODE)["activation_traffic"]
    waiting, reading, decoding, now, ended, passes = requests, None, [], 0.0, [], []
    while waiting:
        if reading is None and waiting and len(decoding) < batch:
            reading, waiting = [prompt, now], waiting - 1
        part = min(chunk, reading[0]) if reading else 0
        contexts = [prompt + done for done, *_ in decoding]
        macs = (len(contexts) + part) * MATRICES + (len(contexts) + (part > 0)) * D * VOCAB
        macs += 32 * 2 * D * (sum(contexts) + part * prompt)
        before = prompt - reading[0] + part if reading else 0
        cached = (sum(contexts) + before) * CACHE_OF_TOKEN
        moved = (PARAMS - D * VOCAB) * 2 + cached + traffic * 2 * (len(contexts) + part)
        now += max(2 * macs / 312e12, moved / 2039e9)
        decoding = [[done + 1, *times] for done, *times in decoding]
        passes.append((now, len(contexts)))
        ended += [(first - began, (now - first) / (output - 1)) for n, began, first in decoding if n == output]
        decoding = [entry for entry in decoding if entry[0] < output]
        if reading:
            reading[0] -= part
            if not reading[0]:
                decoding.append([1, reading[1], now])
                reading = None
    steady = np.array(passes[len(passes) // 3 :])
    rate = steady[1:, 1].sum() / (steady[-1, 0] - steady[0, 0]) * output / (output - 1)
    return rate, *np.mean(ended[len(ended) // 3 :], axis=0)


@pytest.mark.parametrize(
    ("prompt", "output", "chunk", "batch"),
    [
        (1024, 128, 64, 32),  # prompts are the limit
        (1024, 128, 512, 8),  # the batch is the limit, passes with a part of a prompt compute, the others move
        (2048, 128, 1024, 64),  # as long for prompts as for the batch
        (2048, 128, 700, 32),  # the last part is smaller, and quicker
        (64, 256, 64, 16),  # a part now and then
    ],
)
def test_the_steady_state_as_it_is_simulated(prompt, output, chunk, batch):
    settings = {"prompt_tokens": prompt, "output_tokens": output, "chunk_tokens": chunk, "batch": batch}
    metrics = ["token_throughput", "time_to_first_token", "time_per_token"]
    found = evaluate(metrics, **A100, phase="mixed", **settings)
    rate, first, between = simulated(prompt, output, chunk, batch, requests=6 * batch + 40)
    assert found["token_throughput"] == pytest.approx(rate, rel=0.03)
    assert found["time_to_first_token"] == pytest.approx(first, rel=0.04)
    assert found["time_per_token"] == pytest.approx(between, rel=0.03)


@pytest.mark.parametrize("model", ["roofline", "calibrated"])
@pytest.mark.parametrize("network", ["llama-2-7b", "mixtral-8x7b"])
def test_no_chunk_gives_more_than_prompts_or_tokens_alone(network, model):
    prompts, outputs, batches = [64, 1000, 4096], [2, 128, 1024], [1, 7, 64]
    on = {**A100, "precision": "w4a16", "latency_model": model, "batch": batches}
    chunks = [1, 3, 64, 300, 512, 1024, 4096]
    lengths = {"prompt_tokens": prompts, "output_tokens": outputs}
    mixed = dse.evaluate(
        network, metrics=["token_throughput", "generating_sequences", "time_per_token"], phase="mixed",
        chunk_tokens=chunks, **lengths, **on,
    )  # fmt: skip
    asked = dse.evaluate(network, metrics=["time_to_first_token", "time_per_token"], phase="request", **lengths, **on)
    output = mixed.output_tokens
    from_prompts = mixed.batch / asked.time_to_first_token * output
    from_tokens = mixed.batch / asked.time_per_token
    # Prompts are read one at a time in a mixed phase: what a batch of them is read in is no more.
    assert bool((mixed.token_throughput <= from_prompts.max("batch") * (1 + 1e-9)).all())
    assert bool((mixed.token_throughput * (output - 1) / output <= from_tokens * (1 + 1e-9)).all())
    # Little's law.
    most = np.minimum(mixed.batch, (output - 1) / np.ceil(mixed.prompt_tokens / mixed.chunk_tokens))
    assert bool((mixed.generating_sequences <= most * (1 + 1e-12)).all())
    # More requests in flight are no slower.
    assert bool((mixed.token_throughput.diff("batch") >= -1e-9 * mixed.token_throughput[..., :1].max()).all())


def test_a_part_of_one_token_cannot_feed_a_batch():
    """64 requests of 2048 tokens for 128: a pass for each token of a prompt makes one token in 16 passes."""
    axes = {**A100, "phase": "mixed", "prompt_tokens": 2048, "output_tokens": 128, "batch": 64}
    data = dse.evaluate(
        "llama-2-7b", metrics=["token_throughput", "cost_per_million_tokens", "generating_sequences"],
        chunk_tokens=[1, 256, 1024], latency_model="calibrated", **axes,
    )  # fmt: skip
    np.testing.assert_allclose(data.generating_sequences, [127 / 2048, 127 / 8, 127 / (129 / 64)])
    assert float(data.token_throughput[0]) < 10 < 500 < float(data.token_throughput[1])
    assert float(data.cost_per_million_tokens.idxmin("chunk_tokens")) == 1024


def test_a_larger_part_is_a_quicker_first_and_a_slower_next_token():
    data = dse.evaluate(
        "llama-3-8b", metrics=["time_to_first_token", "time_per_token"], chunk_tokens=[64, 256, 1024], **MIXED
    )
    assert bool((data.time_to_first_token.diff("chunk_tokens") < 0).all())
    assert bool((data.time_per_token.diff("chunk_tokens") > 0).all())


@pytest.mark.parametrize(
    ("deployment", "message"),
    [
        ({"phase": "mixed", "prompt_tokens": 8, "output_tokens": 8}, "chunk_tokens: is missing"),
        ({"phase": "decode", "chunk_tokens": 8}, "chunk_tokens: has a meaning with phase = \"mixed\" only"),
        ({"phase": ["mixed", "decode"]}, "phase: \"mixed\" is prefill and decode together; give it alone"),
        ({"phase": "mixed", "chunk_tokens": 8}, "prompt_tokens: is missing"),
        ({"phase": "mixed", "prompt_tokens": 8, "output_tokens": 8, "chunk_tokens": 4, "latency_model": "per_op"},
         "latency_model: 'per_op' has no form for this phase"),
        ({"phase": "decode", "draft_tokens": 2, "latency_model": "per_op"},
         "latency_model: 'per_op' has no form for this draft_tokens"),
        ({"phase": "prefill", "draft_tokens": 2}, "draft_tokens: has a meaning with phase"),
        ({"phase": "decode", "acceptance": 1.0}, "acceptance: 1.0 is not allowed"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together(deployment, message):
    with pytest.raises(dse.InputError) as caught:
        dse.evaluate("llama-3-8b", metrics=["latency"], **A100, **deployment)
    assert message.replace("1.0 is", "1 is") in str(caught.value).replace("1.0 is", "1 is")


def test_settings_of_language_models_mean_nothing_for_others():
    for name in ("page_tokens", "draft_tokens"):
        with pytest.raises(dse.InputError, match=f"^{name}:"):
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


def test_the_largest_batch_of_pruned_weights_by_hand():
    """A bit says of each weight of a matrix that there was whether it is left; two devices hold half of everything."""
    metrics = ["max_batch", "fixed_memory", "model_size", "index_bits", "params", "memory", "sequence_memory"]
    one, two = (evaluate(metrics, "llama-2-7b", **DECODE, sparsity=0.5, tensor_parallel=n) for n in (1, 2))
    assert one["index_bits"] > 6.4e9
    assert one["fixed_memory"] == one["model_size"] == one["params"] * 2 + one["index_bits"] / 8
    assert two["fixed_memory"] == pytest.approx(one["model_size"] / 2, rel=1e-14)
    assert two["memory"] == pytest.approx(one["memory"] / 2, rel=1e-14)
    assert one["max_batch"] == (0.9 * 80 * 2**30 - one["fixed_memory"]) // one["sequence_memory"]


def _random_deployments(count):
    random = np.random.default_rng(7)
    phases = (
        {"phase": "decode", "context": 3000},
        {"phase": "prefill", "context": 900},
        {"phase": "request", "prompt_tokens": 2000, "output_tokens": 300},
        {"phase": "mixed", "prompt_tokens": 2000, "output_tokens": 300, "chunk_tokens": 512},
        {"phase": "train", "context": 256, "optimizer_bits": 32},
    )
    for _ in range(count):
        parallel = {str(random.choice(["tensor_parallel", "pipeline_parallel"])): int(random.choice([1, 2, 4]))}
        pruned = {"sparsity": float(random.choice([0, 0.25, 0.5, 0.9]))}
        phase = phases[random.integers(len(phases))]
        yield {**phase, **parallel, **pruned, "precision": str(random.choice(["fp16", "w4a16", "int8", "w4a8kv4"]))}


@pytest.mark.parametrize("settings", list(_random_deployments(16)), ids=lambda s: "-".join(map(str, s.values())))
def test_the_largest_batch_of_any_deployment(settings):
    on = {"network": "llama-3-8b", "device": "h200-sxm", **settings}
    largest = int(evaluate(["max_batch"], **on)["max_batch"])
    data = dse.evaluate(metrics=["memory_free"], batch=[largest, largest + 1], **on).memory_free
    assert largest > 0
    assert float(data[0]) >= 0 > float(data[1])


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
    metrics = ["token_throughput", "max_batch"]
    on = {**A100, "phase": "mixed", "output_tokens": 64, **axes, "page_tokens": [1, 16]}
    plain, fused = (dse.evaluate("mixtral-8x7b", metrics=metrics, engine=e, **on) for e in ("plain", "fused"))
    for name in metrics:
        np.testing.assert_allclose(fused[name], plain[name], rtol=1e-12, err_msg=name)


def test_service_levels_as_budgets():
    """A model that no single device holds, under a time to the first token and between two: the fewest devices."""
    deployment = {
        "phase": "request", "prompt_tokens": 1024, "output_tokens": 256, "batch": [8, 32],
        "tensor_parallel": [1, 2, 4, 8], "pipeline_parallel": [1, 2], "data_parallel": [1, 2],
    }  # fmt: skip
    spec = {
        "name": "service-level", "network": {"model": "llama-3.1-70b"}, "precision": {"scheme": ["fp16", "fp8"]},
        "hardware": {"device": "h100-sxm"}, "deployment": deployment,
        "objectives": {"minimize": ["total_devices"], "maximize": ["token_throughput_per_device"]},
        "budgets": {"time_per_token": "15 ms", "time_to_first_token": "1 s"},
    }  # fmt: skip
    result = dse.explore(spec)
    rows = result.frontier.to_dataframe()
    # One device holds the 70.6 GB of 8-bit weights, and takes 21 ms to read them at 3.35 TB/s.
    assert rows.total_devices.min() == 2
    assert result.counts["excluded"]["fit: memory_free"] > 0
    metrics = ["time_per_token", "time_to_first_token", "memory_free", "total_devices", "token_throughput_per_device"]
    every = dse.evaluate("llama-3.1-70b", device="h100-sxm", precision=["fp16", "fp8"], metrics=metrics, **deployment)
    good = every.where((every.time_per_token <= 0.015) & (every.time_to_first_token <= 1) & (every.memory_free >= 0))
    best = good.to_dataframe().groupby("total_devices").token_throughput_per_device.max().cummax()
    assert dict(zip(rows.total_devices, rows.token_throughput_per_device, strict=True)) == {
        n: best[n] for n in best.index if n == best.index[0] or best[n] > best[:n].iloc[:-1].max()
    }


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
