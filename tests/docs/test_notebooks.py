"""Notebooks run, and what they store is small, clean, and without formulas of their own."""

from __future__ import annotations

import ast
import json
import re

import nbformat
import pytest

from scripts.notebooks import FOLDER, executed

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
STORIES = {"microcontroller", "language-serving", "chip-architect", "formula-sheet", "search-against-enumeration"}


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def told(cell):
    """What a cell says in text but for times, numbers to four digits: what every machine and every run says alike."""
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
    # Sizes of objects and pictures, and places in memory, are not what a notebook tells.
    texts = [t for t in texts if not t.startswith(("Result(", "<"))]
    plain = re.sub(r"\d+\.\d+ s\b|\d+ ms to run", "", "\n".join(texts))
    return re.sub(r"-?\d+\.\d+(?:[eE][-+]?\d+)?", lambda number: f"{float(number[0]):.4g}", plain)


def test_each_story_is_there():
    assert {path.stem for path in NOTEBOOKS} == STORIES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path, monkeypatch):
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    stored = nbformat.read(path, as_version=4)
    # Only a notebook that hangs takes as long: others may be at work on the machine.
    found = executed(path, timeout=600)
    shown = [[output.output_type for output in cell.outputs] for cell in code_of(found)]
    assert shown == [[output.output_type for output in cell.outputs] for cell in code_of(stored)]
    for new, old in zip(code_of(found), code_of(stored), strict=True):
        assert told(new) == told(old), f"not current: run `make notebooks`\n{new.source}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_is_small_and_clean(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 400 * 1024
    without_pictures = re.sub(r'"image/png": "[^"]*"', "", text)
    assert not re.search(r"/(home|root|work|tmp|Users|opt|usr)/|Traceback|Warning", without_pictures)
    cells = code_of(nbformat.read(path, as_version=4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "not run from top to bottom"
    assert all(cell.outputs and not cell.metadata for cell in cells)
    assert json.loads(text)["metadata"].keys() == {"kernelspec"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_defines_nothing(path):
    """The formulas are those of the package: a notebook has no function and no product of its own."""
    for cell in code_of(nbformat.read(path, as_version=4)):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, (ast.FunctionDef, ast.Lambda)), cell.source
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                # What turns one unit into another.
                assert any(isinstance(side, ast.Constant) for side in (node.left, node.right)), cell.source
