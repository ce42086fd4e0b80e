"""MobileNetV1."""

from __future__ import annotations

from functools import partial

import numpy as np

from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Channels, blocks, stride of the first block: table 1 of the paper.
STAGES = ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 6, 2), (1024, 2, 2))


@family(domain="vision", source="Howard et al., MobileNets, 2017, table 1; Banbury et al. (MLPerf Tiny), NeurIPS 2021")
def mobilenet_v1(net: Net, width=1.0, resolution=224, classes=1000, in_channels=3, conv_bias=0, patches=1):
    """MobileNetV1: depthwise-separable convolutions.

    `width` scales the channels of every layer, to whole numbers of them but at least 8. `conv_bias` 1 keeps the
    biases of convolutions in front of the norms, as the network of MLPerf Tiny does.
    """
    net.in_patches(patches)
    block = partial(_separable, net, bias=conv_bias)
    stem = _scaled(32, width)
    x = net.conv(net.image(in_channels, resolution), stem, 3, 2, bias=conv_bias, name="stem")
    for number, (base, count, stride) in enumerate(STAGES, 1):
        with net.scope(f"stage{number}.first"):
            x = block(x, _scaled(base, width), stride)
        with net.scope(f"stage{number}.rest"):
            x = net.repeat(count - 1, lambda x: block(x, x.features), x)
    return net.linear(net.global_pool(x), classes, name="classifier")


def _separable(net: Net, x: Tensor, channels, stride: int = 1, bias=0) -> Tensor:
    return net.conv(net.depthwise(x, 3, stride, bias=bias), channels, bias=bias, name="pointwise")


def _scaled(channels: int, width):
    return np.maximum(8.0, np.floor(channels * width))
