"""Every model of the zoo against the tables that its accuracy is published in; no other model has a value."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

import dse

ROWS = tomllib.loads((Path(__file__).parents[1] / "reference" / "zoo_accuracy.toml").read_text())["row"]
# Models whose accuracy stands in no table of those, with that of the README or table that it is in.
ELSEWHERE = {"tsn_resnet50_8": 68.8, "deit_tiny_patch16_224": 72.2, "deit_small_patch16_224": 79.9,
             "deit_base_patch16_224": 81.8, "mobilenet_v2_stages": 71.878, "proxyless-w0.3": 57.0,
             "mbv2-w0.35": 49.7}  # fmt: skip


def accuracy_of(model, recipe="", precision="fp32", **axes):
    data = dse.evaluate(model, metrics=["accuracy"], precision=precision, recipe=recipe or None, **axes)
    return float(data.accuracy), str(data.accuracy_source.values)


@pytest.mark.parametrize("row", ROWS, ids=[f"{r['model']}-{r['recipe']}-{r['precision']}" for r in ROWS])
def test_every_published_accuracy(row):
    axes = {n: row[n] for n in ("resolution",) if n in row}
    value, source = accuracy_of(row["model"], row["recipe"], row["precision"], **axes)
    assert value == row["accuracy"]
    assert source.startswith("published point")


def test_no_other_model_has_an_accuracy():
    published = {row["model"] for row in ROWS} | ELSEWHERE.keys()
    for model in dse.models:
        value, source = accuracy_of(model)
        if model in published:
            assert value == ELSEWHERE.get(model, value) and not np.isnan(value)
        elif not np.isnan(value):
            # Widths and resolutions between the published ones.
            assert model.startswith("mobilenet_v2_") and source.startswith("fit to published points")


# README of TSM, top-1 on Kinetics-400: backbone, frames, clips.
@pytest.mark.parametrize(
    ("family", "backbone", "frames", "clips", "published"),
    [("tsn", "resnet50", 8, 1, 68.8), ("tsm", "resnet50", 8, 1, 71.2), ("tsm", "resnet50", 16, 1, 72.6),
     ("tsn", "resnet50", 8, 10, 70.6), ("tsm", "resnet50", 8, 10, 74.1), ("tsm", "mobilenet_v2", 8, 10, 69.5)],
)  # fmt: skip
def test_video_networks(family, backbone, frames, clips, published):
    value, source = accuracy_of(family, backbone=backbone, frames=frames, clips=clips)
    assert value == published
    assert ("tsm-dense" if clips == 10 else "tsm-uniform") in source and "Kinetics-400" in source


@pytest.mark.parametrize(
    "axes",
    [{"frames": 4}, {"classes": 174}, {"shift_share": 0.5}, {"backbone": "resnet101"}, {"clips": 10, "views": 3}],
)
def test_video_networks_between_are_undefined(axes):
    assert np.isnan(accuracy_of("tsm", **axes)[0])


def test_a_sweep_takes_the_recipe_that_knows_all_of_it():
    huge = {"layers": 32, "d_model": 1280, "heads": 16, "patch": 14}
    for resolution, published, recipe in ((224, 85.708, "linear"), (518, 88.552, "e2e")):
        data = dse.evaluate("vit", metrics="accuracy", resolution=[resolution], **huge)
        assert data.accuracy.values.tolist() == [published]
        assert str(data.recipe.values) == f"ImageNet-1k, torchvision-swag-{recipe}"
    both = dse.evaluate("vit", metrics="accuracy", resolution=[224, 518], **huge)
    np.testing.assert_array_equal(both.accuracy, [np.nan, 88.552])


# ResNet-18 and -50 in 4 bits by LQ-Nets: 69.3 and 75.1, against 69.758 and 76.13 in float.
@pytest.mark.parametrize(("model", "plain", "published"), [("resnet18", 69.758, 69.3), ("resnet50", 76.13, 75.1)])
def test_four_bits_have_the_published_interval(model, plain, published):
    metrics = ["accuracy", "accuracy_low", "accuracy_high"]
    data = dse.evaluate(model, metrics=metrics, precision="int4")
    assert float(data.accuracy_low) - 1e-9 <= published <= float(data.accuracy_high) == plain
    assert "by rule, not measured: int4" in str(data.accuracy_source.values)


def test_four_bits_of_others_are_undefined():
    for model in ("mobilenet_v2", "vgg16", "vit_b_16"):
        assert np.isnan(dse.evaluate(model, metrics="accuracy", precision="int4").accuracy)
    newer = dse.evaluate("resnet50", metrics="accuracy", precision="int4", recipe="torchvision-v2")
    assert np.isnan(newer.accuracy), "weights of a newer recipe lose more even in 8 bits"


def test_the_command_lists_recipes(capsys):
    from dse.cli import run

    assert run(["show", "resnet50"]) == 0
    told = capsys.readouterr().out
    assert "torchvision-v1  accuracy 76.13 % on ImageNet-1k" in told and "accuracy 80.858 % on ImageNet-1k" in told
    assert run(["show", "llama-2-7b"]) == 0
    told = capsys.readouterr().out
    assert "llama-2       loss 1.6993 nat on WikiText-2 at 2048 tokens" in told and "scaling-law" in told
    assert (
        run(["evaluate", "resnet50", "--device", "rtx-4090", "--metric", "accuracy", "--set", "recipe=torchvision-v2"])
        == 0
    )
    told = capsys.readouterr().out
    assert "80.86 %" in told and "published point (ImageNet-1k, torchvision-v2" in told
    assert run(["evaluate", "llama-2-7b", "--device", "h100-sxm", "--precision", "bf16", "--explain", "loss"]) == 0
    assert "loss = 1.699 nat: published point (WikiText-2 at 2048 tokens, llama-2" in capsys.readouterr().out
