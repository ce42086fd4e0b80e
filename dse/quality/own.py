"""The user's own quality values: a table joined on axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]
# Columns that hold values; all others are axes.
VALUES = {"accuracy": "%", "accuracy_low": "%", "accuracy_high": "%"}
VALUES |= dict.fromkeys(("loss", "loss_low", "loss_high"), "nat")


@dataclass(frozen=True)
class OwnQuality:
    """Values of designs by their axes.

    `keys` holds a column of axis values for each axis, `values` a column for each of `VALUES` that the table has, all
    of one length; no two rows have the same keys. `digest` is of the whole file, `numbers` are the rows' lines in it.
    """

    name: str
    keys: Mapping[str, Sequence[Any]]
    values: Mapping[str, Array]
    numbers: Sequence[int]
    digest: str

    def rows(self, axes: Mapping[str, tuple[Sequence[Any], tuple[int, ...]]]) -> Rows:
        """The row of each design, -1 where there is none.

        Parameters
        ----------
        axes
            For each key its values in the designs, and the shape, broadcasting with those of the others, that they
            are to have. Numbers are compared exactly.
        """
        of_row = np.zeros(len(self.numbers), dtype=np.int64)
        found = np.zeros((), dtype=np.int64) if len(of_row) else np.full((), -1, dtype=np.int64)
        # Rows that agree in all keys so far have one number; a key more tells them further apart.
        for key, (values, shape) in axes.items():
            known = {v: i for i, v in enumerate(dict.fromkeys(self.keys[key]))}
            own = np.array([known.get(v, -1) for v in values], dtype=np.int64).reshape(shape)
            codes = of_row * len(known) + np.array([known[v] for v in self.keys[key]], dtype=np.int64)
            distinct, of_row = np.unique(codes, return_inverse=True)
            wanted = np.where((found < 0) | (own < 0), -1, found * len(known) + own)
            place = np.searchsorted(distinct, wanted)
            there = np.append(distinct, -2)[place] == wanted
            found = np.where(there, place, -1)
        number = np.empty(len(self.numbers) + 1, dtype=np.int64)
        number[of_row], number[-1] = np.arange(len(of_row)), -1
        return number[found]

    def column(self, name: str, rows: Rows) -> Array:
        """Values of the designs, NaN where there are none; one without an interval is its own interval."""
        column = self.values.get(name)
        if column is None:
            column = self.values.get(name.partition("_")[0])
        if column is None:
            return np.full(rows.shape, np.nan)
        return np.asarray(np.append(column, np.nan)[rows])

    def sources(self, rows: Rows) -> npt.NDArray[np.object_]:
        """What is told of where the value of each design comes from."""
        told = np.array([self.name, f"{self.name} has no row for this design"], dtype=object)
        return np.asarray(told[(rows < 0).astype(int)], dtype=object)
