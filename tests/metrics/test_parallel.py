"""Several devices: work, memory and messages by hand, and what must hold of any way to share a network."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr

import dse

# NVLink of the A100, one direction, and the latency of a message that stands by default.
LINK, ALPHA = 300e9, 1e-6
A100 = {"device": "a100-sxm-80gb", "precision": "fp16"}
# Llama-2-7B.
D, FFN, LAYERS, VOCAB, PARAMS, CONTEXT = 4096, 11008, 32, 32000, 6_738_415_616, 1024
DECODE = {**A100, "phase": "decode", "context": CONTEXT}
TRAIN = {**A100, "phase": "train", "context": 2048}
PARTS = ["tensor_time", "expert_time", "pipeline_time", "gradient_time", "communication_time"]


def evaluate(metrics, network="llama-2-7b", **axes):
    data = dse.evaluate(network, metrics=list(metrics), **axes)
    return {m: float(data[m]) if not data[m].dims else data[m] for m in metrics}


def all_reduce(nbytes, devices, messages):
    return 2 * (devices - 1) / devices * nbytes / LINK + 2 * (devices - 1) * messages * ALPHA


def test_decoding_on_eight_devices():
    """Two stages of four devices each; eight sequences in four micro-batches."""
    metrics = [*PARTS, "compute_time", "weight_time", "memory_time", "latency", "pipeline_fill", "throughput", "power"]
    found = evaluate(metrics, batch=8, tensor_parallel=4, pipeline_parallel=2, micro_batches=4, **DECODE)
    macs = LAYERS * (4 * D * D + 3 * D * FFN + 2 * CONTEXT * D) + D * VOCAB
    assert found["compute_time"] == pytest.approx(2 * macs * 8 / (312e12 * 8), rel=1e-13)
    read = PARAMS - VOCAB * D + D
    assert found["weight_time"] == pytest.approx(4 * read * 2 / (2039e9 * 8), rel=1e-13)
    # After attention, after the feed-forward network, after the embedding; a stage has half of them.
    sums = 2 * LAYERS + 1
    assert found["tensor_time"] == pytest.approx(all_reduce(sums * D * 8 * 2, 4, sums * 4) / 2, rel=1e-13)
    # One of two stages sends, each device a quarter of the vectors.
    assert found["pipeline_time"] == pytest.approx((D * 8 * 2 / 4 / LINK + 4 * ALPHA) / 2, rel=1e-13)
    assert found["pipeline_fill"] == 1
    assert found["expert_time"] == found["gradient_time"] == 0
    assert found["communication_time"] == pytest.approx(found["tensor_time"] + found["pipeline_time"], rel=1e-13)
    work = max(found["compute_time"], found["memory_time"])
    assert found["latency"] == pytest.approx(work + found["communication_time"], rel=1e-13)
    assert found["throughput"] == pytest.approx(8 / found["latency"], rel=1e-13)
    assert found["power"] == pytest.approx(8 * 400 * 0.7, rel=1e-13)


def test_what_a_token_takes_on_several_devices():
    """A device's share, power, carbon and rent of all devices of a replica; replicas beside it change none of them."""
    metrics = ["request_latency", "throughput_per_device", "token_throughput_per_device", "tokens_per_second_per_watt"]
    metrics += ["energy_per_million_tokens", "carbon_per_million_tokens", "cost_per_million_tokens"]
    on = {**A100, "phase": "request", "prompt_tokens": 512, "output_tokens": 100, "batch": 8, "price_per_hour": 2.0}
    axes = {"tensor_parallel": [1, 4], "pipeline_parallel": [1, 2], "data_parallel": [1, 2]}
    found = dse.evaluate("llama-2-7b", metrics=metrics, carbon_intensity=300, pue=1.1, **on, **axes)
    devices = xr.DataArray([1, 4], dims="tensor_parallel") * xr.DataArray([1, 2], dims="pipeline_parallel")
    tokens = 8 * 100 / found.request_latency
    kilowatt_hours = 400 * 0.7 * 1.1 * devices / tokens * 1e6 / 3.6e6
    expected = {
        "throughput_per_device": 8 / found.request_latency / devices,
        "token_throughput_per_device": tokens / devices,
        "tokens_per_second_per_watt": tokens / (400 * 0.7 * 1.1 * devices),
        "energy_per_million_tokens": kilowatt_hours,
        "carbon_per_million_tokens": kilowatt_hours * 0.3,
        "cost_per_million_tokens": devices * 2 / 3600 / tokens * 1e6,
    }
    for name, value in expected.items():
        assert "data_parallel" not in found[name].dims, name
        np.testing.assert_allclose(found[name].transpose(*value.dims), value, rtol=1e-13, err_msg=name)


def test_memory_of_the_fullest_device():
    metrics = ["memory", "kv_cache", "peak_activation_memory", "device_params", "outer_params", "edge_params"]
    found = evaluate(metrics, batch=8, tensor_parallel=4, pipeline_parallel=2, micro_batches=4, **DECODE)
    embedding = VOCAB * D
    assert (found["outer_params"], found["edge_params"]) == (2 * embedding + D, embedding + D)
    held = (PARAMS - 2 * embedding - D) / 2 + embedding + D
    assert found["device_params"] == held / 4
    cache = LAYERS * 2 * D * CONTEXT * 8 * 2
    assert found["kv_cache"] == cache
    assert found["memory"] == held / 4 * 2 + cache / 8 + found["peak_activation_memory"] / 16


def test_tied_embedding_is_held_at_both_ends():
    # Gemma-2-2B has 256,000 rows of 2304, which its first and its last stage both need.
    found = evaluate(["outer_params", "edge_params"], "gemma-2-2b", **DECODE)
    assert found["outer_params"] == found["edge_params"] == 256_000 * 2304 + 2304


def test_pipeline_that_fills_once():
    """A prompt in four micro-batches through four stages: seven steps for the work of four."""
    metrics = ["pipeline_fill", "compute_time", "latency", "communication_time", "pipeline_time"]
    settings = {**A100, "phase": "prefill", "context": 512, "batch": 8, "pipeline_parallel": 4, "micro_batches": 4}
    found = evaluate(metrics, **settings)
    assert found["pipeline_fill"] == 7 / 4
    sent = 512 * D * 8 * 2
    assert found["pipeline_time"] == pytest.approx((sent / LINK + 4 * ALPHA) * 3 / 4, rel=1e-13)
    assert found["communication_time"] == pytest.approx(found["pipeline_time"] * 7 / 4, rel=1e-13)
    expected = found["compute_time"] * 7 / 4 + found["communication_time"]
    assert found["latency"] == pytest.approx(expected, rel=1e-13)
    assert evaluate(["pipeline_fill"], **settings, pipeline_chunks=8)["pipeline_fill"] == 1 + 3 / 32


def test_experts_on_four_groups_of_devices():
    """Mixtral: eight experts of three 4096 × 14336 matrices in each of 32 layers, two of them for each token."""
    metrics = ["expert_params", "device_params", "weight_bytes", "weights_read", "expert_weights_read", "expert_time"]
    metrics += ["routed_layers", "routed_elements", "boundary_elements", "memory", "kv_cache", "sequence_memory"]
    found = evaluate(metrics, "mixtral-8x7b", batch=16, expert_parallel=4, **DECODE)
    experts = 32 * 8 * 3 * 4096 * 14336
    assert found["expert_params"] == experts
    assert found["device_params"] == 46_702_792_704 - experts * 3 / 4
    # Sixteen tokens with two experts each miss an expert with a probability of (3/4)^16.
    touched = experts * (1 - 0.75**16)
    assert found["expert_weights_read"] == pytest.approx(touched, rel=1e-13)
    others = found["weights_read"] - touched
    assert found["weight_bytes"] == pytest.approx((4 * others + touched) * 2, rel=1e-12)
    assert (found["routed_layers"], found["routed_elements"]) == (32, 32 * 2 * 4096)
    # Four of the sixteen tokens are on each device, three quarters of what it sends leaves it, and comes back.
    sent = 32 * 2 * 4096 * 4 * 2
    assert found["expert_time"] == pytest.approx(2 * (0.75 * sent / LINK + 3 * 32 * ALPHA), rel=1e-13)
    assert found["kv_cache"] == 32 * 2 * 1024 * CONTEXT * 16 * 2
    assert found["boundary_elements"] == 4096


def test_heads_of_the_cache_that_are_too_few_are_copied():
    """Llama-3-8B has eight heads of keys and values: sixteen devices hold them twice."""
    eight, sixteen = (
        evaluate(["sequence_memory", "activation_bytes", "cache_of_sequence", "cache_traffic"], "llama-3-8b",
                 batch=1, tensor_parallel=n, **DECODE)
        for n in (8, 16)
    )  # fmt: skip
    cache = 32 * 2 * 8 * 128 * CONTEXT * 2
    assert eight["cache_of_sequence"] == cache
    live = eight["sequence_memory"] - cache / 8
    assert sixteen["sequence_memory"] == pytest.approx(cache / 8 + live / 2, rel=1e-12)
    more = sixteen["activation_bytes"] - eight["activation_bytes"]
    assert more == pytest.approx(eight["cache_traffic"] * 2, rel=1e-9)


def test_training_exchanges_gradients():
    """Eight replicas, no sharing: every gradient goes round twice."""
    settings = {**TRAIN, "batch": 1, "data_parallel": 8, "grad_bits": 16}
    for stage, passes in ((0, 2), (1, 2), (2, 2), (3, 3)):
        found = evaluate(["gradient_time", "total_devices", "power"], **settings, zero_stage=stage)
        sent = 7 / 8 * PARAMS * 2 * passes / LINK + passes * 7 * ALPHA
        assert found["gradient_time"] == pytest.approx(sent, rel=1e-13)
        assert found["total_devices"] == 8
        # Power is that of one replica.
        assert found["power"] == pytest.approx(400 * 0.7, rel=1e-13)


def test_training_exchanges_activations_forward_and_backward():
    plain, again = (
        evaluate(PARTS, **TRAIN, batch=2, tensor_parallel=8, pipeline_parallel=2, micro_batches=2, recompute=r)
        for r in (0, 1)
    )
    sums, tokens = 2 * LAYERS + 1, 2 * 2048
    assert plain["tensor_time"] == pytest.approx(all_reduce(2 * sums * D * tokens * 2, 8, 4 * sums) / 2, rel=1e-13)
    assert again["tensor_time"] == pytest.approx(plain["tensor_time"] * 3 / 2, rel=1e-13)
    sent = 2 * D * tokens * 2 / 8
    assert plain["pipeline_time"] == pytest.approx((sent / LINK + 4 * ALPHA) / 2, rel=1e-13)


@pytest.mark.parametrize(("stage", "a_parameter"), [(0, 16), (1, 4 + 12 / 8), (2, 2 + 14 / 8), (3, 16 / 8)])
def test_training_memory_by_zero_stage(stage, a_parameter):
    settings = {**TRAIN, "grad_bits": 16, "optimizer_bits": 96, "batch": 4}
    found = evaluate(["fixed_memory", "memory", "sequence_memory"], **settings, data_parallel=8, zero_stage=stage)
    assert found["fixed_memory"] == pytest.approx(PARAMS * a_parameter, rel=1e-13)
    assert found["memory"] == pytest.approx(found["fixed_memory"] + 4 * found["sequence_memory"], rel=1e-13)


def test_stored_activations_of_the_first_stage():
    """Four stages, eight micro-batches of one sample: four of them are alive at once, on a quarter of the layers."""
    settings = {**TRAIN, "batch": 8, "tensor_parallel": 2, "pipeline_parallel": 4, "micro_batches": 8}
    found = evaluate(["sequence_memory", "activations"], **settings)
    a_sample = found["activations"] * 2
    assert found["sequence_memory"] * 8 == pytest.approx(4 * a_sample / (2 * 4), rel=1e-13)
    chunks = evaluate(["sequence_memory"], **settings, pipeline_chunks=2)
    assert chunks["sequence_memory"] == pytest.approx(found["sequence_memory"] * (1 + 3 / 8), rel=1e-13)


def test_network_between_nodes_and_overlap():
    settings = {**TRAIN, "batch": 1, "data_parallel": 4}
    slow = evaluate(["gradient_time"], **settings, network_bandwidth="25 GB/s", link_latency=0)
    fast = evaluate(["gradient_time"], **settings, link_latency=0)
    assert slow["gradient_time"] == pytest.approx(fast["gradient_time"] * 12, rel=1e-13)
    half = evaluate(["gradient_time"], **settings, link_efficiency=0.5, link_latency=0)
    assert half["gradient_time"] == pytest.approx(fast["gradient_time"] * 2, rel=1e-13)
    hidden, shown = (
        evaluate(["communication_time"], **settings, communication_overlap=o)["communication_time"] for o in (0.75, 0)
    )
    assert hidden == pytest.approx(shown / 4, rel=1e-13)


def test_against_one_device():
    metrics = ["scalability_ratio", "parallel_efficiency", "communication_overhead", "latency", "communication_time"]
    one = evaluate(["latency"], **DECODE, batch=4)["latency"]
    found = evaluate(metrics, **DECODE, batch=4, tensor_parallel=8, data_parallel=3)
    assert found["scalability_ratio"] == pytest.approx(3 * one / found["latency"], rel=1e-12)
    assert found["parallel_efficiency"] == pytest.approx(3 * one / found["latency"] / 24, rel=1e-12)
    assert found["communication_overhead"] == pytest.approx(found["communication_time"] / found["latency"], rel=1e-12)


def test_a_request_against_one_device():
    settings = {**A100, "phase": "request", "prompt_tokens": 512, "output_tokens": 64, "batch": 2}
    one = evaluate(["latency"], **settings)["latency"]
    found = evaluate(["scalability_ratio", "latency", "communication_time"], **settings, tensor_parallel=4)
    assert found["scalability_ratio"] == pytest.approx(one / found["latency"], rel=1e-12)
    prefill = evaluate(
        ["communication_time"], **{**A100, "phase": "prefill", "context": 512}, batch=2, tensor_parallel=4
    )
    decode = evaluate(["communication_time"], **{**A100, "phase": "decode", "context": 544}, batch=2, tensor_parallel=4)
    both = prefill["communication_time"] + 63 * decode["communication_time"]
    assert found["communication_time"] == pytest.approx(both, rel=1e-13)


# What must hold of any way to share the work.

SHARED = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "data_parallel")
NETWORKS = ["llama-3-8b", "mixtral-8x7b"]
PHASES = [
    {"phase": "decode", "context": 512},
    {"phase": "prefill", "context": 512},
    {"phase": "train", "context": 512},
    {"phase": "request", "prompt_tokens": 256, "output_tokens": 32},
]


@pytest.mark.parametrize("model", ["roofline", "per_op"])
@pytest.mark.parametrize(("network", "phase"), list(zip(itertools.cycle(NETWORKS), PHASES, strict=False)))
def test_one_of_each_changes_nothing(network, phase, model):
    """A grid that starts at one device has there what a space without such axes has, to the last bit."""
    model = "roofline" if phase["phase"] == "train" else model
    on = {**A100, **phase, "batch": 4, "latency_model": model}
    alone = dse.evaluate(network, **on)
    grid = dse.evaluate(network, **on, tensor_parallel=[1, 2], pipeline_parallel=[1, 2])
    first = grid.isel(tensor_parallel=0, pipeline_parallel=0)
    for name in alone.data_vars:
        np.testing.assert_allclose(
            first[name], alone[name], rtol=0 if model == "roofline" else 1e-12, err_msg=str(name)
        )


@pytest.mark.parametrize("phase", PHASES[:3], ids=lambda p: p["phase"])
def test_ideal_link_gives_linear_speed_up(phase):
    ideal = {"ideal": {"base": "a100-sxm-80gb", "link_bandwidth": "1e30 B/s"}}
    on = {"device": ideal, "precision": "fp16", "link_latency": 0, **phase, "batch": 8}
    many = {"tensor_parallel": [1, 2, 4, 8], "data_parallel": [1, 4]}
    data = dse.evaluate("llama-3-8b", metrics=["parallel_efficiency", "scalability_ratio"], **on, **many)
    np.testing.assert_allclose(data.parallel_efficiency, 1, rtol=1e-12)
    np.testing.assert_allclose(data.scalability_ratio.sel(tensor_parallel=8, data_parallel=4), 32, rtol=1e-12)


@pytest.mark.parametrize("phase", PHASES, ids=lambda p: p["phase"])
@pytest.mark.parametrize("network", NETWORKS)
def test_more_devices_never_hold_more_each(network, phase):
    axes = {"tensor_parallel": [1, 2, 4, 8], "pipeline_parallel": [1, 2, 4, 8], "data_parallel": [1, 8]}
    if network == "mixtral-8x7b":
        axes["expert_parallel"] = [1, 2, 4]
    data = dse.evaluate(network, metrics=["memory"], **A100, **phase, **axes, batch=16, zero_stage=[0, 1, 2, 3])
    memory = data.memory
    for name in memory.dims:
        assert bool((memory.diff(name) <= 0).all()), name


def test_energy_is_power_times_time():
    axes = {"tensor_parallel": [1, 4], "pipeline_parallel": [1, 2], "data_parallel": [1, 2]}
    metrics = ["energy", "total_power", "latency", "ops_per_watt", "flops", "cost_per_million_tokens", "total_devices"]
    data = dse.evaluate("llama-2-7b", metrics=metrics, **DECODE, batch=8, **axes)
    np.testing.assert_allclose(data.energy * 8, data.total_power * data.latency, rtol=1e-13)
    np.testing.assert_allclose(data.ops_per_watt * data.energy, data.flops, rtol=1e-12)
    # Replicas do not make a token dearer.
    assert bool((data.energy.diff("data_parallel") == 0).all()) if "data_parallel" in data.energy.dims else True
    rent = dse.devices["a100-sxm-80gb"].figure("price_per_hour")
    one = data.sel(data_parallel=1)
    expected = one.total_devices * rent / 3600 * one.latency / 8 * 1e6
    found = data.cost_per_million_tokens
    np.testing.assert_allclose(
        found.isel(data_parallel=0) if "data_parallel" in found.dims else found, expected, rtol=1e-12
    )


def test_parts_of_the_communication_add_up():
    axes = {"tensor_parallel": [1, 4], "pipeline_parallel": [1, 2], "expert_parallel": [1, 2], "data_parallel": [1, 2]}
    for phase in PHASES[:3]:
        data = dse.evaluate("mixtral-8x7b", metrics=[*PARTS, "pipeline_fill"], **A100, **phase, batch=8, **axes)
        parts = (data.tensor_time + data.expert_time + data.pipeline_time) * data.pipeline_fill + data.gradient_time
        np.testing.assert_allclose((data.communication_time - parts) / data.communication_time.max(), 0, atol=1e-13)


@pytest.mark.parametrize("phase", PHASES, ids=lambda p: p["phase"])
def test_both_engines_agree(phase):
    axes = {"tensor_parallel": [1, 2, 3], "pipeline_parallel": [1, 2], "expert_parallel": [1, 2], "batch": [4, 8]}
    metrics = ["latency", "memory", "energy", "scalability_ratio", "communication_overhead", "max_batch"]
    models = ["roofline"] if phase["phase"] == "train" else ["roofline", "per_op"]
    on = {**A100, **phase, **axes, "micro_batches": [1, 2], "latency_model": models}
    plain, fused = (dse.evaluate("mixtral-8x7b", metrics=metrics, engine=e, **on) for e in ("plain", "fused"))
    for name in metrics:
        np.testing.assert_allclose(fused[name], plain[name], rtol=1e-12, err_msg=name)


# Where the work cannot be divided.

REASONS = [
    ({"tensor_parallel": 3}, "tensor_parallel must divide heads"),
    ({"tensor_parallel": 64}, "tensor_parallel must divide heads"),
    ({"pipeline_parallel": 5}, "pipeline_parallel must divide layers"),
    ({"expert_parallel": 2}, "expert_parallel divides experts, and the network has none"),
    ({"pipeline_parallel": 2, "micro_batches": 3}, "micro_batches × expert_parallel must divide batch"),
]


@pytest.mark.parametrize(("axes", "reason"), REASONS, ids=[r for _, r in REASONS])
def test_what_cannot_be_divided_is_undefined_with_its_reason(axes, reason, capsys):
    data = dse.evaluate("llama-2-7b", metrics=["latency", "memory", "params"], **DECODE, batch=8, **axes)
    assert np.isnan(float(data.latency)) and np.isnan(float(data.memory))
    assert float(data.params) == PARAMS
    spec = {
        "name": "divided", "network": {"model": "llama-2-7b"}, "precision": {"scheme": "fp16"},
        "hardware": {"device": "a100-sxm-80gb"}, "objectives": {"minimize": ["latency", "total_devices"]},
        "deployment": {"phase": "decode", "context": 64, "batch": 8, **{n: [1, v] for n, v in axes.items()}},
    }  # fmt: skip
    result = dse.explore(spec)
    assert set(result.manifest["undefined_because"]) == {"latency"}
    reasons = [r for found in result.manifest["undefined_because"].values() for r in found]
    assert reasons == [reason]


def test_a_device_without_a_link_is_refused():
    on = {"precision": "fp16", "phase": "decode", "context": 64, "metrics": ["latency"]}
    with pytest.raises(dse.InputError, match="'x' lacks the figure 'link_bandwidth'; needed by latency"):
        dse.evaluate("llama-2-7b", device=_without_link(), **on, tensor_parallel=2)
    assert float(dse.evaluate("llama-2-7b", device=_without_link(), **on, tensor_parallel=1).latency) > 0


def _without_link():
    return {"x": {"class": "datacentre-gpu", "peak_fp16": "65 TFLOPS", "bandwidth": "320 GB/s"}}


def test_families_that_cannot_be_divided_say_so():
    with pytest.raises(
        dse.InputError, match="'mobilenet_v2' cannot be divided so; those that can: decoder, encoder, vit"
    ):
        dse.evaluate("mobilenet_v2", device="l4", metrics=["latency"], tensor_parallel=2)
    # Replicas need no division.
    data = dse.evaluate("resnet50", device="a100-sxm-80gb", phase="train", metrics=["gradient_time"], data_parallel=2)
    assert float(data.gradient_time) == pytest.approx(25_557_032 * 4 / LINK + 2 * ALPHA, rel=1e-13)


def test_every_way_of_sharing_is_named():
    assert {n for n, _ in itertools.groupby(SHARED)} == set(dse.grid.plan.SETTINGS["several"])


def test_the_formula_that_is_told_is_that_of_several_devices():
    one, two = (dse.evaluate("llama-2-7b", metrics=["latency"], tensor_parallel=n, **DECODE).latency for n in (1, 2))
    assert "communication_time" in two.attrs["formula"] and "communication_time" not in one.attrs["formula"]


def test_bounds_and_enumeration_find_the_same_frontier():
    spec = {
        "name": "bounded", "network": {"model": "mixtral-8x7b"}, "precision": {"scheme": ["fp16", "fp8"]},
        "hardware": {"device": ["h100-sxm", "a100-sxm-80gb"]},
        "deployment": {
            "phase": "request", "prompt_tokens": 1024, "output_tokens": 256, "batch": [1, 2, 4, 6, 8, 16, 32],
            "tensor_parallel": [1, 2, 3, 4, 8], "pipeline_parallel": [1, 2, 4], "expert_parallel": [1, 2],
            "micro_batches": [1, 2, 4], "page_tokens": [1, 16],
        },
        "objectives": {"minimize": ["time_per_token", "total_devices"], "maximize": ["parallel_efficiency"]},
        "budgets": {"time_per_token": "20 ms"},
    }  # fmt: skip
    by_all, by_bounds = (dse.explore({**spec, "bounds": b}) for b in (False, True))
    xr.testing.assert_identical(by_bounds.frontier, by_all.frontier)
    assert by_bounds.counts["skipped_by_bounds"] > by_bounds.counts["enumerated"] / 2


# Training steps of Megatron-LM on A100s (Korthikanti et al., 2022, table 5), in seconds.
MEGATRON = [
    ({"layers": 48, "d_model": 6144, "heads": 64, "batch": 4}, 1, 1.42),
    ({"layers": 96, "d_model": 12288, "heads": 96, "batch": 64, "micro_batches": 64, "pipeline_parallel": 8,
      "pipeline_chunks": 3}, 1, 18.13),
    ({"layers": 48, "d_model": 6144, "heads": 64, "batch": 4}, 0, 1.10),
    ({"layers": 96, "d_model": 12288, "heads": 96, "batch": 64, "micro_batches": 64, "pipeline_parallel": 8,
      "pipeline_chunks": 3}, 0, 13.75),
]  # fmt: skip


@pytest.mark.parametrize(("model", "recompute", "measured"), MEGATRON)
def test_training_steps_are_of_the_measured_size(model, recompute, measured):
    """A lower bound as it stands; with usual efficiencies within a quarter. Measured ones without full recomputation
    compute attention again, which is not counted here."""
    shape = {"vocab": 51200, "gated": 0, "tied": 1, "positions": 2048, **TRAIN, "tensor_parallel": 8}
    on = {**shape, **model, "recompute": recompute, "network_bandwidth": "25 GB/s"}
    usual = {"compute_efficiency": 0.65, "bandwidth_efficiency": 0.8, "link_efficiency": 0.8}
    bound, likely = (evaluate(["latency"], "decoder", **on, **more)["latency"] for more in ({}, usual))
    assert bound < measured
    assert 0.75 * measured < likely < measured
