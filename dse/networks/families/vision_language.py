"""Decoders that read images: a vision tower, what connects it, and a decoder."""

from __future__ import annotations

from functools import partial

import numpy as np

from dse.glossary import lookup
from dse.networks.families.attention import cross_attention
from dse.networks.families.decoder import decoder
from dse.networks.families.feed_forward import dense
from dse.networks.families.vit import vit
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor

PROJECTOR, RESAMPLER = lookup("connector").choices
PREFIX, CROSS_ATTENTION = lookup("fusion").choices


@family(
    structural=("connector", "fusion", "images"),
    domain="language",
    source="Liu et al. (LLaVA-1.5), CVPR 2024, sec. 3; Alayrac et al. (Flamingo), NeurIPS 2022, sec. 2; Awadalla et "
    "al. (OpenFlamingo), 2023",
    towers={"vision": "vit", "text": "decoder"},
    unused=("vision_classes", "vision_projection", "text_chunk_tokens"),
)
def vision_language(
    net: Net, vision, text, connector=PROJECTOR, fusion=PREFIX, latents=64, resampler_depth=6, resampler_width=None,
    adapter_heads=8, adapter_d_head=64, cross_every=4, resolution=224, images=1, context=2048,
    phase=1, batch=1, all_logits=0,
):  # fmt: skip
    """A decoder of text with images before it: LLaVA, Flamingo, and combinations of their parts.

    The vision tower and the `connector` run in prefill only, once for each of the `images` (of one request, or tiles of
    one picture). A projector (two layers) takes each patch to a visual
    token; a Perceiver resampler takes any number of them to `latents` tokens of `resampler_width` (left out: the
    tower's width), by `resampler_depth` layers. The decoder reads visual tokens as a prefix, in front of the `context`
    tokens of text, so that its attention and cache grow; or by gated cross-attention with a feed-forward network of its
    own, one for every `cross_every` layers, whose keys and values are cached; they are those of all images, a mask for
    those that a token may not see notwithstanding. `adapter_heads` of `adapter_d_head` are
    those of resampler and cross-attention. Parts: vision_tower, connector, cross_attention, language_model.
    """
    d_model = text["d_model"]
    # All patches, without the class token.
    side = np.floor(resolution / vision["patch"])
    heads = {"heads": adapter_heads, "d_head": adapter_d_head}
    if connector == PROJECTOR:
        connect, count, width = partial(_project, net, d_model), side * side, d_model
    else:
        width = vision["d_model"] if resampler_width is None else resampler_width
        connect, count = partial(_resample, net, latents, resampler_depth, width, **heads), latents
    if fusion == PREFIX and connector == RESAMPLER:
        connect, width = partial(_to_width, net, connect, d_model), d_model
    if images > 1:
        with net.part("connector"):
            held = net.collect(width, count * images * (1 - phase), "visual_tokens")
    with net.part("vision_tower", tower="vision"):
        tower = partial(_see, net, vision, resolution, 1 - phase)
        seen = net.call((1.0 - phase) * images, tower, net.image(vision["in_channels"], resolution, 1 - phase))
    patches = net.view(seen, side * side, vision["d_model"])
    with net.part("connector"):
        made = net.call((1.0 - phase) * images, connect, patches)
    visual = net.view(made if images == 1 else held, count * images, width)
    common = {"context": context, "phase": phase, "batch": batch, "all_logits": all_logits}
    if fusion == PREFIX:
        with net.part("language_model", tower="text"):
            return decoder(net, **text, **common, visual=visual)
    net.require("cross_every", cross_every <= text["layers"], "there are not as many layers")

    def adapt(x: Tensor) -> Tensor:
        block = partial(_gated_cross, net, visual=visual, decode=phase, **heads)
        with net.part("cross_attention"):
            return net.repeat(np.floor(text["layers"] / cross_every), block, x)

    with net.part("language_model", tower="text"):
        return decoder(net, **text, **common, adapter=adapt)


def _see(net: Net, vision, resolution, present, image: Tensor) -> Tensor:
    return vit(net, **vision, resolution=resolution, present=present, headless=True)


def _project(net: Net, d_model, patches: Tensor) -> Tensor:
    return net.linear(net.linear(patches, d_model, name="projector1"), d_model, name="projector2")


def _to_width(net: Net, connect, d_model, patches: Tensor) -> Tensor:
    return net.linear(connect(patches), d_model, name="projection")


def _resample(net: Net, latents, depth, width, patches: Tensor, heads, d_head) -> Tensor:
    """Learned latents that attend to the patches and to themselves, layer by layer."""

    def widen(x: Tensor) -> Tensor:
        return net.linear(x, width, bias=0, name="widen")

    patches = net.optional(np.not_equal(width, patches.features), widen, patches)

    def block(x: Tensor) -> Tensor:
        both = net.concat(net.norm(patches, name="patch_norm"), net.norm(x, name="latent_norm"))
        a = cross_attention(net, net.select(both, x.positions), both, heads=heads, d_head=d_head, cached=False)
        return _feed(net, net.add(a, x, "attention_add"))

    with net.scope("layer"):
        x = net.repeat(depth, block, net.vectors(width, latents, "latents"))
    return net.norm(x, name="final_norm")


def _gated_cross(net: Net, x: Tensor, visual: Tensor, decode, heads, d_head) -> Tensor:
    """Cross-attention and a feed-forward network, each scaled by a learned number before it is added."""
    h = net.norm(x, name="attention_norm")
    a = cross_attention(net, h, visual, heads=heads, d_head=d_head, decode=decode)
    x = net.add(net.learned_scale(a, 1.0, "attention_gate"), x, "attention_add")
    return _feed(net, x, gate=True)


def _feed(net: Net, x: Tensor, gate: bool = False) -> Tensor:
    f = dense(net, net.norm(x, name="ffn_norm"), ffn=4 * x.features, gated=0, bias=0)
    return net.add(net.learned_scale(f, 1.0, "ffn_gate") if gate else f, x, "ffn_add")
