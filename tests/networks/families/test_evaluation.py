"""Families of several parts through the public interface: kernels, structural axes, `dse show`."""

import numpy as np
import pytest

import dse
from dse.cli.show_command import find
from dse.errors import InputError

DEVICE = {"device": "a100-sxm-80gb", "precision": "fp16"}


@pytest.mark.parametrize("model", ["roofline", "per_op"])
def test_latency_is_linear_in_steps(model):
    steps = [1, 10, 25, 50]
    found = dse.evaluate(
        "stable-diffusion-1.5", steps=steps, guidance=[1, 2], metrics=["latency", "macs"], latency_model=model, **DEVICE
    )
    for guidance in (1, 2):
        seconds = found.latency.sel(guidance=guidance).values
        rates = np.diff(seconds) / np.diff(steps)
        assert rates == pytest.approx(rates[0], rel=1e-9)
        # Text encoder and decoder are a fixed part that no number of steps removes.
        assert seconds[0] > rates[0]
    # 2 · 401.6 GMAC a call at 312 TFLOP/s, 50 calls: 129 ms of compute alone.
    assert float(found.latency.sel(steps=25, guidance=2)) > 50 * 2 * 401_636_720_640 / 312e12


def test_kinds_of_attention_are_an_axis():
    found = dse.evaluate(
        "llama-2-7b", attention=["softmax", "linear", "window", "sinks"], window=1024, context=[2048, 4096],
        phase="decode", metrics=["kv_cache", "latency"], **DEVICE,
    )  # fmt: skip
    cache = found.kv_cache.transpose("attention", "context").values
    # 2 · 32 layers · 4096 features of 2 bytes a token; sums of 128 × 128 in 32 heads and layers.
    token = 2 * 32 * 4096 * 2
    sums = 32 * 32 * 128 * 128 * 2
    assert cache.tolist() == [[2048 * token, 4096 * token], [sums, sums], *[[1024 * token] * 2] * 2]
    assert bool((found.latency.sel(attention="linear") < found.latency.sel(attention="softmax")).all())


def test_axes_of_towers_are_swept():
    found = dse.evaluate("clip-vit-b-32", vision_layers=[6, 12], text_layers=[6, 12], metrics="params")
    layer = {"vision": 12 * 768**2 + 13 * 768, "text": 12 * 512**2 + 13 * 512}
    expected = 151_277_313 - np.add.outer([6 * layer["vision"], 0], [6 * layer["text"], 0])
    assert found.params.transpose("vision_layers", "text_layers").values.tolist() == expected.tolist()


def test_request_of_a_model_that_reads_images():
    """The first token waits for the vision tower, the others do not."""
    metrics = ["time_to_first_token", "time_per_token", "request_latency"]
    common = {"phase": "request", "prompt_tokens": 100, "output_tokens": 20, "metrics": metrics, **DEVICE}
    seen = dse.evaluate("llava-1.5-7b", resolution=[224, 336], **common)
    assert float(np.diff(seen.time_to_first_token)[0]) > 0
    # A longer prefix is a longer cache: (576 − 256) tokens of 2 · 32 · 4096 · 2 bytes at 2,039 GB/s, and the query's
    # share of moving them; activations do not change.
    more = float(np.diff(seen.time_per_token)[0])
    assert more == pytest.approx(320 * 2 * 32 * 4096 * 2 / 2039e9, rel=0.01)


def test_show_tells_the_parts_apart():
    (facts,) = find("stable-diffusion-1.5")
    parts = {row["part"]: row for row in facts["parts"]}
    assert list(parts) == ["text_encoder", "unet", "image_decoder"]
    assert parts["unet"]["params"] == 859_520_964
    assert sum(row["macs"] for row in facts["parts"]) == facts["totals"]["macs"]
    assert {row["calls"] for row in facts["ops"]} == {1, 2, 100}
    (plain,) = find("resnet50")
    assert plain["parts"] == []


def test_axes_of_no_tower():
    with pytest.raises(InputError, match="vision_layrs"):
        dse.evaluate("clip-vit-b-32", vision_layrs=6, metrics="params")
    # A tower that ends in a projection has no classifier.
    with pytest.raises(InputError, match="vision_classes"):
        dse.evaluate("clip-vit-b-32", vision_classes=6, metrics="params")
