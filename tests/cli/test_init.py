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


@pytest.mark.parametrize(
    "flags",
    [
        ["--network", "resnet50"],
        ["--network", "mobilenet_v2", "--set", "width=[0.35, 0.5]", "--budget", "peak_sram<=256 KiB"],
        ["--network", "ds_cnn", "--minimize", "latency,flash"],
        ["--network", "unet", "--device", "jetson-agx-orin-64gb"],
        ["--network", "llama-3.1-8b", "--network", "qwen2.5-14b", "--budget", "time_per_token<=50 ms"],
        ["--network", "llama-3.1-8b", "--device", "apple-m4", "--set", "batch=1"],
        ["--network", "vit_b_16", "--network", "resnet18", "--device", "apple-m1", "--precision", "fp16"],
    ],
)  # fmt: skip
def test_what_is_asked_for_can_be_explored(flags, here, capsys):
    assert run(["init", *flags]) == 0
    text = (here / "spec.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    for flag, value in zip(flags[::2], flags[1::2]):
        assert flag == "--set" or flag == "--budget" or all(part in text for part in value.split(","))
        if flag == "--budget":
            assert document["budgets"] == {value.partition("<=")[0]: value.partition("<=")[2]}
    assert run(["explore", "spec.toml", "--no-plots", "--json"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--network", "resnet51"], "did you mean 'resnet50'?"),
        (["--device", "esp23"], "hardware.device: unknown device 'esp23'; did you mean 'esp32'?"),
        (["--minimize", "latncy"], "did you mean 'latency'?"),
        (["--budget", "latncy<=3 ms"], "did you mean 'latency'?"),
        (["--budget", "latency<=3 MiB"], "budgets.latency"),
        (["--set", "widht=1"], "did you mean 'width'?"),
        (["--network", "decoder"], "d_model"),
    ],
)
def test_a_wrong_answer_writes_nothing(flags, message, here, capsys):
    assert run(["init", *flags]) == 2
    assert message in capsys.readouterr().err
    assert not list(here.iterdir())


def test_questions_are_asked_again_until_the_answer_is_right(here, capsys, monkeypatch):
    answers = iter(["resnet51", "resnet50, resnet18", "", "fp16", "", "-", "latency<=9 ms, memory<=2 GiB"])
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: next(answers))
    assert run(["init", "--ask"]) == 0
    assert "did you mean 'resnet50'?" in "".join(capsys.readouterr())
    spec = tomllib.loads((here / "spec.toml").read_text(encoding="utf-8"))
    assert [n["model"] for n in spec["network"]] == ["resnet50", "resnet18"]
    assert (spec["hardware"]["device"], spec["precision"]["scheme"]) == ("class:edge", ["fp16"])
    assert spec["objectives"]["minimize"] == ["latency", "energy"] and "maximize" not in spec["objectives"]
    assert spec["budgets"] == {"latency": "9 ms", "memory": "2 GiB"}
