"""Public networks exported by PyTorch (scripts/export_networks.py), against the integers of the families."""

from pathlib import Path

import pytest

from dse.networks import MODELS, load_model, trace

FOLDER = Path(__file__).parent / "exported"
ENCODER = {
    "layers": 2, "d_model": 768, "heads": 12, "vocab": 30522, "token_types": 2, "pre_norm": 1, "post_norm": 1,
    "final_norm": 0, "pooler": 1, "context": 16,
}  # fmt: skip
PROMPT = {"layers": 2, "phase": 0, "all_logits": 1, "context": 16}
BIASES = {"norm_bias": 1, "qkv_bias": 1, "output_bias": 1, "ffn_bias": 1}
GPT2 = {"d_model": 768, "heads": 12, "vocab": 50257, "gated": 0, "tied": 1, "positions": 1024, **BIASES, **PROMPT}
LLAMA = {"d_model": 512, "heads": 8, "kv_heads": 2, "ffn": 1376, "vocab": 4000, **PROMPT}
FAMILY = {
    "resnet18": (MODELS["resnet18"].family, dict(MODELS["resnet18"].axes)),
    "vit_s_16_short": ("vit", {"layers": 2, "d_model": 384, "heads": 6}),
    "bert": ("encoder", ENCODER),
    "gpt2": ("decoder", GPT2),
    "llama": ("decoder", LLAMA),
}
# Exporters fold batch norms into the convolutions before them: a scale and a shift become one bias.
FOLDED = ("resnet18",)


@pytest.mark.parametrize("name", FAMILY)
def test_an_exported_network_is_its_family(name):
    model = load_model(FOLDER / f"{name}.onnx")
    found, family = trace(model.builds_from, {}), trace(*FAMILY[name])
    assert "not counted" not in model.note
    assert found.total("macs") == family.total("macs")
    assert found.total("weights") == family.total("weights")
    if name in FOLDED:
        assert found.total("affine") == 0
        assert found.total("biases") == family.total("biases") + family.total("affine") / 2
    else:
        assert found.params() == family.params()
    attention = [sum(op.repeat for op in table.ops if op.kind == "attention") for table in (found, family)]
    assert attention[0] == attention[1]
    if family.total("cache_held") == 0:
        assert found.total("activations") == family.total("activations")


def test_peaks_of_an_exported_network():
    model = load_model(FOLDER / "resnet18.onnx")
    found, family = trace(model.builds_from, {}), trace(*FAMILY["resnet18"])
    assert (found.peak(True), found.peak(False)) == (family.peak(True), family.peak(False))
    assert found.peak_simple() == family.peak_simple()
