"""Time to import the package, to print help, and to run the first sweep."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from dse.bench.figures import Case, Figure, in_turns
from dse.bench.sweeps import sweep

GROUP = "startup"


def cases(full: bool) -> list[Case]:
    """Each in processes of its own."""
    turns = 9 if full else 1
    return [
        Case(GROUP, "import dse", lambda: _imported(turns)),
        Case(GROUP, "dse --help", lambda: _helped(turns)),
        Case(GROUP, "dse explore sweeps/quickstart.toml", lambda: _explored(turns)),
    ]


def _process(*arguments: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *arguments], capture_output=True, check=True)


def _imported(turns: int) -> Iterator[Figure]:
    ways = {"import dse": _process("-c", "import dse"), "python alone": _process("-c", "pass")}
    found = in_turns(ways, least=turns, most=turns)
    seconds = found.median("import dse") - found.median("python alone")
    yield Figure(GROUP, "import dse", seconds, "s", None, 0.1, found.medians(), "above Python's own start")


def _helped(turns: int) -> Iterator[Figure]:
    found = in_turns({"dse --help": _process("-m", "dse", "--help")}, least=turns, most=turns)
    yield Figure(GROUP, "dse --help", found.median("dse --help"), "s", None, 0.3, found.medians())


def _explored(turns: int) -> Iterator[Figure]:
    spec = str(sweep("quickstart"))
    turns = max(1, turns // 3)
    with tempfile.TemporaryDirectory() as folder:
        command = ("-m", "dse", "explore", spec, "--out", str(Path(folder) / "quickstart"))
        ways = {"standing result": _process(*command), "--fresh": _process(*command, "--fresh")}
        found = in_turns(ways, least=turns, most=turns)
    for name, note in {"standing result": "a finished result is not computed again", "--fresh": "all of it"}.items():
        what = f"dse explore sweeps/quickstart.toml, {name}"
        yield Figure(GROUP, what, found.median(name), "s", None, 5.0, {name: found.median(name)}, note)
