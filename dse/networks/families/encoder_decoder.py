"""Transformers that encode one text and decode another."""

from __future__ import annotations

from functools import partial

from dse.networks.families.attention import cross_attention
from dse.networks.families.feed_forward import dense
from dse.networks.net import Net
from dse.networks.registration import family
from dse.networks.tensors import Tensor


@family(
    structural=("gated", "position_buckets"),
    domain="language",
    source="Vaswani et al., NeurIPS 2017; Raffel et al. (T5), JMLR 2020, sec. 2.1",
)
def encoder_decoder(
    net: Net, layers, d_model, heads, vocab, d_head=None, ffn=None, gated=0, tied=1, position_buckets=32,
    source_tokens=512, context=1, phase=1, batch=1, all_logits=0, decoder_layers=None,
):  # fmt: skip
    """Encoder and decoder of `layers` each, or `decoder_layers` of the decoder, with cross-attention in it: T5.

    In prefill (`phase` 0) the encoder reads the `source_tokens` and the decoder the first `context` tokens of its own
    output (the start token: 1); in decode (1) there is one token, the encoder rests, and attention reads `context` own
    positions and the keys and values of the source, which are cached. Norms have a scale only, nothing has a bias, and
    learned relative positions are shared by the layers of a side. Left out, `d_head` is d_model / heads and `ffn` is
    4·d_model.
    """
    net.require("phase", phase <= 1, "a network is traced in prefill or decode, a request in its parts")
    if d_head is None:
        net.require("heads", d_model % heads == 0, "it must divide d_model where d_head is not given")
        d_head = d_model / heads
    ffn = 4 * d_model if ffn is None else ffn
    shape = {"heads": heads, "d_head": d_head, "ffn": ffn, "gated": gated}
    prefill = 1 - phase

    def encode(tokens: Tensor) -> Tensor:
        x = net.embedding(tokens.positions, vocab, d_model)
        if position_buckets:
            net.vectors(heads, position_buckets, "position_bias")
        with net.scope("layer"):
            x = net.repeat(layers, partial(_encoder_layer, net, **shape), x)
        return net.norm(x, shift=0, name="final_norm")

    with net.part("encoder"):
        memory = net.call(prefill, encode, net.given(1.0, source_tokens * prefill))
    source = net.view(memory, source_tokens, d_model)
    with net.part("decoder"):
        tokens = context * prefill + phase
        # The same table as the encoder's.
        x = net.embedding(tokens, vocab, d_model, stored=0)
        if position_buckets:
            net.vectors(heads, position_buckets, "position_bias")
        with net.scope("layer"):
            block = partial(_decoder_layer, net, source=source, span=context, decode=phase, **shape)
            x = net.repeat(layers if decoder_layers is None else decoder_layers, block, x)
        x = net.norm(x, shift=0, name="final_norm")
        x = net.select(x, 1 + all_logits * (tokens - 1))
        return net.linear(x, vocab, bias=0, stored=1 - tied, name="head")


def _norm(net: Net, x: Tensor, name: str) -> Tensor:
    return net.norm(x, shift=0, name=name)


def _own(net: Net, x: Tensor, span, heads, d_head, cached: bool) -> Tensor:
    d_model = x.features
    q, k, v = (net.linear(x, heads * d_head, bias=0, name=name) for name in ("q", "k", "v"))
    a = net.attention(q, k, v, span, heads, cached=cached)
    return net.linear(a, d_model, bias=0, name="output")


def _feed(net: Net, x: Tensor, ffn, gated) -> Tensor:
    return net.add(dense(net, _norm(net, x, "ffn_norm"), ffn=ffn, gated=gated, bias=0), x, "ffn_add")


def _encoder_layer(net: Net, x: Tensor, heads, d_head, ffn, gated) -> Tensor:
    a = _own(net, _norm(net, x, "attention_norm"), x.positions, heads, d_head, cached=False)
    return _feed(net, net.add(a, x, "attention_add"), ffn, gated)


def _decoder_layer(net: Net, x: Tensor, source: Tensor, span, decode, heads, d_head, ffn, gated) -> Tensor:
    a = _own(net, _norm(net, x, "attention_norm"), span, heads, d_head, cached=True)
    x = net.add(a, x, "attention_add")
    with net.scope("cross"):
        h = _norm(net, x, "attention_norm")
        a = cross_attention(net, h, source, heads=heads, d_head=d_head, decode=decode)
        x = net.add(a, x, "attention_add")
    return _feed(net, x, ffn, gated)
