"""AlexNet."""

from __future__ import annotations

from functools import partial

import numpy as np

from dse.networks.net import Net
from dse.networks.registration import family

# Channels, kernel of the convolutions after the first, and whether pooling follows: figure 1 of the paper.
LAYERS = ((192, 5, True), (384, 3, False), (256, 3, False), (256, 3, True))
HIDDEN = 4096
POOLED = 6


@family(domain="vision", source="Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014")
def alexnet(net: Net, width=1.0, resolution=224, classes=1000, in_channels=3):
    """AlexNet on one device, as torchvision builds it: five convolutions and three linear layers.

    `width` scales the channels and hidden features, to whole numbers of them. The features are pooled to 6×6.
    """
    net.require("resolution", resolution >= 63, "nothing is left after three poolings; at least 63")
    scaled = partial(_scaled, width=width)
    image = net.image(in_channels, resolution)
    x = net.conv(image, scaled(64), 11, 4, bias=1, norm=0, padding=2, name="conv1")
    x = net.pool(x, 2, kernel=3, padding=0, name="pool1")
    for number, (channels, kernel, pooled) in enumerate(LAYERS, 2):
        x = net.conv(x, scaled(channels), kernel, bias=1, norm=0, name=f"conv{number}")
        x = net.pool(x, 2, kernel=3, padding=0, name=f"pool{number}") if pooled else x
    x = net.flatten(net.pool_to(x, POOLED))
    x = net.linear(x, scaled(HIDDEN), name="hidden1")
    x = net.linear(x, scaled(HIDDEN), name="hidden2")
    return net.linear(x, classes, name="classifier")


def _scaled(channels: int, width):
    return np.maximum(1.0, np.floor(channels * width + 0.5))
