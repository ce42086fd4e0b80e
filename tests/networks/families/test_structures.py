"""Structural axes: grids agree with points, and the levers of attention change what they should."""

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.glossary import NAMES, lookup, tower_of
from dse.networks import FAMILIES, MODELS, QUANTITIES, Trace, family, trace
from dse.networks.families.attention import LINEAR, SINKS, SOFTMAX, WINDOW
from tests.networks.families.grids import GRIDS_TRANSFORMERS, STRUCTURED

SHAPE = {"layers": 6, "d_model": 64, "heads": 4, "vocab": 100, "ffn": 128}


@pytest.mark.parametrize("structure", STRUCTURED)
def test_grids_agree_with_points(structure, rng):
    name, axes, fixed = STRUCTURED[structure]
    axes = {**(GRIDS_TRANSFORMERS.get(name, {})), **axes}
    shape = tuple(map(len, axes.values()))
    columns = dict(zip(axes, (m.ravel() for m in np.meshgrid(*axes.values(), indexing="ij")), strict=True))
    table = trace(name, columns | fixed)
    for index in rng.integers(0, np.prod(shape), 10):
        point = trace(name, {axis: float(values[index]) for axis, values in columns.items()} | fixed)
        for quantity in QUANTITIES:
            whole = np.broadcast_to(table.total(quantity), table.shape)
            assert whole[index] == point.total(quantity), quantity
        assert np.broadcast_to(table.peak(), table.shape)[index] == point.peak()


@pytest.mark.parametrize("name", MODELS)
def test_parts_add_up_to_the_network(name):
    table = trace(MODELS[name].family, MODELS[name].axes)
    parts = table.parts()
    assert sum(of["params"] for of in parts.values()) == table.params()
    for quantity in ("macs", "weights_read", "activations", "traffic"):
        assert sum(of[quantity] for of in parts.values()) == pytest.approx(table.total(quantity), rel=1e-14)


def test_linear_attention_grows_with_the_tokens_and_softmax_with_their_square():
    def products(attention, resolution):
        table = trace("vit", {"layers": 2, "d_model": 48, "heads": 3, "resolution": resolution, "attention": attention})
        return sum(op.executions * op.count("macs") for op in table.ops if op.kind == "attention")

    for resolution in (64, 224, 448):
        tokens = (resolution // 16) ** 2 + 1
        # The sheet: 2 N² d and 2 N h d_h², for each of two layers.
        assert products(SOFTMAX, resolution) == 2 * 2 * tokens**2 * 48
        assert products(LINEAR, resolution) == 2 * 2 * tokens * 3 * 16**2


def test_linear_attention_of_a_decoder_keeps_sums_in_place_of_a_cache():
    for context in (10, 1000):
        table = trace("decoder", SHAPE | {"attention": LINEAR, "context": context})
        # A sum of 16 × 16 for each of 4 heads and 6 layers; with one head of keys and values a quarter of it.
        assert table.total("cache_held") == 6 * 4 * 16 * 16 == table.total("cache_read")
        shared = trace("decoder", SHAPE | {"attention": LINEAR, "context": context, "kv_heads": 1})
        assert shared.total("cache_held") == 6 * 16 * 16
    prefill = trace("decoder", SHAPE | {"attention": LINEAR, "context": 30, "phase": 0})
    # A prompt starts from nothing.
    assert prefill.total("cache_read") == 0 and prefill.total("cache_written") == 6 * 4 * 16 * 16


@pytest.mark.parametrize(("context", "window", "sinks", "read"), [(50, 20, 0, 20), (50, 20, 4, 24), (22, 20, 4, 22)])
def test_sinks_and_windows_bound_the_cache(context, window, sinks, read):
    kind = SINKS if sinks else WINDOW
    table = trace("decoder", SHAPE | {"context": context, "attention": kind, "window": window, "sinks": sinks})
    full = trace("decoder", SHAPE | {"context": context})
    # min(N, sinks + window) positions of 2 · 64 features in each of 6 layers.
    assert table.total("cache_held") == 6 * 2 * 64 * read
    assert full.total("macs") - table.total("macs") == 6 * 2 * 64 * (context - read)
    assert table.params() == full.params()


def test_kv_heads_divide_cache_and_projections():
    cache = [trace("decoder", SHAPE | {"context": 40, "kv_heads": kv}).total("cache_held") for kv in (4, 2, 1)]
    assert cache == [6 * 2 * 64 * 40, 6 * 2 * 32 * 40, 6 * 2 * 16 * 40]
    mha, mqa = (trace("decoder", SHAPE | {"kv_heads": kv}).params() for kv in (4, 1))
    assert mha - mqa == 6 * 2 * 64 * 48


def test_mixture_latent_and_window_together(rng):
    """Nobody has published the counts of this one: laws that they must follow."""
    base = {
        "layers": 8, "d_model": 64, "heads": 4, "vocab": 90, "experts": 16, "active_experts": 2, "expert_ffn": 48,
        "kv_lora_rank": 24, "d_nope": 12, "d_rope": 4, "d_value": 12, "local_layers": 5, "window": 16,
    }  # fmt: skip
    contexts = np.arange(1.0, 100.0)
    for phase in (0, 1):
        table = trace("decoder", base | {"context": contexts, "phase": phase})
        assert np.all(np.diff(table.total("macs")) > 0) and np.all(np.diff(table.total("cache_held")) > 0)
        # Beyond the window only the three layers without it grow: by 28 cached features a token.
        assert set(np.diff(table.total("cache_held"))[20:]) == {3.0 * 28}
        assert set(np.diff(table.total("cache_held"))[:10]) == {8.0 * 28}
    batches = np.array([1.0, 2.0, 8.0, 64.0, 4096.0])
    table = trace("decoder", base | {"batch": batches})
    read = table.total("weights_read")
    assert np.all(np.diff(read) > 0) and np.ptp(table.total("macs")) == 0 and np.ptp(table.params()) == 0
    # At last every expert is read: 14 more of 3 · 64 · 48 weights in each layer than by one token.
    assert read[-1] - read[0] == pytest.approx(8 * 14 * 3 * 64 * 48)
    wide = trace("decoder", base | {"window": 1000, "context": 50})
    none = trace("decoder", base | {"local_layers": 0, "window": None, "context": 50})
    for quantity in QUANTITIES:
        assert wide.total(quantity) == none.total(quantity)


def test_diffusion_transformer_with_linear_attention():
    shape = {"layers": 3, "d_model": 48, "heads": 4, "attention": LINEAR}
    sides = np.array([8.0, 16.0, 32.0])
    table = trace("dit", shape | {"patch": 1, "resolution": 8 * sides})
    per_token = np.diff(table.total("macs")) / np.diff(sides**2)
    # What is not counted for each token (modulation, time) cancels; the rest is linear in the tokens.
    assert per_token[0] == per_token[1]
    softmax = trace("dit", shape | {"patch": 1, "resolution": 8 * sides, "attention": SOFTMAX})
    assert np.array_equal(softmax.total("macs") - table.total("macs"), 3 * 2 * sides**2 * 48 * (sides**2 - 12))


@pytest.mark.parametrize(
    ("axes", "problem"),
    [
        ({"attention": WINDOW}, "needs the width of its window"),
        ({"attention": SINKS, "sinks": 4}, "needs the width of its window"),
        ({"attention": WINDOW, "window": 8, "sinks": 4}, "keeps first tokens"),
        ({"attention": LINEAR, "local_layers": 2, "window": 8}, "no window"),
        ({"attention": LINEAR, "kv_lora_rank": 8}, "not linear"),
        ({"attention": 7}, "allowed: one of softmax, linear, window, sinks"),
    ],
)
def test_kinds_of_attention_that_make_no_sense(axes, problem):
    with pytest.raises(InputError, match=problem):
        trace("decoder", SHAPE | axes)


@pytest.mark.parametrize("name", ["vit", "encoder", "dit", "unet"])
def test_encoders_have_no_window(name):
    axes = {"vocab": 9} if name == "encoder" else {}
    axes |= {} if name == "unet" else {"layers": 1, "d_model": 8, "heads": 1}
    with pytest.raises(InputError, match="softmax or linear"):
        trace(name, axes | {"attention": WINDOW})


def test_axes_of_towers():
    assert tower_of("vision_layers") == ("vision", "layers") and tower_of("vision_batch") is None
    assert tower_of("layers") is None and lookup("vision_layers").meaning.endswith("(vision tower)")
    assert lookup("unet_width_2").meaning.endswith("(U-Net) (stage 2)")
    clip = FAMILIES["clip"]
    # What is common to both towers stands without a prefix, once.
    assert {"resolution", "context"} <= set(clip.axes) and "vision_resolution" not in clip.axes
    assert "vision_layers" in clip.required and "vision_attention" in clip.structural
    assert not [axis for axis in FAMILIES["latent_diffusion"].required if axis.startswith("second_text")]
    assert not set(NAMES) & {axis for axis in clip.axes if tower_of(axis)}


def test_a_family_of_towers_is_made_of_families():
    with pytest.raises(KeyError, match="no_such"):

        @family(domain="vision", source="none", towers={"vision": "no_such"})
        def two(net, vision):
            """None."""

    assert "two" not in FAMILIES


def test_a_trace_without_parts_is_one():
    table = trace("mobilenet_v2", {})
    assert list(table.parts()) == [""] and isinstance(table, Trace)


def test_each_image_of_a_request_takes_the_tower_once():
    """LLaVA-1.5: 576 tokens an image in front of the text, made once, read by every later token."""
    axes = dict(MODELS["llava-1.5-7b"].axes) | {"context": 64}
    one, four = (trace("vision_language", axes | {"images": n, "phase": 0}) for n in (1, 4))
    for part in ("vision_tower", "connector"):
        assert four.parts()[part]["macs"] == 4 * one.parts()[part]["macs"]
    assert four.params() == one.params()
    # Keys and values of 32 layers at 64 tokens of text and 576 an image.
    assert four.total("cache_held") == 2 * 32 * 4096 * (64 + 4 * 576)
    text = {
        "layers": 32,
        "d_model": 4096,
        "heads": 32,
        "ffn": 11008,
        "vocab": 32064,
        "context": 64 + 4 * 576,
        "phase": 0,
    }
    assert four.parts()["language_model"]["macs"] == trace("decoder", text).total("macs")
    # In decode neither the tower nor the connector runs, and all visual tokens are in the cache.
    token = trace("vision_language", axes | {"images": 4, "phase": 1})
    assert token.total("macs") == trace("decoder", text | {"phase": 1}).total("macs")
    # Flamingo: a resampler makes 64 tokens an image, which every layer of cross-attention reads.
    axes = dict(MODELS["openflamingo-3b"].axes) | {"context": 64, "phase": 1}
    one, four = (trace("vision_language", axes | {"images": n}) for n in (1, 4))
    read = [sum(o.executions * o.count("macs") for o in t.ops if o.part == "cross_attention" and o.kind == "attention")
            for t in (one, four)]  # fmt: skip
    assert read == [24 * 2 * 64 * 8 * 64, 4 * 24 * 2 * 64 * 8 * 64]


BROKEN_TOWERS = [
    ("llava-1.5-7b", {"text_heads": 7}, "text_heads"),
    ("llava-1.5-7b", {"vision_heads": 7}, "vision_heads"),
    ("llava-1.5-7b", {"text_kv_heads": 5}, "text_kv_heads"),
    ("llava-1.5-7b", {"text_attention": "window"}, "text_window"),
    ("llava-1.5-7b", {"text_sinks": 2}, "text_sinks"),
    ("llava-1.5-7b", {"text_experts": 4}, "text_active_experts"),
    ("llava-1.5-7b", {"resolution": 10}, "vision_patch"),
    ("openflamingo-3b", {"text_heads": 7}, "text_heads"),
    ("clip-vit-b-32", {"vision_heads": 7}, "vision_heads"),
    ("clip-vit-b-32", {"text_heads": 7}, "text_heads"),
    ("clip-rn50", {"text_heads": 7}, "text_heads"),
    ("clip-rn50", {"vision_depth": 7}, "vision_depth"),
    ("stable-diffusion-1.5", {"text_heads": 7}, "text_heads"),
    ("stable-diffusion-1.5", {"unet_heads": 7}, "unet_heads"),
    ("stable-diffusion-1.5", {"context": 78}, "context"),
    ("stable-diffusion-xl", {"second_text_heads": 7}, "second_text_heads"),
]


@pytest.mark.parametrize(("model", "axes", "named"), BROKEN_TOWERS, ids=lambda value: str(value))
def test_what_does_not_fit_in_a_tower_is_told_of_the_axis_of_that_tower(model, axes, named):
    with pytest.raises(InputError) as caught:
        dse.evaluate(model, device="cheatsheet-example", precision="fp16", metrics=["params"], **axes)
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].where.split(": ")[-1] == named
