"""Diffusion transformers."""

from __future__ import annotations

from functools import partial

import numpy as np

from dse.networks.families.attention import SOFTMAX, self_attention
from dse.networks.families.feed_forward import dense
from dse.networks.families.image_decoder import SCALE, decode
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Features of the sines and cosines that stand for the time.
TIME = 256


@family(
    structural=("attention", "image_decoder"),
    domain="vision",
    source="Peebles and Xie (DiT), ICCV 2023, sec. 3.2 and table 1",
)
def dit(
    net: Net, layers, d_model, heads, ffn=None, patch=2, resolution=256, classes=1000, latent_channels=4, steps=1,
    guidance=1, image_decoder=0, attention=SOFTMAX,
):  # fmt: skip
    """Diffusion transformer with adaptive layer norm (adaLN-Zero): DiT-S, B, L, XL.

    It denoises latents of an eighth of the `resolution`, cut into patches, for a class and a time. `steps` of
    `guidance` calls each (2: classifier-free) run one after the other with the same weights; the defaults are one call,
    as published counts are. With `image_decoder` the decoder to pixels runs once after them. Both noise and its
    variance are predicted. Left out, `ffn` is 4·d_model.
    """
    net.require("heads", d_model % heads == 0, "it must divide d_model")
    net.require("resolution", resolution % SCALE == 0, f"latents have 1/{SCALE} of the resolution: a multiple of it")
    net.require("patch", np.equal(resolution / SCALE % patch, 0), "it must divide the side of the latents")
    ffn = 4 * d_model if ffn is None else ffn
    latent = net.image(latent_channels, resolution / SCALE)

    def step(latent: Tensor) -> Tensor:
        noise = _denoise(net, latent, layers, d_model, heads, ffn, patch, classes, attention)
        return net.add(latent, noise, "step_add")

    with net.part("denoiser"):
        latent = net.repeat(steps * guidance, step, latent, shared=True)
    if not image_decoder:
        return latent
    with net.part("image_decoder"):
        return decode(net, latent)


def _denoise(net: Net, latent: Tensor, layers, d_model, heads, ffn, patch, classes, attention) -> Tensor:
    patches = net.patches(latent, d_model, patch)
    # Sines and cosines, but stored.
    x = net.add(patches, net.embedding(patches.positions, patches.positions, d_model, "position_embedding"))
    with net.scope("time"):
        condition = net.linear(net.linear(net.encoding(TIME), d_model, name="up"), d_model, name="out")
    # One row more than classes stands for none of them.
    label = net.embedding(1.0, classes + 1, d_model, "class_embedding")
    condition = net.add(condition, label, "condition_add")
    with net.scope("layer"):
        x = net.repeat(layers, partial(_layer, net, condition, heads=heads, ffn=ffn, attention=attention), x)
    with net.scope("final"):
        x = _modulated(net, x, net.linear(condition, 2 * d_model, name="modulation"))
        x = net.linear(x, patch * patch * 2 * latent.features, name="linear")
    # The predicted variance stands beside the noise.
    return net.select(x, latent.positions, latent.features)


def _modulated(net: Net, x: Tensor, modulation: Tensor) -> Tensor:
    """x normalised without learned elements, then scaled and shifted by the condition."""
    h = net.norm(x, features=0.0)
    return net.add(net.multiply(h, modulation, "modulation_scale"), modulation, "modulation_shift")


def _layer(net: Net, condition: Tensor, x: Tensor, heads, ffn, attention) -> Tensor:
    modulation = net.linear(condition, 6 * x.features, name="modulation")
    with net.scope("attention"):
        h = self_attention(net, _modulated(net, x, modulation), attention, heads)
        x = net.add(net.multiply(h, modulation, "gate"), x)
    with net.scope("ffn"):
        h = dense(net, _modulated(net, x, modulation), ffn=ffn, gated=0, bias=1)
        return net.add(net.multiply(h, modulation, "gate"), x)
