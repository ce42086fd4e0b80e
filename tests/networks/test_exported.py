"""Public networks exported by PyTorch (scripts/export_networks.py), against the integers of the families."""

from pathlib import Path

import pytest

import dse
from dse.errors import InputError
from dse.networks import MODELS, load_model, trace
from dse.networks.training import adapter_features, adapter_macs

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


# Input and output features by hand from published shapes: of queries and values, and of all but classifiers.
BERT_LAYER = 4 * (768 + 768) + 2 * (768 + 3072)
BESIDE = {
    "resnet18": (0, 0),
    "vit_s_16_short": (2 * 2 * 2 * 384, 2 * (4 * 2 * 384 + 2 * (384 + 1536))),
    "bert": (2 * 2 * 2 * 768, 2 * BERT_LAYER + 2 * 768),
    "gpt2": (2 * 2 * 2 * 768, 2 * BERT_LAYER),
    "llama": (2 * (2 * 512 + 512 + 128), 2 * (4 * 512 + 2 * (512 + 128) + 3 * (512 + 1376))),
}


@pytest.mark.parametrize("name", FAMILY)
def test_adapters_of_an_exported_network_are_those_of_its_family(name):
    model = load_model(FOLDER / f"{name}.onnx")
    found, family = trace(model.builds_from, {}), trace(*FAMILY[name])
    for targets, features in zip(("qv", "all"), BESIDE[name], strict=True):
        assert adapter_features(found, targets) == features == adapter_features(family, targets), targets
        assert adapter_macs(found, targets) == adapter_macs(family, targets), targets


def test_adapters_of_files_in_results():
    on = {"device": "a100-sxm-80gb", "phase": "train", "lora_rank": [0, 8], "lora_targets": ["qv", "all"]}
    found = dse.evaluate(str(FOLDER / "bert.onnx"), metrics=["adapter_params"], **on)
    assert found.adapter_params.values.tolist() == [[0, 0], [49_152, 233_472]]
    with pytest.raises(
        InputError, match=r"the file of this network \(\S*resnet18\S*\) shows no matrices but classifiers"
    ):
        dse.evaluate(str(FOLDER / "resnet18.onnx"), metrics=["memory"], **on | {"lora_rank": 8})
