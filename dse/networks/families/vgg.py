"""VGG."""

from __future__ import annotations

import numpy as np

from dse.errors import Fault, InputError
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Convolutions before each pooling, by depth: table 1 of the paper (configurations A, B, D, E).
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)
HIDDEN = 4096
POOLED = 7


@family(structural=("depth",), domain="vision", source="Simonyan and Zisserman, ICLR 2015, table 1")
def vgg(net: Net, depth=16, width=1.0, batch_norm=0, resolution=224, classes=1000, in_channels=3):
    """VGG: 3×3 convolutions with biases, and three linear layers over 7×7 positions.

    `width` scales the channels and hidden features, to whole numbers of them; `batch_norm` 1 puts a norm after every
    convolution, which keeps its bias.
    """
    if depth not in CONVOLUTIONS:
        raise InputError(Fault("depth", f"{depth} is not allowed; allowed: {', '.join(map(str, CONVOLUTIONS))}"))
    net.require("resolution", resolution >= 32, "nothing is left after five poolings; at least 32")

    def conv(x: Tensor, channels, name: str = "conv") -> Tensor:
        return net.conv(x, channels, 3, bias=1, norm=batch_norm, name=name)

    x = net.image(in_channels, resolution)
    for number, (base, count) in enumerate(zip(CHANNELS, CONVOLUTIONS[depth], strict=True), 1):
        with net.scope(f"stage{number}"):
            x = conv(x, _scaled(base, width), "first")
            x = net.repeat(count - 1, lambda x: conv(x, x.features), x)
            x = net.pool(x, 2, kernel=2, padding=0)
    x = net.flatten(net.pool_to(x, POOLED))
    x = net.linear(x, _scaled(HIDDEN, width), name="hidden1")
    x = net.linear(x, _scaled(HIDDEN, width), name="hidden2")
    return net.linear(x, classes, name="classifier")


def _scaled(channels: int, width):
    return np.maximum(1.0, np.floor(channels * width + 0.5))
