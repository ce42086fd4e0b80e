"""Shell completion, as the shell asks for it: the words so far, and the one that is begun."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.shell_completion import CompletionItem, ShellComplete

from dse.cli import COMMANDS, cli
from dse.cli.completion import VARIABLE


def completed(line: str) -> list[str]:
    """What may stand in place of the last word of a line."""
    *before, begun = line.split(" ")
    return [item.value for item in answers(before, begun) if item.type == "plain"]


def answers(before: list[str], begun: str) -> list[CompletionItem]:
    return ShellComplete(cli, {}, "dse", VARIABLE).get_completions(before, begun)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ev", ["evaluate"]),
        ("evaluate resnet15", ["resnet152"]),
        ("evaluate resnet50 --device stm32f7", ["stm32f746"]),
        ("evaluate resnet50 --precision fp3", ["fp32"]),
        ("evaluate resnet50 --explain time_per_", ["time_per_token", "time_per_token_low", "time_per_token_high"]),
        ("list fo", ["formulas"]),
        ("show kv_c", ["kv_cache"]),
        ("plot results/quickstart roof", ["roofline"]),
        ("plot results/quickstart frontier --style pa", ["paper"]),
        ("plot results/quickstart families --option b", ["by="]),
        ("plot resnet15", ["resnet152"]),
        ("plot catal", ["catalogue"]),
        ("plot resnet50 breakdown --device stm32f7", ["stm32f746"]),
        ("plot resnet50 breakdown --precision fp3", ["fp32"]),
        ("bench cal", ["calibrated"]),
        ("bench store s", ["streams", "search", "startup"]),
        ("search sweeps/quickstart.toml --sampler ns", ["nsga2", "nsga3"]),
        ("frontier results/quickstart --minimize device_c", ["device_cost"]),
        ("calc kv_cache batch=1 la", ["layers="]),
        ("calc kv_cache batch=1 batch", []),
        ("calc no_such_formula b", []),
        ("nonsense x", []),
    ],
)
def test_what_a_word_may_become(line, expected):
    assert completed(line) == expected


def test_a_file_is_drawn_too():
    """Files stand first: bash drops what was offered before them."""
    assert [item.type for item in answers(["plot"], "resnet15")] == ["file", "plain"]


def test_every_command_is_offered():
    assert set(completed("")) == set(COMMANDS)


def test_the_shell_is_answered_by_the_program():
    asked = {VARIABLE: "bash_complete", "COMP_WORDS": "dse list pre", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "dse"], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "plain,precisions\n", "")
