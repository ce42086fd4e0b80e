"""RegNet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np

from dse.networks.families.mbconv import squeeze_excite
from dse.networks.net import Net, round_channels
from dse.networks.registration import family
from dse.networks.tensors import Tensor
from dse.networks.terms import Count

STEM = 32.0
STAGES = 4
# Widths are multiples of this; so are they of the width of a group.
QUANTUM = 8


@family(domain="vision", source="Radosavovic et al., Designing network design spaces, CVPR 2020, section 3.3")
def regnet(
    net: Net, depth, initial_width, width_slope, width_ratio, width_per_group, gated=1,
    resolution=224, classes=1000, in_channels=3,
):  # fmt: skip
    """RegNetX and RegNetY: four stages of grouped bottlenecks whose widths follow a line.

    Block j of `depth` asks for `initial_width` + `width_slope`·j channels; the nearest power of `width_ratio` times
    `initial_width` decides its stage. `gated` is 1 for Y, with squeeze-and-excitation to a quarter of what goes into
    the block, and 0 for X.
    """
    counts, widths = _stages(net, depth, initial_width, width_slope, width_ratio)
    x = net.conv(net.image(in_channels, resolution), STEM, 3, 2, name="stem")
    for number, (count, width) in enumerate(zip(counts, widths, strict=True), 1):
        per_group = np.minimum(width_per_group, width)
        channels = round_channels(width, per_group)
        block = partial(_branch, net, groups=channels / per_group, gated=gated)
        with net.scope(f"stage{number}.first"):
            skip = net.conv(x, channels, 1, 2, name="downsample")
            x = net.add(block(x, channels=channels, stride=2), skip)
        with net.scope(f"stage{number}.rest"):
            x = net.repeat(count - 1, partial(_residual, net, block), x)
    return net.linear(net.global_pool(x), classes, name="classifier")


def _stages(net: Net, depth, initial_width, slope, ratio) -> tuple[list[Count], list[Count]]:
    """Blocks and channels of each stage; points that do not give four stages are refused."""
    net.require("width_ratio", ratio > 1, "widths must grow")
    net.require("initial_width", initial_width % QUANTUM == 0, f"it must be a multiple of {QUANTUM}")
    counts: list[Count] = [0.0] * STAGES
    within: Count = True
    for block in range(int(np.max(depth))):
        power = np.rint(np.log((initial_width + slope * block) / initial_width) / np.log(ratio))
        exists = block < depth
        within = within & ((power < STAGES) | ~np.asarray(exists))
        counts = [count + (exists & (power == stage)) for stage, count in enumerate(counts)]
    widths = [QUANTUM * np.rint(initial_width * ratio**stage / QUANTUM) for stage in range(STAGES)]
    for count in counts:
        within = within & (count >= 1)
    for narrow, wide in pairwise(widths):
        within = within & (narrow < wide)
    net.require("depth", within, "the widths of its blocks do not make four stages")
    return [np.maximum(1.0, count) for count in counts], widths


def _residual(net: Net, block: Callable[..., Tensor], x: Tensor) -> Tensor:
    return net.add(block(x, channels=x.features, stride=1), x)


def _branch(net: Net, x: Tensor, channels: Count, stride: int, groups: Count, gated: Count) -> Tensor:
    squeezed = np.rint(x.features / 4)
    y = net.conv(x, channels, name="conv1")
    y = net.conv(y, channels, 3, stride, groups, name="conv2")
    y = net.optional(np.equal(gated, 1), lambda y: squeeze_excite(net, y, squeezed), y)
    return net.conv(y, channels, name="conv3")
