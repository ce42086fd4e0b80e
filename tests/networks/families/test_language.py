"""Encoders, encoder-decoders, and decoders that read images: written out, and against published parts."""

import numpy as np
import pytest

from dse.errors import InputError
from dse.networks import MODELS, trace


def of(name, **axes):
    return trace(MODELS[name].family, dict(MODELS[name].axes) | axes)


@pytest.mark.parametrize("context", [1, 128, 512])
def test_bert_by_hand(context):
    d, ffn, layers = 768, 3072, 12
    products = layers * (context * (4 * d * d + 2 * d * ffn) + 2 * context**2 * d) + d * d
    table = of("bert-base", context=context)
    assert table.total("macs") == products
    # The pooler reads one token; nothing is cached.
    assert table.total("cache_held") == 0


@pytest.mark.parametrize("source", [1, 100])
@pytest.mark.parametrize("context", [1, 60])
def test_t5_by_hand(source, context):
    """T5-small: 512 wide, 6 layers a side, 8 heads of 64, 2048 hidden, 32128 words."""
    d, ffn, layers, vocab = 512, 2048, 6, 32128
    encoder = layers * (source * (4 * d * d + 2 * d * ffn) + 2 * source**2 * d)
    per_token = layers * (4 * d * d + 2 * d * d + 2 * d * ffn)
    made_once = layers * source * 2 * d * d
    prefill = encoder + made_once + context * per_token + layers * 2 * d * context * (context + source) + vocab * d
    assert of("t5-small", phase=0, source_tokens=source, context=context).total("macs") == prefill
    decode = of("t5-small", phase=1, source_tokens=source, context=context)
    assert decode.total("macs") == per_token + layers * 2 * d * (context + source) + vocab * d
    # Keys and values of the own tokens and of the source.
    assert decode.total("cache_held") == decode.total("cache_read") == layers * 2 * d * (context + source)
    assert decode.total("cache_written") == layers * 2 * d


def test_an_encoder_at_rest_is_stored_and_not_read():
    decode = of("t5-base")
    assert decode.params() == 222_903_552
    encoder = 12 * (4 * 768 * 768 + 2 * 768 * 3072 + 2 * 768) + 768 + 32 * 12
    cross = 12 * 2 * 768 * 768
    # All but the encoder, keys and values of the source, and of the tied embedding one row beside the head.
    assert decode.total("weights_read") == 222_903_552 - encoder - cross + 768
    assert decode.parts()["encoder"]["macs"] == 0


def test_parts_of_llava():
    """The vision tower of CLIP-L at 336, two projections, Vicuna with 64 more words."""
    parts = of("llava-1.5-7b", phase=0).parts()
    language = 6_738_415_616 + 2 * 64 * 4096
    projector = 1024 * 4096 + 4096 + 4096 * 4096 + 4096
    assert parts["language_model"]["params"] == language and parts["connector"]["params"] == projector
    assert parts["vision_tower"]["params"] == 7_063_427_072 - language - projector
    assert parts["connector"]["macs"] == 576 * (1024 * 4096 + 4096 * 4096)


@pytest.mark.parametrize("phase", [0, 1])
def test_a_prefix_is_more_context(phase):
    """LLaVA's decoder does what a decoder alone does on 576 tokens more, but embeds those of the text only."""
    shape = {"layers": 32, "d_model": 4096, "heads": 32, "ffn": 11008, "vocab": 32064}
    alone = trace("decoder", shape | {"context": 100 + 576, "phase": phase})
    table = of("llava-1.5-7b", context=100, phase=phase)
    assert table.parts()["language_model"]["macs"] == alone.total("macs")
    assert table.total("cache_held") == alone.total("cache_held")
    assert (table.parts()["vision_tower"]["macs"] > 0) == (phase == 0)


def test_what_openflamingo_trains():
    """Resampler, cross-attention and the tied embedding: 1,046,992,944 parameters, as its training code prints."""
    parts = of("openflamingo-3b").parts()
    trained = parts["connector"]["params"] + parts["cross_attention"]["params"] + 50_280 * 2048
    assert trained == 1_046_992_944


@pytest.mark.parametrize(
    ("width", "heads", "d_head", "published"),
    # https://github.com/dhansmair/flamingo-mini/wiki/Model-Configurations: flamingo-tiny, flamingo-mini.
    [(1024, 8, 64, 63), (1024, 16, 128, 101)],
)
def test_published_resamplers(width, heads, d_head, published):
    table = of("openflamingo-3b", resampler_width=width, adapter_heads=heads, adapter_d_head=d_head)
    assert round(table.parts()["connector"]["params"] / 1e6) == published


def test_published_cross_attention_of_flamingo():
    """Flamingo-3B: 24 layers of 2048 that read features of 1536, 16 heads of 128: 1.2 B (Alayrac et al., table 1)."""
    axes = {"resampler_width": 1536, "adapter_heads": 16, "adapter_d_head": 128}
    params = of("openflamingo-3b", **axes).parts()["cross_attention"]["params"]
    assert round(params / 1e9, 1) == 1.2


def test_a_resampler_makes_any_image_as_long():
    sides = np.array([224.0, 336.0, 448.0])
    table = of("openflamingo-3b", resolution=sides, phase=0)
    parts = table.parts()
    assert np.ptp(parts["cross_attention"]["macs"]) == 0 and np.ptp(parts["language_model"]["macs"]) == 0
    assert np.all(np.diff(parts["connector"]["macs"]) > 0)
    # The sheet says 5 tokens, the paper 64: both are values of an axis.
    few, many = (of("openflamingo-3b", latents=latents, phase=1) for latents in (5, 64))
    assert many.total("cache_held") - few.total("cache_held") == 24 * 59 * 2 * 512


@pytest.mark.parametrize("every", [1, 4, 7])
def test_layers_of_cross_attention(every):
    table = of("openflamingo-3b", cross_every=every)
    assert table.parts()["cross_attention"]["params"] == 24 // every * 36_708_354


@pytest.mark.parametrize(
    ("name", "axes", "problem"),
    [
        ("bert-base", {"context": 513}, "512 learned positions"),
        ("bert-base", {"heads": 7}, "divide d_model"),
        ("t5-small", {"heads": 7}, "divide d_model"),
        ("openflamingo-3b", {"cross_every": 25}, "not as many layers"),
        ("clip-vit-b-32", {"text_projection": 256}, "end in the same width"),
        ("swin_t", {"heads": 5}, "divide d_model"),
    ],
)
def test_shapes_that_do_not_fit(name, axes, problem):
    with pytest.raises(InputError, match=problem):
        of(name, **axes)
