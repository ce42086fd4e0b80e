"""Nothing that a command prints on a terminal is wider than it."""

from __future__ import annotations

import pytest

from dse.cli import common, run


@pytest.mark.parametrize(
    "words",
    [
        ["show", "resnet50"],
        ["show", "decoder"],
        ["show", "latency"],
        ["show", "kv_cache"],
        ["evaluate", "resnet50", "--device", "a100-sxm-80gb", "--precision", "fp16", "--explain", "latency"],
    ],
    ids=" ".join,
)
def test_lines_fit_80_columns(words, monkeypatch, capsys):
    monkeypatch.setattr(common, "terminal_width", lambda: 80)
    assert run(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines and max(map(len, lines)) <= 80


def test_a_spec_that_is_not_there_names_the_nearest_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "quickstart.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert run(["explore", "quikstart.toml"]) == 2
    assert "quikstart.toml: no such file; did you mean 'quickstart.toml'?" in capsys.readouterr().err
