"""Mixtures of experts and latent attention: counts by hand, and what holds for every combination."""

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest

from dse.networks import MODELS, trace
from dse.networks.families.feed_forward import expected_experts

SMALL = {"layers": 3, "d_model": 64, "heads": 4, "vocab": 50, "ffn": 96, "context": 20}
SPARSE = {"experts": 8, "active_experts": 2, "expert_ffn": 24}
LATENT = {"kv_lora_rank": 16, "q_lora_rank": 24, "d_nope": 8, "d_rope": 4, "d_value": 6}
WINDOW = {"local_layers": 2, "window": 5}
PARTS = [{}, SPARSE, LATENT, WINDOW, SPARSE | LATENT, SPARSE | WINDOW, LATENT | WINDOW, SPARSE | LATENT | WINDOW]
EXTENSIVE = ("weights", "affine", "macs", "activations", "weights_read", "traffic", "cache_held", "cache_read")


def average_of_distinct(experts, active, tokens):
    """Every way in which tokens can choose, counted out."""
    choices = list(combinations(range(experts), active))
    ways = list(product(choices, repeat=tokens))
    return Fraction(sum(len(set().union(*way)) for way in ways), len(ways))


@pytest.mark.parametrize(("experts", "active"), [(4, 1), (4, 2), (5, 3), (3, 3), (1, 1)])
@pytest.mark.parametrize("tokens", [1, 2, 3])
def test_expected_experts(experts, active, tokens):
    exact = average_of_distinct(experts, active, tokens)
    assert expected_experts(experts, active, tokens) == pytest.approx(float(exact), rel=1e-14)
    assert expected_experts(experts, active, 1) == active
    many = expected_experts(experts, active, np.array([1.0, 10.0, 1e6]))
    assert np.all(np.diff(many) >= 0) and many[-1] == experts


def test_gpt_oss_by_hand():
    """Every tensor of gpt-oss-20b: with biases, sinks and norms 20.91 B, as its card says."""
    d, heads, kv_heads, d_head, ffn, experts = 2880, 64, 8, 64, 2880, 32
    attention = d * heads * d_head + heads * d_head + 2 * (d * kv_heads * d_head + kv_heads * d_head)
    attention += heads * d_head * d + d + heads
    feed_forward = d * experts + experts + experts * (d * 2 * ffn + 2 * ffn + ffn * d + d)
    total = 2 * 201088 * d + 24 * (attention + feed_forward + 2 * d) + d
    assert total == 20_914_757_184
    table = trace("decoder", MODELS["gpt-oss-20b"].axes)
    assert table.params() == total
    idle = 24 * (experts - 4) * (d * 2 * ffn + 2 * ffn + ffn * d + d)
    assert table.active_params() == total - idle
    # A token reads what it uses, and one row of the embedding.
    assert table.total("weights_read") == total - idle - (201088 - 1) * d
    # Half of the layers keep 128 positions, the others all of them.
    held = trace("decoder", {**MODELS["gpt-oss-20b"].axes, "context": 1000}).total("cache_held")
    assert held == 12 * (128 + 1000) * 2 * kv_heads * d_head


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("name", ["deepseek-v2", "deepseek-v2-lite", "deepseek-v3", "kimi-k2"])
def test_deepseek_by_hand(name, phase):
    axes, context = MODELS[name].axes, 300
    d, heads, layers, q_rank = axes["d_model"], axes["heads"], axes["layers"], axes.get("q_lora_rank")
    tokens = 1 if phase else context
    queries = d * q_rank + q_rank * heads * 192 if q_rank else d * heads * 192
    matrices = queries + d * (512 + 64) + 512 * heads * (128 + 128) + heads * 128 * d
    dense, expert = 3 * d * axes["ffn"], 3 * d * axes["expert_ffn"]
    used = axes["active_experts"] + axes["shared_experts"]
    # Queries of decode meet the latents of 512 + 64 features; those of prefill keys of 192 and values of 128.
    scores = heads * context * ((512 + 64 + 512) if phase else (192 + 128))
    norms = 2 * d + 512 + (q_rank or 0)
    macs, params = d * axes["vocab"], 2 * d * axes["vocab"] + d
    for layer in range(layers):
        sparse = layer >= axes["first_dense_layers"]
        experts = axes["experts"] * (d + axes.get("router_bias", 0) + expert) + axes["shared_experts"] * expert
        params += matrices + norms + (experts if sparse else dense)
        macs += tokens * (matrices + scores + (d * axes["experts"] + used * expert if sparse else dense))
    table = trace("decoder", {**axes, "context": context, "phase": phase})
    assert table.params() == params
    assert table.total("macs") == macs
    assert table.total("cache_held") == layers * context * 576
    assert table.total("cache_written") == layers * tokens * 576
    assert table.total("cache_read") == (layers * context * 576 if phase else 0)


def test_both_phases_store_the_same():
    phases = trace("decoder", MODELS["deepseek-v3"].axes | {"phase": np.array([0.0, 1.0])})
    for quantity in ("weights", "affine", "biases", "active_weights", "cache_held"):
        found = np.broadcast_to(phases.total(quantity), 2)
        assert found[0] == found[1], quantity
    one_token = trace("decoder", SMALL | LATENT | {"context": 1, "phase": np.array([0.0, 1.0])})
    assert np.ptp(np.broadcast_to(one_token.total("weights_read"), 2)) == 0


def test_what_a_batch_reads():
    axes = SMALL | SPARSE | {"shared_experts": 1, "first_dense_layers": 1}
    batches = np.array([1.0, 2.0, 16.0, 1e6])
    table = trace("decoder", axes | {"batch": batches})
    dense = trace("decoder", SMALL | {"batch": batches})
    assert np.ndim(dense.total("weights_read")) == 0
    for quantity in ("macs", "weights", "traffic", "activations", "cache_held"):
        assert np.ndim(table.total(quantity)) == 0, quantity
    assert np.ndim(table.peak()) == 0 and np.ndim(table.active_params()) == 0
    expert, others = 3 * 64 * 24, table.params() - 2 * 8 * 3 * 64 * 24 - (50 - 1) * 64
    distinct = np.array([2, 8 - 6 * 6 / 8, 8 * (1 - 0.75**16), 8])
    np.testing.assert_allclose(table.total("weights_read"), others + 2 * expert * distinct, rtol=1e-13)
    # All but the experts that the token is not routed to, and the other rows of the embedding.
    assert table.total("weights_read")[0] == table.active_params() - 49 * 64
    # The tokens of a prompt choose as those of a batch do.
    prefill = trace("decoder", axes | {"phase": 0, "context": 16})
    assert prefill.total("weights_read") == table.total("weights_read")[2] + 15 * 64


def test_experts_cost_memory_not_work():
    counts = np.array([2.0, 8.0, 64.0])
    table = trace("decoder", SMALL | SPARSE | {"experts": counts})
    router = 3 * 64 * counts
    np.testing.assert_array_equal(np.diff(table.params() - router), 3 * 3 * 64 * 24 * np.diff(counts))
    assert np.ptp(table.total("macs") - router) == 0
    assert np.ptp(table.active_params() - router) == 0
    # One expert that every token uses is a dense network and a router.
    one = trace("decoder", SMALL | {"experts": 1, "active_experts": 1})
    assert one.params() == trace("decoder", SMALL).params() + 3 * 64


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("parts", PARTS, ids=lambda parts: " ".join(parts) or "plain")
def test_counts_are_linear_in_the_layers(parts, phase):
    layers = np.array([2.0, 3.0, 4.0, 10.0])
    table = trace("decoder", SMALL | parts | {"layers": layers, "phase": phase})
    for quantity in EXTENSIVE:
        found = np.broadcast_to(table.total(quantity), 4)
        np.testing.assert_allclose(np.diff(found), (found[1] - found[0]) * np.diff(layers), rtol=1e-12)


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("parts", PARTS, ids=lambda parts: " ".join(parts) or "plain")
def test_totals_are_the_sums_of_their_parts(parts, phase):
    """Kinds of attention and of feed-forward networks do not know of each other: their costs add."""
    plain = trace("decoder", SMALL | {"phase": phase})
    both = trace("decoder", SMALL | parts | {"phase": phase})
    attention = {axis: value for axis, value in parts.items() if axis not in SPARSE}
    feed_forward = {axis: value for axis, value in parts.items() if axis in SPARSE}
    alone = [trace("decoder", SMALL | kind | {"phase": phase}) for kind in (attention, feed_forward)]
    for quantity in EXTENSIVE:
        added = sum(table.total(quantity) - plain.total(quantity) for table in alone)
        np.testing.assert_allclose(both.total(quantity) - plain.total(quantity), added, rtol=1e-12, err_msg=quantity)


def test_dense_and_local_layers_add_in_any_number():
    dense, local = np.arange(6.0).reshape(6, 1), np.arange(6.0)
    axes = SMALL | SPARSE | {"layers": 5, "window": 7, "first_dense_layers": dense, "local_layers": local}
    table = trace("decoder", axes)
    for quantity in ("macs", "weights", "cache_held", "traffic"):
        found = np.broadcast_to(table.total(quantity), (6, 6))
        rows, columns = np.diff(found, axis=0), np.diff(found, axis=1)
        assert np.all(rows == rows[0, 0]) and np.all(columns == columns[0, 0])


def test_latent_attention_is_small_in_decode():
    # 128 heads of 128 keys and values against 512 + 64: the cache of DeepSeek V2 is 57 times smaller.
    axes = dict(MODELS["deepseek-v2"].axes)
    latent = trace("decoder", axes).total("cache_held")
    del axes["kv_lora_rank"], axes["q_lora_rank"]
    grouped = trace("decoder", axes | {"d_head": 128}).total("cache_held")
    assert grouped / latent == 2 * 128 * 128 / 576
