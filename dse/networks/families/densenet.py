"""DenseNet."""

from __future__ import annotations

import numpy as np

from dse.errors import Fault, InputError
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor
from dse.networks.terms import Count

# Layers of each dense block, by depth: table 1 of the paper.
LAYERS = {
    121: (6, 12, 24, 16),
    161: (6, 12, 36, 24),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
    264: (6, 12, 64, 48),
}


@family(structural=("depth",), domain="vision", source="Huang et al., DenseNet, CVPR 2017, table 1")
def densenet(net: Net, depth=121, growth=32, stem_channels=None, resolution=224, classes=1000, in_channels=3):
    """DenseNet-BC: every layer reads the concatenation of all before it in its block.

    Each layer adds `growth` channels, through a bottleneck of four times as many; a transition halves channels and
    sides. Left out, `stem_channels` are twice the growth. Every concatenation is a buffer of its own, beside its parts;
    norm and activation, which come before the convolutions, work on it in place.
    """
    if depth not in LAYERS:
        raise InputError(Fault("depth", f"{depth} is not allowed; allowed: {', '.join(map(str, LAYERS))}"))
    net.require("resolution", resolution >= 29, "nothing is left after the transitions; at least 29")
    stem = 2 * growth if stem_channels is None else stem_channels
    x = net.pool(net.conv(net.image(in_channels, resolution), stem, 7, 2, name="stem"), 2, name="max_pool")
    for number, count in enumerate(LAYERS[depth], 1):
        with net.scope(f"block{number}"):
            x = _block(net, x, count, growth)
        if number < len(LAYERS[depth]):
            with net.scope(f"transition{number}"):
                x = net.conv(net.batch_norm(x), np.floor(x.features / 2), norm=0)
                x = net.pool(x, 2, kernel=2, padding=0)
    return net.linear(net.global_pool(net.batch_norm(x)), classes, name="classifier")


def _block(net: Net, x: Tensor, count: int, growth: Count) -> Tensor:
    parts = [x]
    for number in range(1, count + 1):
        with net.scope(f"layer{number}"):
            y = net.batch_norm(net.concat_features(*parts))
            y = net.conv(y, 4 * growth, name="bottleneck")
            parts.append(net.conv(y, growth, 3, norm=0, name="conv"))
    return net.concat_features(*parts)
