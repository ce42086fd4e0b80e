"""Residual blocks of the networks of diffusion: group norm before each convolution."""

from __future__ import annotations

from dse.networks.net import Net
from dse.networks.tensors import Tensor


def residual_block(net: Net, x: Tensor, channels, condition: Tensor | None = None) -> Tensor:
    """Two convolutions, a projection of the `condition` (time) added between them, and the input added at the end."""
    with net.scope("residual"):
        h = net.conv(net.norm(x, name="norm1"), channels, 3, bias=1, norm=0, name="conv1")
        if condition is not None:
            h = net.add(h, net.linear(condition, channels, name="condition"), "condition_add")
        h = net.conv(net.norm(h, name="norm2"), channels, 3, bias=1, norm=0, name="conv2")

        def shortcut(x: Tensor) -> Tensor:
            return net.conv(x, channels, bias=1, norm=0, name="shortcut")

        return net.add(h, net.optional(channels != x.features, shortcut, x))


def attention_block(net: Net, x: Tensor) -> Tensor:
    """Attention of one head over all pixels, added to its input."""
    with net.scope("attention"):
        h = net.norm(x)
        q, k, v = (net.linear(h, x.features, name=name) for name in ("q", "k", "v"))
        a = net.attention(q, k, v, x.positions, 1, cached=False)
        return net.add(net.view(net.linear(a, x.features, name="output"), side=x.side), x)
