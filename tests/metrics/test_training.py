"""Training: three times the forward pass, and memory for weights, gradients, optimizer and stored activations."""

from __future__ import annotations

import pytest

import dse

TOKENS = 2048
LLAMA = {"device": "a100-sxm-80gb", "precision": "bf16", "phase": "train", "context": TOKENS}


def test_operations_of_llama_2_7b():
    macs = float(dse.evaluate("llama-2-7b", metrics="macs", **LLAMA).macs)
    d, ffn, vocab, layers = 4096, 11008, 32000, 32
    forward = TOKENS * (layers * (4 * d * d + 3 * d * ffn) + d * vocab) + layers * 2 * TOKENS * TOKENS * d
    assert macs == 3 * forward
    # The rule of thumb of six operations a parameter and token leaves attention out, and counts the embedding.
    rule = float(dse.formulas.training_flops(6738415616 - vocab * d, TOKENS))
    attention = 3 * 2 * layers * 2 * TOKENS * TOKENS * d
    norms = 6 * TOKENS * (2 * layers + 1) * d
    assert 2 * macs == pytest.approx(rule + attention - norms, rel=1e-12)


def test_memory_of_mixed_precision():
    settings = {**LLAMA, "batch": 2, "grad_bits": 16, "optimizer_bits": 96}
    data = dse.evaluate("llama-2-7b", metrics=["memory", "activations", "params"], **settings)
    params = 6738415616
    assert float(data.params) == params
    expected = params * (2 + 2 + 12) + float(data.activations) * 2 * 2
    assert float(data.memory) == pytest.approx(expected, rel=1e-15)


def test_training_a_share_saves_gradients_and_optimizer_state():
    whole, tenth = (
        float(dse.evaluate("llama-2-7b", metrics="memory", trainable_share=share, **LLAMA).memory)
        for share in (1.0, 0.1)
    )
    assert whole - tenth == pytest.approx(0.9 * 6738415616 * (32 + 64) / 8, rel=1e-12)


def test_a_vision_network():
    on = {"device": "a100-sxm-80gb", "precision": "fp32", "batch": 32}
    train = dse.evaluate("mobilenet_v2", phase="train", metrics=["macs", "memory", "compute_time"], **on)
    infer = dse.evaluate("mobilenet_v2", metrics=["macs", "compute_time"], **on)
    assert float(train.macs) == 3 * 300_774_272
    assert float(train.compute_time) == pytest.approx(3 * float(infer.compute_time), rel=1e-15)
    assert float(train.memory) == 3_504_872 * (4 + 4 + 8) + 32 * 6_679_112 * 4


def test_other_phases_have_no_meaning_for_vision():
    with pytest.raises(dse.InputError, match="the family 'mobilenet_v2' has no phase"):
        dse.evaluate("mobilenet_v2", phase="decode", device="l4")
