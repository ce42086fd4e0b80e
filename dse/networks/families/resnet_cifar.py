"""ResNet for small images; with one block a stage it is the ResNet-8 of MLPerf Tiny."""

from __future__ import annotations

from functools import partial

from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor


@family(domain="vision", source="He et al., CVPR 2016, section 4.2; Banbury et al. (MLPerf Tiny), NeurIPS 2021")
def resnet_cifar(net: Net, base_channels=16, blocks=1, resolution=32, classes=10, in_channels=3):
    """ResNet for small images: three stages of `blocks` blocks each, whose channels double.

    One block a stage is the ResNet-8 of MLPerf Tiny. Convolutions keep their biases in front of the norms; the
    convolution beside a block that halves the sides has no norm.
    """
    x = net.conv(net.image(in_channels, resolution), base_channels, 3, bias=1, name="stem")
    branch = partial(_basic, net)
    with net.scope("stage1"):
        x = net.repeat(blocks, lambda x: net.add(branch(x, x.features), x), x)
    for number in (2, 3):
        with net.scope(f"stage{number}.first"):
            y = branch(x, 2 * x.features, 2)
            x = net.add(y, net.conv(x, 2 * x.features, 1, 2, bias=1, norm=0, name="downsample"))
        with net.scope(f"stage{number}.rest"):
            x = net.repeat(blocks - 1, lambda x: net.add(branch(x, x.features), x), x)
    return net.linear(net.global_pool(x), classes, name="classifier")


def _basic(net: Net, x: Tensor, channels, stride: int = 1) -> Tensor:
    x = net.conv(x, channels, 3, stride, bias=1, name="conv1")
    return net.conv(x, channels, 3, bias=1, name="conv2")
