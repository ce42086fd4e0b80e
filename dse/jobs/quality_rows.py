"""Rows of a table of quality values, read by columns: a row that is kept as a list would take forty times its bytes."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from dse import glossary, units
from dse.errors import InputError
from dse.grid.space import CATALOGUE_AXES, NETWORK
from dse.jobs.axes import axis_values
from dse.quality.own import VALUES, Array, Column

# Wrong lines after which no more are looked at, and those that are told.
MOST_WRONG, TOLD = 1000, 10
# Lines that are read at once, and different cells of a column whose meaning is kept.
_BLOCK, _KEPT = 10_000, 100_000
_NAMES = (*CATALOGUE_AXES, NETWORK)


class _Cells(dict[str, int]):
    """The place of each cell of a column among the values that its cells stand for; a wrong cell raises InputError."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.is_value = name, name in VALUES
        self.places, self.found = dict[Any, int](), list[Any]()
        self.read = _reader(name)

    def __missing__(self, cell: str) -> int:
        value = self.read(cell)
        place = self.places.setdefault(value, len(self.found))
        if place == len(self.found):
            self.found.append(value)
        if len(self) < _KEPT:
            self[cell] = place
        return place


class QualityRows:
    """Rows as they are read: of each column the values that there are, and the place of each row's among them."""

    def __init__(self, header: Sequence[str]) -> None:
        self.cells = [_Cells(name) for name in header]
        self.codes = [array("i") for _ in header]
        self.numbers, self.problems = array("q"), list[str]()
        # The last line that was looked at, where not all were.
        self.last = 0

    def read(self, lines: Iterator[list[str]]) -> None:
        """Read lines until the end, or until too many are wrong."""
        number = 2
        while block := list(islice(lines, _BLOCK)):
            if not self._whole(number, block) and not self._one_by_one(number, block):
                return
            number += len(block)

    def _whole(self, number: int, block: Sequence[list[str]]) -> bool:
        """Read rows at once, a column after the other; whether nothing is wrong with any."""
        if any(len(line) != len(self.cells) for line in block):
            return False
        try:
            found = [list(map(own.__getitem__, map(str.strip, column))) for own, column in zip(self.cells, zip(*block))]
            pairs = {own.name: codes for own, codes in zip(self.cells, found) if own.is_value}
            # Rows with the same values are checked once.
            for codes in set(zip(*pairs.values())):
                self._check(dict(zip(pairs, codes)))
        except InputError:
            return False
        for column, places in zip(self.codes, found):
            column.extend(places)
        self.numbers.extend(range(number, number + len(block)))
        return True

    def _one_by_one(self, first: int, block: Sequence[list[str]]) -> bool:
        """Read rows one after the other, some of which are wrong or empty; whether to go on."""
        for number, line in enumerate(block, first):
            if len(self.problems) >= MOST_WRONG:
                self.last = number - 1
                return False
            cells = [cell.strip() for cell in line]
            if not any(cells):
                continue
            if len(cells) != len(self.cells):
                self.problems.append(f"line {number}: has {len(cells)} cells, the header {len(self.cells)}")
                continue
            try:
                codes = {own.name: own[cell] for own, cell in zip(self.cells, cells)}
                self._check(codes)
            except InputError as error:
                # Of a line that is not told nothing is compared.
                told = len(self.problems) < TOLD
                self.problems += [f"line {number}: {f}" if told else "" for f in error.faults]
                continue
            for column, code in zip(self.codes, codes.values()):
                column.append(code)
            self.numbers.append(number)
        return True

    def _check(self, codes: Mapping[str, int]) -> None:
        """Check the values of a row, each given by its place."""
        _check_values({own.name: own.found[codes[own.name]] for own in self.cells if own.is_value})

    def keys(self) -> dict[str, Column]:
        """The columns of axis values."""
        pairs = [(own, codes) for own, codes in zip(self.cells, self.codes) if not own.is_value]
        return {own.name: Column(own.found, np.array(codes, dtype=np.int32)) for own, codes in pairs}

    def values(self) -> dict[str, Array]:
        """The columns of numbers."""
        pairs = [(own, codes) for own, codes in zip(self.cells, self.codes) if own.is_value]
        return {
            own.name: np.array(own.found, dtype=np.float64)[np.array(codes, dtype=np.int64)] for own, codes in pairs
        }


def _reader(name: str) -> Callable[[str], Any]:
    """What reads the cells of a column."""
    if name in VALUES:
        return partial(_number, name)
    named = name.rpartition(".")[2] in _NAMES or glossary.lookup(name).is_name
    return str if named else partial(_key, name)


def _key(name: str, cell: str) -> Any:
    # A network of several may lack an axis that another one has: its rows leave that cell empty.
    if not cell:
        return cell
    try:
        return axis_values(name, _bare(cell))
    except InputError as error:
        raise error.at(name) from None


def _bare(cell: str) -> float | str:
    """A number, where the cell is one without a unit."""
    try:
        return float(cell) if cell.isascii() else cell
    except ValueError:
        return cell


def _number(name: str, cell: str) -> float:
    try:
        return units.read_quantity(cell, VALUES[name])
    except InputError as error:
        raise error.at(name) from None


def _check_values(own: dict[str, float]) -> None:
    """Raise InputError for an accuracy that is no percentage or outside its interval, or a loss below 0."""
    for name, value in own.items():
        most = 100.0 if VALUES[name] == "%" else np.inf
        if not 0 <= value <= most:
            raise InputError(f"{name} {value:g} is not allowed; allowed: 0 to {most:g} {VALUES[name]}")
    names = [n for n in ("accuracy_low", "accuracy", "accuracy_high") if n in own]
    if sorted(own[n] for n in names) != [own[n] for n in names]:
        raise InputError(f"{', '.join(f'{n} {own[n]:g}' for n in names)}: must be in this order")
