"""The spec to start from: it resolves as it stands, and overwrites nothing."""

from __future__ import annotations

import re
import tomllib

import pytest

from dse.cli import run
from dse.jobs.resolve import read_job
from dse.jobs.spec import Spec


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_can_be_explored(here, capsys):
    assert run(["init"]) == 0
    assert "spec.toml" in capsys.readouterr().out
    # 4 widths, 5 resolutions, 2 formats.
    job = read_job("spec.toml")
    assert job.size == 40 * len(job.space.axes["device"].values)
    assert run(["explore", "spec.toml", "--no-plots", "--json"]) == 0


def test_every_table_of_a_spec_stands_in_it(here):
    run(["init", "-o", "x.toml"])
    text = (here / "x.toml").read_text(encoding="utf-8")
    tables = set(re.findall(r"^(?:# )?\[(\w+)[\].]", text, re.MULTILINE))
    tables |= set(re.findall(r"^(?:# )?(\w+) = ", text.split("[network]")[0], re.MULTILINE))
    assert {n for n, f in Spec.model_fields.items() if f.alias is None} <= tables


def test_what_is_commented_out_is_valid_too(here):
    run(["init", "-o", "x.toml"])
    lines = (here / "x.toml").read_text(encoding="utf-8").splitlines()
    (here / "accuracy.csv").write_text("width,accuracy\n0.35,50\n")
    opened = [re.sub(r"^# (?=\[|\w+ = )", "", line) for line in lines]
    wanted = [line for line in opened if not line.startswith("arena")]
    used = {"device =": 'device = ["class:mcu", "my-chip"]', "scheme =": 'scheme = ["fp32", "int8", "mine"]'}
    wanted = [next((new for start, new in used.items() if line.startswith(start)), line) for line in wanted]
    (here / "x.toml").write_text("\n".join(wanted), encoding="utf-8")
    assert tomllib.loads("\n".join(wanted))["output"]["grid"] is True
    read_job("x.toml")


def test_an_existing_file_is_left_alone(here, capsys):
    (here / "x.toml").write_text("mine")
    assert run(["init", "-o", "x.toml"]) == 2
    assert "x.toml: exists already; choose another file with -o" in capsys.readouterr().err
    assert (here / "x.toml").read_text() == "mine"


def test_a_folder_that_is_not_there(capsys):
    assert run(["init", "-o", "no/x.toml"]) == 2
    assert "no/x.toml: no such folder" in capsys.readouterr().err
