"""The traced networks against independent ones: plain counters, and builders executed block by block."""

import math

import numpy as np
import pytest

from dse.networks import FAMILIES, MODELS, trace
from tests.networks.families.random_axes import RANDOM_TRANSFORMERS
from tests.networks.samples import random_axes
from tests.networks.unrolled import Unrolled


def mobilenet_v2_by_hand(width, resolution, classes):
    """Table 2 of the paper, layer by layer: parameters and MACs in Python integers."""

    def rounded(value):
        nearest = max(8, int(value + 4) // 8 * 8)
        return nearest + 8 if nearest < 0.9 * value else nearest

    params = macs = 0

    def conv(c_in, c_out, kernel, side, groups=1):
        nonlocal params, macs
        weights = c_in // groups * c_out * kernel * kernel
        params, macs = params + weights + 2 * c_out, macs + weights * side * side

    side, channels = (resolution + 1) // 2, rounded(32 * width)
    conv(3, channels, 3, side)
    first, rest = (
        ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2)),
        ((6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
    )
    for t, c, n, s in (*first, *rest):
        for block in range(n):
            hidden, out = channels * t, rounded(c * width)
            if t > 1:
                conv(channels, hidden, 1, side)
            if block == 0 and s == 2:
                side = (side + 1) // 2
            conv(hidden, hidden, 3, side, hidden)
            conv(hidden, out, 1, side)
            channels = out
    last = rounded(1280 * max(1.0, width))
    conv(channels, last, 1, side)
    return params + last * classes + classes, macs + last * classes


def resnet_by_hand(depth, groups, width_per_group, resolution, classes, base=64):
    """Table 1 of the paper: parameters and MACs in Python integers."""
    params = macs = 0

    def conv(c_in, c_out, kernel, side, groups=1):
        nonlocal params, macs
        weights = c_in * c_out * kernel * kernel // groups
        params, macs = params + weights + 2 * c_out, macs + weights * side * side

    half = lambda side: (side + 1) // 2  # noqa: E731
    side = half(resolution)
    conv(3, base, 7, side)
    side, channels = half(side), base
    for stage, count in enumerate({18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}[depth]):
        planes = base << stage
        for block in range(count):
            before, side = side, half(side) if block == 0 and stage else side
            if depth == 18:
                out = planes
                conv(channels, planes, 3, side)
                conv(planes, planes, 3, side)
            else:
                out, inner = 4 * planes, planes * width_per_group // 64 * groups
                conv(channels, inner, 1, before)
                conv(inner, inner, 3, side, groups)
                conv(inner, out, 1, side)
            if channels != out or before != side:
                conv(channels, out, 1, side)
            channels = out
    return params + channels * classes + classes, macs + channels * classes


def llama_by_hand(layers, d, heads, kv_heads, d_head, ffn, vocab, tied, context, decode):
    """Parameters, MACs, cache elements read: a Llama written out."""
    matrices = [(d, heads * d_head), (d, kv_heads * d_head), (d, kv_heads * d_head), (heads * d_head, d)]
    matrices += [(d, ffn), (d, ffn), (ffn, d)]
    params = vocab * d * (1 if tied else 2) + d
    macs, cache, tokens = vocab * d, 0, 1 if decode else context
    for _ in range(layers):
        params += sum(a * b for a, b in matrices) + 2 * d
        macs += tokens * sum(a * b for a, b in matrices)
        macs += heads * (tokens * d_head * context + tokens * context * d_head)
        cache += 2 * kv_heads * d_head * context
    return params, macs, cache


def inverted_residual_by_hand(kernels, expansions, depths, resolution, classes):
    """Stages of MobileNetV2's channels, with kernels, expansions and depths of their own."""
    params, macs, side, channels = 3 * 32 * 9 + 64, 0, (resolution + 1) // 2, 32
    macs = 3 * 32 * 9 * side**2
    blocks = [(3, 1, 16, 1)]
    outputs, strides = (24, 32, 64, 96, 160, 320), (2, 2, 2, 1, 2, 1)
    for kernel, expansion, depth, out, stride in zip(kernels, expansions, depths, outputs, strides, strict=True):
        blocks += [(kernel, expansion, out, stride)] + (depth - 1) * [(kernel, expansion, out, 1)]
    for kernel, expansion, out, stride in blocks:
        hidden = channels * expansion
        if expansion > 1:
            params, macs = params + channels * hidden + 2 * hidden, macs + channels * hidden * side**2
        side = (side + stride - 1) // stride
        params += hidden * kernel**2 + 2 * hidden + hidden * out + 2 * out
        macs += (hidden * kernel**2 + hidden * out) * side**2
        channels = out
    params, macs = params + 320 * 1280 + 2560, macs + 320 * 1280 * side**2
    return params + 1280 * classes + classes, macs + 1280 * classes


def vit_by_hand(layers, d, heads, ffn, patch, resolution, classes):
    """Parameters, MACs: a vision transformer written out."""
    tokens = (resolution // patch) ** 2 + 1
    params, macs = 3 * patch**2 * d + d + d + tokens * d, 3 * patch**2 * d * (tokens - 1)
    for _ in range(layers):
        params += 2 * (2 * d) + 4 * (d * d + d) + d * ffn + ffn + ffn * d + d
        macs += tokens * (4 * d * d + 2 * d * ffn)
        macs += heads * 2 * tokens * tokens * (d // heads)
    return params + 2 * d + d * classes + classes, macs + d * classes


@pytest.mark.parametrize("patch", [7, 16])
@pytest.mark.parametrize("resolution", [16, 47, 224])
def test_vit(patch, resolution):
    shape = {"layers": 3, "d_model": 60, "heads": 5, "ffn": 77, "patch": patch, "resolution": resolution, "classes": 9}
    table = trace("vit", shape)
    assert (table.params(), table.total("macs")) == vit_by_hand(*shape.values())
    assert table.total("cache_held") == table.total("cache_read") == table.total("cache_written") == 0


@pytest.mark.parametrize(
    ("kernels", "expansions", "depths"),
    [
        ((3,) * 6, (6,) * 6, (2, 3, 4, 3, 3, 1)),
        ((7, 5, 3, 7, 5, 3), (3, 4, 6, 3, 4, 6), (4, 4, 4, 4, 4, 1)),
        ((3, 5, 7, 3, 5, 7), (1, 6, 1, 1, 3, 1), (1, 2, 1, 3, 4, 2)),
    ],
)
@pytest.mark.parametrize("resolution", [48, 97, 224])
def test_inverted_residual(kernels, expansions, depths, resolution):
    of_stages = {"kernel": kernels, "expansion": expansions, "depth": depths}
    axes = {f"{base}_{stage}": value for base, values in of_stages.items() for stage, value in enumerate(values, 1)}
    table = trace("inverted_residual", axes | {"resolution": resolution, "classes": 17})
    expected = inverted_residual_by_hand(kernels, expansions, depths, resolution, 17)
    assert (table.params(), table.total("macs")) == expected


def test_a_first_block_that_keeps_the_shape_is_a_residual():
    # Two thirds of 96 channels are the 64 of the stage before; both stages stand at 14 × 14.
    widths = np.array([2 / 3, 1.0])
    table = trace("inverted_residual", {"width_4": widths})
    (added,) = [op for op in table.ops if op.name == "stage4.first.add"]
    assert list(added.repeat) == [1, 0] and added.count("traffic")[0] == 3 * 64 * 14**2
    adds = [np.broadcast_to(op.repeat, 2) for op in table.ops if op.kind == "add"]
    assert list(np.sum(adds, axis=0)) == [1 + 2 + 3 + 2 + 2 + 1, 1 + 2 + 3 + 2 + 2]


@pytest.mark.parametrize("width", [0.35, 1.0, 1.4])
@pytest.mark.parametrize("resolution", [96, 224])
def test_stages_of_mobilenet_v2_are_mobilenet_v2(width, resolution):
    stages, whole = (
        trace(name, {"width": width, "resolution": resolution}) for name in ("inverted_residual", "mobilenet_v2")
    )
    for quantity in ("weights", "affine", "macs", "activations", "traffic"):
        assert stages.total(quantity) == whole.total(quantity), quantity
    assert stages.peak(True) == whole.peak(True) and stages.peak(False) == whole.peak(False)


@pytest.mark.parametrize("width", [0.1, 0.35, 0.5, 0.75, 1.0, 1.3, 1.4, 2.05])
@pytest.mark.parametrize("resolution", [32, 97, 160, 223, 224])
def test_mobilenet_v2(width, resolution):
    table = trace("mobilenet_v2", {"width": width, "resolution": resolution, "classes": 17})
    assert (table.params(), table.total("macs")) == mobilenet_v2_by_hand(width, resolution, 17)


@pytest.mark.parametrize(
    ("depth", "groups", "per_group", "width"),
    [(18, 1, 64, 1.5), (50, 1, 64, 1), (50, 32, 4, 1), (50, 4, 5, 0.5), (101, 64, 4, 1), (152, 1, 128, 0.25)],
)
@pytest.mark.parametrize("resolution", [33, 161, 224])
def test_resnet(depth, groups, per_group, width, resolution):
    axes = {"depth": depth, "groups": groups, "width_per_group": per_group, "width": width, "resolution": resolution}
    table = trace("resnet", axes | {"classes": 10})
    expected = resnet_by_hand(depth, groups, per_group, resolution, 10, int(64 * width))
    assert (table.params(), table.total("macs")) == expected


@pytest.mark.parametrize("name", ["llama-2-7b", "llama-3-8b", "llama-3.2-1b", "llama-3.1-405b", "smollm2-135m"])
@pytest.mark.parametrize("phase", [0, 1])
def test_llama(name, phase):
    axes = dict(MODELS[name].axes)
    table = trace("decoder", axes | {"context": 1000, "phase": phase})
    d_head = axes.get("d_head", axes["d_model"] // axes["heads"])
    shape = axes["layers"], axes["d_model"], axes["heads"], axes.get("kv_heads", axes["heads"]), d_head, axes["ffn"]
    expected = llama_by_hand(*shape, axes["vocab"], axes.get("tied", 0), 1000, phase)
    assert (table.params(), table.total("macs"), table.total("cache_read")) == expected


def test_decode_reads_all_weights_but_the_embedding():
    table = trace("decoder", MODELS["llama-2-7b"].axes)
    assert table.total("weights_read") == 6738415616 - (32000 - 1) * 4096
    tied = trace("decoder", MODELS["llama-3.2-1b"].axes)
    assert tied.total("weights_read") == 1235814400 + 2048


def test_a_window_bounds_cache_and_attention():
    shape = {"layers": 6, "d_model": 64, "heads": 4, "vocab": 100, "ffn": 128, "context": 50}
    plain = trace("decoder", shape)
    local = trace("decoder", shape | {"local_layers": 5, "window": 20})
    assert plain.total("cache_held") == 6 * 2 * 64 * 50
    assert local.total("cache_held") == 2 * 64 * (50 + 5 * 20)
    assert plain.total("macs") - local.total("macs") == 5 * 2 * 64 * 30
    assert plain.params() == local.params()
    wide = trace("decoder", shape | {"local_layers": 5, "window": 50})
    assert wide.total("cache_held") == plain.total("cache_held") and wide.total("macs") == plain.total("macs")


def pick(rng, *values):
    return rng.choice(values).item()


def random_mobilenet_v2(rng):
    return {
        "width": float(rng.uniform(0.1, 2)),
        "resolution": int(rng.integers(16, 256)),
        "classes": int(rng.integers(1, 99)),
    }


def random_inverted_residual(rng):
    drawn = {"width": pick(rng, 0.2, 0.5, 1.0), "resolution": int(rng.integers(16, 256))}
    for stage in range(1, 7):
        drawn[f"kernel_{stage}"] = pick(rng, 3, 5, 7)
        drawn[f"expansion_{stage}"] = pick(rng, 1, 3, 6)
        drawn[f"depth_{stage}"] = pick(rng, 1, 2, 3, 4)
        # Two thirds and a half make stages 4 and 6 as wide as those before them.
        drawn[f"width_{stage}"] = pick(rng, 0.5, 2 / 3, 1.0)
    return drawn


def random_resnet(rng):
    depth = pick(rng, 18, 34, 50, 101)
    groups = pick(rng, 1, 2, 8, 32) if depth >= 50 else 1
    return {
        "depth": depth, "groups": groups, "width_per_group": pick(rng, 4, 8, 64) if depth >= 50 else 64,
        "resolution": int(rng.integers(16, 256)), "width": pick(rng, 0.25, 0.5, 1.0, 1.5),
    }  # fmt: skip


def random_decoder(rng):
    layers = int(rng.integers(1, 9))
    biases = ("norm_bias", "qkv_bias", "output_bias", "ffn_bias", "head_bias", "router_bias")
    flags = ("gated", "tied", "post_norm", "parallel", "phase", *biases)
    drawn = {flag: int(rng.integers(2)) for flag in flags} | {
        "layers": layers, "d_model": 8 * int(rng.integers(1, 9)), "heads": pick(rng, 4, 8), "ffn": pick(rng, 8, 200),
        "vocab": pick(rng, 10, 300), "context": int(rng.integers(1, 60)), "positions": pick(rng, 0, 64),
        "local_layers": int(rng.integers(0, layers + 1)), "window": int(rng.integers(1, 60)),
    }  # fmt: skip
    drawn["shared_norm"] = drawn["parallel"] * int(rng.integers(2))
    drawn["sum_norm"] = int(not drawn["parallel"] and not drawn["post_norm"] and rng.integers(2))
    drawn |= {"d_embedding": pick(rng, 4, 90)} if rng.integers(2) else {}
    if rng.integers(2):
        drawn |= {
            "kv_lora_rank": pick(rng, 5, 16),
            "d_nope": pick(rng, 6, 20),
            "d_rope": 4,
            "d_value": pick(rng, 3, 30),
        }
        drawn |= {"q_lora_rank": 9} if rng.integers(2) else {}
    else:
        drawn |= {"kv_heads": pick(rng, 1, 2, 4), "d_head": pick(rng, 4, 16)}
        drawn |= {"qk_norm": int(rng.integers(2)), "sink_logits": int(rng.integers(2))}
        drawn |= {"attention": "linear", "local_layers": 0} if rng.integers(4) == 0 else {}
    if "attention" not in drawn and rng.integers(2):
        drawn |= {"attention": pick(rng, "window", "sinks")}
        drawn |= {"sinks": pick(rng, 0, 4)} if drawn["attention"] == "sinks" else {}
    if rng.integers(2):
        drawn |= {"experts": pick(rng, 4, 9), "active_experts": pick(rng, 1, 2, 4), "expert_ffn": pick(rng, 5, 40)}
        drawn |= {"shared_experts": pick(rng, 0, 1, 3), "first_dense_layers": int(rng.integers(0, layers + 1))}
        drawn |= {"batch": pick(rng, 1, 5)}
    return drawn


# Families whose axes depend on each other; the others take any of the sampled values.
RANDOM = RANDOM_TRANSFORMERS | {
    "decoder": random_decoder,
    "inverted_residual": random_inverted_residual,
    "mobilenet_v2": random_mobilenet_v2,
    "resnet": random_resnet,
}


@pytest.mark.no_cover
@pytest.mark.parametrize("family", FAMILIES)
def test_repeated_blocks_are_as_unrolled_ones(family, rng):
    for _ in range({"decoder": 80, "densenet": 4}.get(family, 40 if family in RANDOM else 15)):
        axes = RANDOM[family](rng) if family in RANDOM else random_axes(family, rng)
        plain = Unrolled()
        own = {a: d for a, d in FAMILIES[family].defaults.items() if a in FAMILIES[family].own_axes}
        FAMILIES[family].builder(plain, **{**own, **axes})
        table = trace(family, axes)
        for quantity in ("macs", "activations", "traffic", "cache_read", "cache_written"):
            assert table.total(quantity) == plain.total(quantity), (quantity, axes)
        assert table.params() == plain.total("params"), axes
        assert table.active_params() == plain.total("active_params"), axes
        assert table.peak(True) == plain.peak(True), axes
        assert table.peak(False) == plain.peak(False), axes
        assert table.peak_simple() == plain.peak_simple(), axes
        assert all(isinstance(table.total(q), float) and not math.isnan(table.total(q)) for q in ("macs", "traffic"))
        assert np.isfinite(table.peak())
