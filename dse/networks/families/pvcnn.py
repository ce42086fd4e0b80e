"""Point-voxel networks."""

from __future__ import annotations

import numpy as np

from dse.networks.families.voxels import neighbours
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Output channels, number of blocks, side of their voxel grid against the finest (0: points only).
STAGES = ((64, 1, 1.0), (64, 2, 0.5), (128, 1, 0.5), (1024, 1, 0.0))
# Features that stand for the whole cloud, and of the layers before the classifier.
CLOUD, HEAD = (256, 128), (512, 256)
# Voxels that one point is interpolated from.
CORNERS = 8


@family(domain="vision", source="Liu et al. (PVCNN), NeurIPS 2019, sec. 4 (network of the indoor scenes)")
def pvcnn(net: Net, points=8192, voxels=32, density=1.0, width=1.0, classes=13, in_channels=9):
    """Point-voxel convolutions that label every point of a scene.

    Each block has two branches whose results are added. The voxel branch averages points into a grid (`voxels` a side
    in the first stage, half in later ones), convolves it twice, and interpolates back: regular work, but gathers at
    random addresses before and after. The point branch is one layer a point. A `density` below 1 keeps only that share
    of the voxels, spread evenly, and convolves sparsely. `width` scales all hidden channels,
    rounded down. Parts: voxel_branch, point_branch, head.
    """
    net.require("width", STAGES[0][0] * width >= 1, "leaves no channels")
    net.require("voxels", voxels >= 2, "later stages have half of it")
    x = net.given(in_channels, points)
    outputs = []
    for number, (channels, count, share) in enumerate(STAGES, 1):
        channels = np.floor(channels * width)
        for block in range(1, count + 1):
            with net.scope(f"stage{number}.block{block}"):
                x = _point_voxel(net, x, channels, voxels * share, density) if share else _mlp(net, x, channels)
            outputs.append(x)
    with net.part("head"):
        cloud = net.pool_positions(x)
        for number, features in enumerate(CLOUD, 1):
            cloud = net.conv(cloud, np.floor(features * width), bias=1, name=f"cloud{number}")
        every = outputs[0]
        for output in outputs[1:]:
            every = net.concat_features(every, output)
        x = net.concat_features(every, net.gather(cloud, points, name="spread"))
        for number, features in enumerate(HEAD, 1):
            x = net.conv(x, np.floor(features * width), bias=1, name=f"dense{number}")
        return net.linear(x, classes, name="classifier")


def _mlp(net: Net, x: Tensor, channels) -> Tensor:
    with net.part("point_branch"):
        return net.conv(x, channels, bias=1, name="linear")


def _point_voxel(net: Net, x: Tensor, channels, side, density) -> Tensor:
    grid = density * side * side * side
    with net.part("voxel_branch"):
        v = net.reduce(x, grid, "voxelize")
        for name in ("conv1", "conv2"):
            v = net.voxel_conv(v, channels, occupied=neighbours(3, density), bias=1, name=name)
        v = net.gather(v, x.positions, CORNERS, "devoxelize")
    return net.add(v, _mlp(net, x, channels))
