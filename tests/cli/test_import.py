"""dse import: every kind of file becomes a model that stands on its own."""

import json
import re
import struct
import tomllib

import pytest

import dse
from dse.cli import run
from dse.errors import InputError
from dse.networks import QUANTITIES, load_model, trace
from tests.networks.onnx_networks import Graph, mobilenet_v2, vit

LLAMA = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 2,
    "num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 512,
}  # fmt: skip
OF_LAYER = {
    "self_attn.q_proj": [64, 64], "self_attn.k_proj": [32, 64], "self_attn.v_proj": [32, 64],
    "self_attn.o_proj": [64, 64], "mlp.up_proj": [96, 64], "mlp.gate_proj": [96, 64], "mlp.down_proj": [64, 96],
    "input_layernorm": [64], "post_attention_layernorm": [64],
}  # fmt: skip
TENSORS = {"model.embed_tokens.weight": [100, 64], "model.norm.weight": [64], "lm_head.weight": [100, 64]}
TENSORS |= {f"model.layers.{i}.{name}.weight": shape for i in range(2) for name, shape in OF_LAYER.items()}
# By hand: embedding and head, per layer 2·64² + 2·32·64 + 3·64·96 and two norms, and the last norm.
PARAMS = 2 * 6400 + 2 * (2 * 4096 + 2 * 2048 + 3 * 6144 + 128) + 64


def safetensors(path, tensors, dtype="BF16"):
    """A file of zeros: names, and shapes or (type, shape)."""
    bits, entries, end = {"BF16": 16, "F32": 32, "I32": 32, "F8_E4M3": 8}, {}, 0
    for name, given in tensors.items():
        kind, shape = given if isinstance(given, tuple) else (dtype, given)
        size = bits[kind] // 8
        for n in shape:
            size *= n
        entries[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    header = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(end))
    return path


def imported(path, out, *options):
    assert run(["import", str(path), "-o", str(out), *options]) == 0
    return load_model(out)


def counts(model, **axes):
    table = trace(model.builds_from, {**model.axes, **axes})
    peaks = table.peak(True), table.peak(False), table.peak_simple()
    return table.params(), *peaks, *(table.total(quantity) for quantity in QUANTITIES)


def gated(path):
    """A map that is held, an operator that nothing is known of, two inputs, a part of a tensor, and tied weights."""
    g = Graph({"image": (1, [1, 4, 8, 8]), "other": (1, [1, 8, 8, 8])})
    y = g.conv("image", 4, 8, 3)
    y = g.node("Add", g.node("Relu", y), "other")
    left, right = g.node("Split", y, outputs=2, axis=1)
    z = g.conv(left, 4, 4, 3, groups=4)
    z = g.node("Concat", z, g.node("Mul", right, g.node("Sigmoid", right)), axis=1)
    w = g.weight(8, 8, 1, 1, name="tied")
    z = g.node("Conv", g.node("Conv", z, w, kernel_shape=[1, 1]), w, kernel_shape=[1, 1])
    return g.save(path, z)


NETWORKS = {
    "mobilenet": lambda path: mobilenet_v2(path, 0.35, 96),
    "products": lambda path: vit(path, 3, 192, 3, 64, 16, "products"),
    "standard": lambda path: vit(path, 3, 192, 3, 64, 16, "standard"),
    "microsoft": lambda path: vit(path, 3, 192, 3, 64, 16, "microsoft"),
    "gated": gated,
}


@pytest.mark.parametrize("network", NETWORKS)
def test_an_onnx_file_as_a_table_of_layers(network, tmp_path):
    path = NETWORKS[network](tmp_path / "net.onnx")
    model = imported(path, tmp_path / "net.toml")
    path_counts = counts(load_model(path))
    path.unlink()
    assert counts(model) == path_counts
    # As a table written once more it is the same.
    again = imported(tmp_path / "net.toml", tmp_path / "again.toml")
    assert counts(again) == path_counts
    for winograd in (0, 1):
        assert counts(again, winograd=winograd) == counts(model, winograd=winograd)


def test_dynamic_dimensions_are_given(tmp_path, capsys):
    path = mobilenet_v2(tmp_path / "net.onnx", 0.35, 0, dynamic=True)
    assert run(["import", str(path)]) == 2
    assert re.search(r"needs the size of dim_height .*--set dim_height", capsys.readouterr().err)
    assert run(["import", str(path), "--set", "dim_heigth=9", "--set", "dim_height=96", "--set", "dim_width=9"]) == 2
    assert "did you mean 'dim_height'" in capsys.readouterr().err
    model = imported(path, tmp_path / "net.toml", "--set", "dim_height=96", "--set", "dim_width=96")
    # As the family's own tests have it.
    assert trace(model.builds_from, {}).total("macs") == 11_934_128


def test_a_spec_names_what_was_imported(tmp_path):
    path = tmp_path / "net.toml"
    imported(mobilenet_v2(tmp_path / "net.onnx", 0.35, 96), path)
    spec = {
        "network": {"model": str(path), "sparsity": [0, 0.5]}, "precision": {"scheme": "int8"},
        "hardware": {"device": "stm32h743"}, "objectives": {"minimize": ["latency", "model_size"]},
    }  # fmt: skip
    frontier = dse.explore(spec).frontier
    # Half of the weights but for norms and biases, and a bit for each that there was: less in every way.
    assert frontier.sparsity.values.tolist() == [0.5]
    table = trace(load_model(path).builds_from, {})
    kept = table.params("weights") / 2 + table.total("biases") + table.total("affine")
    assert frontier.model_size.values == pytest.approx(kept + table.params("weights") / 8, rel=1e-4)


def test_weights_beside_their_configuration(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    more = {"model.layers.0.self_attn.rotary_emb.inv_freq": [8], "model.layers.2.self_attn.q_proj.weight": [64, 64]}
    path = safetensors(tmp_path / "model.safetensors", TENSORS | more)
    model = imported(path, tmp_path / "m.toml")
    assert model.family == "decoder" and trace(model.family, model.axes).params() == PARAMS
    assert model.published["params"].value == PARAMS and "stored with 16 bits a weight" in model.note
    # In several files, each of which stands for all.
    names = list(TENSORS)
    parts = [tmp_path / f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    safetensors(parts[0], {n: TENSORS[n] for n in names[:5]})
    with pytest.raises(InputError, match=r"one of 2 files .*missing beside it: 'model-00002-of-00002"):
        load_model(parts[0])
    safetensors(parts[1], {n: TENSORS[n] for n in names[5:]})
    assert [load_model(part).published["params"].value for part in parts] == [PARAMS, PARAMS]
    with pytest.raises(InputError, match=r"hold 74,496 parameters, the network of .*config\.json 74,560"):
        load_model(safetensors(tmp_path / "x.safetensors", {n: TENSORS[n] for n in names if n != "model.norm.weight"}))
    # Weights that are packed cannot be counted; what they take can.
    packed = {n: ("I32", [s[0], s[1] // 8]) if "proj" in n else s for n, s in TENSORS.items()}
    model = load_model(safetensors(tmp_path / "packed.safetensors", packed))
    projections = 2 * (2 * 4096 + 2 * 2048 + 3 * 6144)
    bits = (projections * 4 + (PARAMS - projections) * 16) / PARAMS
    assert f"stored with {bits:.4g} bits a weight" in model.note and "params" not in model.published


def index(folder, places, **more):
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 2 * PARAMS}, "weight_map": places, **more}))
    return path


def test_an_index_of_several_files(tmp_path, capsys):
    """Names of the files tell nothing; the index does."""
    names = list(TENSORS)
    for file, part in (("a", names[:5]), ("b", names[5:])):
        safetensors(tmp_path / f"{file}.safetensors", {n: TENSORS[n] for n in part})
    places = {n: f"{'a' if n in names[:5] else 'b'}.safetensors" for n in names}
    path = index(tmp_path, places)
    alone = load_model(path)
    assert trace(alone.builds_from, {}).params() == PARAMS and "weights alone" in alone.note
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    assert run(["show", str(path), "--json"]) == 0
    header, network = json.loads(capsys.readouterr().out)
    assert header["params"] == network["totals"]["params"] == PARAMS
    for given in (path, tmp_path):
        model = imported(given, tmp_path / "m.toml", "--force")
        assert model.family == "decoder" and model.published["params"].value == PARAMS
    # What is stored besides is no part of the network.
    safetensors(tmp_path / "b.safetensors", {**{n: TENSORS[n] for n in names[5:]}, "optimizer.state": [7]})
    assert load_model(path).published["params"].value == PARAMS

    def refused(message, places, **more):
        with pytest.raises(InputError, match=message) as error:
            load_model(index(tmp_path, places, **more))
        assert str(path) in str(error.value) or "safetensors: " in str(error.value)

    first = names[0]
    refused("index of a network in .* files; missing beside it: 'c.safetensors'$", {**places, first: "c.safetensors"})
    refused("missing beside it: 'xxx", {**places, first: "x" * 5000 + ".safetensors"})
    refused(f"{first}: is not in b.safetensors", {**places, first: "b.safetensors"})
    refused("extra: is not in a.safetensors", {**places, "extra": "a.safetensors"})
    for outside in ("../a.safetensors", "/tmp/a.safetensors", "sub/a.safetensors", "..\\a.safetensors"):
        refused("is not in the folder of the index; refused", {**places, first: outside})
    for other in ("pytorch_model.bin", 7, None, ["a.safetensors"], ".."):
        refused("allowed: names of .safetensors files", {**places, first: other})
    for nothing in ({}, [], None, "a.safetensors"):
        refused("weight_map: .* is not allowed; allowed: tensors and their files", nothing)
    path.write_text(f'{{"weight_map": {{"{first}": "a.safetensors", "{first}": "b.safetensors"}}}}')
    with pytest.raises(InputError, match=f"cannot be read as JSON: '{first}' stands twice"):
        load_model(path)
    # A tensor in two files is one of two.
    safetensors(tmp_path / "b.safetensors", {n: TENSORS[n] for n in names[4:]})
    refused(f"b.safetensors: {names[4]}: stands in another file", places)


def test_a_folder_without_a_model(tmp_path, capsys):
    assert run(["import", str(tmp_path)]) == 2
    assert f"{tmp_path}: is a folder without a model; known in folders: model.safe" in capsys.readouterr().err
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    assert load_model(tmp_path).axes["layers"] == 2


def test_weights_alone(tmp_path):
    tensors = {
        "conv.weight": [8, 3, 3, 3], "bn.weight": [8], "bn.bias": [8], "bn.running_mean": [8], "bn.running_var": [8],
        "bn.num_batches_tracked": ("I32", []), "fc.weight": [10, 8], "fc.bias": [10], "word_embeddings.weight": [50, 8],
    }  # fmt: skip
    path = safetensors(tmp_path / "net.safetensors", tensors, "F32")
    model = imported(path, tmp_path / "net.toml")
    assert "weights alone" in (tmp_path / "net.toml").read_text() and "32 bits an element" in load_model(path).note
    for found in (model, load_model(path)):
        table = trace(found.builds_from, {})
        assert table.params() == 216 + 16 + 80 + 10 + 400 and table.total("statistics") == 16
        assert table.total("macs") == 216 + 80 and table.total("weights_read") == 216 + 16 + 90 + 8
    data = dse.evaluate(str(path), device="stm32h743", precision="int8", metrics=["model_size"])
    assert float(data.model_size) == 722
    with pytest.raises(InputError, match=r"holds no matrix, and no config\.json stands beside it"):
        load_model(safetensors(tmp_path / "v.safetensors", {"a": [3]}))


def test_faults_leave_nothing(tmp_path, capsys):
    path = safetensors(tmp_path / "net.safetensors", TENSORS)
    path.write_bytes(path.read_bytes()[:-9])
    assert run(["import", str(path), "-o", str(tmp_path / "m.toml")]) == 2
    assert "the file is truncated" in capsys.readouterr().err
    assert run(["evaluate", str(path), "--device", "stm32h743"]) == 2
    assert "the file is truncated" in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.safetensors"]


def test_rows_of_tables(tmp_path):
    """Inputs of their own, parts of results, and rows that read nothing."""
    rows = """op = [
      { name = "image", kind = "input", outputs = 12 },
      { name = "a", kind = "linear", outputs = 8, macs = 96, weights = 96 },
      { name = "b", kind = "linear", reads = "a:4", outputs = 4, macs = 16, matrix_read = 16 },
      { name = "table", kind = "other", reads = "-", outputs = 4 },
      { name = "c", kind = "add", reads = "b table image:4", outputs = 4 },
    ]"""
    path = tmp_path / "t.toml"
    path.write_text(rows)
    table = trace(load_model(path).builds_from, {})
    assert [op.name for op in table.ops] == ["a", "b", "table", "c"]
    assert table.total("inputs") == 12 + 4 + 3 * 4 and table.total("weights_read") == 96 + 16
    # The image is held to the end: with it what a makes; that and what b makes; both terms of the sum.
    assert table.live() == [20, 24, 20, 20]
    for wrong, message in (("a:x", "'x' is not allowed"), ("d:4", "unknown row 'd:4'"), ("a:0", "'0' is not allowed")):
        path.write_text(rows.replace("a:4", wrong))
        with pytest.raises(InputError, match=f"row 3: reads: .*{message}"):
            load_model(path)
    assert tomllib.loads(rows)["op"][0]["kind"] == "input"
