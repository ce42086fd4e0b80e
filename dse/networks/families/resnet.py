"""ResNet, ResNeXt and wide ResNet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from dse.errors import Fault, InputError
from dse.networks.net import Net, round_channels
from dse.networks.registration import family
from dse.networks.tensors import Tensor
from dse.networks.terms import Count

# Blocks of each stage, by depth; table 1 of the paper. From 50 layers on blocks are bottlenecks.
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
BOTTLENECKS = (50, 101, 152)


Before = Callable[[Tensor], Tensor]


@family(
    structural=("depth",),
    domain="vision",
    source="He et al., CVPR 2016, table 1; Xie et al. (ResNeXt), CVPR 2017; Zagoruyko and Komodakis (wide), BMVC 2016",
)
def resnet(net: Net, depth=50, width=1.0, groups=1, width_per_group=64, resolution=224, classes=1000, in_channels=3):
    """ResNet with the stride in the 3×3 convolution, as torchvision builds it.

    `width` scales the channels of every stage, rounded to multiples of 8. `groups` and `width_per_group` shape the
    inner convolution of the bottlenecks: (32, 4) is ResNeXt 32x4d, (1, 128) the wide ResNet of factor 2. They need
    bottlenecks (depth 50 and more).
    """
    x = body(net, net.image(in_channels, resolution), depth, width, groups, width_per_group)
    return net.linear(net.global_pool(x), classes, name="classifier")


def body(
    net: Net, x: Tensor, depth: int, width=1.0, groups=1, width_per_group=64, before: Before = lambda x: x
) -> Tensor:  # fmt: skip
    """All but the classifier. `before` is what every residual branch does first."""
    if depth not in BLOCKS:
        raise InputError(Fault("depth", f"{depth} is not allowed; allowed: {', '.join(map(str, BLOCKS))}"))
    branches = _branches(net, depth, width, groups, width_per_group, before)
    x = net.conv(x, round_channels(64 * width), kernel=7, stride=2, name="stem")
    x = net.pool(x, stride=2, name="max_pool")
    for number, (count, (branch, channels)) in enumerate(zip(BLOCKS[depth], branches, strict=True), 1):
        stride = 1 if number == 1 else 2
        with net.scope(f"stage{number}.first"):
            y = branch(x, stride=stride)
            keeps_shape = number == 1 and depth not in BOTTLENECKS
            x = net.add(y, x if keeps_shape else net.conv(x, channels, stride=stride, name="downsample"))
        with net.scope(f"stage{number}.rest"):
            x = net.repeat(count - 1, partial(_residual, net, branch=branch), x)
    return x


def _branches(
    net: Net, depth: int, width: Count, groups: Count, width_per_group: Count, before: Before
) -> Iterator[tuple[Callable[..., Tensor], Count]]:
    """The residual branch of each stage, and the channels that come out of it."""
    bottleneck = depth in BOTTLENECKS
    if not bottleneck:
        net.require("groups", np.equal(groups, 1), f"depth {depth} has no bottleneck blocks, so only 1")
        only_64 = f"depth {depth} has no bottleneck blocks, so only 64"
        net.require("width_per_group", np.equal(width_per_group, 64), only_64)
    for number in range(len(BLOCKS[depth])):
        planes = round_channels(64 * 2**number * width)
        inner = np.floor(planes * (width_per_group / 64)) * groups
        net.require("width_per_group", inner >= 1, "leaves no channels in the bottleneck")
        if bottleneck:
            yield partial(_bottleneck, net, before, inner=inner, channels=4 * planes, groups=groups), 4 * planes
        else:
            yield partial(_basic, net, before, channels=planes), planes


def _residual(net: Net, x: Tensor, branch: Callable[..., Tensor]) -> Tensor:
    return net.add(branch(x, stride=1), x)


def _basic(net: Net, before: Before, x: Tensor, channels, stride: int) -> Tensor:
    x = net.conv(before(x), channels, 3, stride, name="conv1")
    return net.conv(x, channels, 3, name="conv2")


def _bottleneck(net: Net, before: Before, x: Tensor, inner, channels, groups, stride: int) -> Tensor:
    x = net.conv(before(x), inner, name="conv1")
    x = net.conv(x, inner, 3, stride, groups, name="conv2")
    return net.conv(x, channels, name="conv3")
