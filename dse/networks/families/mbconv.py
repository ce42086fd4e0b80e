"""The block of mobile networks: expand, filter each channel, gate, project."""

from __future__ import annotations

import numpy as np

from dse.networks.net import Net
from dse.networks.tensors import Tensor
from dse.networks.terms import Count


def mbconv(
    net: Net, x: Tensor, channels: Count, hidden: Count, kernel: Count = 3, stride: int = 1,
    squeezed: Count | None = None, gated: Count = 1,
) -> Tensor:  # fmt: skip
    """An inverted residual with `hidden` channels inside.

    Where `hidden` are as many as go in, the first convolution is left out; where as many go in as come out and the
    stride is 1, the input is added. `squeezed` are the channels inside the squeeze-and-excitation; None is none, and
    it is left out where `gated` is 0.
    """

    def expand(x: Tensor) -> Tensor:
        return net.conv(x, hidden, name="expand")

    def gate(y: Tensor) -> Tensor:
        return squeeze_excite(net, y, squeezed)

    y = net.depthwise(net.optional(np.not_equal(hidden, x.features), expand, x), kernel, stride)
    if squeezed is not None:
        y = net.optional(np.equal(gated, 1), gate, y)
    y = net.conv(y, channels, name="project")
    return residual(net, y, x) if stride == 1 else y


def residual(net: Net, y: Tensor, x: Tensor) -> Tensor:
    """y + x where both have the same channels, y elsewhere."""
    return net.optional(np.equal(y.features, x.features), lambda y: net.add(y, x), y)


def squeeze_excite(net: Net, x: Tensor, squeezed: Count) -> Tensor:
    """x times a gate for each channel, computed from the means of all of them with `squeezed` channels between.

    References
    ----------
    .. [1] Hu et al., "Squeeze-and-excitation networks", CVPR 2018.
    """
    means = net.global_pool(x, name="squeeze")
    hidden = net.conv(means, squeezed, bias=1, norm=0, name="squeeze_reduce")
    return net.scale(x, net.conv(hidden, x.features, bias=1, norm=0, name="squeeze_expand"))
