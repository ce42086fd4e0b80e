"""Loss of language models by scaling law: constants of the papers, worked out here."""

from __future__ import annotations

import numpy as np
import pytest

import dse

PARAMS = 6_738_415_616
METRICS = ["predicted_loss", "predicted_loss_low", "predicted_loss_high"]
# E, A, alpha, B, beta: Besiroglu et al. 2024; Hoffmann et al. 2022 as printed, and as in its source.
FITS = (
    (1.8172, 482.01, 0.3478, 2085.43, 0.3658),
    (1.69, 406.4, 0.34, 410.7, 0.28),
    (1.6934, 406.4, 0.3392, 410.7, 0.2849),
)


def by_hand(fit, params, tokens):
    e, a, alpha, b, beta = fit
    return e + a * np.exp(-alpha * np.log(params)) + b * np.exp(-beta * np.log(tokens))


@pytest.mark.parametrize("ratio", [20, 297])
def test_llama_2_7b(ratio):
    data = dse.evaluate("llama-2-7b", metrics=METRICS, tokens_per_parameter=ratio)
    fits = [by_hand(fit, PARAMS, PARAMS * ratio) for fit in FITS]
    assert [float(data[m]) for m in METRICS] == pytest.approx([fits[0], min(fits), max(fits)], rel=1e-12)


def test_larger_models_and_more_tokens_lose_less():
    data = dse.evaluate("llama-2-7b", metrics=METRICS, layers=[8, 16, 32], tokens_per_parameter=[5, 20, 300])
    for metric in METRICS:
        assert (np.diff(data[metric].values, axis=0) < 0).all()
        assert (np.diff(data[metric].values, axis=1) < 0).all()
    assert (data.predicted_loss_low <= data.predicted_loss).all()
    assert (data.predicted_loss <= data.predicted_loss_high).all()


def test_it_has_no_meaning_for_vision():
    data = dse.evaluate("resnet50", metrics=METRICS)
    assert all(np.isnan(float(data[m])) and data[m].attrs["reason"] for m in METRICS)


def test_a_circumstance_has_frontiers_of_its_own():
    spec = {
        "network": {"model": "llama-2-7b", "layers": [8, 32]}, "hardware": {"device": "a100-sxm-80gb"},
        "deployment": {"tokens_per_parameter": [20, 300], "context": 128},
        "precision": {"scheme": "bf16"}, "objectives": {"minimize": ["predicted_loss", "latency"]},
    }  # fmt: skip
    assert dse.explore(spec).frontier.sizes["design"] == 4
