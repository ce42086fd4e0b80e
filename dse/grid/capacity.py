"""Whether a space can be held in memory, told before anything of it is allocated."""

from __future__ import annotations

import math
import os
from pathlib import Path

from dse.errors import InputError
from dse.units import format_quantity

# Processes may be held to less than the machine has. Limit, use, and what of the use is only cached files, by the
# two generations of Linux control groups.
_GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available_memory() -> float:
    """Bytes that can be allocated without swapping; infinity where the operating system does not tell."""
    found = [_from_meminfo(), *(_from_group(*group) for group in _GROUPS)]
    if all(math.isinf(f) for f in found) and "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found)


def _from_meminfo() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return math.inf
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), math.inf)


def _from_group(folder: str, limit: str, used: str, cached: str) -> float:
    root = Path(folder)
    try:
        statistics = dict(line.split() for line in (root / "memory.stat").read_text(encoding="ascii").splitlines())
        held = float((root / used).read_text(encoding="ascii")) - float(statistics.get(cached, 0))
        return float((root / limit).read_text(encoding="ascii")) - held
    except (OSError, ValueError):
        # No such group, or no limit ("max").
        return math.inf


def check_memory(designs: int, needed: int) -> None:
    """Raise InputError when an evaluation would need more bytes than there are."""
    available = available_memory()
    if needed > available:
        raise InputError(
            f"{designs:.4g} designs need {format_quantity(float(needed), 'B')} of memory, and "
            f"{format_quantity(available, 'B')} are available; narrow the axes or ask for fewer metrics "
            "(a frontier keeps nothing of the grid: dse.explore)"
        )
