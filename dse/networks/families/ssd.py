"""Single-shot detectors on MobileNets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dse.networks.families.mobilenet_v1 import STAGES as V1_STAGES
from dse.networks.families.mobilenet_v2 import STAGES as V2_STAGES
from dse.networks.net import Net, round_channels
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Boxes at each position of the first map, and of the five smaller ones.
BOXES = (3, 6, 6, 6, 6, 6)
# Channels of the maps that are added to those of the backbone, after half as many of a 1×1 convolution.
EXTRA = (512, 256, 256, 128)
SOURCE = "Liu et al., SSD, ECCV 2016; Huang et al., Speed/accuracy trade-offs for detectors, CVPR 2017"


@family(domain="vision", source=SOURCE)
def ssd_mobilenet_v1(net: Net, width=1.0, resolution=300, classes=90, in_channels=3):
    """SSD on MobileNetV1, as the TensorFlow object detection API has it: boxes from 1×1 convolutions.

    Maps of a 16th and a 32nd of the resolution come from the backbone, four smaller ones from convolutions of stride
    2 after it. `width` scales the channels of all but the boxes, to at least 16. The first class is the background.
    Decoding of boxes and suppression of all but the best are left out.
    """
    x = net.conv(net.image(in_channels, resolution), _scaled(32, width), 3, 2, name="stem")
    maps = []
    for number, (base, count, stride) in enumerate(V1_STAGES, 1):
        with net.scope(f"stage{number}"):
            for index in range(count):
                x = net.depthwise(x, 3, stride if index == 0 else 1)
                x = net.conv(x, _scaled(base, width), name="pointwise")
        if number >= 4:
            maps.append(x)
    maps += _smaller(net, x, width, separable=False)
    return _boxes(net, maps, classes, kernel=1)


@family(domain="vision", source=f"{SOURCE}; Sandler et al., MobileNetV2, CVPR 2018")
def ssd_mobilenet_v2(net: Net, width=1.0, resolution=300, classes=90, in_channels=3):
    """SSD on MobileNetV2, as the TensorFlow object detection API has it: boxes from 3×3 convolutions.

    The first map is that inside the first block of the stage of 160 channels, the second the last of the backbone;
    four smaller ones follow from depthwise and pointwise convolutions. `width` scales the channels of all but the
    boxes; the last convolution of the backbone does not shrink below 1280. Decoding of boxes and suppression of all
    but the best are left out.
    """
    x = net.conv(net.image(in_channels, resolution), round_channels(32 * width), 3, 2, name="stem")
    maps: list[Tensor] = []
    for number, (expansion, base, count, stride) in enumerate(V2_STAGES, 1):
        for index in range(count):
            with net.scope(f"stage{number}.{index + 1}"):
                hidden = net.conv(x, expansion * x.features, name="expand") if expansion != 1 else x
                if number == 6 and index == 0:
                    maps.append(hidden)
                y = net.depthwise(hidden, 3, stride if index == 0 else 1)
                y = net.conv(y, round_channels(base * width), name="project")
                x = net.add(x, y) if index else y
    maps.append(net.conv(x, round_channels(1280 * np.maximum(1.0, width)), name="last"))
    maps += _smaller(net, maps[-1], width, separable=True)
    return _boxes(net, maps, classes, kernel=3)


def _smaller(net: Net, x: Tensor, width, separable: bool) -> Iterator[Tensor]:
    """Maps of half the side each."""
    for number, channels in enumerate(EXTRA, 1):
        with net.scope(f"extra{number}"):
            x = net.conv(x, _scaled(channels // 2, width), name="reduce")
            if separable:
                x = net.conv(net.depthwise(x, 3, 2), _scaled(channels, width), name="pointwise")
            else:
                x = net.conv(x, _scaled(channels, width), 3, 2)
        yield x


def _boxes(net: Net, maps: list[Tensor], classes, kernel: int) -> Tensor:
    """Four corners and a score for each class and the background, of each box at each position of each map."""
    found = []
    for number, (x, boxes) in enumerate(zip(maps, BOXES, strict=True), 1):
        with net.scope(f"boxes{number}"):
            corners = net.conv(x, 4.0 * boxes, kernel, bias=1, norm=0, name="corners")
            scores = net.conv(x, boxes * (classes + 1.0), kernel, bias=1, norm=0, name="scores")
            found += [net.flatten(corners), net.flatten(scores)]
    return net.concat_features(*found)


def _scaled(channels: int, width):
    return np.maximum(16.0, np.floor(channels * width))
