"""dse show and dse import of files."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import pytest

from dse.cli import run
from tests.networks.onnx_networks import mobilenet_v2
from tests.weights.test_headers import entry, llama, safetensors


def invoke(*arguments):
    """Run a command line in this process: its exit status and all that it printed."""
    told = io.StringIO()
    with redirect_stdout(told), redirect_stderr(told):
        status = run([str(a) for a in arguments])
    return SimpleNamespace(exit_code=status, output=told.getvalue())


def facts(*arguments):
    done = invoke("show", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_show_an_onnx_file(tmp_path):
    path = mobilenet_v2(tmp_path / "net.onnx", 0.35, 96, dynamic=True)
    done = invoke("show", path)
    assert done.exit_code == 2
    assert (
        f"{path}: needs the size of dim_height (dimension 2 of the input 'image'): --set dim_height=..." in done.output
    )
    assert invoke("show", path, "--set", "dim_heigth=96").exit_code == 2
    (found,) = facts(path, "--set", "dim_height=96", "--set", "dim_width=96")
    assert found["totals"]["macs"] == 11_934_128
    assert found["totals"]["peak_activations_in_place"] == 129_024
    assert len(found["ops"]) == 52 + 1 + 10 + 1  # convolutions, pooling, sums, classifier
    text = invoke("show", path, "--set", "dim_height=96", "--set", "dim_width=96")
    assert "Gemm" in text.output and "11,934,128" in text.output


def test_show_headers(tmp_path):
    path = safetensors(tmp_path / "m.safetensors", {"a": entry("F16", [2, 3], 0, 12)}, 12)
    found, stored = facts(path)
    assert (found["params"], found["bits_per_weight"]["value"]) == (6, 16)
    assert stored["totals"]["params"] == 6
    header, model = facts(llama(tmp_path / "m.gguf"))
    assert header["params"] == model["totals"]["params"] + 32
    (alone,) = facts(llama(tmp_path / "other.gguf", "mamba"))
    assert alone["params"] == header["params"]


def test_import_a_gguf_file(tmp_path):
    done = invoke("import", llama(tmp_path / "m.gguf"), "-o", tmp_path / "m.toml")
    assert done.exit_code == 0, done.output
    assert facts(tmp_path / "m.toml")[0]["totals"] == facts(tmp_path / "m.gguf")[1]["totals"]


@pytest.mark.parametrize("name", ["net.onnx", "net.gguf", "net.safetensors", "net.json", "net.toml"])
def test_faults_name_the_file_and_leave_nothing(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x08\x01 neither")
    for command in ("show", "import"):
        done = invoke(command, tmp_path / name, *(("-o", tmp_path / "out.toml") if command == "import" else ()))
        assert done.exit_code == 2, done.output
        assert str(tmp_path / name) in done.output
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_an_onnx_file_is_imported_as_its_layers(tmp_path):
    path, out = mobilenet_v2(tmp_path / "net.onnx", 0.35, 96), tmp_path / "net.toml"
    done = invoke("import", path, "-o", out)
    assert done.exit_code == 0, done.output
    assert facts(out)[0]["totals"]["macs"] == 11_934_128


def test_settings_are_for_dynamic_dimensions(tmp_path):
    assert invoke("show", "resnet50", "--set", "dim_height=96").exit_code == 2
    assert invoke("show", llama(tmp_path / "m.gguf"), "--set", "dim_height=96").exit_code == 2


def test_an_import_overwrites_nothing_unasked(tmp_path):
    source, out = llama(tmp_path / "m.gguf"), tmp_path / "m.toml"
    out.write_text("mine")
    done = invoke("import", source, "-o", out)
    assert done.exit_code == 2
    assert "m.toml: exists already; choose another file with -o, or replace it with --force" in done.output
    assert out.read_text() == "mine"
    assert invoke("import", source, "-o", out, "--force").exit_code == 0
    assert "family" in out.read_text()
