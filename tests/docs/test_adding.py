"""Every diff of docs/adding.md applies to a copy of the package, and the commands behind it do what they say."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)

# One worker sets up what all of them share.
pytestmark = pytest.mark.xdist_group("adding")


def sections():
    """Title, diff and commands of each section that has a diff."""
    for part in PAGE.split("\n## ")[1:]:
        blocks = BLOCK.findall(part)
        diff = next(text for kind, text in blocks if kind == "diff")
        commands = [text for kind, text in blocks if kind == "sh"]
        yield part.splitlines()[0], diff, "".join(commands).replace("\\\n", "").splitlines()


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package with every diff of the page."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed: diffs cannot be applied")
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "dse", folder / "dse", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "sweeps", folder / "sweeps")
    (folder / "results").mkdir()
    for _, diff, _ in sections():
        # The copy is no repository, and is not to be taken for a part of one around it.
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
        done = subprocess.run(
            ["git", "apply", "-"], input=diff, text=True, capture_output=True, cwd=folder, env=environment
        )
        assert done.returncode == 0, done.stderr
    return folder


def test_there_is_one_of_each():
    assert [title for title, _, _ in sections()] == ["A metric", "A family of networks", "A device", "A plot"]


@pytest.mark.parametrize("commands", [pytest.param(commands, id=title) for title, _, commands in sections()])
def test_commands_do_what_they_say(commands, copy):
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "dse"
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=copy, capture_output=True, text=True, env=environment, timeout=120
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout


def test_what_was_added_is_what_it_says(copy):
    program = (
        "import dse; d = dse.evaluate('plain_cnn', device='teensy-41', precision='int8', base_channels=8, layers=1);"
        "print(int(d.params), int(d.macs), float(d.compute_time) * 1.2e9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=copy, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(copy)},
    )  # fmt: skip
    # Convolutions of 3 -> 8 -> 16 -> 32 channels at 16, 8 and 4 pixels with batch norms, then 32 x 10 and a bias.
    params = 27 * 8 + 72 * 16 + 144 * 32 + 2 * (8 + 16 + 32) + 32 * 10 + 10
    macs = 27 * 8 * 256 + 72 * 16 * 64 + 144 * 32 * 16 + 320
    assert done.stdout.split()[:2] == [str(params), str(macs)]
    assert float(done.stdout.split()[2]) == pytest.approx(macs, rel=1e-9)
