"""Two-dimensional histograms of all designs, gathered while they stream past: the cloud behind a frontier.

Cells lie on a logarithmic lattice that is fixed once for all, so that parts add up whatever their range.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

CELLS_PER_DECADE = 256


class Cloud:
    """Counts of designs by cell for every pair of metrics, group and feasibility. Only positive values are counted."""

    def __init__(self, metrics: Sequence[str]) -> None:
        self.metrics = tuple(metrics)
        self._parts: list[np.ndarray] = []

    def add(self, columns: Mapping[str, np.ndarray], groups: np.ndarray, feasible: np.ndarray) -> None:
        """Count designs: columns, groups and feasibility of shape (n,)."""
        keys = {}
        with np.errstate(invalid="ignore", divide="ignore"):
            for name in self.metrics:
                values = columns[name]
                usable = np.isfinite(values) & (values > 0)
                keys[name] = np.where(usable, np.floor(np.log10(values) * CELLS_PER_DECADE), np.nan)
        for pair, (x, y) in enumerate(itertools.combinations(self.metrics, 2)):
            good = ~np.isnan(keys[x]) & ~np.isnan(keys[y])
            rows = np.column_stack([np.full(good.sum(), pair), groups[good], feasible[good], keys[x][good], keys[y][good]])
            self._parts.append(_count(rows.astype(np.int64), np.ones(len(rows), dtype=np.int64)))
        if len(self._parts) > 64:
            self._parts = [self._merged()]

    def _merged(self) -> np.ndarray:
        if not self._parts:
            return np.empty((0, 6), dtype=np.int64)
        table = np.concatenate(self._parts)
        return _count(table[:, :5], table[:, 5])

    def dataset(self) -> xr.Dataset:
        """The counts as a table along "cell": pair, group, feasible, place along x and y, number of designs."""
        names = ("pair", "group", "feasible", "x", "y", "designs")
        table = self._merged()
        variables = {n: ("cell", table[:, i]) for i, n in enumerate(names)}
        attrs = {"metrics": " ".join(self.metrics), "cells_per_decade": CELLS_PER_DECADE}
        return xr.Dataset(variables, attrs=attrs)


def _count(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Distinct rows with their summed weights in a last column."""
    if len(rows) == 0:
        return np.empty((0, rows.shape[1] + 1), dtype=np.int64)
    low = rows.min(axis=0)
    spans = rows.max(axis=0) - low + 1
    flat = np.zeros(len(rows), dtype=np.int64)
    for column, span in zip((rows - low).T, spans, strict=True):
        flat = flat * span + column
    _, first, place = np.unique(flat, return_index=True, return_inverse=True)
    return np.column_stack([rows[first], np.bincount(place, weights=weights).astype(np.int64)])
