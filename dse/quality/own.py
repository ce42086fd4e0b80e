"""The user's own quality values: a table joined on axes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]
# Columns that hold values; all others are axes.
VALUES = {"accuracy": "%", "accuracy_low": "%", "accuracy_high": "%"}
VALUES |= dict.fromkeys(("loss", "loss_low", "loss_high"), "nat")


@dataclass(frozen=True)
class Column:
    """A column of axis values: each value once, and for each row the place of its own among these."""

    values: Sequence[Any]
    codes: npt.NDArray[np.int32]

    def __getitem__(self, rows: npt.NDArray[np.bool_]) -> Column:
        """The column of some of the rows."""
        return Column(self.values, self.codes[rows])

    def are_in(self, allowed: Container[Any]) -> npt.NDArray[np.bool_]:
        """Of each row whether its value is one of those that are allowed."""
        return np.array([v in allowed for v in self.values], dtype=np.bool_)[self.codes]


def joined(columns: Iterable[Column], rows: int) -> Rows:
    """A number for each row; rows that agree in all columns have the same one."""
    found = np.zeros(rows, dtype=np.int64)
    for column in columns:
        found = np.unique(found * len(column.values) + column.codes, return_inverse=True)[1]
    return found


@dataclass(frozen=True)
class OwnQuality:
    """Values of designs by their axes.

    `keys` holds a column of axis values for each axis, `values` a column for each of `VALUES` that the table has, all
    of one length; no two rows have the same keys. `digest` is of the whole file, and tells whether two are the same;
    `numbers` are the rows' lines in it.
    """

    name: str = field(compare=False)
    keys: Mapping[str, Column] = field(compare=False)
    values: Mapping[str, Array] = field(compare=False)
    numbers: Rows = field(compare=False)
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
            column = self.keys[key]
            known = {v: i for i, v in enumerate(column.values)}
            own = np.array([known.get(v, -1) for v in values], dtype=np.int64).reshape(shape)
            codes = of_row * len(known) + column.codes
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
