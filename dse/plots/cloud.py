"""The cloud behind a frontier: sparse log-lattice counts of all designs, brought to cells that can be seen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr


@dataclass(frozen=True)
class Lattice:
    """Counts of designs by lattice cell of two metrics. All of shape (cells,).

    Cell i of a metric holds values from 10**(i / cells_per_decade) up to the next cell.
    """

    x: np.ndarray
    y: np.ndarray
    group: np.ndarray
    feasible: np.ndarray
    designs: np.ndarray
    cells_per_decade: int

    def span(self, which: str) -> np.ndarray:
        """Lower and upper end of the occupied cells along "x" or "y", shape (2,); (0,) when there are none."""
        cells = getattr(self, which)
        if cells.size == 0:
            return np.empty(0)
        return np.asarray(10.0 ** (np.array([cells.min(), cells.max() + 1]) / self.cells_per_decade))

    def near(self, x: np.ndarray, y: np.ndarray, margin: float = 0.3) -> Lattice:
        """The counts around points: no farther outside them than `margin` of their span, along both metrics."""
        keep = np.ones(self.x.size, dtype=bool)
        for cells, points in ((self.x, x), (self.y, y)):
            places = np.log10(points[points > 0]) * self.cells_per_decade
            if places.size:
                room = max(margin * (places.max() - places.min()), self.cells_per_decade / 32)
                keep &= (cells >= np.floor(places.min() - room)) & (cells <= np.ceil(places.max() + room))
        columns = {name: getattr(self, name)[keep] for name in ("x", "y", "group", "feasible", "designs")}
        return replace(self, **columns)

    def edges(self, which: str, log: bool, wanted: int) -> np.ndarray:
        """Edges of at most `wanted` visible cells along "x" or "y", none narrower than a lattice cell."""
        cells = getattr(self, which)
        low, high = int(cells.min()), int(cells.max()) + 1
        if log:
            stride = math.ceil((high - low) / wanted)
            return np.asarray(10.0 ** (np.arange(low, high + stride, stride) / self.cells_per_decade))
        start, stop = 10.0 ** (np.array([low, high]) / self.cells_per_decade)
        widest = stop * (1 - 10.0 ** (-1 / self.cells_per_decade))
        return np.linspace(start, stop, 1 + max(1, min(wanted, int((stop - start) / widest))))

    def rebin(self, chosen: np.ndarray, x_edges: np.ndarray, y_edges: np.ndarray) -> np.ndarray:
        """Designs of the chosen lattice cells in each visible cell. Shape (len(y_edges) − 1, len(x_edges) − 1)."""
        columns, rows = len(x_edges) - 1, len(y_edges) - 1
        i = _place(self.x[chosen], x_edges, self.cells_per_decade)
        j = _place(self.y[chosen], y_edges, self.cells_per_decade)
        flat = np.bincount(j * columns + i, weights=self.designs[chosen], minlength=rows * columns)
        return np.rint(flat).astype(np.int64).reshape(rows, columns)


def _place(cells: np.ndarray, edges: np.ndarray, cells_per_decade: int) -> np.ndarray:
    middle = 10.0 ** ((cells + 0.5) / cells_per_decade)
    return np.clip(np.searchsorted(edges, middle, side="right") - 1, 0, len(edges) - 2)


def lattice(cloud: xr.Dataset, x: str, y: str) -> Lattice:
    """The counts of the pair of metrics (x, y), whichever way round the cloud holds them."""
    metrics = str(cloud.attrs["metrics"]).split()
    pairs = list(itertools.combinations(metrics, 2))
    swapped = (x, y) not in pairs
    rows = np.flatnonzero(cloud["pair"].values == pairs.index((y, x) if swapped else (x, y)))
    columns = {n: cloud[n].values[rows] for n in ("x", "y", "group", "feasible", "designs")}
    if swapped:
        columns["x"], columns["y"] = columns["y"], columns["x"]
    columns["feasible"] = columns["feasible"].astype(bool)
    return Lattice(**columns, cells_per_decade=int(cloud.attrs["cells_per_decade"]))


def group_names(cloud: xr.Dataset, per: Sequence[str]) -> list[tuple[str, ...]] | None:
    """For each group number of the cloud the values of the axes `per`, which it keeps along the dimension "groups".

    None when the cloud does not tell; without `per` there is one group without values.
    """
    if not per:
        return [()]
    if not all(axis in cloud.variables and cloud[axis].dims == ("groups",) for axis in per):
        return None
    return list(zip(*(map(str, cloud[axis].values) for axis in per), strict=True))
