"""Levers as axes: each changes what it should by its own factor, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.networks import Trace
from dse.networks.levers import winograd_macs
from dse.networks.net import Net
from dse.networks.tensors import Tensor


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


def test_winograd_of_imported_networks(tmp_path):
    """A graph and a table of layers save what a family saves: 3×3, dense, stride 1."""
    from tests.networks.onnx_networks import mobilenet_v2, resnet18

    found = figures(str(mobilenet_v2(tmp_path / "n.onnx", 0.35, 96)), ["macs", "winograd_macs"])
    assert found == {"macs": 11_934_128, "winograd_macs": 11_934_128}
    assert figures(str(resnet18(tmp_path / "r.onnx")), ["winograd_macs"]) == figures("resnet18", ["winograd_macs"])
    table = tmp_path / "layers.csv"
    head = "name,kind,inputs,c_in,c_out,k,h_out,w_out,groups,stride\n"
    rows = [
        "a,conv,432,3,8,3,12,12,,1",
        "b,conv,,8,8,3,12,12,,",
        "c,conv,,8,8,3,6,6,,2",
        "d,conv,,8,8,3,6,6,8,1",
        "e,conv,,8,8,5,6,6,,1",
    ]
    table.write_text(head + "\n".join(rows) + "\n")
    # Only the first is known to be dense, 3×3 and of stride 1.
    found = figures(str(table), ["macs", "winograd_macs"])
    assert found["macs"] - found["winograd_macs"] == 9 * 3 * 8 * 144 * (1 - 1 / 2.25)


WINOGRAD = ["macs", "saved_macs", "compute_time", "weight_time", "activation_time", "params", "operation_energy"]


@pytest.mark.parametrize("model", ["roofline", "per_op"])
def test_winograd_shortens_the_time_to_compute(model):
    """Of VGG-16 all but the first layer's products on a device without a limit of bandwidth."""
    endless = {"mine": {"base": "cheatsheet-example", "bandwidth": "1e9 TB/s", "sram": "1 MiB"}}
    on = {"device": endless, "precision": "fp16", "latency_model": model}
    off, on = (figures("vgg16", [*WINOGRAD, "latency"], winograd=w, **on) for w in (0, 1))
    convolutions = off["macs"] - (25_088 * 4096 + 4096 * 4096 + 4096 * 1000)
    assert on["macs"] == off["macs"] and on["params"] == off["params"]
    assert on["saved_macs"] == pytest.approx(convolutions * (1 - 1 / 2.25), rel=1e-12)
    assert off["saved_macs"] == 0
    assert off["latency"] / on["latency"] == pytest.approx(off["macs"] / (off["macs"] - on["saved_macs"]), rel=1e-6)
    for kept in ("weight_time", "activation_time"):
        assert on[kept] == off[kept]
    assert on["operation_energy"] < off["operation_energy"]


def test_an_engine_takes_winograd_only_where_it_is_less():
    # A map of one pixel takes a whole tile: 16 products against 9.
    found = figures("resnet18", ["macs", "winograd_macs", "saved_macs"], resolution=32, winograd=1)
    last = 3 * 9 * 512 * 512
    assert found["winograd_macs"] == found["macs"] - found["saved_macs"] > last
    net = Net()
    net.conv(net.image(4.0, 1.0), 4.0, 3)
    assert winograd_macs(Trace(net.ops)) == 9 * 16


def test_no_part_of_training_runs_as_winograd():
    off, on = (figures("resnet18", ["compute_time"], device="l4", phase="train", winograd=w) for w in (0, 1))
    assert off == on


def test_separable_convolutions_save_eight_to_nine():
    """ResNet-18: each 3×3 convolution c → d becomes 9·c + c·d, 1 / (1/d + 1/9) less; the first layer stays."""
    convolutions = [(64, 64, 56, 4), (64, 128, 28, 1), (128, 128, 28, 3), (128, 256, 14, 1), (256, 256, 14, 3),
                    (256, 512, 7, 1), (512, 512, 7, 3)]  # fmt: skip
    whole = sum(n * 9 * c * d * s * s for c, d, s, n in convolutions)
    # The depthwise part of a strided one works on the smaller map.
    parts = sum(n * (9 * c + c * d) * s * s for c, d, s, n in convolutions)
    off, on = (figures("resnet18", ["macs", "params"], separable=s) for s in (0, 1))
    assert off["macs"] - on["macs"] == whole - parts
    assert 7.8 < whole / parts < 9
    norms = sum(n * 2 * c for c, _, _, n in convolutions)
    assert off["params"] - on["params"] == sum(n * ((9 - 1) * c * d - 9 * c) for c, d, _, n in convolutions) - norms


@pytest.mark.parametrize("width", [64, 512])
def test_one_separable_convolution_saves_by_the_formula(width):
    def macs(separable):
        net = Net(separable=separable)
        net.conv(Tensor(32.0, 100.0, 10.0), 1.0 * width, 3)
        return Trace(net.ops).total("macs")

    assert macs(False) / macs(True) == pytest.approx(1 / (1 / width + 1 / 9), rel=1e-12)


@pytest.mark.parametrize(("width", "occupied"), [(64, None), (512, 5.5)])
def test_one_separable_convolution_of_voxels(width, occupied):
    """27 places of a cube of three, or as many of them as hold a voxel; those of the input stay whole."""

    def counts(separable, given=False):
        net = Net(separable=separable)
        x = net.given(32.0, 1000.0) if given else Tensor(32.0, 1000.0)
        net.voxel_conv(x, 1.0 * width, occupied=occupied)
        return Trace(net.ops).total("macs"), Trace(net.ops).total("weights")

    whole, parts = counts(False), counts(True)
    places = occupied or 27
    assert whole[0] / parts[0] == pytest.approx(1 / (1 / width + 1 / places), rel=1e-12)
    assert parts == (1000 * 32 * (places + width), 32 * (27 + width))
    assert counts(True, given=True) == whole


def test_networks_of_voxels_may_be_separable():
    for network in ("sparse_unet", "pvcnn"):
        off, on = (figures(network, ["macs", "params"], separable=s) for s in (0, 1))
        assert on["params"] < off["params"] and on["macs"] < off["macs"]


def test_networks_without_such_convolutions_are_told():
    for network in ("vit_b_16", "mobilenet_v2", "llama-3.2-1b"):
        with pytest.raises(InputError, match=r"separable.*no convolution over space to replace"):
            figures(network, ["macs"], separable=1)
    grouped = figures("resnext50_32x4d", ["macs"], separable=0)
    with pytest.raises(InputError, match="separable"):
        figures("resnext50_32x4d", ["macs"], separable=1)
    assert grouped["macs"] > 0


PRUNED = ["params", "macs", "index_bits", "model_size", "activations", "peak_activations"]
LEFT = 9_600 + 1_000  # norms and the biases of the classifier


def test_pruning_without_a_device_that_exploits_it_saves_memory_alone():
    whole, half = (figures("resnet18", PRUNED, precision="int8", sparsity=s) for s in (0, 0.5))
    matrices = 11_689_512 - LEFT
    assert half["params"] == matrices / 2 + LEFT
    assert half["macs"] == whole["macs"] == 1_814_073_344
    # A bit for each place tells which weights are left.
    assert (whole["index_bits"], half["index_bits"]) == (0, matrices)
    assert half["model_size"] == half["params"] + matrices / 8
    assert {n: half[n] for n in PRUNED[4:]} == {n: whole[n] for n in PRUNED[4:]}


@pytest.mark.parametrize(
    ("pattern", "skips", "bits", "share"),
    [("unstructured", 0, 1, 1), ("unstructured", 1, 1, 0.25), ("n:4", 0, 0.5, 1), ("n:4", 1, 0.5, 0.25),
     ("structured", 0, 0, 0.25), ("structured", 1, 0, 0.25)],
)  # fmt: skip
def test_pruned_products_fall_where_the_device_skips_them(pattern, skips, bits, share):
    """Three of four weights are pruned; 2 bits say which of 4 places the one left has."""
    axes = {"sparsity": 0.75, "sparsity_pattern": pattern, "zero_skipping": skips}
    found = figures("vgg11", ["params", "macs", "index_bits"], **axes)
    whole = figures("vgg11", ["params", "macs"])
    weights = figures("vgg11", ["params"], counting="weights")["params"]
    assert found["params"] == weights / 4 + (whole["params"] - weights)
    assert found["index_bits"] == bits * weights
    assert found["macs"] == share * whole["macs"]


def test_index_of_matrices_that_are_no_multiple_of_4():
    """Whole weights are kept, to the nearest, each with 2 bits: 4 of 6 × 6, two of 6 × 7, one of 6 × 5 at 0.25."""
    sizes = {"layers": 1, "d_model": 6, "heads": 2, "ffn": 7, "vocab": 5, "gated": 0, "tied": 0}
    found = figures("decoder", ["index_bits"], sparsity=0.25, sparsity_pattern="n:4", **sizes)
    assert found["index_bits"] == 2 * (4 * 27 + 2 * 32 + 22)


def test_a_share_that_no_pattern_of_4_has_is_refused():
    with pytest.raises(InputError, match=r"sparsity: 0\.3 is not allowed: the pattern n:4"):
        figures("vgg11", ["params"], sparsity=0.3, sparsity_pattern="n:4")
    # Not written as the share that it is nearly.
    for share, told in ((0.5000001, r"0\.5000001"), (1, "1")):
        with pytest.raises(InputError, match=rf"sparsity: {told} is not allowed: .*allowed are 0, 0\.25, 0\.5, 0\.75"):
            figures("vgg11", ["params"], sparsity=share, sparsity_pattern="n:4")
    both = dse.evaluate(
        "vgg11", metrics=["params"], sparsity=[0, 0.3, 0.5], sparsity_pattern=["unstructured", "n:4"]
    ).params.transpose("sparsity", "sparsity_pattern")
    assert np.isnan(both.values).tolist() == [[False, False], [False, True], [False, False]]


def test_pruning_leaves_attention_and_embeddings_alone():
    shape = {"phase": "prefill", "context": 512, "sparsity_pattern": "structured"}
    whole, half = (figures("llama-2-7b", ["params", "macs", "weight_bytes"], device="l4", precision="fp16",
                           sparsity=s, **shape) for s in (0, 0.5))  # fmt: skip
    table, norms = 32_000 * 4096, 65 * 4096
    matrices = 6_738_415_616 - table - norms
    assert whole["params"] - half["params"] == matrices / 2
    attention = 2 * 512 * 512 * 4096 * 32
    head = 32_000 * 4096
    assert whole["macs"] == 512 * (matrices - head) + head + attention
    assert half["macs"] == (512 * (matrices - head) + head) / 2 + attention
    assert whole["weight_bytes"] - half["weight_bytes"] == matrices / 2 * 2
    # A head that shares the matrix of the embedding is not pruned either.
    tied = [figures("gpt2", ["params"], sparsity=s)["params"] for s in (0, 0.5)]
    assert tied[0] - tied[1] == 12 * 12 * 768 * 768 / 2


@pytest.mark.parametrize("model", ["roofline", "per_op"])
def test_a_device_that_skips_zeros_is_faster_where_it_computes(model):
    """One large layer on a device without a limit of bandwidth: the time falls by the share left."""
    endless = {"mine": {"base": "cheatsheet-example", "bandwidth": "1e9 TB/s"}}
    on = {"device": endless, "precision": "fp16", "latency_model": model, "sparsity": [0, 0.5]}
    slow, quick = (figures("vgg16", ["latency"], zero_skipping=z, **on)["latency"] for z in (0, 1))
    assert slow[1] == pytest.approx(slow[0], rel=1e-6)
    assert quick[1] == pytest.approx(quick[0] / 2, rel=1e-6)


@pytest.mark.parametrize("model", ["roofline", "per_op"])
def test_pruned_weights_are_read_with_their_index(model):
    """A device without a limit of arithmetic reads half of the weights, and a bit for each that there was."""
    endless = {"mine": {"base": "cheatsheet-example", "peak_fp16": "1e9 TFLOP/s"}}
    on = {"device": endless, "precision": "fp16", "latency_model": model, "phase": "decode", "context": 1}
    whole, half = (figures("llama-2-7b", ["latency"], sparsity=s, **on)["latency"] for s in (0, 0.5))
    matrices = 6_738_415_616 - 32_000 * 4096 - 65 * 4096
    assert (whole - half) * 900e9 == pytest.approx(matrices * (2 - 1 - 1 / 8), rel=1e-6)


def test_levers_together():
    """Blocks that are pruned save their share of the tiles; single zeros do not survive the transform."""
    axes = {"sparsity": 0.5, "zero_skipping": 1, "winograd": 1}
    blocks = figures("vgg16", ["macs", "saved_macs"], sparsity_pattern="structured", **axes)
    single = figures("vgg16", ["macs", "saved_macs"], sparsity_pattern="unstructured", **axes)
    direct = figures("vgg16", ["macs", "saved_macs"], winograd=1)
    assert blocks["macs"] - blocks["saved_macs"] == (direct["macs"] - direct["saved_macs"]) / 2
    # Half of the products is more than 1 of 2.25, so that tiles are taken.
    hidden = 25_088 * 4096 + 4096 * 4096 + 4096 * 1000
    tiled = direct["macs"] - direct["saved_macs"] - hidden
    assert single["macs"] - single["saved_macs"] == pytest.approx(tiled + hidden / 2, rel=1e-12)
    quarter = figures("vgg16", ["saved_macs"], **axes | {"sparsity": 0.75})
    assert quarter["saved_macs"] == 0


def test_levers_are_axes_of_a_grid_and_of_accuracy():
    data = dse.evaluate("resnet50", metrics=["params", "macs", "accuracy"], sparsity=[0, 0.5], winograd=[0, 1],
                        sparsity_pattern=["unstructured", "structured"], precision="fp32")  # fmt: skip
    assert data.macs.sel(sparsity=0.5, sparsity_pattern="structured").item() == pytest.approx(4_089_184_256 / 2)
    assert data.params.dims == ("sparsity",)
    # Nothing is published of the pruned networks.
    assert data.accuracy.sel(sparsity=0.5).isnull().all()
    assert np.all(data.accuracy.sel(sparsity=0, sparsity_pattern="unstructured") == 76.13)


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
