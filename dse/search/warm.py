"""Designs to start a search from: the frontier of a result, or designs that are given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dse.errors import InputError, unknown
from dse.grid.space import NETWORK
from dse.jobs.resolve import Job
from dse.jobs.result import Result, load
from dse.registry import METRICS
from dse.search.settings import digest
from dse.search.space import Part, SearchSpace

WarmLike = str | os.PathLike[str] | Result | xr.Dataset | Sequence[Mapping[str, Any]]
_ALIASES = {"scheme": "precision"}


@dataclass(frozen=True)
class Warm:
    """Cells to start from, and what is told of designs that the space has not."""

    cells: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    messages: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """A text for the cells; "" where there are none."""
        return digest({"cells": self.cells.tolist()}) if len(self.cells) else ""


NOTHING = Warm()


def read_warm(job: Job, inner: str, source: WarmLike | None) -> Warm:
    """The cells of designs to start from.

    Parameters
    ----------
    source
        Folder of a result, a result or its frontier, or designs as mappings from axis to value. An axis that is not
        given stands at its first value.

    Raises
    ------
    InputError
        Where there are no designs, or none of them is in the space.
    """
    if source is None:
        return NOTHING
    designs = _designs(source)
    if not designs:
        raise InputError("designs to start from: there are none; give one at least, or leave out the warm start")
    space = SearchSpace(job, inner)
    if not isinstance(source, (str, os.PathLike, Result, xr.Dataset)):
        _check_names(space, designs)
    found = [cell for design in designs if (cell := _cell(space, design)) is not None]
    if not found:
        raise InputError(f"none of the {len(designs):,} designs to start from is in the space of the spec")
    lost = len(designs) - len(found)
    told = (f"{lost:,} of {len(designs):,} designs to start from are not in the space",) if lost else ()
    return Warm(np.unique(np.array(found, dtype=np.int64)), told)


def _designs(source: WarmLike) -> list[dict[str, Any]]:
    if isinstance(source, (str, os.PathLike)):
        source = load(Path(source))
    if isinstance(source, Result):
        source = source.frontier
    if isinstance(source, xr.Dataset):
        columns = {str(n): np.broadcast_to(c.values, (source.sizes["design"],)) for n, c in source.coords.items()}
        return [{n: column[i] for n, column in columns.items()} for i in range(source.sizes["design"])]
    if not isinstance(source, Iterable) or not all(isinstance(one, Mapping) for one in source):
        raise InputError("designs to start from: give a folder of a result, a result, or a list of mappings")
    return [{_ALIASES.get(str(n), str(n)): v for n, v in one.items()} for one in source]


def _check_names(space: SearchSpace, designs: Sequence[Mapping[str, Any]]) -> None:
    """Raise InputError for a name in a design that is neither an axis nor a metric: it would start at another one."""
    known = {NETWORK, *(name for part in space.parts for name in part.grid.space.axes)}
    for design in designs:
        if wrong := next((name for name in design if name not in known and name not in METRICS), None):
            raise InputError(unknown("axis", wrong, sorted(known), "designs to start from"))


def _cell(space: SearchSpace, design: Mapping[str, Any]) -> int | None:
    """The cell of a design; None where the space has no such design."""
    for part in space.parts:
        if NETWORK in design and part.grid.name not in ("", str(design[NETWORK])):
            continue
        cell = _within(part, design)
        if cell is not None:
            return cell
    return None


def _within(part: Part, design: Mapping[str, Any]) -> int | None:
    chosen = {p.axis.name: p for p in part.parameters}
    cell = part.start
    for name, axis in part.grid.space.axes.items():
        if name not in design or name == NETWORK:
            continue
        place = _place(chosen[name].values if name in chosen else axis.values, design[name])
        if place is None and (name in chosen or axis.given):
            return None
        if name in chosen and place is not None:
            cell += place * chosen[name].stride
    return cell


def _place(values: Sequence[Any], value: Any) -> int | None:
    """The place of a value among those of an axis; numbers are equal where they agree to 12 digits."""
    for place, known in enumerate(values):
        if known == value or str(known) == str(value):
            return place
        numbers = isinstance(known, (int, float)) and isinstance(value, (int, float, np.number))
        if numbers and np.isclose(float(known), float(value), rtol=1e-12, atol=0):
            return place
    return None
