"""What is stated more than once about the project agrees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import dse

ROOT = Path(__file__).resolve().parents[1]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    rows = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", row) for row in rows), (
        "exact versions and nothing else"
    )
    return {normal(row.partition("==")[0]): row.partition("==")[2] for row in rows}


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(row for rows in project["optional-dependencies"].values() for row in rows)]
    names = {normal(re.match(r"[A-Za-z0-9._-]+", row)[0]) for row in wanted} - {"dse"}
    assert names - set(pinned()) == set()


def test_one_version():
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert cited == dse.__version__
    assert f"## {dse.__version__}" in (ROOT / "CHANGELOG.md").read_text()
