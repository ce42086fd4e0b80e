"""Levers as axes: each changes what it should by its own factor, and nothing else."""

from __future__ import annotations

import math

import pytest

import dse
from dse.networks import Trace
from dse.networks.levers import winograd_macs
from dse.networks.net import Net


def figures(network, metrics, **axes):
    data = dse.evaluate(network, metrics=metrics, **axes)
    return {m: data[m].values.tolist() for m in metrics}


def test_winograd_of_the_3x3_convolutions():
    # VGG-like part of ResNet-18: every 3×3 convolution of stride 1 at sides 56, 28, 14 (even) saves 36/16 = 2.25;
    # at side 7 four tiles cover 8 pixels, so that 49 positions cost as 64: 2.25·49/64.
    convolutions = [(64, 56, 4), (128, 28, 3), (256, 14, 3)]
    even = sum(n * 9 * c * c * s * s for c, s, n in convolutions)
    odd = 3 * 9 * 512 * 512 * 49
    found = figures("resnet18", ["macs", "winograd_macs"])
    saved = even * (1 - 1 / 2.25) + odd * (1 - 64 / 49 / 2.25)
    assert found["macs"] - found["winograd_macs"] == pytest.approx(saved, rel=1e-12)
    # Depthwise and 1×1 convolutions have nothing to save; nor have strided ones (the stem of MobileNetV2).
    found = figures("mobilenet_v2", ["macs", "winograd_macs"])
    assert found["macs"] == found["winograd_macs"]


def test_winograd_of_several_frames_and_of_maps_that_are_not_square():
    # Eight frames save eight times what one saves.
    clip, image = (figures(n, ["macs", "winograd_macs"], resolution=224) for n in ("tsn_resnet50_8", "resnet50"))
    saved = [found["macs"] - found["winograd_macs"] for found in (clip, image)]
    assert saved[0] == 8 * saved[1] > 0
    # 3×3 over maps of 12 × 20: 6 × 10 tiles of 16 products for 4 outputs; one without padding has 10 × 18 outputs.
    net = Net()
    x = net.conv(net.image(3.0, 12.0, 20.0), 5.0, 3)
    net.conv(x, 7.0, 3, padding=0)
    assert winograd_macs(Trace(net.ops)) == 3 * 5 * 6 * 10 * 16 + 5 * 7 * 5 * 9 * 16
    # Windows that are no squares, and strides, stay as they are.
    net = Net()
    net.conv(net.conv(net.image(3.0, 12.0), 5.0, (1, 9)), 7.0, 3, stride=2)
    assert winograd_macs(Trace(net.ops)) == Trace(net.ops).total("macs")


def test_winograd_of_an_imported_network_is_undefined(tmp_path):
    from tests.networks.onnx_networks import mobilenet_v2

    found = figures(str(mobilenet_v2(tmp_path / "n.onnx", 0.35, 96)), ["macs", "winograd_macs"])
    assert found["macs"] == 11_934_128
    assert math.isnan(found["winograd_macs"])


def test_quantisation_divides_sizes_and_moves_no_count():
    wide, narrow = (
        figures("resnet50", ["model_size", "activation_memory", "macs"], precision=p) for p in ("fp32", "int8")
    )
    assert wide["model_size"] == 4 * narrow["model_size"]
    assert wide["activation_memory"] == 4 * narrow["activation_memory"]
    assert wide["macs"] == narrow["macs"]


def test_shared_keys_and_values_shrink_the_cache_by_their_ratio():
    found = figures("llama-2-7b", ["cache_elements"], kv_heads=[32, 8, 1], context=512, phase="decode")
    mha, gqa, mqa = found["cache_elements"]
    assert (mha / gqa, mha / mqa) == (4, 32)


def test_in_place_depthwise_holds_one_buffer_for_two():
    # MobileNetV2 at 224 pixels: 1,505,280 in + out of the expansion; 1,404,928 as published with in-place depthwise.
    found = figures("mobilenet_v2", ["peak_sram"], precision="int8", in_place_depthwise=[0, 1])
    assert found["peak_sram"] == [1_505_280, 1_404_928]


def test_a_student_of_half_the_layers():
    teacher, student = figures("vit_b_16", ["params", "macs"], layers=[12, 6])["params"]
    layer = 12 * 768 * 768 + 13 * 768
    assert teacher - student == 6 * layer


def test_rank_of_adapters_is_linear():
    found = figures("llama-2-7b", ["adapter_params"], lora_rank=[0, 8, 64], context=8)["adapter_params"]
    assert found == [0, 8 * 32 * 2 * 8192, 64 * 32 * 2 * 8192]


def test_sparse_back_propagation_keeps_a_quarter():
    on = {"device": "l4", "phase": "train", "backprop_fraction": [1.0, 0.25]}
    found = figures("mobilenet_v2", ["activations", "macs"], **on)
    assert found["activations"][1] == found["activations"][0] / 4
    assert found["macs"] == 3 * 300_774_272
