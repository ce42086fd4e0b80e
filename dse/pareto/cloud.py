"""Two-dimensional histograms of all designs, gathered while they stream past: the cloud behind a frontier.

Cells lie on a logarithmic lattice that is fixed once for all, so that parts add up whatever their range.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

CELLS_PER_DECADE = 256
OUTSIDE = np.iinfo(np.int64).min
DENSE = 2**23


class Cloud:
    """Counts of designs by cell for every pair of metrics, group and feasibility. Only positive values are counted."""

    def __init__(self, metrics: Sequence[str]) -> None:
        self.metrics = tuple(metrics)
        self._parts: list[np.ndarray] = []

    def add(self, columns: Mapping[str, np.ndarray], groups: np.ndarray, feasible: np.ndarray) -> None:
        """Count designs: columns, groups and feasibility of shape (n,)."""
        keys = {name: _cells(columns[name]) for name in self.metrics}
        for pair, (x, y) in enumerate(itertools.combinations(self.metrics, 2)):
            good = (keys[x] != OUTSIDE) & (keys[y] != OUTSIDE)
            table = _count([groups[good], feasible[good].astype(np.int64), keys[x][good], keys[y][good]])
            self._parts.append(np.column_stack([np.full(len(table), pair), table]))
        if len(self._parts) > 64:
            self._parts = [self._merged()]

    def _merged(self) -> np.ndarray:
        if not self._parts:
            return np.empty((0, 6), dtype=np.int64)
        table = np.concatenate(self._parts)
        return _count(list(table[:, :5].T), table[:, 5])

    def dataset(self) -> xr.Dataset:
        """The counts as a table along "cell": pair, group, feasible, place along x and y, number of designs."""
        names = ("pair", "group", "feasible", "x", "y", "designs")
        table = self._merged()
        variables = {n: ("cell", table[:, i]) for i, n in enumerate(names)}
        attrs = {"metrics": " ".join(self.metrics), "cells_per_decade": CELLS_PER_DECADE}
        return xr.Dataset(variables, attrs=attrs)


def _cells(values: np.ndarray) -> np.ndarray:
    """The cell of each value, OUTSIDE where it is not positive and finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        cells = np.floor(np.log10(values) * CELLS_PER_DECADE)
    return np.where(np.isfinite(cells), cells, OUTSIDE).astype(np.int64)


def _count(columns: list[np.ndarray], weights: np.ndarray | None = None) -> np.ndarray:
    """Distinct rows of integer columns, shape (n,) each, with their number (or summed weights) in a last column."""
    if len(columns[0]) == 0:
        return np.empty((0, len(columns) + 1), dtype=np.int64)
    lows = [int(c.min()) for c in columns]
    spans = [int(c.max()) - low + 1 for c, low in zip(columns, lows, strict=True)]
    flat = np.zeros(len(columns[0]), dtype=np.int64)
    for column, low, span in zip(columns, lows, spans, strict=True):
        flat *= span
        flat += column - low
    if math.prod(spans) <= DENSE:
        totals = np.bincount(flat, weights)
        found = np.flatnonzero(totals)
        totals = totals[found]
    elif weights is None:
        # Sorting values is several times quicker than sorting places.
        found, totals = np.unique(flat, return_counts=True)
    else:
        found, place = np.unique(flat, return_inverse=True)
        totals = np.bincount(place, weights)
    digits = np.unravel_index(found, spans)
    return np.column_stack([*(d + low for d, low in zip(digits, lows, strict=True)), totals.astype(np.int64)])
