"""Imports point one way, and `import dse` is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "dse"

# A room may import from the layers before its own, and from its own layer as long as nothing imports back.
LAYERS = (
    ("errors", "units", "glossary", "interrupts"),
    ("registry", "mapping", "catalogue", "weights", "files"),
    ("formulas", "faces"),
    ("metrics", "networks", "hardware", "precision", "quality", "regions"),
    ("profiles", "calibration"),
    ("grid",),
    ("pareto",),
    ("search", "jobs"),
    ("api", "validated"),
    ("bench", "plot"),
    ("cli",),
)
# Rooms that see results only, whoever made them.
NARROW = {"plots": {"errors", "files", "units"}, "report": {"errors", "units", "plots"}}
LAYER = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
HEAVY = {"numba", "xarray", "matplotlib", "optuna", "pandas", "scipy", "zarr", "dask", "moocore", "pydantic"}


def room_of(path: Path, package: Path = PACKAGE) -> str:
    return path.relative_to(package).with_suffix("").parts[0]


def imported_rooms(source: str, module: tuple[str, ...]) -> set[str]:
    """Rooms of `dse` that a module imports anywhere in its text; `module` is its dotted name below `dse`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(("dse", *module)[: len(module) + 1 - node.level]) if node.level else ""
            stem = ".".join(part for part in (base, node.module or "") if part)
            names = [f"{stem}.{alias.name}" for alias in node.names]
        else:
            continue
        parts = (name.split(".") for name in names)
        found |= {p[1] for p in parts if p[0] == "dse" and len(p) > 1}
    return {name for name in found if not name.startswith("__version")}


def edges() -> Iterator[tuple[str, str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        room = room_of(path)
        if room in ("__init__", "__main__"):
            continue
        module = path.relative_to(PACKAGE).with_suffix("").parts
        for target in imported_rooms(path.read_text(encoding="utf-8"), module) - {room}:
            yield room, target, str(path.relative_to(PACKAGE))


def violations(found: set[tuple[str, str, str]]) -> list[str]:
    pairs = {(room, target) for room, target, _ in found}
    faults = []
    for room, target, path in sorted(found):
        if room in NARROW:
            allowed = target in NARROW[room]
        elif target in NARROW:
            allowed = LAYER[room] >= LAYER["search"]
        else:
            allowed = LAYER[target] < LAYER[room] or (LAYER[target] == LAYER[room] and (target, room) not in pairs)
        if not allowed:
            faults.append(f"{path}: {room} imports {target}")
    return faults


def test_every_room_has_its_layer():
    rooms = {room_of(p) for p in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert rooms <= set(LAYER) | set(NARROW), "give each new room its place in LAYERS"


def test_imports_point_one_way():
    assert violations(set(edges())) == []


@pytest.mark.parametrize(
    ("room", "target", "right"),
    [
        ("grid", "metrics", True),
        ("metrics", "grid", False),
        ("units", "errors", True),
        ("plots", "grid", False),
        ("report", "plots", True),
        ("grid", "plots", False),
        ("cli", "plots", True),
    ],
)
def test_the_rule_itself(room, target, right):
    assert (violations({(room, target, "x.py")}) == []) is right


def test_two_rooms_of_one_layer_may_not_import_each_other():
    assert len(violations({("jobs", "search", "x.py"), ("search", "jobs", "y.py")})) == 2


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("from dse import units\nimport dse.grid.space", {"units", "grid"}),
        ("def f():\n    from dse.pareto.front import x", {"pareto"}),
        ("from .plan import x\nfrom ..registry import y", {"grid", "registry"}),
        ("from .. import errors", {"errors"}),
        ("import numpy\nfrom dse import __version__", set()),
    ],
)
def test_imports_are_found(source, rooms):
    assert imported_rooms(source, ("grid", "evaluate")) == rooms


def test_import_is_light():
    program = "import sys, dse; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=PACKAGE.parent, check=True
    )
    assert HEAVY & set(done.stdout.split()) == set()
