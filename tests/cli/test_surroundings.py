"""Where it runs: a narrow terminal, a pipe, no display, a home that cannot be written; and JSON of every command."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from dse.cli import COMMANDS, run

ROOT = Path(__file__).resolve().parents[2]
MEASURED = "network,device,software,precision,metric,value,unit,axes\n" + "".join(
    f"resnet{depth},a100-sxm-80gb,mine,fp16,latency,{value},ms,batch=8\n"
    for depth, value in ((18, 2), (34, 3), (50, 5))
)
CONFIG = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 100,
}  # fmt: skip
QUICK = "sweeps/quickstart.toml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a result, its shards, measurements and a model of somebody else."""
    made = tmp_path_factory.mktemp("folder")
    (made / "sweeps").symlink_to(ROOT / "sweeps")
    (made / "mine.csv").write_text(MEASURED)
    (made / "config.json").write_text(json.dumps(CONFIG))
    before = Path.cwd()
    os.chdir(made)
    try:
        assert run(["explore", QUICK, "--no-plots"]) == 0
        for shard in ("1/2", "2/2"):
            assert run(["explore", QUICK, "--out", "parts", "--shard", shard]) == 0
    finally:
        os.chdir(before)
    return made


JSON = {
    "explore": [QUICK, "--dry-run"],
    "search": [QUICK, "--trials", "300", "--out", "searched", "--no-plots"],
    "evaluate": ["resnet18", "--device", "esp32", "--metric", "latency"],
    "calc": ["power_draw", "tdp=300 W", "utilization=0.7"],
    "frontier": ["results/quickstart"],
    "merge": ["parts", "--out", "merged", "--no-plots"],
    "plot": ["results/quickstart", "roofline", "-o", "x.png"],
    "report": ["results/quickstart", "-o", "x.html"],
    "list": ["plots"],
    "show": ["esp32"],
    "init": ["-o", "made.toml"],
    "import": ["config.json"],
    "calibrate": ["mine.csv"],
    "validate": ["mine.csv"],
    "bench": ["--list"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_json_of_every_command(command, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert run([command, *JSON[command], "--json"]) == 0, capsys.readouterr().err
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_80_columns_and_has_an_example(command, capsys):
    assert run([command, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith(f"  dse {command} ") or line == f"  dse {command}" for line in lines)


def in_terminal(words, cwd, columns=80):
    """What a terminal of so many columns shows, and the exit status."""
    parent, child = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": str(columns), "TERM": "xterm"}
    streams = {"stdin": child, "stdout": child, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-m", "dse", *words], **streams, cwd=cwd, env=environment)
    os.close(child)
    parts = []
    try:
        while part := os.read(parent, 65536):
            parts.append(part)
    except OSError:
        # The other end is closed.
        pass
    os.close(parent)
    return process.wait(timeout=60), b"".join(parts).decode()


LLAMA = [
    "llama-2-7b",
    "--device",
    "a100-sxm-80gb",
    "--precision",
    "fp16",
    "--set",
    "phase=decode",
    "--set",
    "context=512",
]
SHOWN = [
    ["list", "devices"],
    ["list", "metrics"],
    ["list", "plots"],
    ["show", "resnet50"],
    ["show", "h100-sxm"],
    ["frontier", "results/quickstart"],
    ["evaluate", *LLAMA],
    ["explore", QUICK, "--dry-run"],
    ["validate", "mine.csv"],
]


@pytest.mark.parametrize("words", SHOWN, ids=lambda words: " ".join(words[:2]))
def test_a_terminal_of_80_columns(words, folder):
    status, shown = in_terminal(words, folder)
    assert status == 0
    # An address, or the name of a file, is not broken.
    long = [
        line
        for line in shown.replace("\r", "").splitlines()
        if len(line) > 80 and "://" not in line and "/" not in line
    ]
    assert long == []


def test_a_pipe_has_neither_colours_nor_a_bar(folder):
    words = [sys.executable, "-m", "dse", "explore", QUICK, "--out", "piped", "--no-plots"]
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout


def test_without_a_display_and_a_home_that_can_be_written(folder, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o555)
    given = ("DISPLAY", "WAYLAND_DISPLAY", "XDG_CACHE_HOME", "MPLCONFIGDIR")
    bare = {n: v for n, v in os.environ.items() if n not in given}
    # For root no home is read-only: a file in its place is none at all.
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    for place in (home, nowhere):
        words = [sys.executable, "-m", "dse", "explore", QUICK, "--out", str(tmp_path / f"in-{place.name}")]
        environment = {**bare, "HOME": str(place), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert (tmp_path / f"in-{place.name}" / "frontier.png").exists()
