"""The denoising U-Net of latent diffusion."""

from __future__ import annotations

from functools import partial

from dse.networks.families.attention import LINEAR, SOFTMAX, cross_attention
from dse.networks.families.image_decoder import SCALE
from dse.networks.families.residual import residual_block
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor


@family(
    structural=(
        "blocks", "attention", "mid_depth", "attention_depth_1", "attention_depth_2", "attention_depth_3",
        "attention_depth_4", "width_4", "d_added",
    ),
    domain="vision",
    source="Rombach et al. (latent diffusion), CVPR 2022, sec. 3.3; Podell et al. (SDXL), ICLR 2024, table 1",
)  # fmt: skip
def unet(
    net: Net, base_channels=320, width_1=1, width_2=2, width_3=4, width_4=None, blocks=2, attention_depth_1=1,
    attention_depth_2=1, attention_depth_3=1, attention_depth_4=0, mid_depth=1, heads=8, d_head=None, d_text=768,
    d_added=0, latent_channels=4, resolution=512, context=77, attention=SOFTMAX,
    *, latent=None, text=None,
):  # fmt: skip
    """One call of the U-Net of Stable Diffusion (1.x, XL) for an image, with a text of `context` tokens.

    Stages of `width_n` times `base_channels` on latents of an eighth of the `resolution`, halved from stage to stage;
    each has `blocks` residual blocks down and one more up, each followed by `attention_depth_n` transformer layers (0:
    none) that attend to the image and to the text. Left out, `width_4` is no stage at all (SDXL has three). `d_added`
    is the width of a condition beside the time. With `d_head` the heads follow from the channels, else there are
    `heads`. `attention` of the image on itself is softmax or linear.
    """
    widths = [width_1, width_2, width_3, *([] if width_4 is None else [width_4])]
    depths = (attention_depth_1, attention_depth_2, attention_depth_3, attention_depth_4)[: len(widths)]
    whole = SCALE * 2 ** (len(widths) - 1)
    net.require("resolution", resolution % whole == 0, f"it must be a multiple of {whole}, so that stages fit")
    net.require("attention", attention in (SOFTMAX, LINEAR), "here it is softmax or linear")
    channels = [base_channels * width for width in widths]
    latent = net.image(latent_channels, resolution / SCALE) if latent is None else latent
    text = net.given(d_text, context) if text is None else text
    time = _condition(net, base_channels, d_added)
    block = partial(_block, net, time=time, text=text, heads=heads, d_head=d_head, attention=attention)

    x = net.conv(latent, channels[0], 3, bias=1, norm=0, name="in_conv")
    skips = [x]
    for number, (width, depth) in enumerate(zip(channels, depths, strict=True), 1):
        with net.scope(f"down{number}"):
            for _ in range(int(blocks)):
                x = block(x, width, depth)
                skips.append(x)
            if number < len(channels):
                x = net.conv(x, width, 3, stride=2, bias=1, norm=0, name="downsample")
                skips.append(x)
    with net.scope("mid"):
        x = block(x, channels[-1], mid_depth)
        x = residual_block(net, x, channels[-1], time)
    for number in range(len(channels), 0, -1):
        with net.scope(f"up{number}"):
            for _ in range(int(blocks) + 1):
                x = block(net.concat_features(x, skips.pop(), name="skip"), channels[number - 1], depths[number - 1])
            if number > 1:
                x = net.conv(net.upsample(x), x.features, 3, bias=1, norm=0, name="upsample_conv")
    return net.conv(net.norm(x, name="out_norm"), latent.features, 3, bias=1, norm=0, name="out_conv")


def _condition(net: Net, base_channels, d_added) -> Tensor:
    """What tells the blocks the time, and what else the image is to be."""
    with net.scope("time"):
        hidden = net.linear(net.encoding(base_channels), 4 * base_channels, name="up")
        time = net.linear(hidden, 4 * base_channels, name="out")
    if not d_added:
        return time
    with net.scope("added"):
        hidden = net.linear(net.encoding(d_added), 4 * base_channels, name="up")
        return net.add(time, net.linear(hidden, 4 * base_channels, name="out"))


def _block(net: Net, x: Tensor, channels, depth, time, text, heads, d_head, attention) -> Tensor:
    x = residual_block(net, x, channels, time)
    if not depth:
        return x
    if d_head is None:
        net.require("heads", channels % heads == 0, "it must divide the channels of every stage with attention")
        of_block = {"heads": heads, "d_head": channels / heads}
    else:
        net.require("d_head", channels % d_head == 0, "it must divide the channels of every stage with attention")
        of_block = {"heads": channels / d_head, "d_head": d_head}
    with net.scope("transformer"):
        h = net.conv(net.norm(x), channels, bias=1, norm=0, name="in")
        h = net.repeat(depth, partial(_layer, net, text=text, attention=attention, **of_block), h)
        return net.add(net.conv(net.view(h, side=x.side), channels, bias=1, norm=0, name="out"), x)


def _layer(net: Net, x: Tensor, text, attention, heads, d_head) -> Tensor:
    h = net.norm(x, name="attention_norm")
    q, k, v = (net.linear(h, x.features, bias=0, name=name) for name in ("q", "k", "v"))
    if attention == LINEAR:
        a = net.linear_attention(q, k, v, heads, cached=False)
    else:
        a = net.attention(q, k, v, x.positions, heads, cached=False)
    x = net.add(net.linear(a, x.features, name="output"), x, "attention_add")
    with net.scope("cross"):
        h = net.norm(x, name="attention_norm")
        a = cross_attention(net, h, text, heads=heads, d_head=d_head, cached=False, output_bias=1)
        x = net.add(a, x, "attention_add")
    return net.add(_feed(net, net.norm(x, name="ffn_norm")), x, "ffn_add")


def _feed(net: Net, x: Tensor) -> Tensor:
    """A gated feed-forward network whose hidden features and gates are one product."""
    both = net.linear(x, 8 * x.features, name="up")
    hidden = net.multiply(net.select(both, features=4 * x.features), net.select(both), "gate_multiply")
    return net.linear(hidden, x.features, name="down")
