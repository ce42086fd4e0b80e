"""Two towers that embed images and texts in one space."""

from __future__ import annotations

from dse.networks.families.encoder import encoder
from dse.networks.families.vit import vit
from dse.networks.net import Net
from dse.networks.registration import family


@family(
    domain="vision",
    source="Radford et al. (CLIP), ICML 2021, sec. 2.4",
    towers={"vision": "vit", "text": "encoder"},
    unused=("vision_classes",),
)
def clip(net: Net, vision, text, resolution=224, context=77):
    """CLIP: a vision transformer and an encoder of text, one image against one text.

    Both towers end in a projection to one width; their product is scaled by a learned number.
    """
    ends = (vision["projection"], text["projection"])
    net.require("text_projection", ends[0] is not None and ends[0] == ends[1], "both towers end in the same width")
    with net.part("vision_tower", tower="vision"):
        image = vit(net, **vision, resolution=resolution)
    with net.part("text_tower", tower="text"):
        words = encoder(net, **text, context=context)
    with net.part("similarity"):
        return net.learned_scale(net.multiply(image, words), 1.0, "logit_scale")
