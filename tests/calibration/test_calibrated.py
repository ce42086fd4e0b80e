"""Calibrated latency by hand: several devices, training, scores that kernels write, engines that share no heads."""

from __future__ import annotations

import pytest

import dse
from dse.calibration import CALIBRATIONS, choose
from dse.hardware import DEVICES

A100 = {"device": "a100-sxm-80gb", "precision": "fp16", "latency_model": "calibrated"}
PEAK, BANDWIDTH = 312e12, 2039e9
# Llama-3-8B.
LAYERS, D, HEADS, KV_HEADS, D_HEAD = 32, 4096, 32, 8, 128


def evaluate(metrics, network="llama-3-8b", **axes):
    data = dse.evaluate(network, metrics=metrics, **(A100 | axes))
    return {m: float(data[m]) for m in metrics}


def constants(domain):
    return choose(CALIBRATIONS.values(), DEVICES["a100-sxm-80gb"], "auto", "fp16", domain).calibration.constants


PARTS = ["layer_macs", "product_macs", "weight_bytes", "cache_traffic", "streamed_traffic", "kernel_launches"]


@pytest.mark.parametrize("devices", [1, 4])
def test_decoding_on_devices_that_share_the_work(devices):
    on = {"phase": "decode", "context": 1024, "batch": 16, "tensor_parallel": devices}
    found = evaluate(["latency", "communication_time", *PARTS], **on)
    of = {"launch_time": 0.0} | dict(constants("language"))
    mac, byte = 2 * 16 / (PEAK * devices), 1 / (BANDWIDTH * devices)
    layers = max(found["layer_macs"] * mac * of["matrix_cost"], found["weight_bytes"] * byte * of["weight_cost"])
    cache = found["cache_traffic"] * 2 * 16 * byte * of["cache_cost"]
    attention = max(found["product_macs"] * mac * of["product_cost"], cache)
    moved = found["streamed_traffic"] * 2 * 16 * byte * of["stream_cost"]
    # Every device starts every kernel.
    started = found["kernel_launches"] * of["launch_time"]
    expected = layers + attention + moved + started + found["communication_time"]
    assert found["latency"] == pytest.approx(expected, rel=1e-9)


def test_against_one_device():
    on = {"phase": "decode", "context": 1024, "batch": 16}
    one = evaluate(["latency"], **on)["latency"]
    four = evaluate(["latency", "parallel_efficiency"], **on, tensor_parallel=4)
    assert four["parallel_efficiency"] == pytest.approx(one / four["latency"] / 4, rel=1e-12)


def test_kernels_start_for_every_micro_batch_in_every_stage():
    on = {"phase": "decode", "context": 64, "batch": 8, "pipeline_parallel": 4, "micro_batches": 2}
    assert evaluate(["passes_on_device"], **on)["passes_on_device"] == 2 / 4


def test_older_engines_read_the_cache_for_every_query_head():
    """Four query heads share keys and values; read for each from the last cache at 1.6 times the bandwidth."""
    on = {"phase": "decode", "context": 4096, "batch": 64}
    metrics = ["latency", "repeated_cache_traffic", "cache_traffic"]
    new, old = (evaluate(metrics, **on, cache_reads=r) for r in ("shared", "per_query_head"))
    assert new["repeated_cache_traffic"] == 0
    assert old["repeated_cache_traffic"] == pytest.approx(LAYERS * 2 * HEADS * D_HEAD * 4096 / 1.6)
    byte = 2 * 64 / BANDWIDTH
    shared = new["cache_traffic"] * byte * constants("language")["cache_cost"]
    assert old["latency"] - new["latency"] == pytest.approx(old["repeated_cache_traffic"] * byte - shared, rel=1e-6)
    # A prompt is read in blocks of queries.
    prompt = [evaluate(["latency"], phase="prefill", context=512, cache_reads=r) for r in ("shared", "per_query_head")]
    assert prompt[0] == prompt[1]


def test_drafted_tokens_are_checked_in_one_pass():
    """Five tokens a sequence in a pass, 3.36 of which stay; four runs of a draft model of 1e8 parameters."""
    on = {"phase": "decode", "context": 1024, "batch": 4}
    plain = evaluate(["layer_macs", "product_macs", "cache_traffic", "streamed_traffic", "kernel_launches"], **on)
    drafted = {"draft_tokens": 4, "draft_params": 10**8, "acceptance": 0.8}
    found = evaluate([*plain, "latency", "weight_bytes"], **on, **drafted)
    gained = 1 + 0.8 + 0.8**2 + 0.8**3 + 0.8**4
    assert found["layer_macs"] == pytest.approx((5 * plain["layer_macs"] + 4e8) / gained)
    assert found["cache_traffic"] == pytest.approx(plain["cache_traffic"] / gained)
    of = {"launch_time": 0.0} | dict(constants("language"))
    mac, byte = 2 * 4 / PEAK, 1 / BANDWIDTH
    layers = max(found["layer_macs"] * mac * of["matrix_cost"], found["weight_bytes"] * byte * of["weight_cost"])
    cache = plain["cache_traffic"] / gained * 2 * 4 * byte * of["cache_cost"]
    attention = max(5 * plain["product_macs"] / gained * mac * of["product_cost"], cache)
    moved = 5 * plain["streamed_traffic"] / gained * 2 * 4 * byte * of["stream_cost"]
    started = plain["kernel_launches"] / gained * of["launch_time"]
    assert found["latency"] == pytest.approx(layers + attention + moved + started, rel=1e-9)


def test_attention_scores():
    found = evaluate(["attention_scores", "score_traffic"], phase="prefill", context=128)
    assert found["attention_scores"] == LAYERS * HEADS * 128 * 128
    assert found["score_traffic"] == 6 * found["attention_scores"]
    train = {"phase": "train", "context": 128}
    plain, again = (evaluate(["score_traffic"], **train, recompute_attention=r)["score_traffic"] for r in (0, 1))
    assert (plain, again) == (18 * found["attention_scores"], 24 * found["attention_scores"])


def test_attention_that_is_computed_again_stores_no_scores():
    on = {"phase": "train", "context": 128, "latency_model": "roofline"}
    kept, again = (evaluate(["activations", "macs"], **on, recompute_attention=r) for r in (0, 1))
    assert kept["activations"] - again["activations"] == LAYERS * HEADS * 128 * 128
    assert again["macs"] - kept["macs"] == LAYERS * 2 * HEADS * D_HEAD * 128 * 128


def test_a_training_step_of_gpt_3_on_64_devices():
    """As measured by Korthikanti et al. (arXiv 2205.05198, table 5): 18.13 s with full recomputation."""
    shape = {"layers": 96, "d_model": 12288, "heads": 96, "vocab": 51200, "gated": 0, "tied": 1, "positions": 2048}
    on = {"phase": "train", "context": 2048, "batch": 64, "micro_batches": 64, "pipeline_parallel": 8}
    more = {"tensor_parallel": 8, "pipeline_chunks": 3, "recompute": 1, "network_bandwidth": "25 GB/s"}
    found = evaluate(["latency", "latency_low", "latency_high"], "decoder", **shape, **on, **more)
    assert found["latency"] == pytest.approx(18.13, rel=0.05)
    assert found["latency_low"] < 18.13 < found["latency_high"]


def test_mixed_passes_are_calibrated():
    on = {"phase": "mixed", "prompt_tokens": 512, "output_tokens": 128, "batch": 8, "chunk_tokens": 256}
    decode = evaluate(["latency"], phase="decode", context=512 + 64, batch=8)["latency"]
    mixed = evaluate(["latency"], **on)["latency"]
    assert decode < mixed < 3 * decode


@pytest.mark.parametrize("batch", [1, 512])
def test_a_matrix_product_takes_the_longer_of_computing_and_moving_all_of_its_bytes(batch):
    """4096 × 14336 weights, read once, and what goes in and comes out of every column; both bounds are met."""
    shape = {"features_in": 14336, "hidden": 4096, "batch": batch, "software": "torch-profile"}
    found = evaluate(["latency", "kernel_launches"], "matrix_product", **shape)
    known = CALIBRATIONS["a100-sxm-80gb, torch-profile, fp16, matrix product"]
    of = known.constants
    computing = 2 * 14336 * 4096 * batch / PEAK * of["matrix_cost"]
    moving = 2 * (14336 * 4096 * of["weight_cost"] + (14336 + 4096) * batch * of["traffic_cost"]) / BANDWIDTH
    assert (computing > moving) == (batch > 1)
    assert of["traffic_cost"] == of["weight_cost"]
    started = found["kernel_launches"] * of["launch_time"]
    assert found["latency"] == pytest.approx(max(computing, moving) + started, rel=1e-9)


def test_training_of_what_was_never_measured_in_training_is_refused():
    with pytest.raises(dse.InputError, match="no vision training network is calibrated"):
        evaluate(["latency"], "resnet50", phase="train")
