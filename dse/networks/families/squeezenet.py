"""SqueezeNet."""

from __future__ import annotations

from dse.errors import Fault, InputError
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Channels and kernel of the first convolution, then squeezed and expanded channels of each fire module; None is a
# pooling. Table 1 of the paper, and the authors' repository for 1.1.
VERSIONS = {
    1.0: (96, 7, (
        None, (16, 64), (16, 64), (32, 128), None, (32, 128), (48, 192), (48, 192), (64, 256), None, (64, 256),
    )),
    1.1: (64, 3, (
        None, (16, 64), (16, 64), None, (32, 128), (32, 128), None, (48, 192), (48, 192), (64, 256), (64, 256),
    )),
}  # fmt: skip


@family(structural=("version",), domain="vision", source="Iandola et al., SqueezeNet, 2016, table 1")
def squeezenet(net: Net, version=1.0, resolution=224, classes=1000, in_channels=3):
    """SqueezeNet 1.0 and 1.1: fire modules, whose halves of 1×1 and 3×3 kernels are set side by side."""
    if version not in VERSIONS:
        raise InputError(Fault("version", f"{version} is not allowed; allowed: {', '.join(map(str, VERSIONS))}"))
    net.require("resolution", resolution >= 21, "too little is left for the poolings; at least 21")
    stem, kernel, layers = VERSIONS[version]
    x = net.conv(net.image(in_channels, resolution), 1.0 * stem, kernel, 2, bias=1, norm=0, padding=0, name="stem")
    for number, layer in enumerate(layers, 1):
        if layer is None:
            x = net.pool(x, 2, kernel=3, padding=0, ceil=True, name=f"pool{number}")
        else:
            with net.scope(f"fire{number}"):
                x = _fire(net, x, *layer)
    x = net.conv(x, classes, bias=1, norm=0, name="classifier")
    return net.global_pool(x)


def _fire(net: Net, x: Tensor, squeezed: int, expanded: int) -> Tensor:
    x = net.conv(x, 1.0 * squeezed, bias=1, norm=0, name="squeeze")
    small = net.conv(x, 1.0 * expanded, bias=1, norm=0, name="expand1x1")
    large = net.conv(x, 1.0 * expanded, 3, bias=1, norm=0, name="expand3x3")
    return net.concat_features(small, large)
