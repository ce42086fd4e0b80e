"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dse.grid.capacity import available_memory

PACKAGES = ("numpy", "numba", "moocore", "paretoset", "dask", "distributed")


def machine() -> dict[str, Any]:
    """Processor, cores that may be used, memory, load and versions, as plain data."""
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_available": available_memory(),
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    """The model of the processor, as far as it is told, with its widest vectors."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    told = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    known = {key.strip(): value.strip() for key, value in told.items()}
    vectors = [v for v in ("avx512f", "avx2") if v in known.get("flags", "").split()]
    name = known.get("model name", platform.processor() or "unknown")
    family = f"family {known['cpu family']} model {known['model']}" if "cpu family" in known else ""
    return ", ".join(part for part in (name, family, *vectors[:1]) if part)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
