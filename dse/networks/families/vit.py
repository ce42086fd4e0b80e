"""Vision transformers."""

from __future__ import annotations

from functools import partial

from dse.networks.families.attention import SOFTMAX, self_attention
from dse.networks.families.feed_forward import dense
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor


@family(
    structural=("attention", "pre_norm", "layer_scale", "class_position"),
    divided={"tensor_parallel": "heads", "pipeline_parallel": "layers"},
    domain="vision",
    source="Dosovitskiy et al., ICLR 2021, table 1; Touvron et al. (DeiT), ICML 2021, table 1; Radford et al. (CLIP), "
    "ICML 2021, sec. 2.4; Touvron et al. (DeiT III), ECCV 2022; Katharopoulos et al. (linear attention), ICML 2020",
)
def vit(
    net: Net, layers, d_model, heads, ffn=None, patch=16, resolution=224, classes=1000, in_channels=3,
    attention=SOFTMAX, patch_bias=1, pre_norm=0, layer_scale=0,
    projection=None, class_position=1,
    *, present=1, headless=False,
):  # fmt: skip
    """Vision transformer with a class token: ViT, DeiT, and the vision tower of CLIP.

    The image gives one token for each whole patch; a class token goes before them, and the classifier reads its
    result alone. Positions are learned, one for each token, so that parameters grow with the resolution. `attention`
    is softmax (quadratic in the tokens) or linear. The class token has a position of its own, but not in DeiT III
    (`class_position` 0). A `projection` stands in place of the classifier. Left out, `ffn` is 4·d_model.

    Other families take all tokens (`headless`), of an image that may not be `present`.
    """
    net.require("heads", d_model % heads == 0, "it must divide d_model")
    net.require("patch", patch <= resolution, "the image is smaller than one patch")
    ffn = 4 * d_model if ffn is None else ffn
    patches = net.patches(net.image(in_channels, resolution, present), d_model, patch, patch_bias)
    first = net.embedding(1.0, 1.0, d_model, "class_token")
    x = net.concat(first, patches, "class_concat") if class_position else patches
    x = net.add(x, net.embedding(x.positions, x.positions, d_model, "position_embedding"), "position_add")
    x = x if class_position else net.concat(first, x, "class_concat")
    x = net.norm(x, name="pre_norm") if pre_norm else x
    with net.scope("layer"):
        x = net.repeat(layers, partial(layer, net, attention=attention, heads=heads, ffn=ffn, scaled=layer_scale), x)
    x = net.norm(x, name="final_norm")
    if headless:
        return x
    x = net.select(x, 1.0)
    if projection is not None:
        return net.linear(x, projection, bias=0, name="projection")
    return net.linear(x, classes, name="classifier")


def layer(net: Net, x: Tensor, attention, heads, ffn, scaled=0) -> Tensor:
    """One layer of a transformer whose branches are normalised before them, with biases everywhere."""
    a = self_attention(net, net.norm(x, name="attention_norm"), attention, heads)
    x = net.add(net.learned_scale(a, name="attention_scale") if scaled else a, x, "attention_add")
    f = dense(net, net.norm(x, name="ffn_norm"), ffn=ffn, gated=0, bias=1)
    return net.add(net.learned_scale(f, name="ffn_scale") if scaled else f, x, "ffn_add")
