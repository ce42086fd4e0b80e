"""EfficientNet and EfficientNetV2."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from dse.errors import Fault, InputError
from dse.networks.families.mbconv import mbconv, residual
from dse.networks.net import Net, round_channels
from dse.networks.registration import family
from dse.networks.tensors import Tensor
from dse.networks.terms import Count

# Fused, expansion, kernel, stride of the first block, channels, blocks.
Stage = tuple[bool, int, int, int, int, int]
# Table 1 of the first paper.
B0: tuple[Stage, ...] = (
    (False, 1, 3, 1, 16, 1),
    (False, 6, 3, 2, 24, 2),
    (False, 6, 5, 2, 40, 2),
    (False, 6, 3, 2, 80, 3),
    (False, 6, 5, 1, 112, 3),
    (False, 6, 5, 2, 192, 4),
    (False, 6, 3, 1, 320, 1),
)
# Channels of the stem and stages: table 4 of the second paper, and the authors' code for medium and large.
V2: dict[str, tuple[int, tuple[Stage, ...]]] = {
    "small": (24, (
        (True, 1, 3, 1, 24, 2), (True, 4, 3, 2, 48, 4), (True, 4, 3, 2, 64, 4), (False, 4, 3, 2, 128, 6),
        (False, 6, 3, 1, 160, 9), (False, 6, 3, 2, 256, 15),
    )),
    "medium": (24, (
        (True, 1, 3, 1, 24, 3), (True, 4, 3, 2, 48, 5), (True, 4, 3, 2, 80, 5), (False, 4, 3, 2, 160, 7),
        (False, 6, 3, 1, 176, 14), (False, 6, 3, 2, 304, 18), (False, 6, 3, 1, 512, 5),
    )),
    "large": (32, (
        (True, 1, 3, 1, 32, 4), (True, 4, 3, 2, 64, 7), (True, 4, 3, 2, 96, 7), (False, 4, 3, 2, 192, 10),
        (False, 6, 3, 1, 224, 19), (False, 6, 3, 2, 384, 25), (False, 6, 3, 1, 640, 7),
    )),
}  # fmt: skip


@family(domain="vision", source="Tan and Le, EfficientNet, ICML 2019, table 1")
def efficientnet(net: Net, width=1.0, depth_factor=1.0, resolution=224, classes=1000, in_channels=3):
    """EfficientNet: inverted residuals with squeeze-and-excitation, scaled in width, depth and resolution together.

    `width` scales the channels, rounded to multiples of 8; `depth_factor` the blocks of each stage, rounded up. B0 to
    B7 are points of the three.
    """
    x = net.conv(net.image(in_channels, resolution), round_channels(32 * width), 3, 2, name="stem")
    for number, (_, expansion, kernel, stride, base, count) in enumerate(B0, 1):
        block = partial(_gated, net, kernel=kernel, expansion=expansion)
        x = _stage(net, number, x, block, round_channels(base * width), np.ceil(count * depth_factor), stride)
    x = net.conv(x, 4 * x.features, name="last")
    return net.linear(net.global_pool(x), classes, name="classifier")


@family(structural=("size",), domain="vision", source="Tan and Le, EfficientNetV2, ICML 2021, table 4")
def efficientnet_v2(net: Net, size="small", width=1.0, depth_factor=1.0, resolution=384, classes=1000, in_channels=3):
    """EfficientNetV2: as EfficientNet, with whole convolutions in place of depthwise ones in the first stages.

    `width` scales the channels, rounded to multiples of 8, but for the last convolution, which keeps its 1280;
    `depth_factor` scales the blocks of each stage, rounded up.
    """
    if size not in V2:
        raise InputError(Fault("size", f"{size} is not allowed; allowed: {', '.join(V2)}"))
    stem, stages = V2[size]
    x = net.conv(net.image(in_channels, resolution), round_channels(stem * width), 3, 2, name="stem")
    for number, (fused, expansion, kernel, stride, base, count) in enumerate(stages, 1):
        block = partial(_fused if fused else _gated, net, kernel=kernel, expansion=expansion)
        x = _stage(net, number, x, block, round_channels(base * width), np.ceil(count * depth_factor), stride)
    x = net.conv(x, 1280.0, name="last")
    return net.linear(net.global_pool(x), classes, name="classifier")


def _stage(
    net: Net, number: int, x: Tensor, block: Callable[..., Tensor], channels: Count, count: Count, stride: int
) -> Tensor:
    with net.scope(f"stage{number}.first"):
        x = block(x, channels=channels, stride=stride)
    with net.scope(f"stage{number}.rest"):
        return net.repeat(count - 1, lambda x: block(x, channels=x.features, stride=1), x)


def _gated(net: Net, x: Tensor, channels: Count, stride: int, kernel: int, expansion: int) -> Tensor:
    # The gate is squeezed to a quarter of what goes into the block, not of what is inside.
    squeezed = np.maximum(1.0, np.floor(x.features / 4))
    return mbconv(net, x, channels, expansion * x.features, kernel, stride, squeezed)


def _fused(net: Net, x: Tensor, channels: Count, stride: int, kernel: int, expansion: int) -> Tensor:
    if expansion == 1:
        y = net.conv(x, channels, kernel, stride, name="conv")
    else:
        y = net.conv(x, expansion * x.features, kernel, stride, name="expand")
        y = net.conv(y, channels, name="project")
    return residual(net, y, x) if stride == 1 else y
