"""The ResNet of CLIP, alone and beside its tower of text."""

from __future__ import annotations

from functools import partial

import numpy as np

from dse.errors import Fault, InputError
from dse.networks.families.encoder import encoder
from dse.networks.families.resnet import BLOCKS, BOTTLENECKS
from dse.networks.net import Net, round_channels
from dse.networks.registration import family
from dse.networks.tensors import Tensor
from dse.networks.terms import Count

DEPTHS = tuple(depth for depth in BLOCKS if depth in BOTTLENECKS)


@family(structural=("depth",), domain="vision", source="Radford et al. (CLIP), ICML 2021, sec. 2.4")
def resnet_clip(
    net: Net, depth=50, width=1.0, heads=32, projection=1024, all_queries=0, resolution=224, in_channels=3
):  # fmt: skip
    """ResNet with a stem of three convolutions, mean pooling in place of strides, and attention in place of the mean.

    The last map is pooled by attention: the mean of its positions, which goes before them, asks all of them, and what
    it gets is projected. With `all_queries` the positions ask too, and their answers are thrown away. Each position
    has a learned vector, so that parameters grow with the resolution.
    """
    if depth not in DEPTHS:
        raise InputError(Fault("depth", f"{depth} is not allowed; allowed: {', '.join(map(str, DEPTHS))}"))
    stem = round_channels(64 * width)
    x = net.conv(net.image(in_channels, resolution), stem / 2, 3, stride=2, name="stem1")
    x = net.conv(net.conv(x, stem / 2, 3, name="stem2"), stem, 3, name="stem3")
    x = net.pool(x, 2, kernel=2, name="mean_pool")
    for number, count in enumerate(BLOCKS[depth], 1):
        planes, stride = round_channels(64 * 2 ** (number - 1) * width), 1 if number == 1 else 2
        with net.scope(f"stage{number}.first"):
            short = x if stride == 1 else net.pool(x, stride, kernel=stride, name="downsample_pool")
            short = net.conv(short, 4 * planes, name="downsample")
            x = net.add(_branch(net, x, planes=planes, stride=stride), short)
        with net.scope(f"stage{number}.rest"):
            x = net.repeat(count - 1, partial(_residual, net, planes=planes), x)
    with net.scope("attention_pool"):
        return _attention_pool(net, x, heads, projection, all_queries)


def _residual(net: Net, x: Tensor, planes: Count) -> Tensor:
    return net.add(_branch(net, x, planes, 1), x)


def _branch(net: Net, x: Tensor, planes: Count, stride: int) -> Tensor:
    x = net.conv(net.conv(x, planes, name="conv1"), planes, 3, name="conv2")
    x = x if stride == 1 else net.pool(x, stride, kernel=stride, name="pool")
    return net.conv(x, 4 * planes, name="conv3")


def _attention_pool(net: Net, x: Tensor, heads: Count, projection: Count, all_queries: Count) -> Tensor:
    net.require("heads", x.features % heads == 0, "it must divide the channels of the last stage")
    x = net.concat(net.global_pool(x, name="mean"), net.view(x), "mean_concat")
    x = net.add(x, net.embedding(x.positions, x.positions, x.features, "position_embedding"), "position_add")
    q = net.linear(net.select(x, 1 + all_queries * (x.positions - 1)), x.features, name="q")
    k, v = (net.linear(x, x.features, name=name) for name in ("k", "v"))
    result = net.attention(q, k, v, x.positions, heads, cached=False)
    return net.linear(result, projection, name="output")


@family(
    domain="vision",
    source="Radford et al. (CLIP), ICML 2021, sec. 2.4",
    towers={"vision": "resnet_clip", "text": "encoder"},
)
def clip_resnet(net: Net, vision, text, resolution=224, context=77):
    """CLIP with a ResNet: one image against one text.

    Both towers end in a projection to one width; their product is scaled by a learned number.
    """
    same = np.equal(vision["projection"], text["projection"]) if text["projection"] is not None else False
    net.require("text_projection", same, "both towers end in the same width")
    with net.part("vision_tower", tower="vision"):
        image = resnet_clip(net, **vision, resolution=resolution)
    with net.part("text_tower", tower="text"):
        words = encoder(net, **text, context=context)
    with net.part("similarity"):
        return net.learned_scale(net.multiply(image, words), 1.0, "logit_scale")
