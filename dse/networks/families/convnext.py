"""ConvNeXt."""

from __future__ import annotations

from functools import partial

from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor


@family(domain="vision", source="Liu et al., A ConvNet for the 2020s, CVPR 2022, section 3.2")
def convnext(
    net: Net, base_channels=96, depth_1=3, depth_2=3, depth_3=9, depth_4=3, kernel=7,
    resolution=224, classes=1000, in_channels=3,
):  # fmt: skip
    """ConvNeXt: wide depthwise convolutions, layer norms, and two linear layers with four times the channels between.

    `base_channels` are those of the first stage and double with each; stages have `depth_1` to `depth_4` blocks. Each
    block ends in a learned scale of its channels.
    """
    net.require("resolution", resolution >= 32, "less than one patch of the last stage; at least 32")
    x = net.norm(net.patches(net.image(in_channels, resolution), base_channels, 4, name="stem"), name="stem_norm")
    for number, count in enumerate((depth_1, depth_2, depth_3, depth_4), 1):
        with net.scope(f"stage{number}"):
            if number > 1:
                x = net.patches(net.norm(x, name="downsample_norm"), 2 * x.features, 2, name="downsample")
            x = net.repeat(count, partial(_block, net, kernel=kernel), x)
    x = net.norm(net.global_pool(x), name="final_norm")
    return net.linear(x, classes, name="classifier")


def _block(net: Net, x: Tensor, kernel) -> Tensor:
    y = net.norm(net.depthwise(x, kernel, bias=1, norm=0))
    y = net.linear(net.linear(y, 4 * x.features, name="expand"), x.features, name="project")
    return net.add(net.learned_scale(y), x)
