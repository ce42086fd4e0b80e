"""MobileNetV3."""

from __future__ import annotations

import numpy as np

from dse.errors import Fault, InputError
from dse.networks.families.mbconv import mbconv
from dse.networks.net import Net, round_channels
from dse.networks.registration import family

# Kernel, expanded channels, channels, squeeze-and-excitation, stride of each block: tables 1 and 2 of the paper.
BLOCKS = {
    "large": (
        (3, 16, 16, False, 1),
        (3, 64, 24, False, 2), (3, 72, 24, False, 1),
        (5, 72, 40, True, 2), (5, 120, 40, True, 1), (5, 120, 40, True, 1),
        (3, 240, 80, False, 2), (3, 200, 80, False, 1), (3, 184, 80, False, 1), (3, 184, 80, False, 1),
        (3, 480, 112, True, 1), (3, 672, 112, True, 1),
        (5, 672, 160, True, 2), (5, 960, 160, True, 1), (5, 960, 160, True, 1),
    ),
    "small": (
        (3, 16, 16, True, 2),
        (3, 72, 24, False, 2), (3, 88, 24, False, 1),
        (5, 96, 40, True, 2), (5, 240, 40, True, 1), (5, 240, 40, True, 1),
        (5, 120, 48, True, 1), (5, 144, 48, True, 1),
        (5, 288, 96, True, 2), (5, 576, 96, True, 1), (5, 576, 96, True, 1),
    ),
}  # fmt: skip
# Features between the last pooling and the classifier.
HIDDEN = {"large": 1280, "small": 1024}


@family(structural=("size",), domain="vision", source="Howard et al., MobileNetV3, ICCV 2019, tables 1 and 2")
def mobilenet_v3(
    net: Net, size="large", width=1.0, minimalistic=0, resolution=224, classes=1000, in_channels=3, patches=1
):
    """MobileNetV3: searched inverted residuals with squeeze-and-excitation, large and small.

    `width` scales the channels, rounded to multiples of 8, and expanded ones in proportion to what goes into a block;
    the features before the classifier do not shrink below those of width 1. `minimalistic` 1 has 3×3 kernels and no
    squeeze-and-excitation, as the authors' variant for engines that lack them. Hard-swish works in place.
    """
    net.in_patches(patches)
    if size not in BLOCKS:
        raise InputError(Fault("size", f"{size} is not allowed; allowed: {', '.join(BLOCKS)}"))
    x = net.conv(net.image(in_channels, resolution), round_channels(16 * width), 3, 2, name="stem")
    before = 16
    for number, (kernel, expanded, channels, gated, stride) in enumerate(BLOCKS[size], 1):
        hidden = round_channels(x.features * (expanded / before))
        before = channels
        squeezed = round_channels(hidden // 4) if gated else None
        with net.scope(f"block{number}"):
            x = mbconv(
                net, x, round_channels(channels * width), hidden, kernel - (kernel - 3) * minimalistic, stride,
                squeezed, 1 - minimalistic,
            )  # fmt: skip
    x = net.global_pool(net.conv(x, 6 * x.features, name="last"))
    x = net.linear(x, round_channels(HIDDEN[size] * np.maximum(1.0, width)), name="hidden")
    return net.linear(x, classes, name="classifier")
