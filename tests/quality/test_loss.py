"""Loss of language models: published perplexities, the scaling law with the constants of the papers, and formats."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest

import dse
from dse.errors import InputError
from dse.precision import PRECISIONS, Scheme
from dse.quality import SOURCES, quality, recipes

PARAMS = 6_738_415_616
METRICS = ["loss", "loss_low", "loss_high"]
# E, A, alpha, B, beta: Besiroglu et al. 2024; Hoffmann et al. 2022 as printed, and as in its source.
FITS = (
    (1.8172, 482.01, 0.3478, 2085.43, 0.3658),
    (1.69, 406.4, 0.34, 410.7, 0.28),
    (1.6934, 406.4, 0.3392, 410.7, 0.2849),
)
LAW = {"recipe": "scaling-law"}


def by_hand(fit, params, tokens):
    e, a, alpha, b, beta = fit
    return e + a * np.exp(-alpha * np.log(params)) + b * np.exp(-beta * np.log(tokens))


def error_by_hand(params, tokens):
    """Standard errors of Besiroglu et al., 0.03 of E, 0.02 of alpha and beta, around the experiments' middle."""
    _, a, alpha, b, beta = FITS[0]
    middle = math.sqrt(70e6 * 16e9), math.sqrt(5e9 * 500e9)
    of_size = 0.02 * math.log(params / middle[0]) * a * params**-alpha
    of_data = 0.02 * math.log(tokens / middle[1]) * b * tokens**-beta
    return math.sqrt(0.03**2 + of_size**2 + of_data**2)


def loss_of(model, precision="fp16", **axes):
    data = dse.evaluate(model, metrics=METRICS, precision=precision, **axes)
    return [float(data[m]) for m in METRICS], str(data.loss_source.values)


@pytest.mark.parametrize("ratio", [20, 297])
def test_the_law_of_llama_2_7b(ratio):
    fits = [by_hand(fit, PARAMS, PARAMS * ratio) for fit in FITS]
    values, source = loss_of("llama-2-7b", **LAW, tokens_per_parameter=ratio)
    spread = 2 * error_by_hand(PARAMS, PARAMS * ratio)
    bounds = min(fits[0] - spread, *fits), max(fits[0] + spread, *fits)
    assert values == pytest.approx([fits[0], *bounds], rel=1e-6)
    # 297 tokens a parameter are 2 T tokens: beyond the 500 G of the experiments.
    assert ("extrapolated" in source) is (ratio == 297)


def test_published_losses_that_the_law_was_worked_out_to():
    # 70 B parameters and 1.4 T tokens: 1.974 by the refit, 1.937 and 1.921 by the two others.
    law = next(r for r in recipes("decoder") if r.law)
    found = quality(law, {"layers": 80}, PRECISIONS["bf16"], 70e9, 20)
    assert [round(float(v), 3) for v in (found.value, found.low, found.high)] == [1.974, 1.912, 2.036]
    assert set(found.legend) == {SOURCES["extrapolated"]}


def test_the_interval_of_the_law_is_wider_than_its_constants_are_known():
    """0.03 nat is the standard error of the constant alone: no design is known better than twice that, either way."""
    rng = np.random.default_rng(7)
    values, _ = loss_of("pythia-1b")
    assert values[1] <= values[0] - 0.06 and values[2] >= values[0] + 0.06
    law = next(r for r in recipes("decoder") if r.law)
    found = quality(law, {"layers": 12}, PRECISIONS["fp16"], 10 ** rng.uniform(7, 13, 200), rng.uniform(1, 1000, 200))
    assert (found.value - found.low >= 0.06 - 1e-12).all() and (found.high - found.value >= 0.06 - 1e-12).all()


def test_larger_models_and_more_tokens_lose_less():
    data = dse.evaluate("llama-2-7b", metrics=METRICS, layers=[8, 16, 32], tokens_per_parameter=[5, 20, 300])
    assert data.loss.dims == ("layers", "tokens_per_parameter")
    for metric in METRICS:
        assert (np.diff(data[metric].values, axis=0) < 0).all()
        assert (np.diff(data[metric].values, axis=1) < 0).all()
    assert (data.loss_low <= data.loss).all() and (data.loss <= data.loss_high).all()


# Perplexities on WikiText-2 at 2,048 tokens in 16 bits, 8 bits and 4-bit weights: README of lmquant.
@pytest.mark.parametrize(
    ("model", "perplexities"),
    [("llama-2-7b", (5.47, 5.54, 5.60)), ("llama-2-13b", (4.88, 4.95, 4.97)), ("llama-2-70b", (3.32, 3.36, 3.41)),
     ("llama-3-8b", (6.14, 6.28, 6.54)), ("mistral-7b-v0.1", (5.25, 5.29, 5.37))],
)  # fmt: skip
def test_a_published_perplexity_comes_first(model, perplexities):
    for precision, published in zip(("bf16", "int8", "w4a16"), perplexities, strict=True):
        values, source = loss_of(model, precision)
        assert values == pytest.approx([math.log(published)] * 3, rel=1e-12)
        assert "published point" in source and "WikiText-2 at 2048 tokens" in source


# Llama 2 70B, llama.cpp: perplexity in 16 bits 3.4313, and of each type.
@pytest.mark.parametrize(
    ("precision", "published"),
    [
        ("fp16", 3.4313),
        ("q6_k", 3.4367),
        ("q5_k", 3.4483),
        ("q4_k", 3.4852),
        ("q3_k", 3.7019),
        ("q4_0", 3.555),
        ("q4_k_m", 3.4725),
        ("q2_k_mix", 3.7339),
    ],
)
def test_a_recipe_of_another_program_is_chosen_by_name(precision, published):
    values, source = loss_of("llama-2-70b", precision, recipe="llama-2-gguf")
    assert values == pytest.approx([math.log(published)] * 3, rel=1e-12)
    assert "512 tokens" in source


def test_a_model_of_the_same_shape_is_not_the_model():
    # Llama 3 and 3.1 8B have one shape; only of Llama 3 is a perplexity taken.
    assert "published point" in loss_of("llama-3-8b")[1]
    values, source = loss_of("llama-3.1-8b")
    assert source.startswith("scaling law") and values[0] > 2


def test_a_network_of_ones_own_is_not_the_model():
    shape = {"layers": 32, "d_model": 4096, "heads": 32, "ffn": 11008, "vocab": 32000}
    own, model = loss_of("decoder", **shape), loss_of("llama-2-7b", recipe="scaling-law")
    assert own[0] == model[0] and own[1].startswith("scaling law") and model[1].startswith(own[1])


def test_tokens_of_training_ask_for_the_law():
    assert loss_of("llama-2-7b")[0][0] == pytest.approx(math.log(5.47))
    assert loss_of("llama-2-7b", tokens_per_parameter=20)[1].startswith("scaling law")


# Perplexity in 16 bits and in the type: LLaMA 7B, Llama 2 70B, Llama 3 8B and 70B.
Q4_K = [(5.9066, 6.0215), (3.4313, 3.4852), (6.23316, 6.500529), (2.8308, 3.005)]
Q3_K = [(5.9066, 6.4571), (3.4313, 3.7019), (6.23316, 7.863786), (2.8308, 3.6502)]
# LLaMA 7B, Llama 2 70B and 7B, Llama 3 8B and 70B; of IQ types the last two.
Q4_K_M = [(5.9066, 5.9598), (3.4313, 3.4725), (5.794552, 5.877078), (6.23316, 6.407115), (2.8308, 2.9674)]
IQ2_XS = [(6.23316, 10.761424), (2.8308, 5.7486)]
# Per channel, rounded to nearest and by GPTQ: LLaMA 7B, 13B, 30B, 65B.
GPTQ = [
    (5.68, 6.29), (5.09, 5.53), (4.10, 4.54), (3.53, 3.92), (5.68, 6.09), (5.09, 5.36), (4.10, 4.45), (3.53, 3.84),
]  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "pairs"),
    [(PRECISIONS["q4_k"], Q4_K), (PRECISIONS["q3_k"], Q3_K), (PRECISIONS["q4_k_m"], Q4_K_M),
     (PRECISIONS["iq2_xs"], IQ2_XS),
     (Scheme.from_fields("mine", weight_bits=4, activation_bits=16), GPTQ)],
)  # fmt: skip
def test_a_format_adds_its_published_interval(scheme, pairs):
    law = next(r for r in recipes("decoder") if r.law)
    plain, found = (quality(law, {"layers": 32}, s, PARAMS, 20) for s in (PRECISIONS["fp16"], scheme))
    added = [math.log(b / a) for a, b in pairs]
    for name, wanted in (("value", median(added)), ("low", min(added)), ("high", max(added))):
        assert float(getattr(found, name) - getattr(plain, name)) == pytest.approx(wanted, abs=1e-12)


def test_narrower_formats_lose_more():
    order = ["fp16", "q8_0", "q6_k", "q5_k_m", "q5_k", "q4_k_m", "q4_k", "q3_k_l", "q3_k_m", "q3_k"]
    data = dse.evaluate("llama-3.1-8b", metrics=METRICS, precision=order)
    for metric in METRICS:
        assert (np.diff(data[metric].values) > 0).all(), metric
    assert (np.diff(data.loss_high - data.loss_low) > 0).all()


def test_between_two_formats():
    # Weights in 8 bits alone: no better than 16 bits, no worse than with activations and cache in 8 bits too.
    fp16, int8, found = (loss_of("phi-4", p)[0] for p in ("fp16", "int8", "w8a16"))
    assert found == pytest.approx([(fp16[0] + int8[0]) / 2, fp16[1], int8[2]], rel=1e-12)


@pytest.mark.parametrize(
    ("precision", "reason"),
    [("q2_k", "files that are called Q2_K store 2.99 to 3.40 bits a weight"), ("fp8", "no published evidence"),
     ("mxfp4", "no published evidence"), ("nvfp4", "no published")],
)  # fmt: skip
def test_formats_without_evidence_are_undefined(precision, reason):
    for model in ("llama-2-7b", "llama-3.1-8b"):
        values, source = loss_of(model, precision)
        assert np.isnan(values).all() and reason in source


def test_a_narrow_cache_is_no_16_bit_format():
    law = next(r for r in recipes("decoder") if r.law)
    narrow = {"kv_bits": 4, "activation_bits": 16}
    for fields in ({"weight_bits": 16}, {"weight_bits": 4, "group_size": 128, "scale_bits": 16}):
        scheme = Scheme.from_fields("mine", **fields, **narrow)
        assert np.isnan(quality(law, {"layers": 32}, scheme, PARAMS, 20).value)


@pytest.mark.parametrize(
    ("model", "axes", "reason"),
    [("llama-3.1-8b", {"attention": "linear"}, "not linear attention"),
     ("llama-3.1-8b", {"attention": "window", "window": 1024}, "not over a shorter window"),
     ("llama-3.1-8b", {"attention": "sinks", "window": 2043, "sinks": 4}, "not over a shorter window"),
     ("llama-3.1-8b", {"local_layers": 4, "window": 512}, "not over a shorter window"),
     ("llama-3.1-8b", {"sparsity": 0.5}, "not of pruned networks"),
     ("llama-2-7b", {"sparsity": 0.5}, "not of pruned networks"),
     ("llama-3.1-8b", {"layers": 1, "d_model": 16, "heads": 2, "kv_heads": 2, "ffn": 32, "vocab": 256},
      "at its upper bound no better than guessing, ln(vocabulary)"),
     ("llama-2-7b", {"layers": 1, "d_model": 8, "heads": 1, "ffn": 8}, "no better than guessing"),
     ("mixtral-8x7b", {}, "a mixture of experts lies somewhere between its active and all its parameters")],
)  # fmt: skip
def test_what_the_law_is_not_of(model, axes, reason):
    values, source = loss_of(model, **axes)
    assert np.isnan(values).all() and reason in source


@pytest.mark.parametrize(
    "axes", [{"attention": "window", "window": 2048}, {"attention": "sinks", "window": 2044, "sinks": 4}]
)
def test_a_window_of_all_tokens_is_none(axes):
    assert loss_of("llama-3.1-8b", **axes) == loss_of("llama-3.1-8b")


def test_no_loss_of_the_law_reaches_that_of_guessing():
    """The law has no ceiling: of small networks it gives losses that no trained one has, of 256 tokens above 5.55."""
    shape = {"layers": 2, "d_model": [8, 64, 256, 1024, 2048], "heads": 4, "vocab": [256, 32000]}
    data = dse.evaluate("decoder", metrics=METRICS, precision="fp16", **shape)
    high, guessing = data.loss_high.transpose("d_model", "vocab").values, np.log([256.0, 32000.0])
    assert (np.isnan(high) | (high < guessing)).all()
    assert np.isnan(high[0]).all() and not np.isnan(high[-1]).any()
    # Between them is a size at which the smaller vocabulary alone is guessed.
    assert (np.isnan(high[:, 0]) & ~np.isnan(high[:, 1])).any()


def test_a_published_loss_that_gives_way_to_the_law_is_told():
    """Of 8 layers nothing is published, and one frontier has one kind of value: that of 32 is by the law, too."""
    data = dse.evaluate("llama-2-7b", metrics=["loss"], precision="fp16", layers=[8, 32])
    plain, beside = data.loss_source.values.tolist()
    assert beside.startswith("scaling law") and "also published" not in plain
    for key in ("WikiText-2 at 2048 tokens, llama-2", "WikiText-2 at 512 tokens, llama-2-gguf"):
        assert f"also published ({key}), which is not compared" in beside
    assert "also published" not in loss_of("llama-2-7b")[1]


def test_losses_are_at_the_context_that_they_are_published_at():
    assert "over contexts of 2048 tokens" in loss_of("llama-3.1-8b", context=128)[1]
    assert "at 2048 tokens" in loss_of("llama-2-7b", context=128)[1]


def test_how_parameters_are_counted_does_not_matter():
    assert loss_of("llama-3.1-8b", counting="weights") == loss_of("llama-3.1-8b")


def test_how_a_network_is_run_does_not_matter():
    data = dse.evaluate(
        "llama-3.1-8b",
        metrics=METRICS,
        precision="fp16",
        context=[128, 4096],
        batch=[1, 8],
        phase=["prefill", "decode"],
    )
    assert data.loss.dims == () and float(data.loss) == loss_of("llama-3.1-8b")[0][0]


def test_it_has_no_meaning_for_vision_and_encoders():
    for model, family in (("resnet50", "resnet"), ("bert-base", "encoder"), ("t5-small", "encoder_decoder")):
        values, source = loss_of(model)
        assert np.isnan(values).all() and source == f"no published loss of the family {family!r}"


SPEC = {
    "network": {"model": "llama-2-7b", "layers": [8, 32]}, "hardware": {"device": "a100-sxm-80gb"},
    "deployment": {"tokens_per_parameter": [20, 300], "context": 128},
    "precision": {"scheme": "bf16"}, "objectives": {"minimize": ["loss", "latency"]},
}  # fmt: skip


def test_a_circumstance_has_frontiers_of_its_own():
    assert dse.explore(SPEC).frontier.sizes["design"] == 4


FORMATS = ["fp16", "int8", "w4a16", "q2_k", "q3_k", "q4_k", "q6_k", "mxfp4"]
SWEEP = {
    "network": [{"model": n} for n in ("llama-2-7b", "llama-2-13b", "llama-3.1-8b", "mixtral-8x7b")],
    "precision": {"scheme": FORMATS}, "hardware": {"device": "h100-sxm"}, "fit": False,
    "objectives": {"minimize": ["loss", "model_size"]},
}  # fmt: skip


def test_a_frontier_over_models_and_formats():
    result = dse.explore(SWEEP)
    frontier = result.frontier
    assert result.manifest["per"] == ["recipe"]
    # Every 2-bit and block-scaled design, and the mixture, is undefined: 2 × 3 and 8 of 32.
    assert result.counts["undefined"] == 2 * 3 + 8
    assert not {"q2_k", "mxfp4"} & set(frontier.precision.values.tolist())
    of_llama = frontier.isel(design=frontier.recipe == "WikiText-2 at 2048 tokens, llama-2")
    kept = set(zip(of_llama.network.values.tolist(), of_llama.precision.values.tolist(), strict=True))
    # 13B at 4.125 bits, 6.71 GB: ln 4.97 = 1.603, beats 7B at 8 bits, 6.74 GB: ln 5.54 = 1.712.
    assert ("llama-2-13b", "fp16") in kept and ("llama-2-13b", "w4a16") in kept and ("llama-2-7b", "int8") not in kept


def test_one_recipe_makes_one_frontier():
    result = dse.explore({**SWEEP, "quality": {"recipe": "scaling-law"}})
    assert result.manifest["per"] == []
    assert {"llama-3.1-8b", "llama-2-13b"} <= set(result.frontier.network.values.tolist())


def test_leads_within_the_interval_are_ties():
    exact, ties = (
        dse.explore({**SWEEP, "objectives": {**SWEEP["objectives"], "ties": t}, "quality": {"recipe": "scaling-law"}})
        for t in ("exact", "interval")
    )
    assert ties.counts["tied"] > 0
    assert ties.frontier.sizes["design"] == exact.frontier.sizes["design"] - ties.counts["tied"]
    assert {"loss_low", "loss_high"} <= set(ties.frontier.data_vars)


def test_the_recipe_of_one_of_several_networks():
    networks = [{"model": "llama-2-7b", "recipe": "scaling-law"}, {"model": "llama-2-13b"}]
    recipes_of = dse.explore({**SWEEP, "network": networks}).frontier
    found = set(zip(recipes_of.network.values.tolist(), recipes_of.recipe.values.tolist(), strict=True))
    assert found == {
        ("llama-2-7b", "MassiveText, scaling-law"), ("llama-2-13b", "WikiText-2 at 2048 tokens, llama-2")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "fault"),
    [({"quality": {"recipe": "scaling-lwa"}}, "quality.recipe: unknown recipe 'scaling-lwa'; did you mean 'scaling"),
     ({"quality": {"recipe": "scaling-law", "table": "x.csv"}}, "quality: table and recipe are both given; give one"),
     ({"network": [{"model": "resnet50", "recipe": "scaling-law"}, {"model": "resnet18"}]},
      "network.resnet50.recipe: unknown recipe 'scaling-law'; allowed: ")],
)  # fmt: skip
def test_a_wrong_recipe_is_a_fault(spec, fault):
    with pytest.raises(InputError) as caught:
        dse.explore({**SWEEP, **spec})
    assert fault in str(caught.value)


def test_ties_in_a_dataset_are_those_of_a_job():
    # At 3.4 to 6.6 bits the intervals of one size overlap: the smallest ties with the others, and stays.
    formats = ["q6_k", "q5_k", "q4_k", "q3_k"]
    metrics = [*METRICS, "model_size"]
    data = dse.evaluate("llama-3.1-8b", metrics=metrics, precision=formats, layers=[8, 32])
    found = dse.frontier(data, minimize=["loss", "model_size"], ties="interval")
    spec = {**SWEEP, "network": {"model": "llama-3.1-8b", "layers": [8, 32]}, "precision": {"scheme": formats}}
    job = dse.explore({**spec, "objectives": {**SWEEP["objectives"], "ties": "interval"}})
    kept = [set(zip(f.layers.values.tolist(), f.precision.values.tolist())) for f in (found, job.frontier)]
    assert kept[0] == kept[1] and len(kept[0]) < data.loss.size


def test_what_a_number_format_adds_stays_below_guessing():
    """Of so small a network the law is just below ln(vocabulary), and above it with what two bits may add."""
    found = dse.evaluate(
        "decoder", layers=1, d_model=128, heads=2, vocab=50257, tokens_per_parameter=1, device="a100-sxm-80gb",
        precision=["fp16", "iq2_xs"], metrics=["loss", "loss_high"],
    )  # fmt: skip
    high = found.loss_high.values
    assert high[0] < math.log(50257) and np.isnan(high[1])
