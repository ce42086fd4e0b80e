"""GoogLeNet and Inception v3."""

from __future__ import annotations

from functools import partial

from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor
from dse.networks.terms import Count

# 1×1; 3×3 reduced and made; second 3×3 reduced and made (the paper has 5×5); after pooling. Table 1 of the paper.
GOOGLENET = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    None,
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    None,
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)
ROW, COLUMN = (1, 7), (7, 1)
SMALL_ROW, SMALL_COLUMN = (1, 3), (3, 1)
# Branches of each block of Inception v3: channels, kernel, and True where stride is 2 without padding.
Layer = tuple[int, int | tuple[int, int], bool]
BLOCK_A: tuple[tuple[Layer, ...], ...] = (
    ((64, 1, False),),
    ((48, 1, False), (64, 5, False)),
    ((64, 1, False), (96, 3, False), (96, 3, False)),
)
BLOCK_B: tuple[tuple[Layer, ...], ...] = (((384, 3, True),), ((64, 1, False), (96, 3, False), (96, 3, True)))
BLOCK_D: tuple[tuple[Layer, ...], ...] = (
    ((192, 1, False), (320, 3, True)),
    ((192, 1, False), (192, ROW, False), (192, COLUMN, False), (192, 3, True)),
)
# Channels after pooling in the first three blocks; inner channels of the 7×7 blocks.
POOLED_A = (32, 64, 64)
INNER_C = (128, 160, 160, 192)


@family(domain="vision", source="Szegedy et al., Going deeper with convolutions, CVPR 2015, table 1")
def googlenet(net: Net, resolution=224, classes=1000, in_channels=3):
    """GoogLeNet with batch norms, as torchvision builds it: 3×3 in place of 5×5, no auxiliary classifiers."""
    net.require("resolution", resolution >= 15, "too little is left for the poolings; at least 15")
    x = net.conv(net.image(in_channels, resolution), 64.0, 7, 2, name="conv1")
    x = net.pool(x, 2, kernel=3, padding=0, ceil=True, name="pool1")
    x = net.conv(net.conv(x, 64.0, name="conv2"), 192.0, 3, name="conv3")
    x = net.pool(x, 2, kernel=3, padding=0, ceil=True, name="pool2")
    kernels = iter((3, 2))
    for number, layer in enumerate(GOOGLENET, 1):
        if layer is None:
            x = net.pool(x, 2, kernel=next(kernels), padding=0, ceil=True, name=f"pool{number}")
            continue
        one, reduced, made, second_reduced, second_made, pooled = layer
        branches = (((one, 1, False),), ((reduced, 1, False), (made, 3, False)))
        with net.scope(f"block{number}"):
            x = _block(net, x, (*branches, ((second_reduced, 1, False), (second_made, 3, False))), pooled)
    return net.linear(net.global_pool(x), classes, name="classifier")


@family(domain="vision", source="Szegedy et al., Rethinking the Inception architecture, CVPR 2016, table 1")
def inception_v3(net: Net, resolution=299, classes=1000, in_channels=3, auxiliary=0):
    """Inception v3: blocks of branches set side by side, large kernels split into rows and columns.

    `auxiliary` 1 stores the auxiliary classifier, which inference does not run.
    """
    net.require("resolution", resolution >= 75, "too little is left for the reductions; at least 75")
    x = net.conv(net.image(in_channels, resolution), 32.0, 3, 2, padding=0, name="conv1")
    x = net.conv(x, 32.0, 3, padding=0, name="conv2")
    x = net.pool(net.conv(x, 64.0, 3, name="conv3"), 2, kernel=3, padding=0, name="pool1")
    x = net.conv(net.conv(x, 80.0, name="conv4"), 192.0, 3, padding=0, name="conv5")
    x = net.pool(x, 2, kernel=3, padding=0, name="pool2")
    block = partial(_numbered, net)
    for number, pooled in enumerate(POOLED_A, 1):
        x = block(x, f"a{number}", BLOCK_A, pooled)
    x = block(x, "b", BLOCK_B)
    for number, inner in enumerate(INNER_C, 1):
        x = block(x, f"c{number}", _block_c(inner), 192)
    _auxiliary(net, x, classes, auxiliary)
    x = block(x, "d", BLOCK_D)
    for number in (1, 2):
        with net.scope(f"e{number}"):
            x = _block_e(net, x)
    return net.linear(net.global_pool(x), classes, name="classifier")


def _numbered(net: Net, x: Tensor, name: str, branches: tuple[tuple[Layer, ...], ...], pooled: Count = None) -> Tensor:
    with net.scope(name):
        return _block(net, x, branches, pooled)


def _block(net: Net, x: Tensor, branches: tuple[tuple[Layer, ...], ...], pooled: Count = None) -> Tensor:
    """Branches side by side, and one of pooling: with `pooled` channels, or, without, of stride 2."""
    made = [_branch(net, x, layers, f"branch{number}") for number, layers in enumerate(branches, 1)]
    if pooled is None:
        made.append(net.pool(x, 2, kernel=3, padding=0))
    else:
        made.append(net.conv(net.pool(x, 1), 1.0 * pooled, name="pooled"))
    return net.concat_features(*made)


def _branch(net: Net, x: Tensor, layers: tuple[Layer, ...], name: str) -> Tensor:
    for number, (channels, kernel, reducing) in enumerate(layers, 1):
        stride, padding = (2, 0) if reducing else (1, None)
        x = net.conv(x, 1.0 * channels, kernel, stride, padding=padding, name=f"{name}_{number}")
    return x


def _block_c(inner: int) -> tuple[tuple[Layer, ...], ...]:
    columns_and_rows = tuple((inner, kernel, False) for kernel in (COLUMN, ROW, COLUMN))
    return (
        ((192, 1, False),),
        ((inner, 1, False), (inner, ROW, False), (192, COLUMN, False)),
        ((inner, 1, False), *columns_and_rows, (192, ROW, False)),
    )


def _block_e(net: Net, x: Tensor) -> Tensor:
    one = net.conv(x, 320.0, name="branch1_1")
    split = [
        _split(net, net.conv(x, 384.0, name="branch2_1"), "branch2"),
        _split(net, _branch(net, x, ((448, 1, False), (384, 3, False)), "branch3"), "branch3"),
    ]
    return net.concat_features(one, *split, net.conv(net.pool(x, 1), 192.0, name="pooled"))


def _split(net: Net, x: Tensor, name: str) -> Tensor:
    row = net.conv(x, 384.0, SMALL_ROW, name=f"{name}_row")
    return net.concat_features(row, net.conv(x, 384.0, SMALL_COLUMN, name=f"{name}_column"), name=f"{name}_concat")


def _auxiliary(net: Net, x: Tensor, classes, stored) -> None:
    """1×1 to 128 channels, 5×5 to 768, and a classifier."""
    convolutions = x.features * 128 + 128 * 768 * 25
    net.unused("conv", stored * convolutions, 0.0, stored * 2.0 * (128 + 768), "auxiliary_convolutions")
    net.unused("linear", stored * 768 * classes, stored * classes, 0.0, "auxiliary_classifier")
