"""Networks of MLPerf Tiny: keyword spotting, image classification, anomaly detection.

The fourth, of visual wake words, is a point of MobileNetV1.
"""

from __future__ import annotations

from functools import partial

from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Kernel of the first convolution of DS-CNN: time × frequency.
KEYWORD_KERNEL = (10, 4)


@family(domain="vision", source="Zhang et al., Hello Edge, 2017, table 5; Banbury et al. (MLPerf Tiny), NeurIPS 2021")
def ds_cnn(net: Net, base_channels=64, layers=4, time_steps=49, coefficients=10, classes=12):
    """DS-CNN for keyword spotting: a convolution over time and frequency, then depthwise-separable ones.

    The input has `time_steps` × `coefficients` of one channel. Convolutions keep their biases in front of the norms.
    """
    x = net.image(1.0, time_steps, coefficients)
    x = net.conv(x, base_channels, KEYWORD_KERNEL, 2, bias=1, name="stem")

    def separable(x: Tensor) -> Tensor:
        return net.conv(net.depthwise(x, bias=1), x.features, bias=1, name="pointwise")

    with net.scope("separable"):
        x = net.repeat(layers, separable, x)
    return net.linear(net.global_pool(x), classes, name="classifier")


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


@family(
    domain="vision", source="Koizumi et al., DCASE 2020 task 2 baseline; Banbury et al. (MLPerf Tiny), NeurIPS 2021"
)
def autoencoder(net: Net, features_in=640, hidden=128, bottleneck=8, layers=4):
    """Deep autoencoder for anomaly detection: `layers` linear layers before and after a bottleneck, each with a norm.

    The input is a vector: five frames of 128 spectral bands in MLPerf Tiny.
    """
    x = net.image(features_in, 1.0)
    dense = partial(net.linear, norm=1)
    for side, features in (("encoder", bottleneck), ("decoder", features_in)):
        with net.scope(side):
            x = dense(x, hidden, name="first")
            x = net.repeat(layers - 1, lambda x: dense(x, x.features), x)
            x = dense(x, features, name="code") if side == "encoder" else net.linear(x, features, name="output")
    return x


def _basic(net: Net, x: Tensor, channels, stride: int = 1) -> Tensor:
    x = net.conv(x, channels, 3, stride, bias=1, name="conv1")
    return net.conv(x, channels, 3, bias=1, name="conv2")
