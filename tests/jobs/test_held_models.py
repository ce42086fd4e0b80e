"""A result holds the networks that its spec names as files: it is cut, read and replayed without these."""

from __future__ import annotations

import json
import shutil
import tomllib

import numpy as np
import pytest

import dse
from dse.cli import run
from dse.jobs.recut import recut
from dse.networks import load_model
from dse.networks.held import from_held, held

LAYERS = """op = [
  { name = "a", kind = "conv", inputs = 3072, c_in = 3, c_out = 8, k = 3, h_out = 16, w_out = 16, stride = 1 },
  { name = "b", kind = "linear", c_in = 2048, c_out = 10, repeat = 2 },
]
"""
GPT2 = {
    "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 768, "n_head": 12, "n_layer": 12,
    "n_positions": 1024, "n_ctx": 1024, "vocab_size": 50257, "activation_function": "gelu_new",
}  # fmt: skip
SPEC = """
[network]
model = "{model}"
{axes}
[precision]
scheme = ["fp16", "int8"]
[hardware]
device = ["a100-sxm-80gb", "l4"]
[objectives]
minimize = ["latency", "memory"]
{deployment}
"""


def write_onnx(path):
    """A linear layer over as many tokens as are asked for."""
    from onnx import TensorProto, helper, numpy_helper, save

    weight = numpy_helper.from_array(np.ones((64, 32), dtype=np.float32), "w")
    inputs = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "tokens", 64])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [inputs], [out], [weight])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "specs"
    (place / "gpt2").mkdir(parents=True)
    (place / "gpt2" / "config.json").write_text(json.dumps(GPT2))
    (place / "net.toml").write_text(LAYERS)
    write_onnx(place / "net.onnx")
    return place


CASES = {
    "gpt2/config.json": {"axes": "", "deployment": '[deployment]\nphase = "decode"\ncontext = 128'},
    "net.toml": {"axes": "", "deployment": ""},
    "net.onnx": {"axes": "dim_tokens = [16, 64]", "deployment": ""},
}


@pytest.mark.parametrize("model", CASES)
def test_a_result_needs_the_file_of_its_network_no_more(model, folder, tmp_path, monkeypatch):
    text = SPEC.format(model=model, **CASES[model])
    (folder / "spec.toml").write_text(text)
    monkeypatch.chdir(folder)
    first = dse.explore("spec.toml", out="result", plots=False)
    cut, grid = recut(first, minimize=["energy"]), first.grid.load()
    axes = first.design(0).axes
    shutil.move(folder / "result", tmp_path / "kept")
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "spec.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    found = dse.load("kept")
    assert recut(found, minimize=["energy"]).frontier.identical(cut.frontier)
    assert found.grid.identical(grid)
    assert found.design(0).axes == axes
    again = dse.explore(folder / "spec.toml", assumptions="kept/assumptions.toml", out="again", plots=False)
    assert again.frontier.identical(first.frontier)
    texts = [(tmp_path / n / "assumptions.toml").read_text(encoding="utf-8") for n in ("kept", "again")]
    assert texts[0] == texts[1]
    assert len(texts[0]) < 40_000
    with pytest.raises(dse.InputError, match=r"network\.model"):
        dse.explore(folder / "spec.toml")
    assert run(["frontier", "kept", "--minimize", "energy"]) == 0


def test_a_file_that_is_there_is_not_another_of_its_name(folder, tmp_path, monkeypatch):
    (folder / "spec.toml").write_text(SPEC.format(model="net.toml", **CASES["net.toml"]))
    dse.explore(folder / "spec.toml", out=tmp_path / "x", plots=False)
    other = tmp_path / "other"
    other.mkdir()
    (other / "net.toml").write_text(LAYERS.replace("c_out = 10", "c_out = 20"))
    shutil.copy(folder / "spec.toml", other)
    replayed = dse.explore(other / "spec.toml", assumptions=tmp_path / "x" / "assumptions.toml")
    assert replayed.frontier.memory.equals(dse.explore(other / "spec.toml").frontier.memory)


def test_what_is_held_is_the_same_model(folder):
    for name in CASES:
        model = load_model(folder / name)
        again = from_held(name, tomllib.loads(json_to_toml(held(model))))
        assert (again.source, again.note, dict(again.axes)) == (model.source, model.note, dict(model.axes))
        assert held(again) == held(model)


def json_to_toml(table):
    from dse.jobs.assumptions import _value

    return "\n".join(f"{key} = {_value(value)}" for key, value in table.items())
