"""Two-dimensional histograms of all designs, gathered while they stream past: the cloud behind a frontier.

Cells lie on a logarithmic lattice that is fixed once for all, so that parts add up whatever their range.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from dse.errors import InputError

CELLS_PER_DECADE = 256
# A cell of the histograms is one integer: pair, group, feasible, x and y, in so many bits. All doubles lie within
# 2^17 cells of 1.
_BITS = 18
_OFFSET = 2 ** (_BITS - 1)
MOST_GROUPS = 2**22
# Parts kept apart before they are merged.
PARTS = 64


class Cloud:
    """Counts of designs by cell for every pair of metrics, group and feasibility. Only positive values are counted.

    `designs` is the number in all, where not all of them are counted.
    """

    def __init__(self, metrics: Sequence[str]) -> None:
        self.metrics = tuple(metrics)
        self.counted = self.designs = 0
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, columns: Mapping[str, np.ndarray], groups: np.ndarray, feasible: np.ndarray) -> None:
        """Count designs: columns, groups and feasibility of shape (n,).

        Raises InputError for more groups than cells can name.
        """
        if len(groups) and groups.max() >= MOST_GROUPS:
            raise InputError(f"{int(groups.max()) + 1:,} frontiers; at most {MOST_GROUPS:,}: give fewer axes as per")
        self.counted += len(groups)
        cells = {name: _cells(columns[name]) for name in self.metrics}
        for pair, (x, y) in enumerate(itertools.combinations(self.metrics, 2)):
            counted = (cells[x] >= 0) & (cells[y] >= 0)
            key = (pair * MOST_GROUPS + groups[counted]) * 2 + feasible[counted]
            key = (key << _BITS) + cells[x][counted]
            self._parts.append(np.unique((key << _BITS) + cells[y][counted], return_counts=True))
        if len(self._parts) > PARTS:
            self._parts = [self._merged()]

    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Cells in order, and the designs in each: what `add_cells` takes."""
        return self._merged()

    def add_cells(self, cells: tuple[np.ndarray, np.ndarray], counted: int) -> None:
        """Count what another cloud of the same metrics has counted, `counted` designs in all."""
        self.counted += counted
        self._parts.append(cells)
        if len(self._parts) > PARTS:
            self._parts = [self._merged()]

    def _merged(self) -> tuple[np.ndarray, np.ndarray]:
        """Cells in order, and the designs in each."""
        if not self._parts:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        keys, counts = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        # Each part is sorted: a stable sort merges the runs.
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        return keys[first], np.add.reduceat(counts[order], first) if len(first) else counts

    def dataset(self) -> xr.Dataset:
        """The counts as a table along "cell": pair, group, feasible, place along x and y, number of designs."""
        keys, counts = self._merged()
        mask = 2**_BITS - 1
        group = keys >> (2 * _BITS + 1)
        columns = {
            "pair": group // MOST_GROUPS,
            "group": group % MOST_GROUPS,
            "feasible": keys >> (2 * _BITS) & 1,
            "x": (keys >> _BITS & mask) - _OFFSET,
            "y": (keys & mask) - _OFFSET,
            "designs": counts,
        }
        sample = {"counted": self.counted, "designs": max(self.designs, self.counted)}
        attrs = {**sample, "metrics": " ".join(self.metrics), "cells_per_decade": CELLS_PER_DECADE}
        return xr.Dataset({name: ("cell", column) for name, column in columns.items()}, attrs=attrs)


def _cells(values: np.ndarray) -> np.ndarray:
    """The cell of each value, counted from the lowest; -1 where it is not positive and finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        cells = np.floor(np.log10(values) * CELLS_PER_DECADE) + _OFFSET
    return np.where(np.isfinite(cells), cells, -1).astype(np.int64)
