"""MCUNet: searched inverted residuals for microcontrollers."""

from __future__ import annotations

from dse.networks.families.mbconv import mbconv
from dse.networks.net import Net, round_channels
from dse.networks.registration import family

# Kernel, expansion, channels, stride of each block after the first: the authors' published configurations,
# https://github.com/mit-han-lab/tinyml (mcunet/assets/configs, first commits).
Block = tuple[int, int, int, int]
# Channels of the first convolution and of the first block, and the others.
DESIGNS: dict[str, tuple[int, int, tuple[Block, ...]]] = {
    "in0": (24, 16, (
        (5, 4, 16, 2), (3, 3, 16, 1), (3, 4, 16, 1), (7, 5, 24, 2), (5, 4, 24, 1), (5, 5, 24, 1),
        (7, 5, 48, 2), (5, 4, 48, 1), (3, 5, 56, 1), (5, 4, 56, 1), (3, 5, 56, 1), (3, 6, 112, 2),
        (5, 4, 112, 1), (3, 6, 192, 1),
    )),
    "in1": (16, 8, (
        (3, 4, 16, 2), (3, 3, 16, 1), (7, 3, 24, 2), (3, 5, 24, 1), (3, 5, 40, 2), (7, 4, 40, 1),
        (5, 4, 48, 1), (3, 3, 48, 1), (3, 4, 48, 1), (7, 5, 96, 2), (5, 4, 96, 1), (5, 4, 96, 1),
        (3, 6, 160, 1),
    )),
    "in2": (16, 8, (
        (5, 3, 16, 2), (7, 6, 16, 1), (3, 5, 16, 1), (5, 5, 16, 1), (3, 5, 24, 2), (7, 6, 24, 1),
        (5, 6, 24, 1), (7, 4, 40, 2), (5, 5, 40, 1), (3, 5, 48, 1), (5, 5, 48, 1), (3, 4, 48, 1),
        (5, 6, 96, 2), (5, 4, 96, 1), (5, 3, 96, 1), (3, 4, 96, 1), (5, 5, 160, 1),
    )),
    "in3": (16, 8, (
        (7, 3, 16, 2), (3, 5, 16, 1), (7, 5, 16, 1), (5, 4, 16, 1), (5, 5, 24, 2), (5, 5, 24, 1),
        (5, 5, 24, 1), (3, 5, 40, 2), (7, 6, 40, 1), (5, 4, 40, 1), (5, 5, 48, 1), (7, 5, 48, 1),
        (3, 5, 48, 1), (3, 6, 96, 2), (7, 5, 96, 1), (3, 4, 96, 1), (7, 5, 160, 1),
    )),
    "in4": (32, 16, (
        (7, 3, 24, 2), (3, 5, 24, 1), (5, 4, 24, 1), (7, 5, 40, 2), (3, 4, 40, 1), (7, 4, 40, 1),
        (7, 3, 80, 2), (3, 3, 80, 1), (7, 3, 80, 1), (3, 4, 96, 1), (5, 3, 96, 1), (5, 3, 96, 1),
        (7, 4, 192, 2), (7, 3, 192, 1), (5, 3, 192, 1), (5, 4, 320, 1),
    )),
    "proxyless": (16, 8, (
        (5, 3, 16, 2), (3, 3, 16, 1), (7, 3, 16, 2), (3, 3, 16, 1), (5, 3, 16, 1), (5, 3, 16, 1),
        (7, 6, 24, 2), (5, 3, 24, 1), (5, 3, 24, 1), (5, 3, 24, 1), (5, 6, 32, 1), (5, 3, 32, 1),
        (5, 3, 32, 1), (5, 3, 32, 1), (7, 6, 64, 2), (7, 6, 64, 1), (7, 3, 64, 1), (7, 3, 64, 1),
        (7, 6, 96, 1),
    )),
    "mbv2-w0.3": (16, 8, (
        (3, 6, 8, 2), (3, 6, 8, 1), (3, 6, 16, 2), (3, 6, 16, 1), (3, 6, 16, 1), (3, 6, 24, 2),
        (3, 6, 24, 1), (3, 6, 24, 1), (3, 6, 24, 1), (3, 6, 32, 1), (3, 6, 32, 1), (3, 6, 32, 1),
        (3, 6, 48, 2), (3, 6, 48, 1), (3, 6, 48, 1), (3, 6, 96, 1),
    )),
    "mbv2-w0.35": (16, 8, (
        (3, 6, 8, 2), (3, 6, 8, 1), (3, 6, 16, 2), (3, 6, 16, 1), (3, 6, 16, 1), (3, 6, 24, 2),
        (3, 6, 24, 1), (3, 6, 24, 1), (3, 6, 24, 1), (3, 6, 32, 1), (3, 6, 32, 1), (3, 6, 32, 1),
        (3, 6, 56, 2), (3, 6, 56, 1), (3, 6, 56, 1), (3, 6, 112, 1),
    )),
}  # fmt: skip
# Channels of a last convolution, where a design has one.
LAST = {"proxyless": 384, "mbv2-w0.3": 384, "mbv2-w0.35": 448}


@family(structural=("design",), domain="vision", source="Lin et al., MCUNet, NeurIPS 2020")
def mcunet(net: Net, design="in3", width=1.0, resolution=176, classes=1000, in_channels=3, patches=1):
    """MCUNet: kernel, expansion and channels of every block as searched for a microcontroller.

    `design` is the name in the authors' list (in0 to in4), each made for a resolution of its own: 48, 96, 160, 176
    and 160. The others are the networks that they compare with: proxyless is ProxylessNAS at 0.3 of its width, made
    for 176, mbv2-w0.3 and mbv2-w0.35 are MobileNetV2 at these widths, made for 80 and 144, whose last convolution
    shrinks too. `width` scales the channels, rounded to multiples of 8. The classifier reads the last block, or the
    convolution after it.
    """
    net.in_patches(patches)
    stem, first, blocks = DESIGNS[design]
    x = net.conv(net.image(in_channels, resolution), round_channels(stem * width), 3, 2, name="stem")
    with net.scope("block1"):
        x = net.conv(net.depthwise(x), round_channels(first * width), name="project")
    for number, (kernel, expansion, channels, stride) in enumerate(blocks, 2):
        with net.scope(f"block{number}"):
            x = mbconv(net, x, round_channels(channels * width), expansion * x.features, kernel, stride)
    if design in LAST:
        x = net.conv(x, round_channels(LAST[design] * width), name="last")
    return net.linear(net.global_pool(x), classes, name="classifier")
