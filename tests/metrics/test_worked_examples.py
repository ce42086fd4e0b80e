"""Every metric of three designs against published counts and arithmetic written out in `layers`."""

import json
import math
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dse
from dse import registry
from tests.metrics import layers

REFERENCE = Path(__file__).parents[1] / "reference"
NETWORKS = tomllib.loads((REFERENCE / "metrics-networks.toml").read_text(encoding="utf-8"))
DEVICES = tomllib.loads((REFERENCE / "metrics-devices.toml").read_text(encoding="utf-8"))

A100, U575 = "a100-sxm-80gb", "stm32u575"
CONTEXT = 1024


def resnet50(batch):
    network, device = NETWORKS["resnet50"], DEVICES[A100]
    table = layers.resnet50()
    expected = layers.metrics(table, network, device, w=16, a=16, batch=batch)
    expected |= dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high"), network["accuracy"])
    return expected, layers.per_op_latency(table, device, w=16, a=16, batch=batch)


def llama(batch):
    network, device = NETWORKS["llama-2-7b"], DEVICES[A100]
    table = layers.llama_2_7b(CONTEXT)
    # At the head: one row in, the logits out. In a block gate, up projection and the skip take 2·11008 + 4096 at most.
    peaks = {"peak_activations": 4096 + 32000, "peak_activations_simple": 4096 + 32000}
    held = 32 * 2 * 4096 * CONTEXT
    expected = layers.metrics(table, network | peaks, device, w=16, a=16, batch=batch, cache_held=held)
    expected |= layers.decoding(expected, device)
    return expected, layers.per_op_latency(table, device, w=16, a=16, batch=batch)


def mobilenet(batch):
    network, device = NETWORKS["mobilenet_v2"], DEVICES[U575]
    table = layers.mobilenet_v2()
    expected = layers.metrics(table, network, device, w=8, a=8, batch=batch)
    # Gaussian weights on the best 8-bit grid (Sakr et al., ICML 2022).
    return expected | {"sqnr": 40.60}, layers.per_op_latency(table, device, w=8, a=8, batch=batch)


CASES = {
    "resnet50": (resnet50, {"device": A100, "precision": "fp16"}),
    "llama-2-7b": (llama, {"device": A100, "precision": "fp16", "phase": "decode", "context": CONTEXT}),
    "mobilenet_v2": (mobilenet, {"device": U575, "precision": "int8"}),
}
# Given to two decimals where they were published.
ROUNDED = {"sqnr": 0.005}


@pytest.mark.parametrize("network", CASES)
def test_the_layer_tables_add_up_to_what_is_published(network):
    expected, _ = CASES[network][0](1)
    published = NETWORKS[network]
    if "macs" in published:
        assert expected["macs"] == published["macs"]
    embedding = 32000 * 4096 - 4096 if network == "llama-2-7b" else 0  # one row of it is read
    assert expected["weights_read"] == published["params"] - embedding


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("network", CASES)
def test_every_metric(network, batch):
    work_out, axes = CASES[network]
    expected, per_op = work_out(batch)
    data = dse.evaluate(network, batch=batch, **axes)
    for name, value in expected.items():
        tolerance = {"abs": ROUNDED[name]} if name in ROUNDED else {"rel": 1e-13}
        assert float(data[name]) == pytest.approx(value, **tolerance), name
    per = dse.evaluate(network, batch=batch, latency_model="per_op", metrics=["latency", "energy"], **axes)
    assert float(per.latency) == pytest.approx(per_op, rel=1e-12)
    assert float(per.energy) == pytest.approx(per_op * expected["total_power"] / batch, rel=1e-12)


def test_figures_that_people_quote():
    llama = dse.evaluate("llama-2-7b", **CASES["llama-2-7b"][1])
    assert float(llama.kv_cache) == 32 * 2 * 4096 * 1024 * 2
    assert 140 < float(llama.tokens_per_second) < 152
    assert float(dse.evaluate("mobilenet_v2", **CASES["mobilenet_v2"][1]).peak_sram) == 1_404_928
    stored = dse.evaluate("mobilenet_v2", in_place_depthwise=0, **CASES["mobilenet_v2"][1])
    assert float(stored.peak_sram) == 1_505_280


def test_every_metric_has_a_worked_example():
    worked = {name for work_out, _ in CASES.values() for name in work_out(1)[0]}
    elsewhere = {"time_to_first_token", "device_cost", "area"}  # below
    elsewhere |= {"request_latency", "token_throughput"}  # in test_request
    elsewhere |= {"active_params"}  # below
    elsewhere |= {"live_bytes", "weights_moved", "activations_moved", "dram_bytes", "sram_bytes", "operation_energy"}
    # these in test_on_chip
    elsewhere |= {"adapter_params", "trained_params", "weight_macs", "block_macs", "checkpointed_activations"}
    elsewhere |= {f"adapter_{what}_{targets}" for what in ("features", "macs") for targets in ("qv", "all")}
    # these in test_training
    elsewhere |= {"winograd_macs", "saved_macs", "executed_flops", "index_bits", "index_bits_read"}  # in test_levers
    elsewhere |= {"layer_macs", "product_macs", "depthwise_macs", "window_traffic", "depthwise_traffic"}
    elsewhere |= {"streamed_traffic", "rearranged_traffic", "kernel_launches", "flash_total", "system_energy"}
    elsewhere |= {"latency_low", "latency_high"}  # these in tests/calibration
    elsewhere |= {"loss", "loss_low", "loss_high"}  # tests/quality/test_loss.py
    elsewhere |= {"exchanges", "exchanged_elements", "routed_layers", "routed_elements", "boundary_elements"}
    elsewhere |= {
        "expert_params",
        "expert_weights_read",
        "outer_params",
        "edge_params",
        "device_params",
        "device_weights",
    }
    elsewhere |= {f"{what}_time" for what in ("tensor", "expert", "pipeline", "gradient", "communication")}
    elsewhere |= {
        "pipeline_fill",
        "total_devices",
        "scalability_ratio",
        "parallel_efficiency",
        "communication_overhead",
        "throughput_per_device",
        "token_throughput_per_device",
    }
    # these in test_parallel
    elsewhere |= {"cached_tokens", "cache_of_sequence", "sequence_memory", "fixed_memory", "max_batch"}
    elsewhere |= {"crossings", "cache_copies", "passes_on_device", "sharing_devices"}  # these in test_parallel
    elsewhere |= {"attention_scores", "score_traffic", "repeated_cache_traffic"}  # in calibration/test_calibrated.py
    elsewhere |= {"tokens_per_pass", "draft_size", "energy_per_million_tokens"}  # these in test_serving
    elsewhere |= {"prompt_passes", "passes_per_request", "generating_sequences"}
    elsewhere |= {"sequence_activations", "common_activations", "stored_bits"}
    elsewhere |= {"amortised_carbon", "total_carbon", "total_carbon_per_million_tokens"}  # in test_cost
    elsewhere |= {n for n in registry.METRICS if registry.metric_record(n).end}  # in test_interval_ends
    assert set(registry.METRICS) <= worked | elsewhere


def test_active_params():
    # As published: 46.7 billion parameters, of which a token uses 12.9 billion.
    mixtral = dse.evaluate("mixtral-8x7b", metrics=["params", "active_params"])
    assert (float(mixtral.params), float(mixtral.active_params)) == (46_702_792_704, 12_879_925_248)


def test_time_to_first_token():
    prompt = 512
    data = dse.evaluate("llama-2-7b", device=A100, precision="fp16", phase="prefill", context=prompt)
    d, ffn, vocab = 4096, 11008, 32000
    # All tokens through the matrices, the full square of attention, one row of logits.
    macs = 32 * (prompt * (4 * d * d + 3 * d * ffn) + 2 * prompt * prompt * d) + d * vocab
    assert float(data.macs) == macs
    assert float(data.time_to_first_token) == pytest.approx(2 * macs / 312e12, rel=1e-13)
    assert math.isnan(float(data.tokens_per_second))


def test_price_and_area():
    # Launch price of the GeForce RTX 4090, 1,599 USD (NVIDIA).
    data = dse.evaluate("mobilenet_v2", device="rtx-4090", metrics="device_cost")
    assert float(data.device_cost) == 1599
    assert registry.metric_record("area").function(826.0, 2) == 1652.0


def test_the_command_gives_the_same_numbers():
    arguments = ["llama-2-7b", "--device", A100, "--precision", "fp16", "--set", "phase=decode", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "dse", "evaluate", *arguments, "--set", f"context={CONTEXT}"],
        capture_output=True, text=True, check=True, cwd=REFERENCE.parents[1],
    )  # fmt: skip
    given = json.loads(done.stdout)
    expected, _ = llama(1)
    for name, value in expected.items():
        assert given["metrics"][name]["value"] == pytest.approx(value, rel=1e-13), name
        assert given["metrics"][name]["unit"] == registry.metric_record(name).unit
    assert given["design"]["device"] == A100
    assert given["assumptions"]["utilization"]["value"] == 0.7
