"""README and docs: their commands work as they are typed, their specs are right, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dse.cli import run
from dse.jobs.resolve import read_job

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(page, kind):
    return [text for _, found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == kind]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with what a clone has beside the package; its results are its own."""
    shutil.copytree(ROOT / "sweeps", tmp_path / "sweeps")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.no_cover
def test_commands_of_the_readme_in_their_order(checkout, capsys):
    lines = [line.strip() for text in blocks(README, "sh") for line in text.splitlines()]
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("dse ")]
    assert len(commands) > 20
    # What `make explore` does.
    assert run(["explore", "sweeps/quickstart.toml"]) == 0
    for words in commands:
        capsys.readouterr()
        status = run(words[1:])
        found = capsys.readouterr()
        assert status == 0, f"{shlex.join(words)}\n{found.err}"
        assert found.out.strip(), words


def test_python_of_the_readme(checkout):
    (code,) = blocks(README, "python")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_other_lines_of_the_shell_are_of_make():
    lines = [line.split("#")[0].split() for text in blocks(README, "sh") for line in text.splitlines() if line.strip()]
    targets = {words[1] for words in lines if words[0] == "make"}
    assert {words[0] for words in lines} == {"dse", "make", "source"}
    assert targets == {"explore", "test"}
    assert all(re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE) for target in targets)


def test_the_spec_of_its_page_is_right(checkout):
    first, own = blocks(ROOT / "docs" / "spec.md", "toml")
    (checkout / "accuracy.csv").write_text("width,accuracy\n0.35,50\n")
    (checkout / "spec.toml").write_text(first, encoding="utf-8")
    job = read_job("spec.toml")
    # 22 widths, 3 resolutions, 2 formats.
    assert job.size == 22 * 3 * 2 * len(job.space.axes["device"].values)
    (checkout / "own.toml").write_text(
        '[network]\nmodel = "mobilenet_v2"\n[hardware]\ndevice = "my-chip"\n[objectives]\nminimize = ["latency"]\n'
        + own.replace("[precision.mine]", '[precision]\nscheme = "mine"\n[precision.mine]'),
        encoding="utf-8",
    )
    # 3 widths of a weight, 2 sizes of a group; 5 peaks, 2 memories.
    assert read_job("own.toml").size == 3 * 2 * 5 * 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, heading = target.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        found = page.parent / path if path else page
        assert found.exists(), f"{page.name}: {target}"
        if heading:
            titles = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in slugs, f"{page.name}: {target}"


def test_every_page_is_linked_from_the_readme():
    linked = {target.partition("#")[0] for target in LINK.findall(README.read_text(encoding="utf-8"))}
    written = {str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")}
    written |= {str(p.relative_to(ROOT)) for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert written <= linked


def test_no_page_names_the_machine_it_was_written_on():
    own = re.compile(r"/(home|root|work|tmp|Users)/")
    assert [p.name for p in PAGES if own.search(p.read_text(encoding="utf-8"))] == []
