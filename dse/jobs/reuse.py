"""The part of a new grid that an old one holds already: values are read from it where they must be the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dse.errors import InputError
from dse.faces import Symbol
from dse.grid.blocks import Alone, Grid
from dse.grid.engines import PLAIN_LIMIT
from dse.grid.labelled import Labelled
from dse.grid.program import MODEL_AXIS, Program, Values, setting_axes
from dse.grid.space import Space
from dse.jobs.checksums import Damaged
from dse.jobs.files import GRID
from dse.jobs.manifest import code_key
from dse.jobs.resolve import Job, read_job
from dse.jobs.result import load
from dse.jobs.standing import read_manifest
from dse.jobs.store import stored_values
from dse.pareto.cut import WITNESS
from dse.pareto.units import Place
from dse.registry import Record

# Operations of which compiled code and NumPy give the same bits.
EXACT = {
    "add", "subtract", "multiply", "divide", "negative", "absolute", "maximum", "minimum", "ceil", "floor", "sqrt",
    "greater_equal",
}  # fmt: skip


@dataclass(frozen=True)
class Reuse:
    """Where the values of a grid come from that has grown along at most one dimension.

    `rows` tells for each dimension the place in the old grid of each value of the new one, -1 for a new value. `reads`
    says whether values are read: compiled code evaluates them again in less time than that takes, and then only files
    are taken over.
    `damaged` gathers what is told of parts of the old grid that cannot be used: these are evaluated.
    """

    grid: Grid
    data: xr.Dataset
    rows: Mapping[str, np.ndarray]
    designs: int
    reads: bool = True
    damaged: list[str] = field(default_factory=list)

    @property
    def known(self) -> int:
        """Designs of the new grid that the old one holds."""
        return int(np.prod([int((r >= 0).sum()) for r in self.rows.values()], dtype=np.float64))

    def __call__(self, place: Place, part: Space, columns: tuple[str, ...]) -> Values:
        """Columns for a part of the new grid: read where it is old, evaluated elsewhere."""
        try:
            return self._read_or_evaluated(place, part, columns)
        except Damaged as error:
            self.damaged.append(str(error).partition(";")[0])
            return self._evaluated(part, columns)

    def _read_or_evaluated(self, place: Place, part: Space, columns: tuple[str, ...]) -> Values:
        own = {d: rows[place.get(d, slice(None))] for d, rows in self.rows.items()}
        grown = [d for d, rows in own.items() if (rows < 0).any()]
        old = all((rows >= 0).any() for rows in own.values())
        if not old:
            return self._evaluated(part, columns)
        if not grown:
            return self._read(own, part, columns)
        dim = grown[0]
        there, new = np.flatnonzero(own[dim] >= 0), np.flatnonzero(own[dim] < 0)
        first = self._read({**own, dim: own[dim][there]}, part.isel(dim, there), columns)
        second = self._evaluated(part.isel(dim, new), columns)
        return {name: _joined(first[name], second[name], dim, there, new) for name in columns}

    def _evaluated(self, part: Space, columns: tuple[str, ...]) -> Values:
        return self.grid.evaluate(part, columns, designs=self.designs)

    def _read(self, own: Mapping[str, np.ndarray], part: Space, columns: tuple[str, ...]) -> Values:
        """Columns at places of the old grid, which may stand in any order."""
        place = {d: slice(int(rows.min()), int(rows.max()) + 1) for d, rows in own.items()}
        found = stored_values(self.data, place, part, columns)
        index = {d: rows - rows.min() for d, rows in own.items()}
        return {n: Labelled(v.dims, v.data[np.ix_(*(index[d] for d in v.dims))]) for n, v in found.items()}


def _joined(first: Labelled, second: Labelled, dim: str, there: np.ndarray, new: np.ndarray) -> Labelled:
    """Two parts put together along a dimension, each at its places."""
    if dim not in first.dims:
        return first
    axis = first.dims.index(dim)
    both = np.concatenate([first.data, second.over(first.dims)], axis=axis)
    return Labelled(first.dims, np.take(both, np.argsort(np.concatenate([there, new])), axis=axis))


def reusable(job: Job, folder: Path) -> dict[str, Reuse]:
    """By name the grids of a job of which the result in the folder holds a part that must be the same.

    That is so where formulas and catalogues are the same, and the networks and the columns; where one axis at most
    has new values; and where values do not depend on how many designs are computed together.
    """
    manifest = read_manifest(folder)
    if manifest is None or manifest["code"] != code_key() or not (folder / GRID).exists():
        return {}
    try:
        standing = load(folder)
        before = read_job(manifest["spec"], table=standing.table, assumptions=standing.assumed)
        data = standing.grid
    except InputError:  # it is damaged, or a file that the old spec names is gone
        return {}
    grids = {"": data} if isinstance(data, xr.Dataset) else {n: t.to_dataset() for n, t in data.children.items()}
    found: dict[str, Reuse] = {}
    for grid, old in ((g, o) for g in job.grids for o in before.grids if g.name == o.name and g.name in grids):
        source = _source(job, grid, old, grids[grid.name], (job.size, before.size))
        if source is not None:
            found[grid.name] = source
    return found


def _source(job: Job, grid: Grid, old: Grid, data: xr.Dataset, designs: tuple[int, int]) -> Reuse | None:
    columns = tuple(dict.fromkeys([*job.metrics, *job.cut_of(grid).columns, WITNESS]))
    if not (isinstance(grid, Alone) and isinstance(old, Alone)) or not set(columns) <= set(data.data_vars):
        return None
    rows = _rows(grid.space, old.space)
    if rows is None or sum(bool((r < 0).any()) for r in rows.values()) > 1:
        return None
    plain = all(n <= PLAIN_LIMIT for n in designs)
    if not plain and not all(_is_exact(s) for s in _program(grid, columns).steps):
        return None
    reuse = Reuse(grid, data, rows, designs[0], plain)
    return reuse if reuse.known else None


def _program(grid: Grid, columns: tuple[str, ...]) -> Program:
    corner = grid.space
    for axis in setting_axes(corner):
        corner = corner.isel(str(axis.dim), slice(0, 1))
    for dim in corner.dims:
        corner = corner.isel(dim, slice(0, 2))
    return grid.program(corner, columns)


def _rows(new: Space, old: Space) -> dict[str, np.ndarray] | None:
    """For each dimension the place of the new grid's values in the old one; None where the grids differ otherwise."""
    same = all(getattr(new, n) == getattr(old, n) for n in ("family", "counting", "model", "quality", "recipe", "dims"))
    if not same or list(new.axes) != list(old.axes) or MODEL_AXIS in new.dims:
        return None
    found: dict[str, np.ndarray] = {}
    for name, axis in new.axes.items():
        before = old.axes[name]
        if axis.dim != before.dim or axis.given != before.given or not _same_entries(name, new, old):
            return None
        if axis.dim is None:
            if axis.values != before.values:
                return None
            continue
        place = {value: i for i, value in enumerate(before.values)}
        rows = np.array([place.get(value, -1) for value in axis.values])
        # Several axes along one dimension stand for the same designs only together.
        if axis.dim in found and not np.array_equal(found[axis.dim], rows):
            return None
        found[axis.dim] = rows
    return found


def _same_entries(name: str, new: Space, old: Space) -> bool:
    """Whether names stand for the same devices and formats in both spaces."""
    catalogues: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
        "device": (new.devices, old.devices),
        "precision": (new.schemes, old.schemes),
    }
    if name not in catalogues:
        return True
    ours, theirs = catalogues[name]
    common = set(new.axes[name].values) & set(old.axes[name].values)
    return all(ours[value] == theirs[value] for value in common)


def _is_exact(step: Record) -> bool:
    """Whether a step has the same bits however it is computed; what has no inputs is a constant."""
    if not step.faces:
        return not step.inputs
    return _operations(step.function(*map(Symbol.named, step.inputs))) <= EXACT


def _operations(value: Any) -> set[str]:
    """Operations of an equation; a power with a number for its exponent is a multiplication."""
    if not isinstance(value, Symbol) or value.operation == "name":
        return set()
    number = value.operation == "power" and not isinstance(value.operands[1], Symbol)
    return {"multiply" if number else value.operation}.union(*map(_operations, value.operands))
