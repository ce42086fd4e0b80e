"""MnasNet."""

from __future__ import annotations

from functools import partial

from dse.networks.families.mbconv import mbconv
from dse.networks.net import Net, round_channels
from dse.networks.registration import family
from dse.networks.tensors import Tensor
from dse.networks.terms import Count

# Kernel, expansion, channels, blocks, stride of the first block: figure 7 of the paper, without the gates.
STAGES = (
    (3, 3, 24, 3, 2),
    (5, 3, 40, 3, 2),
    (5, 6, 80, 3, 2),
    (3, 6, 96, 2, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)


@family(domain="vision", source="Tan et al., MnasNet, CVPR 2019, variant B1")
def mnasnet(net: Net, width=1.0, resolution=224, classes=1000, in_channels=3, patches=1):
    """MnasNet-B1: searched inverted residuals without squeeze-and-excitation.

    `width` scales the channels, rounded to multiples of 8; the last convolution keeps its 1280.
    """
    net.in_patches(patches)
    x = net.conv(net.image(in_channels, resolution), round_channels(32 * width), 3, 2, name="stem")
    with net.scope("separable"):
        x = net.conv(net.depthwise(x), round_channels(16 * width), name="project")
    for number, (kernel, expansion, base, count, stride) in enumerate(STAGES, 1):
        block = partial(_block, net, kernel=kernel, expansion=expansion)
        with net.scope(f"stage{number}.first"):
            x = block(x, round_channels(base * width), stride)
        with net.scope(f"stage{number}.rest"):
            x = net.repeat(count - 1, block, x)
    x = net.conv(x, 1280.0, name="last")
    return net.linear(net.global_pool(x), classes, name="classifier")


def _block(net: Net, x: Tensor, channels: Count = None, stride: int = 1, *, kernel: int, expansion: int) -> Tensor:
    channels = x.features if channels is None else channels
    return mbconv(net, x, channels, expansion * x.features, kernel, stride)
