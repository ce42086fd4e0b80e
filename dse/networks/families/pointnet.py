"""PointNet."""

from __future__ import annotations

import numpy as np

from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Features of the layers that all points share before and after the alignment of features, and of the classifier.
BEFORE, AFTER, HEAD = (64, 64), (64, 128, 1024), (512, 256)


@family(
    structural=("alignment",),
    domain="vision",
    source="Qi et al. (PointNet), CVPR 2017, sec. 4 and appendix C, table 6",
)
def pointnet(net: Net, points=1024, width=1.0, alignment=1, classes=40, in_channels=3):
    """PointNet that classifies a cloud: layers shared by all points, their maximum, a classifier.

    With `alignment` two small networks of the same kind predict a matrix each, one for the coordinates and one for the
    features. `width` scales all hidden features, rounded down. Every layer but the last has biases and a batch norm.
    """
    net.require("width", BEFORE[0] * width >= 1, "leaves no channels")
    x = net.given(in_channels, points)
    if alignment:
        with net.scope("input_transform"):
            x = net.apply_matrix(x, _matrix(net, x, (64, 128, 1024), width))
    x = _shared(net, x, BEFORE, width)
    if alignment:
        with net.scope("feature_transform"):
            x = net.apply_matrix(x, _matrix(net, x, (64, 128, 1024), width))
    x = _shared(net, x, AFTER, width, len(BEFORE))
    x = _dense(net, net.pool_positions(x), HEAD, width)
    return net.linear(x, classes, name="classifier")


def _shared(net: Net, x: Tensor, sizes, width, first: int = 0) -> Tensor:
    for number, size in enumerate(sizes, first + 1):
        x = net.conv(x, np.floor(size * width), bias=1, name=f"shared{number}")
    return x


def _dense(net: Net, x: Tensor, sizes, width) -> Tensor:
    for number, size in enumerate(sizes, 1):
        x = net.conv(x, np.floor(size * width), bias=1, name=f"dense{number}")
    return x


def _matrix(net: Net, x: Tensor, sizes, width) -> Tensor:
    """The square matrix that is applied to every point."""
    h = _dense(net, net.pool_positions(_shared(net, x, sizes, width)), HEAD, width)
    return net.linear(h, x.features * x.features, name="matrix")
