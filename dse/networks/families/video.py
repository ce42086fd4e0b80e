"""Video networks that see each frame with a two-dimensional backbone: TSN and TSM."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dse.networks.families import mobilenet_v2, resnet
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor
from dse.networks.terms import Count

DEPTHS = {"resnet18": 18, "resnet34": 34, "resnet50": 50, "resnet101": 101}


@family(structural=("backbone",), domain="vision", source="Wang et al., Temporal segment networks, ECCV 2016")
def tsn(
    net: Net, backbone="resnet50", frames=8, clips=1, views=1, width=1.0, resolution=224, classes=400, in_channels=3
):
    """TSN: the scores of a backbone on each frame, averaged over the frames of all clips and views.

    One sample is one video: throughput is in videos a second. All frames of all its clips and views go through
    together, as the batch that they are in the usual code.
    """
    image = net.image(in_channels, resolution, frames=frames * clips * views)
    return _averaged(net, _body(net, image, backbone, width), classes)


@family(structural=("backbone",), domain="vision", source="Lin et al., TSM, ICCV 2019, section 3.2")
def tsm(
    net: Net, backbone="resnet50", frames=8, clips=1, views=1, shift_share=0.25, width=1.0,
    resolution=224, classes=400, in_channels=3,
):  # fmt: skip
    """TSM: TSN whose residual branches start by shifting some channels to the frames before and after.

    `shift_share` of the channels move, half of them each way. The shift has no parameters and no MACs; the moving
    channels are read and written once. One sample is one video, as with `tsn`.
    """
    image = net.image(in_channels, resolution, frames=frames * clips * views)
    x = _body(net, image, backbone, width, partial(net.shift, share=shift_share))
    return _averaged(net, x, classes)


def _body(net: Net, x: Tensor, backbone: str, width: Count, before: Callable[[Tensor], Tensor] = lambda x: x) -> Tensor:
    if backbone == "mobilenet_v2":
        return mobilenet_v2.body(net, x, width, before)
    return resnet.body(net, x, DEPTHS[backbone], width, before=before)


def _averaged(net: Net, x: Tensor, classes: Count) -> Tensor:
    return net.pool_positions(net.linear(net.global_pool(x), classes, name="classifier"), "consensus")
