"""Every published model against the figures of others."""

import pytest

from dse.networks import FAMILIES, MODELS, trace

COMPUTED = {
    "params": lambda t: t.params(),
    # Gemma 3: config.json states 262208 rows of the embedding, the stored tensors that were counted have 262144.
    "params_without_64_rows": lambda t: t.params() - 64 * t.ops[0].weights / 262_208,
    "params_weights": lambda t: t.params("weights"),
    "params_statistics": lambda t: t.params("statistics"),
    "active_params": lambda t: t.active_params(),
    "active_params_without_embedding": lambda t: t.active_params() - next(o.weights for o in t.ops),
    "macs": lambda t: t.total("macs"),
    "activations": lambda t: t.total("activations"),
    "peak_simple": lambda t: t.peak_simple(),
    "peak_liveness": lambda t: t.peak(in_place_depthwise=False),
    "peak_in_place_depthwise": lambda t: t.peak(in_place_depthwise=True),
}


PARAMS = {"params", "params_weights", "params_statistics", "params_without_64_rows"}


@pytest.mark.parametrize("name", MODELS)
def test_published_figures(name):
    model = MODELS[name]
    table = trace(model.family, model.axes)
    for quantity, figure in model.published.items():
        if quantity == "context":
            continue
        computed = COMPUTED[quantity](table)
        close = abs(computed - figure.value) < figure.rounding if figure.rounding else computed == figure.value
        assert close, f"{quantity}: {computed:.0f}, published {figure.value} ({figure.source})"


def test_every_model_has_exact_or_rounded_params():
    without = {name for name, model in MODELS.items() if not PARAMS & set(model.published)}
    # Nobody has published the parameters of these.
    assert without <= {"mobilenet_v2_1.0_144", "pvcnn_s3dis"}
    assert all(figure.source for model in MODELS.values() for figure in model.published.values())


def test_every_family_has_models():
    assert {model.family for model in MODELS.values()} == set(FAMILIES)


def test_matrix_weights_of_decoders(decoder_case):
    model = MODELS[decoder_case["model"]]
    # OPT stores two positions more than the 2048 that were counted.
    extra = model.axes["positions"] - decoder_case["positions"] if "positions" in decoder_case else 0
    expected = decoder_case["weights"] + extra * model.axes["d_model"]
    table = trace(model.family, model.axes)
    assert table.params("weights") == expected
    assert table.active_params("weights") == decoder_case.get("active", expected)


def test_parts_of_vision_counts(vision_case):
    table = trace(MODELS[vision_case["model"]].family, MODELS[vision_case["model"]].axes)

    def stored(attribute, *kinds):
        return sum(op.repeat * getattr(op, attribute) for op in table.ops if op.kind in kinds)

    assert stored("weights", "conv", "depthwise") == vision_case["params_conv_weight"]
    assert stored("weights", "linear") == vision_case["params_linear_weight"]
    assert table.total("affine") == vision_case["params_norm_affine"]
    # Batch norms have as many running statistics as scales and shifts, layer norms have none.
    statistics = vision_case.get("statistics", vision_case["params_norm_affine"])
    assert table.total("statistics") == statistics
    assert table.params() == vision_case["params"]
    assert table.params("statistics") == vision_case["params"] + statistics
    assert table.total("macs") == vision_case["macs"]
    layers = [op for op in table.ops if op.kind in ("conv", "depthwise", "linear")]
    assert max(op.count("traffic") for op in layers) == vision_case["max_layer_in_plus_out"]


def test_cache_of_llama_3_8b():
    # 1 GiB at 16 bit and 8192 tokens: 2 (K, V) · 32 layers · 8 heads · 128 · 8192.
    table = trace("decoder", MODELS["llama-3-8b"].axes | {"context": 8192})
    assert table.total("cache_held") * 2 == 2**30
    assert table.total("cache_read") == table.total("cache_held")
    assert table.total("cache_written") == 2 * 32 * 8 * 128
