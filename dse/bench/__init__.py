"""How fast the program is: figures measured beside what they are to be compared with, in one process.

Each module measures one group of figures and has `cases(full)`: cases of its own, in order, small or of the size that
the figures are told for. `dse bench` runs them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dse.bench.figures import Case, Figure
from dse.errors import InputError, unknown

# What is measured, by group: the module of the same name does it.
GROUPS = {
    "store": "metrics stored, beside NumPy filling the same bytes",
    "streams": "designs that stream past, beside a kernel written by hand without a frontier",
    "per_op": "latency of every op, beside the roofline of the whole network",
    "calibrated": "calibrated latency with its interval, beside the roofline",
    "filter": "the non-dominated filter, beside moocore and paretoset",
    "bounds": "a space of 1e12 designs searched by bounds; parts of it, beside enumeration",
    "memory": "memory above the imports while designs stream past",
    "dask": "two local Dask workers, beside one",
    "search": "searches of spaces whose exact frontier is known, beside NSGA-II of Optuna",
    "startup": "import, help, and a run of the first sweep",
}
# Groups that measure the same at every size; what others aim at is meant for the full one.
SIZELESS = ("startup",)


def cases_of(groups: Sequence[str], full: bool = True, only: str = "") -> list[Case]:
    """The cases of groups (default: all) with the words `only` in their name.

    Raises
    ------
    InputError
        For an unknown group, and where no case has the words.
    """
    for name in groups:
        if name not in GROUPS:
            raise InputError(unknown("group", name, GROUPS))
    modules = [importlib.import_module(f"dse.bench.{name}") for name in dict.fromkeys(groups or GROUPS)]
    every = [case for module in modules for case in module.cases(full)]
    every = [case if full or case.group in SIZELESS else replace(case, aims=False) for case in every]
    found = [case for case in every if only in case.what]
    if not found:
        raise InputError(f"no case has {only!r} in its name; there are: {'; '.join(case.what for case in every)}")
    return found


def run(cases: Sequence[Case]) -> Iterator[Figure]:
    """The figures of cases, as they are measured."""
    for case in cases:
        yield from case.figures()
