"""MobileNetV2."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from dse.networks.net import Net, round_channels
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Expansion, channels, blocks, stride of the first block: table 2 of the paper.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


@family(domain="vision", source="Sandler et al., MobileNetV2, CVPR 2018, table 2")
def mobilenet_v2(net: Net, width=1.0, resolution=224, classes=1000, in_channels=3, patches=1):
    """MobileNetV2: inverted residuals with linear bottlenecks.

    `width` scales the channels, rounded to multiples of 8 as the authors' code does; the last convolution does not
    shrink below 1280.
    """
    net.in_patches(patches)
    x = body(net, net.image(in_channels, resolution), width)
    return net.linear(net.global_pool(x), classes, name="classifier")


def body(net: Net, x: Tensor, width=1.0, before: Callable[[Tensor], Tensor] = lambda x: x) -> Tensor:
    """All but the classifier. `before` is what every residual branch does first."""
    x = net.conv(x, round_channels(32 * width), kernel=3, stride=2, name="stem")
    for number, (expansion, base_channels, count, stride) in enumerate(STAGES, 1):
        channels = round_channels(base_channels * width)
        with net.scope(f"stage{number}.first"):
            x = _inverted_residual(net, x, channels, expansion, stride)
        with net.scope(f"stage{number}.rest"):
            x = net.repeat(count - 1, partial(_residual, net, expansion=expansion, before=before), x)
    return net.conv(x, round_channels(1280 * np.maximum(1.0, width)), name="last")


def _inverted_residual(net: Net, x: Tensor, channels, expansion: int, stride: int) -> Tensor:
    if expansion != 1:
        x = net.conv(x, expansion * x.features, name="expand")
    x = net.depthwise(x, 3, stride)
    return net.conv(x, channels, name="project")


def _residual(net: Net, x: Tensor, expansion: int, before: Callable[[Tensor], Tensor]) -> Tensor:
    return net.add(x, _inverted_residual(net, before(x), x.features, expansion, 1))
