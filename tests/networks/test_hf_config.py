"""Models read from the config.json of others: published totals, and every way in which a file can be wrong."""

import json
import os
import re
import tomllib

import pytest

from dse.cli import run
from dse.errors import InputError
from dse.networks import FAMILIES, MODELS, find_model, load_model, model_toml, trace
from dse.networks.ingest.hf_readers import READERS
from tests.networks.conftest import read_cases

LLAMA = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 2,
    "num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 512,
}  # fmt: skip


def written(folder, content, name="config.json"):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def small(**changes):
    return {name: value for name, value in {**LLAMA, **changes}.items() if value is not ...}


def of_context(model):
    """A context that the model can have."""
    return min(5000, {**FAMILIES[model.family].defaults, **model.axes}.get("positions") or 5000)


def test_published_models(config_case, tmp_path):
    model = load_model(written(tmp_path, config_case["config"]))
    table, rounding = trace(model.family, model.axes), config_case.get("rounding", 0)
    assert abs(table.params() - config_case["params"]) < max(rounding, 1)
    # The same shape as the entry of the zoo, in what no parameter shows too.
    known = MODELS[config_case["model"]]
    stated = [m.published["context"].value for m in (model, known) if "context" in m.published]
    assert len(set(stated)) == 1
    # GPT-2 cannot go to 5000 tokens.
    axes, expected = (trace(m.family, m.axes | {"context": of_context(m)}) for m in (model, known))
    assert model.family == known.family
    for quantity in ("weights", "biases", "affine", "macs", "cache_held", "weights_read", "traffic"):
        assert axes.total(quantity) == expected.total(quantity), quantity


def test_every_kind_of_network_has_a_published_case():
    kinds = {json.loads(case["config"])["model_type"] for case in read_cases("counts-config.toml")}
    # Gemma, Kimi K2 and RoBERTa differ from Gemma 2, DeepSeek V3 and BERT in ways that are tested below.
    assert set(READERS) - kinds == {"gemma", "kimi_k2", "roberta", "xlm-roberta"}


def test_gemma_and_kimi(tmp_path):
    base = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 50, "head_dim": 8}
    gemma = load_model(
        written(tmp_path, base | {"model_type": "gemma", "intermediate_size": 40, "num_key_value_heads": 1})
    )
    assert dict(gemma.axes) == {
        "layers": 3, "d_model": 64, "heads": 4, "kv_heads": 1, "d_head": 8, "ffn": 40, "vocab": 50, "tied": 1,
    }  # fmt: skip
    deepseek = {
        "intermediate_size": 40, "kv_lora_rank": 16, "q_lora_rank": 24, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4,
        "v_head_dim": 6, "n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 1,
        "moe_intermediate_size": 12, "first_k_dense_replace": 1,
    }  # fmt: skip
    both = [
        load_model(written(tmp_path, base | deepseek | {"model_type": kind})).axes
        for kind in ("kimi_k2", "deepseek_v3")
    ]
    assert both[0] == both[1] and both[0]["d_nope"] == 8 and both[0]["router_bias"] == 1


def test_encoders_and_decoders(tmp_path):
    """T5 1.1 gates its feed-forward networks and has a head of its own; all by hand."""
    t5 = {"model_type": "t5", "d_model": 64, "d_kv": 8, "d_ff": 40, "num_layers": 3, "num_heads": 6, "vocab_size": 50}
    t5 |= {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "relative_attention_num_buckets": 16}
    model = load_model(written(tmp_path, t5))
    attention, feed_forward = 4 * 64 * 6 * 8, 3 * 64 * 40
    params = 3 * (attention + feed_forward + 2 * 64) + 3 * (2 * attention + feed_forward + 3 * 64)
    params += 2 * 64 + 2 * 16 * 6 + 2 * 50 * 64
    params_of_t5 = params
    assert model.family == "encoder_decoder" and trace(model.family, model.axes).params() == params
    bert = {"model_type": "bert", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    bert |= {"vocab_size": 50, "intermediate_size": 100, "max_position_embeddings": 20, "type_vocab_size": 3}
    model = load_model(written(tmp_path, bert))
    params = (50 + 20 + 3 + 2) * 64 + 2 * (4 * (64 * 64 + 64) + 2 * 64 * 100 + 100 + 64 + 4 * 64) + 64 * 64 + 64
    assert trace(model.family, model.axes).params() == params and model.axes["context"] == 20
    assert "pooler" in model.note
    # One layer more of the decoder.
    deeper = load_model(written(tmp_path, t5 | {"num_decoder_layers": 4}))
    assert trace(deeper.family, deeper.axes).params() == params_of_t5 + 2 * attention + feed_forward + 3 * 64
    faults = {"num_decoder_layers": 0, "feed_forward_proj": "swish"}
    with pytest.raises(InputError) as caught:
        load_model(written(tmp_path, t5 | faults))
    assert all(name in str(caught.value) for name in faults) and len(caught.value.faults) == 2
    with pytest.raises(InputError, match="position_embedding_type"):
        load_model(written(tmp_path, bert | {"position_embedding_type": "relative_key"}))
    roberta = {"model_type": "roberta", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
    roberta |= {"vocab_size": 50_265, "intermediate_size": 3072, "max_position_embeddings": 514, "type_vocab_size": 1}
    # The published totals of roberta-base and xlm-roberta-base; they take 512 tokens.
    for kind, vocab, params in (("roberta", 50_265, 124_645_632), ("xlm-roberta", 250_002, 278_043_648)):
        model = load_model(written(tmp_path, roberta | {"model_type": kind, "vocab_size": vocab, "pad_token_id": 1}))
        assert trace(model.family, model.axes).params() == params
        assert model.axes.get("context", 512) == 512
    with pytest.raises(InputError, match="pad_token_id"):
        load_model(written(tmp_path, roberta | {"pad_token_id": 0}))


def test_norms_after_the_sums_and_narrow_embeddings(tmp_path):
    """By hand: no last norm, projections of embeddings to the network and back, and a token that goes through all."""
    opt = small(
        model_type="opt", ffn_dim=40, do_layer_norm_before=False, word_embed_proj_dim=16, num_key_value_heads=...
    )
    model = load_model(written(tmp_path, opt))
    matrices = 2 * 16 * 64 + 2 * (4 * 64 * 64 + 2 * 64 * 40)
    vectors = 2 * (4 * 64 + 40 + 64 + 4 * 64)
    table = trace(model.family, model.axes | {"context": 8})
    assert table.params() == 16 * 100 + 64 * 514 + matrices + vectors
    assert table.total("macs") == matrices + 16 * 100 + 2 * 2 * 8 * 64
    assert [op.name for op in table.ops if op.kind == "norm"] == ["layer.attention_norm", "layer.ffn_norm"]
    # Of the 514 positions the first two are never used.
    assert model.axes["positions"] == 514 and model.axes["context"] == model.published["context"].value == 512


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "gptq: .*(weight_bits = 4, group_size = 128)"),
        ({"quant_method": "awq", "w_bit": 4, "q_group_size": 64}, "awq: .*(weight_bits = 4, group_size = 64)"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes: .*weight_bits = 4"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8: .*weight_bits = 8"),
        ({"quant_method": "mxfp4"}, "mxfp4: the precision is to be chosen$"),
        ({"quant_method": "own", "config_groups": {"g": {"weights": {"num_bits": 8}}}}, "own: .*weight_bits = 8"),
        ({}, "an own format"),
    ],
)  # fmt: skip
def test_quantised_weights_are_told(given, told, tmp_path):
    model = load_model(written(tmp_path, {**LLAMA, "quantization_config": given}))
    assert re.search(told, model.note)
    assert model.axes == load_model(written(tmp_path, LLAMA)).axes and not load_model(written(tmp_path, LLAMA)).note


def test_biases_and_windows(tmp_path):
    def axes(**changes):
        return dict(load_model(written(tmp_path, small(**changes))).axes)

    # Llama's code takes as many heads of keys and values as of queries where none are given.
    assert "kv_heads" not in axes(num_key_value_heads=...)
    assert axes(attention_bias=True, mlp_bias=True).items() >= {"qkv_bias": 1, "output_bias": 1, "ffn_bias": 1}.items()
    assert "window" not in axes(model_type="mistral", sliding_window=512)
    assert axes(model_type="mistral", sliding_window=511)["window"] == 511
    # Left out, Mistral's window is that of its code, which here is wider than the context; null is none.
    assert "window" not in axes(model_type="mistral")
    assert axes(model_type="mistral", max_position_embeddings=8192)["window"] == 4096
    assert "window" not in axes(model_type="mistral", max_position_embeddings=8192, sliding_window=None)
    qwen = {"model_type": "qwen2", "sliding_window": 8, "use_sliding_window": True, "num_hidden_layers": 5}
    assert axes(**qwen, max_window_layers=3)["local_layers"] == 2
    kinds = ["full_attention"] + 4 * ["sliding_attention"]
    assert axes(**qwen, max_window_layers=3, layer_types=kinds)["local_layers"] == 4
    assert axes(model_type="gemma2", num_hidden_layers=5, head_dim=16, sliding_window=8)["local_layers"] == 3
    falcon = {"model_type": "falcon", "new_decoder_architecture": True, "num_kv_heads": 2}
    assert "shared_norm" not in axes(**falcon)
    assert axes(**falcon, num_ln_in_parallel_attn=1)["shared_norm"] == 1
    serial = axes(model_type="falcon", multi_query=False, parallel_attn=False, bias=True)
    assert serial["ffn"] == 256 and serial["qkv_bias"] == 1 and "parallel" not in serial and "kv_heads" not in serial


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (small(num_hidden_layers=...), "num_hidden_layers or n_layer: is missing"),
        (small(model_type="qwen2", num_key_value_heads=...), "num_key_value_heads: is missing"),
        (small(model_type="gpt_neox", intermediate_size=...), "intermediate_size: is missing"),
        (small(model_type=...), "model_type: is missing; known: .*mixtral"),
        (small(model_type="lama"), "did you mean 'llama'"),
        (small(model_type=["llama"]), "unknown kind of network"),
        (small(num_hidden_layers="2"), 'num_hidden_layers: "2" is not allowed; allowed: an integer'),
        (small(num_hidden_layers=True), "num_hidden_layers: true"),
        (small(num_hidden_layers=2.5), "num_hidden_layers: 2.5"),
        (small(num_hidden_layers=-2), "num_hidden_layers: -2"),
        (small(num_hidden_layers=10**400), "num_hidden_layers: 1000"),
        (small(hidden_size=2**40), r"2\^53"),
        (small(num_key_value_heads=3), "kv_heads: 3 .*divide heads"),
        (small(num_attention_heads=6), "heads: 6 .*divide d_model"),
        (small(tie_word_embeddings="no"), 'tie_word_embeddings: "no" .*true, false'),
        (small(model_type="mistral", sliding_window={}), "sliding_window: {}"),
        (small(model_type="gemma3"), "text_config: null .*an object"),
        (small(model_type="gemma3", text_config={"hidden_size": 0}), "text_config: hidden_size: 0"),
        (small(model_type="gemma2", layer_types=["full_attention"]), "layer_types: 1 kinds for 2 layers"),
        (small(model_type="gemma2", layer_types=["ring"]), r'layer_types: \["ring"\]'),
        (small(model_type="opt", enable_bias=False, ffn_dim=9), "enable_bias: false .*supported: true"),
        (small(model_type="opt", word_embed_proj_dim=0, ffn_dim=9), "word_embed_proj_dim: 0"),
        (small(quantization_config=4), "quantization_config: 4 is not allowed"),
        (small(model_type="llava"), "text_config: null .*an object"),
        (
            small(model_type="llava", text_config={}, vision_config={"model_type": "siglip"}),
            'vision_config: .*"siglip"',
        ),
        (
            small(model_type="llava", text_config={"model_type": "t5"}, vision_config={}),
            'text_config: model_type: "t5"',
        ),
        (small(model_type="qwen3_moe", mlp_only_layers=[0]), r"mlp_only_layers: \[0\]"),
        (small(model_type="mixtral", num_local_experts=4, num_experts_per_tok=5), "active_experts: 5"),
        ("{}", "model_type: is missing"),
        ("[1]", r"holds \[1\]; allowed: an object"),
        ("", "cannot be read as JSON"),
        (json.dumps(LLAMA)[:50], "cannot be read as JSON"),
        ('{"model_type": NaN}', "NaN is no number"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "cannot be read as JSON|holds 999"),
    ],
)
def test_wrong_files(content, message, tmp_path):
    path = written(tmp_path, content)
    with pytest.raises(InputError, match=message) as caught:
        load_model(path)
    assert all(str(path) in str(fault) for fault in caught.value.faults)
    assert len(str(caught.value)) < 2000


ODD = [
    None, True, False, 0, 1, -1, 3, 2.0, 2.5, 10**30, 1e308, "", "7", "\ud800", [], [1], {}, {"a": []},
    "full_attention", ["sliding_attention"], ["sliding_attention", "full_attention"],
]  # fmt: skip


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "kind",
    ["llama", "gemma3", "qwen2", "mixtral", "deepseek_v3", "falcon", "gpt2", "opt", "bert", "t5", "smollm3", "llava"],
)
def test_odd_values_are_read_or_refused(kind, tmp_path):
    """Whatever stands in a field, the file gives a network that can be built, or an error that names the file."""
    case = next(c for c in read_cases("counts-config.toml") if json.loads(c["config"])["model_type"] == kind)
    config = json.loads(case["config"])
    refused = 0
    for name in [
        *config,
        "quantization_config",
        "sliding_window",
        "layer_types",
        "use_sliding_window",
        "_name_or_path",
    ]:
        for value in ODD:
            path = written(tmp_path, {**config, name: value})
            try:
                model = load_model(path)
                assert trace(model.family, model.axes).params() > 0
            except InputError as error:
                refused += 1
                assert all(str(path) in str(fault) for fault in error.faults)
    assert refused > 20


def test_all_faults_at_once(tmp_path):
    with pytest.raises(InputError) as caught:
        load_model(written(tmp_path, small(hidden_size=0, vocab_size=..., num_hidden_layers=None)))
    assert len(caught.value.faults) == 3


def test_files_that_are_no_text(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(InputError, match=r"config\.json: cannot be read: No such file"):
        load_model(path)
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load_model(path)
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2**25)
    with pytest.raises(InputError, match="more than 16 MiB"):
        load_model(path)
    with pytest.raises(InputError, match=r"missing\.toml: .*No such file"):
        load_model(tmp_path / "missing.toml")
    with pytest.raises(InputError, match=r"allowed: \.json, \.toml"):
        load_model(tmp_path / "model.bin")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("config.json", "meta-llama/Llama-3.2-1B", "llama-3.2-1b"),
        ("config.json", None, "folder"),
        ("my net.json", "", "my-net"),
        ("config.json", 'a"b\\c\u007f', "c"),
    ],
)
def test_names(name, given, expected, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    model = load_model(written(folder, {**LLAMA, "_name_or_path": given}, name))
    assert model.name == expected


def test_a_model_is_written_as_the_zoo_has_it(tmp_path):
    path = tmp_path / "model.toml"
    for name, model in MODELS.items():
        path.write_text(model_toml(model), encoding="utf-8")
        assert load_model(path) == model, name
    text = model_toml(load_model(written(tmp_path, LLAMA)))
    assert list(tomllib.loads(text)[tmp_path.name.lower()]) == ["family", "source", "axes", "published"]
    odd = load_model(written(tmp_path, LLAMA, 'quote " back\\slash \x7f é.json'))
    path.write_text(model_toml(odd), encoding="utf-8")
    assert load_model(path) == odd


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds 0 models"),
        ("a = 3", "a: 3 is not allowed"),
        ("[a]\nsource = 'x'", "a: family: is missing"),
        ("[a]\nfamily = 'decodr'\nsource = 'x'\naxes = {}", "did you mean 'decoder'"),
        ("[a]\nfamily = 'vit'\nsource = 'x'\naxes = { layrs = 3 }", "a: axes: .*did you mean 'layers'"),
        ("[a]\nfamily = 'vit'\nsource = 'x'\naxes = { layers = [3] }", r"a: axes.layers: \[3\]"),
        ("[a]\nfamily = 'vit'\nsource = 'x'\naxes = { layers = 3, d_model = 8, heads = 3 }", "heads: 3"),
        ("[a]\nfamily = 'resnet'\nsource = 'x'\naxes = {}\ncolour = 1", "unknown key 'colour'"),
        ("[a]\nfamily = 'resnet'\nsource = 3\naxes = {}", "source: 3"),
        ("[a]\nfamily = 'resnet'\nsource = ''\naxes = {}\npublished = { params = 3 }", "published.params: params: 3"),
        ("[a]\nfamily = 'resnet'\nsource = ''\naxes = {}\n[b]\nfamily = 'resnet'\nsource = ''\naxes = {}", "2 models"),
        ("[a]\nfamily = 'vit'\nsource = 'x'\naxes = { layers = 3, d_model = 1e9, heads = 1 }", r"2\^53"),
        ("[a", "model.toml"),
    ],
)
def test_wrong_models(content, message, tmp_path):
    path = written(tmp_path, content, "model.toml")
    with pytest.raises(InputError, match=message) as caught:
        find_model(str(path), "network.model")
    for fault in caught.value.faults:
        assert str(fault).startswith("network.model: ") and str(path) in str(fault)


def test_the_command(tmp_path, capsys):
    path, out = written(tmp_path, LLAMA), tmp_path / "model.toml"
    assert run(["import", str(path), "-o", str(out)]) == 0
    assert "decoder" in capsys.readouterr().out
    assert find_model(str(out)).axes == load_model(path).axes
    assert run(["import", str(path)]) == 0
    assert capsys.readouterr().out == out.read_text(encoding="utf-8")
    before = out.read_bytes()
    written(tmp_path, "{")
    assert run(["import", str(path), "-o", str(out)]) == 2
    assert "config.json" in capsys.readouterr().err
    written(tmp_path, LLAMA)
    for wrong in (tmp_path / "no" / "model.toml", out / "model.toml", tmp_path / "model.txt"):
        assert run(["import", str(path), "-o", str(wrong)]) == 2
    (tmp_path / "folder.toml").mkdir()
    assert run(["import", str(path), "-o", str(tmp_path / "folder.toml")]) == 2
    assert out.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["config.json", "folder.toml", "model.toml"]


def test_a_field_that_is_given_twice(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "llama", "hidden_size": 256, "hidden_size": 512}')
    with pytest.raises(InputError, match="'hidden_size' stands twice"):
        load_model(path)
