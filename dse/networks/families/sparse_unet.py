"""U-Nets of sparse convolutions over voxels."""

from __future__ import annotations

import numpy as np

from dse.networks.families.voxels import coarser, finer, neighbours
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

STEM = 32
DOWN, UP = (32, 64, 128, 256), (256, 128, 96, 96)


@family(
    domain="vision",
    source="Choy et al. (MinkowskiNet), CVPR 2019; Tang et al. (SPVNAS), ECCV 2020, sec. 5 (the network that it is "
    "compared with)",
)
def sparse_unet(net: Net, voxels=512, density=0.001, width=1.0, classes=19, in_channels=4):
    """U-Net of sparse convolutions that labels every occupied voxel: MinkowskiNet of the driving scenes.

    Of a grid of `voxels` a side a share of `density` is occupied (below 0.001 for scenes). Convolutions of stride 1 are
    computed at occupied voxels and multiply occupied neighbours only; those of stride 2 keep every coarser voxel that
    holds any. Both numbers are expectations for voxels spread evenly (uniformly at random), which surfaces are not: at
    the same density a scan has more neighbours. Published MACs of driving scenes (113.9 G at width 1, 46 G at 0.64)
    are those of a density of 0.000204 of 512³ here; the default is six times that work. `width` scales all channels,
    rounded down.
    """
    net.require("width", STEM * width >= 1, "leaves no channels")
    net.require("voxels", voxels >= 2 ** len(DOWN), f"it is halved {len(DOWN)} times")
    densities = [density]
    for _ in DOWN:
        densities.append(coarser(densities[-1]))
    occupied = [share * (voxels / 2**level) ** 3 for level, share in enumerate(densities)]
    channels = np.floor(STEM * width)
    x = net.given(in_channels, occupied[0])
    for name in ("stem1", "stem2"):
        x = net.voxel_conv(x, channels, occupied=neighbours(3, density), name=name)
    skips = []
    for level, out in enumerate(DOWN, 1):
        skips.append(x)
        with net.scope(f"down{level}"):
            inside = finer(densities[level - 1])
            x = net.voxel_conv(x, x.features, occupied[level], 2, inside, name="downsample")
            x = _residuals(net, x, np.floor(out * width), densities[level])
    for number, out in enumerate(UP, 1):
        level, wide = len(DOWN) - number, np.floor(out * width)
        with net.scope(f"up{number}"):
            # Each finer voxel is made of the one that holds it.
            x = net.voxel_conv(x, wide, occupied[level], 2, 1.0, name="upsample")
            x = _residuals(net, net.concat_features(x, skips.pop(), name="skip"), wide, densities[level])
    return net.linear(x, classes, name="classifier")


def _residuals(net: Net, x: Tensor, channels, density) -> Tensor:
    for number in (1, 2):
        with net.scope(f"block{number}"):
            near = neighbours(3, density)
            y = net.voxel_conv(x, channels, occupied=near, name="conv1")
            y = net.voxel_conv(y, channels, occupied=near, name="conv2")

            def shortcut(x: Tensor) -> Tensor:
                return net.voxel_conv(x, channels, kernel=1, name="shortcut")

            x = net.add(y, net.optional(channels != x.features, shortcut, x))
    return x
