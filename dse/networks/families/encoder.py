"""Encoders of text."""

from __future__ import annotations

from functools import partial

from dse.networks.families.attention import LINEAR, SOFTMAX, self_attention
from dse.networks.families.feed_forward import dense
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor


@family(
    structural=("attention", "post_norm", "gated", "pre_norm", "final_norm", "pooler", "positions", "token_types"),
    divided={"tensor_parallel": "heads", "pipeline_parallel": "layers"},
    domain="language",
    source="Devlin et al. (BERT), NAACL 2019; Radford et al. (CLIP), ICML 2021, sec. 2.4",
)
def encoder(
    net: Net, layers, d_model, heads, vocab, ffn=None, gated=0, context=512, positions=512, token_types=0, pre_norm=0,
    post_norm=0, final_norm=1, pooler=0, projection=None, attention=SOFTMAX,
    *, states=False,
):  # fmt: skip
    """Encoder of a text of `context` tokens: BERT, the text towers of CLIP and of Stable Diffusion.

    Positions are learned. Norms stand before each branch, or after the sum (`post_norm` 1, BERT). BERT adds kinds of
    tokens and a pooler; a text tower ends in a norm and a `projection` of one token. Left out, `ffn` is 4·d_model.
    A mask changes no count: attention is the full square. Other families take the `states` of all tokens.
    """
    net.require("heads", d_model % heads == 0, "it must divide d_model")
    net.require("context", context <= positions if positions else True, f"there are {positions} learned positions")
    net.require("attention", attention in (SOFTMAX, LINEAR), "here it is softmax or linear")
    ffn = 4 * d_model if ffn is None else ffn
    x = net.embedding(context, vocab, d_model)
    if positions:
        x = net.add(x, net.embedding(context, positions, d_model, "position_embedding"), "position_add")
    if token_types:
        x = net.add(x, net.embedding(context, token_types, d_model, "type_embedding"), "type_add")
    x = net.norm(x, name="pre_norm") if pre_norm else x
    with net.scope("layer"):
        block = partial(_layer, net, attention=attention, heads=heads, ffn=ffn, gated=gated, post_norm=post_norm)
        x = net.repeat(layers, block, x)
    x = net.norm(x, name="final_norm") if final_norm else x
    if pooler:
        net.linear(net.select(x, 1.0), d_model, name="pooler")
    if projection is not None:
        embedded = net.linear(net.select(x, 1.0), projection, bias=0, name="projection")
        return x if states else embedded
    return x


def _layer(net: Net, x: Tensor, attention, heads, ffn, gated, post_norm) -> Tensor:
    h = x if post_norm else net.norm(x, name="attention_norm")
    x = net.add(self_attention(net, h, attention, heads), x, "attention_add")
    x = net.norm(x, name="attention_norm") if post_norm else x
    h = x if post_norm else net.norm(x, name="ffn_norm")
    x = net.add(dense(net, h, ffn=ffn, gated=gated, bias=1), x, "ffn_add")
    return net.norm(x, name="ffn_norm") if post_norm else x
