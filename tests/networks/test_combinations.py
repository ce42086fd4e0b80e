"""Combinations that nobody has published hold the laws of their parts."""

import numpy as np
import pytest

import dse
from dse.networks import QUANTITIES, trace
from dse.networks.ops import STORED

MIXTURE = {
    "layers": 6, "d_model": 64, "heads": 4, "vocab": 90, "ffn": 96, "experts": 8, "active_experts": 2,
    "shared_experts": 1, "expert_ffn": 24, "first_dense_layers": 1, "kv_lora_rank": 16, "d_nope": 12, "d_rope": 4,
    "d_value": 10, "local_layers": 4, "window": 32, "context": 100,
}  # fmt: skip
VIDEO = {"backbone": "mobilenet_v2", "shift_share": 0.25, "frames": 4, "resolution": 96, "classes": 20}
IMAGE = {"layers": 3, "d_model": 48, "heads": 4, "patch": 2, "resolution": 64, "steps": 4, "attention": "linear"}
COMBINATIONS = {
    "experts, latents and windows, decode": ("decoder", MIXTURE | {"phase": 1}),
    "experts, latents and windows, prefill": ("decoder", MIXTURE | {"phase": 0}),
    "shift at a width": ("tsm", VIDEO | {"width": 0.6}),
    "diffusion with linear attention": ("dit", IMAGE),
}
# Axes along which nothing may shrink, and values that are all allowed.
GROWING = {
    "experts, latents and windows, decode": {"context": [8, 32, 33, 500], "window": [1, 32, 100, 900],
        "kv_lora_rank": [4, 16, 60], "experts": [2, 8, 64], "active_experts": [1, 2, 8], "layers": [4, 6, 9],
        "expert_ffn": [8, 24, 99]},
    "experts, latents and windows, prefill": {"context": [8, 32, 33, 500], "window": [1, 32, 100, 900],
        "kv_lora_rank": [4, 16, 60], "shared_experts": [0, 1, 3], "d_value": [4, 10, 64]},
    "shift at a width": {"width": [0.25, 0.5, 1.0, 1.7], "resolution": [64, 97, 224], "frames": [1, 3, 8],
        "shift_share": [0.0, 0.125, 0.5]},
    "diffusion with linear attention": {"steps": [1, 4, 50], "resolution": [32, 64, 256], "layers": [1, 3, 12],
        "guidance": [1, 2]},
}  # fmt: skip
COUNTS = ("macs", "activations", "traffic", "weights_read", "cache_read", "cache_held")


@pytest.mark.parametrize("name", COMBINATIONS)
def test_totals_are_sums_of_rows(name):
    table = trace(*COMBINATIONS[name])
    for quantity in QUANTITIES:
        rows = (op.count(quantity) * op.repeat * (1 if quantity in STORED else op.calls) for op in table.ops)
        assert table.total(quantity) == pytest.approx(sum(rows), rel=1e-13), quantity
    parts = table.parts()
    assert sum(part["macs"] for part in parts.values()) == table.total("macs")
    assert sum(part["params"] for part in parts.values()) == table.params()
    assert table.peak() == max(table.live())


@pytest.mark.parametrize(("name", "axis"), [(name, axis) for name, axes in GROWING.items() for axis in axes])
def test_nothing_shrinks(name, axis):
    family, axes = COMBINATIONS[name]
    values = np.array(GROWING[name][axis], dtype=float)
    table = trace(family, axes | {axis: values})
    counts = {quantity: table.total(quantity) for quantity in COUNTS} | {"params": table.params()}
    counts["peak"] = table.peak()
    for quantity, count in counts.items():
        assert np.all(np.diff(np.broadcast_to(count, values.shape)) >= 0), quantity
    assert any(np.ptp(count) > 0 for count in counts.values())


@pytest.mark.parametrize("name", COMBINATIONS)
def test_work_is_linear_in_the_batch(name):
    family, axes = COMBINATIONS[name]
    axes = {axis: value for axis, value in axes.items() if axis != "phase"}
    axes |= {"phase": name.rpartition(" ")[2]} if family == "decoder" else {}
    metrics = ["params", "macs", "activation_memory"]
    data = dse.evaluate(family, metrics=metrics, batch=[1, 2, 7], precision="int8", **axes)
    memory = data.activation_memory.values
    assert np.array_equal(memory, memory[0] * np.array([1, 2, 7]))
    assert np.ptp(data.params.values) == 0 and np.ptp(data.macs.values) == 0


def test_experts_read_at_most_all_and_at_least_those_of_one_token():
    """8 experts, 2 a token: a batch of B expects 8·(1 - (1 - 2/8)^B) of them."""
    batches = np.array([1.0, 2.0, 10.0, 1000.0])
    table = trace("decoder", MIXTURE | {"phase": 1, "batch": batches})
    expert = 3 * 64 * 24
    read = (table.total("weights_read") - table.total("weights_read")[0]) / (5 * expert)
    assert read == pytest.approx(8 * (1 - 0.75**batches) - 2, rel=1e-12)


def test_latents_under_windows_by_hand():
    """Two layers see 100 positions and four the last 32; each position holds 16 + 4 elements."""
    held = (2 * 100 + 4 * 32) * (16 + 4)
    assert trace("decoder", MIXTURE | {"phase": 1}).total("cache_held") == held
    # Scores over 16 + 4 features, sums over 16, of four heads.
    attention = [op for op in trace("decoder", MIXTURE | {"phase": 1}).ops if op.kind == "attention"]
    assert sum(op.count("macs") * op.repeat for op in attention) == (2 * 100 + 4 * 32) * 4 * (20 + 16)


def test_work_of_linear_attention_is_linear_in_tokens_and_steps():
    sides = np.array([32.0, 64.0, 128.0])
    table = trace("dit", IMAGE | {"resolution": sides, "steps": 1})
    attention = sum(op.count("macs") * op.executions for op in table.ops if op.kind == "attention")
    # 3 layers of heads of 12: sums and reads of 48 × 12 products a token; tokens are 16-pixel squares.
    assert np.array_equal(attention, 3 * 2 * 48 * 12 * (sides / 16) ** 2)
    steps = trace("dit", IMAGE | {"steps": np.array([1.0, 2.0, 25.0])}).total("macs")
    assert np.array_equal(steps, steps[0] * np.array([1, 2, 25]))
