"""ShuffleNetV2."""

from __future__ import annotations

from functools import partial

from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor
from dse.networks.terms import Count

STEM = 24.0
# Units of each stage: table 5 of the paper.
UNITS = (4, 8, 4)


@family(domain="vision", source="Ma et al., ShuffleNet V2, ECCV 2018, table 5")
def shufflenet_v2(net: Net, base_channels=116, last_channels=1024, resolution=224, classes=1000, in_channels=3):
    """ShuffleNetV2: units in which half of the channels pass unchanged and are shuffled with the other half.

    `base_channels` are those of the first stage, which doubles twice: 48, 116, 176 and 244 (with `last_channels`
    2048) are 0.5×, 1×, 1.5× and 2×. The half that passes is copied by the concatenation, which shuffles.
    """
    net.require("base_channels", base_channels % 2 == 0, "half of them pass through a unit: an even number")
    x = net.conv(net.image(in_channels, resolution), STEM, 3, 2, name="stem")
    x = net.pool(x, 2, name="max_pool")
    for number, count in enumerate(UNITS, 2):
        half = base_channels * 2 ** (number - 2) / 2
        with net.scope(f"stage{number}.first"):
            x = _downsampling(net, x, half)
        with net.scope(f"stage{number}.rest"):
            x = net.repeat(count - 1, partial(_unit, net), x)
    x = net.conv(x, last_channels, name="last")
    return net.linear(net.global_pool(x), classes, name="classifier")


def _downsampling(net: Net, x: Tensor, half: Count) -> Tensor:
    left = net.conv(net.depthwise(x, 3, 2, name="left_depthwise"), half, name="left_pointwise")
    return net.concat_features(left, _branch(net, x, half, 2))


def _unit(net: Net, x: Tensor) -> Tensor:
    passing, working = (net.select(x, features=x.features / 2) for _ in range(2))
    return net.concat_features(passing, _branch(net, working, working.features, 1))


def _branch(net: Net, x: Tensor, half: Count, stride: int) -> Tensor:
    x = net.depthwise(net.conv(x, half, name="first"), 3, stride)
    return net.conv(x, half, name="second")
