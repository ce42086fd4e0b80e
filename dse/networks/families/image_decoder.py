"""The decoder of a latent image, as latent diffusion ends in."""

from __future__ import annotations

from dse.networks.families.residual import attention_block, residual_block
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

# Pixels of the image to a side of one latent pixel: three doublings.
SCALE = 8
WIDTHS = (4, 4, 2, 1)


@family(domain="vision", source="Rombach et al. (latent diffusion), CVPR 2022, sec. 3.1 and appendix G")
def image_decoder(net: Net, base_channels=128, blocks=2, latent_channels=4, resolution=512, in_channels=3):
    """Decoder of the autoencoder of latent diffusion: an image of `resolution` out of latents of an eighth of it.

    Four stages of 4, 4, 2 and 1 times `base_channels`, each with `blocks` + 1 residual blocks and all but the last with
    a doubling of the resolution; before them attention over all latent pixels. Images have `in_channels`.
    """
    net.require("resolution", resolution % SCALE == 0, f"latents have 1/{SCALE} of the resolution: a multiple of it")
    return decode(net, net.image(latent_channels, resolution / SCALE), base_channels, blocks, in_channels)


def decode(net: Net, latent: Tensor, base_channels=128, blocks=2, channels=3) -> Tensor:
    """The image that a latent image stands for."""
    x = net.conv(latent, latent.features, bias=1, norm=0, name="latent_conv")
    x = net.conv(x, WIDTHS[0] * base_channels, 3, bias=1, norm=0, name="in_conv")
    with net.scope("mid"):
        x = residual_block(net, x, x.features)
        x = residual_block(net, attention_block(net, x), x.features)
    for number, width in enumerate(WIDTHS, 1):
        with net.scope(f"stage{number}"):
            x = residual_block(net, x, width * base_channels)
            x = net.repeat(blocks, lambda x: residual_block(net, x, x.features), x)
            if number < len(WIDTHS):
                x = net.conv(net.upsample(x), x.features, 3, bias=1, norm=0, name="upsample_conv")
    return net.conv(net.norm(x, name="out_norm"), channels, 3, bias=1, norm=0, name="out_conv")
