"""Pipelines that make an image out of a text: text encoders, a U-Net run step by step, a decoder to pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dse.networks.families.encoder import encoder
from dse.networks.families.image_decoder import SCALE, decode
from dse.networks.families.unet import unet as denoise
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor


@family(
    structural=("image_decoder",),
    domain="vision",
    source="Rombach et al. (latent diffusion), CVPR 2022; Podell et al. (SDXL), ICLR 2024; Ho and Salimans "
    "(classifier-free guidance), 2021",
    towers={"text": "encoder", "second_text": "encoder", "unet": "unet"},
    optional_towers=("second_text",),
)
def latent_diffusion(
    net: Net, text, second_text, unet, resolution=512, context=77, latent_channels=4, steps=50, guidance=2,
    image_decoder=1,
):  # fmt: skip
    """Text to image by latent diffusion: Stable Diffusion 1.x and XL.

    Each text encoder reads `guidance` texts of `context` tokens (the prompt, and the empty one that it is set against).
    The U-Net runs `steps` times `guidance` calls with the same weights, each on the result of the one before, and the
    `image_decoder` once. Weights are stored once and read by every call; what steps and guidance do not touch is a
    fixed part of time and work.
    """
    encoders = [encoders for encoders in (text, second_text) if encoders["layers"] is not None]
    width = sum(each["d_model"] for each in encoders)
    given = unet["d_text"]
    net.require("unet_d_text", np.equal(given, width), "it must be the features of the text encoders together")
    read = [
        _read(net, name, each, context, guidance) for name, each in zip(("text", "second_text"), encoders, strict=False)
    ]

    with net.part("unet", tower="unet"):
        states = net.concat_features(*read, name="text_concat")

        def step(latent: Tensor) -> Tensor:
            noise = denoise(net, **unet, resolution=resolution, context=context, latent=latent, text=states)
            return net.add(latent, noise, "step_add")

        latent = net.image(latent_channels, resolution / SCALE)
        latent = net.repeat(steps * guidance, step, latent, shared=True)
    if not image_decoder:
        return latent
    with net.part("image_decoder"):
        return decode(net, latent)


def _read(net: Net, name: str, of: Mapping[str, Any], context, guidance) -> Tensor:
    """The states of all tokens, as the U-Net reads those of one text."""

    def once(tokens: Tensor) -> Tensor:
        return encoder(net, **of, context=tokens.positions, states=True)

    with net.part(f"{name}_encoder", tower=name):
        out = net.call(guidance, once, net.given(1.0, context))
    return net.view(out, context, of["d_model"])
