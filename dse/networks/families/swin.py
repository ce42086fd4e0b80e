"""Transformers whose attention stays inside shifted windows."""

from __future__ import annotations

from functools import partial

import numpy as np

from dse.networks.families.feed_forward import dense
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Hidden features of the network that makes the position bias of version 2 out of two coordinates.
BIAS_HIDDEN = 512


@family(
    structural=("version",),
    domain="vision",
    source="Liu et al. (Swin), ICCV 2021, sec. 3; Liu et al. (Swin V2), CVPR 2022, sec. 3",
)
def swin(
    net: Net, d_model, heads, depth_1=2, depth_2=2, depth_3=6, depth_4=2, window=7, patch=4, version=1,
    resolution=224, classes=1000, in_channels=3,
):  # fmt: skip
    """Swin transformer: windows of `window` × `window` tokens, shifted in every second block.

    `d_model` and `heads` are those of the first stage; each later one has twice as many of both, on a quarter of the
    tokens. Edges are filled up to whole windows. `version` 2 normalises after each branch, scales cosine attention by a
    learned factor a head, and computes the position bias by a small network, once a pass. Cutting into windows and
    shifting them are views here: engines do both while they read.
    """
    net.require("version", version in (1, 2), "there are version 1 and 2")
    net.require("heads", d_model % heads == 0, "it must divide d_model")
    net.require("patch", patch <= resolution, "the image is smaller than one patch")
    x = net.patches(net.image(in_channels, resolution), d_model, patch)
    x = net.norm(x, name="patch_norm")
    for number, depth in enumerate((depth_1, depth_2, depth_3, depth_4), 1):
        with net.scope(f"stage{number}"):
            if number > 1:
                x = _merge(net, x, version)
            block = partial(_block, net, heads=heads * 2 ** (number - 1), window=window, version=version)
            x = net.repeat(depth, block, x)
    x = net.norm(x, name="final_norm")
    return net.linear(net.global_pool(x), classes, name="classifier")


def _merge(net: Net, x: Tensor, version: int) -> Tensor:
    merged = net.merge_pixels(x)
    side = merged.side
    merged = net.norm(merged, name="merge_norm") if version == 1 else merged
    x = net.view(net.linear(merged, 2 * x.features, bias=0, name="merge_linear"), side=side)
    return net.norm(x, name="merge_norm") if version == 2 else x


def _block(net: Net, x: Tensor, heads, window, version) -> Tensor:
    side = x.side
    h = net.norm(x, name="attention_norm") if version == 1 else x
    a = _window_attention(net, h, side, heads, window, version)
    x = net.add(x, net.norm(a, name="attention_norm") if version == 2 else a, "attention_add")
    h = net.norm(x, name="ffn_norm") if version == 1 else x
    f = dense(net, h, ffn=4 * x.features, gated=0, bias=1)
    return net.add(x, net.norm(f, name="ffn_norm") if version == 2 else f, "ffn_add")


def _window_attention(net: Net, x: Tensor, side, heads, window, version) -> Tensor:
    positions, filled = x.positions, np.ceil(side / window) * window
    x = net.view(x, filled * filled)
    q, k, v = (net.linear(x, x.features, name=name) for name in ("q", "k", "v"))
    offsets = (2 * window - 1) * (2 * window - 1)
    if version == 1:
        biases = offsets * heads
    else:
        # Logit scales; the bias itself is computed from relative coordinates.
        biases = heads
        coordinates = net.linear(net.encoding(2.0, offsets, "coordinates"), BIAS_HIDDEN, name="position_bias_up")
        net.linear(coordinates, heads, bias=0, name="position_bias_down")
    a = net.attention(q, k, v, window * window, heads, cached=False, biases=biases)
    return net.view(net.linear(a, x.features, name="output"), positions)
