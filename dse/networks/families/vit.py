"""Vision transformers."""

from __future__ import annotations

from functools import partial

from dse.networks.families.feed_forward import dense
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor


@family(domain="vision", source="Dosovitskiy et al., ICLR 2021, table 1; Touvron et al. (DeiT), ICML 2021, table 1")
def vit(net: Net, layers, d_model, heads, ffn=None, patch=16, resolution=224, classes=1000, in_channels=3):
    """Vision transformer with a class token: ViT, DeiT.

    The image gives one token for each whole patch; a class token goes before them, and the classifier reads its
    result alone. Positions are learned, one for each token, so that parameters grow with the resolution. Left out,
    `ffn` is 4·d_model.
    """
    net.require("heads", d_model % heads == 0, "it must divide d_model")
    net.require("patch", patch <= resolution, "the image is smaller than one patch")
    ffn = 4 * d_model if ffn is None else ffn
    patches = net.patches(net.image(in_channels, resolution), d_model, patch)
    x = net.concat(net.embedding(1.0, 1.0, d_model, "class_token"), patches, "class_concat")
    x = net.add(x, net.embedding(x.positions, x.positions, d_model, "position_embedding"), "position_add")
    with net.scope("layer"):
        x = net.repeat(layers, partial(_block, net, heads=heads, ffn=ffn), x)
    x = net.select(net.norm(x, name="final_norm"), 1.0)
    return net.linear(x, classes, name="classifier")


def _block(net: Net, x: Tensor, heads, ffn) -> Tensor:
    h = net.norm(x, name="attention_norm")
    q, k, v = (net.linear(h, x.features, name=name) for name in ("q", "k", "v"))
    a = net.attention(q, k, v, x.positions, heads, cached=False)
    x = net.add(net.linear(a, x.features, name="output"), x, "attention_add")
    h = net.norm(x, name="ffn_norm")
    return net.add(dense(net, h, ffn=ffn, gated=0, bias=1), x, "ffn_add")
