"""Inverted residuals with free kernels, expansions, depths and widths of each stage."""

from __future__ import annotations

from functools import partial

import numpy as np

from dse.networks.net import Net, round_channels
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Channels and stride of each stage: those of MobileNetV2 after its first one, which has no expansion.
STAGES = ((24, 2), (32, 2), (64, 2), (96, 1), (160, 2), (320, 1))


@family(
    domain="vision",
    source="Sandler et al. (MobileNetV2), CVPR 2018; Cai et al. (Once-for-All), ICLR 2020; Lin et al. (MCUNet), "
    "NeurIPS 2020",
)
def inverted_residual(
    net: Net,
    width=1.0,
    resolution=224,
    kernel_1=3, kernel_2=3, kernel_3=3, kernel_4=3, kernel_5=3, kernel_6=3,
    expansion_1=6, expansion_2=6, expansion_3=6, expansion_4=6, expansion_5=6, expansion_6=6,
    depth_1=2, depth_2=3, depth_3=4, depth_4=3, depth_5=3, depth_6=1,
    width_1=1.0, width_2=1.0, width_3=1.0, width_4=1.0, width_5=1.0, width_6=1.0,
    classes=1000,
    in_channels=3,
    patches=1,
):  # fmt: skip
    """Stages of inverted residuals, as once-for-all networks choose them: Once-for-All, ProxylessNAS, MCUNet.

    Each of six stages has a kernel, an expansion, a number of blocks and a width of its own; strides and base
    channels are those of MobileNetV2, which the defaults give. `width` scales all channels and `width_1` to
    `width_6` those of one stage besides, rounded to multiples of 8 together; the last convolution does not shrink
    below 1280. An expansion of 1 leaves the first convolution of a block out.
    """
    net.in_patches(patches)
    kernels = kernel_1, kernel_2, kernel_3, kernel_4, kernel_5, kernel_6
    expansions = expansion_1, expansion_2, expansion_3, expansion_4, expansion_5, expansion_6
    depths = depth_1, depth_2, depth_3, depth_4, depth_5, depth_6
    widths = width_1, width_2, width_3, width_4, width_5, width_6
    x = net.conv(net.image(in_channels, resolution), round_channels(32 * width), kernel=3, stride=2, name="stem")
    with net.scope("first"):
        x = net.conv(net.depthwise(x), round_channels(16 * width), name="project")
    of_stages = zip(STAGES, kernels, expansions, depths, widths, strict=True)
    for number, ((base_channels, stride), kernel, expansion, depth, of_stage) in enumerate(of_stages, 1):
        channels = round_channels(base_channels * width * of_stage)
        with net.scope(f"stage{number}.first"):
            x = _block(net, x, channels, kernel, expansion, stride)
        with net.scope(f"stage{number}.rest"):
            x = net.repeat(depth - 1, partial(_residual, net, kernel=kernel, expansion=expansion), x)
    x = net.conv(x, round_channels(1280 * np.maximum(1.0, width)), name="last")
    return net.linear(net.global_pool(x), classes, name="classifier")


def _block(net: Net, x: Tensor, channels, kernel, expansion, stride: int) -> Tensor:
    def add_input(y: Tensor) -> Tensor:
        return net.add(y, x)

    y = _branch(net, x, channels, kernel, expansion, stride)
    # Where it keeps the shape, the first block of a stage is a residual too.
    return net.optional(np.equal(channels, x.features), add_input, y) if stride == 1 else y


def _residual(net: Net, x: Tensor, kernel, expansion) -> Tensor:
    return net.add(_branch(net, x, x.features, kernel, expansion, 1), x)


def _branch(net: Net, x: Tensor, channels, kernel, expansion, stride: int) -> Tensor:
    def expand(x: Tensor) -> Tensor:
        return net.conv(x, expansion * x.features, name="expand")

    hidden = net.optional(np.greater(expansion, 1), expand, x)
    return net.conv(net.depthwise(hidden, kernel, stride), channels, name="project")
