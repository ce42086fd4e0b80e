"""The sweeps of the repository that are timed, and axes of other specs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dse
from dse.bench.figures import Missing


def sweep(name: str) -> Path:
    """The path of a sweep; raises Missing where the package stands without the repository."""
    path = Path(dse.__file__).parents[1] / "sweeps" / f"{name}.toml"
    if not path.is_file():
        raise Missing(f"sweeps/{name}.toml of the repository, which the installed package does not hold")
    return path


def logarithmic(start: str, stop: str, num: int) -> dict[str, Any]:
    """Values of an axis, evenly by their logarithm."""
    return {"start": start, "stop": stop, "num": num, "scale": "log"}
