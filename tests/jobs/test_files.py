"""Files that a spec names lie beside it, and what they say is part of what is asked for."""

import numpy as np
import pytest

import dse
from dse.cli import run
from dse.errors import InputError
from dse.jobs.manifest import job_key
from dse.jobs.resolve import read_job

LAYERS = 'op = [{ name = "a", kind = "linear", inputs = 4, c_in = 4, c_out = 6 }]'
SPEC = """
[network]
model = "net.toml"
[precision]
scheme = "mine"
[precision.mine]
weight_bits = 4
weights = "w.npy"
[hardware]
device = "stm32h743"
[objectives]
minimize = ["latency"]
maximize = ["sqnr"]
"""


@pytest.fixture
def spec(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "net.toml").write_text(LAYERS)
    np.save(folder / "w.npy", np.linspace(-1, 1, 64).reshape(8, 8))
    (folder / "spec.toml").write_text(SPEC)
    return folder / "spec.toml"


def test_files_beside_the_spec(spec, tmp_path, monkeypatch):
    key = job_key(read_job(spec))
    monkeypatch.chdir(spec.parent)
    assert job_key(read_job("spec.toml")) == key
    monkeypatch.chdir(tmp_path)
    assert job_key(read_job("folder/spec.toml")) == key
    assert float(dse.explore(spec).frontier.sqnr[0]) > 0
    # Several networks too; what is typed is taken as it is.
    several = SPEC.replace("[network]", "[[network]]").replace('"net.toml"', '"net.toml"\nname = "b"')
    spec.write_text(several + '[[network]]\nfamily = "mobilenet_v2"')
    assert set(read_job(spec).networks) == {"b", "mobilenet_v2"}
    spec.write_text(SPEC)
    with pytest.raises(InputError, match=r"network\.model: net\.toml: .*No such file"):
        read_job(spec, {"network.model": "net.toml"})
    # A file in the folder that the program is started in stands where there is none beside the spec.
    (spec.parent / "net.toml").rename(tmp_path / "net.toml")
    assert job_key(read_job("folder/spec.toml")) == key


def test_another_network_in_the_same_file_is_another_job(spec, tmp_path, capsys):
    out = str(tmp_path / "result")
    assert run(["explore", str(spec), "--out", out, "--no-plots"]) == 0
    (spec.parent / "net.toml").write_text(LAYERS.replace("c_out = 6", "c_out = 7"))
    assert run(["explore", str(spec), "--out", out, "--no-plots"]) == 2
    assert "holds the result of another spec" in capsys.readouterr().err
    (spec.parent / "net.toml").write_text(f"# The same layers.\n{LAYERS}")
    assert run(["explore", str(spec), "--out", out, "--no-plots"]) == 0
