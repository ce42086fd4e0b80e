"""The user's table of quality values: read, checked, and given to the spaces that it is about."""

from __future__ import annotations

import csv
import hashlib
import io
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from dse import glossary, units
from dse.catalogue import check_columns
from dse.errors import Fault, InputError, few, unknown
from dse.grid.space import CATALOGUE_AXES, NETWORK, Space
from dse.jobs.axes import axis_values
from dse.jobs.document import read_bounded
from dse.quality.own import VALUES, Array, Column, OwnQuality, Rows, joined

KEY = "quality.table"
# Of short rows these are 2.6 million: 14 s, and 0.7 GB of memory.
MOST_BYTES = 32 * 2**20
# Wrong lines after which no more are looked at, and those that are told.
MOST_WRONG, _TOLD = 1000, 10
# Lines that are read at once, and different cells of a column whose meaning is kept.
_BLOCK, _KEPT = 10_000, 100_000
_NAMES = (*CATALOGUE_AXES, NETWORK)


@dataclass(frozen=True)
class Table:
    """A checked table, a column an axis ("" where a row has none of it) or a quantity; `numbers` are lines of the file.

    `content` is the file as it was read: a result keeps that, whatever becomes of the file.
    """

    name: str
    keys: Mapping[str, Column]
    values: Mapping[str, Array]
    numbers: Rows
    digest: str
    content: bytes = field(repr=False)

    def given_to(self, space: Space) -> Space:
        """The space with the rows that are about it: those with a value of each key that is one of its axes."""
        chosen = np.ones(len(self.numbers), dtype=np.bool_)
        for name, column in self.keys.items():
            chosen &= column.are_in([""]) != (name in space.keys)
        keys = {name: column[chosen] for name, column in self.keys.items() if name in space.keys}
        values = {name: column[chosen] for name, column in self.values.items()}
        return replace(space, quality=OwnQuality(self.name, keys, values, self.numbers[chosen], self.digest))

    def unmatched(self, spaces: Sequence[Space]) -> list[int]:
        """Lines of the rows that match no design of the spaces (that `given_to` gave)."""
        left = np.ones(len(self.numbers), dtype=np.bool_)
        for space in spaces:
            table = space.quality
            if table is not None:
                hits = np.ones(len(table.numbers), dtype=np.bool_)
                for key, column in table.keys.items():
                    hits &= column.are_in(set(space.keys[key].values))
                left[np.searchsorted(self.numbers, table.numbers[hits])] = False
        return list(self.numbers[left].tolist())


def read_table(path: Path, axes: Sequence[str], faults: list[Fault]) -> Table | None:
    """The table in a CSV file; `axes` are those that columns may be named after. None where anything is wrong."""
    try:
        content = read_bounded(path, MOST_BYTES, "a CSV file", "such a table")
        table, found = _checked(path, content, axes)
    except InputError as error:
        faults.extend(Fault(KEY, str(f)) for f in error.faults)
        return None
    faults.extend(Fault(KEY, f"{path.name}: {problem}") for problem in found)
    return None if found else table


def _checked(path: Path, content: bytes, axes: Sequence[str]) -> tuple[Table, list[str]]:
    """The table, and what is wrong with its lines."""
    try:
        # Line by line: a whole file of lists would take forty times its bytes.
        text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
        lines = csv.reader(text, strict=True)
        header = [cell.strip() for cell in next(lines, [])]
        _check_header(path.name, header, axes)
        rows = _Rows(header)
        rows.read(lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name}: is not a table in CSV: {error}") from None
    keys, values, numbers = rows.keys(), rows.values(), np.array(rows.numbers, dtype=np.int64)
    problems = [*rows.problems, *_twice(keys.values(), numbers)]
    problems += [] if len(numbers) or problems else ["has no rows"]
    digest = hashlib.sha256(content).hexdigest()
    return Table(path.name, keys, values, numbers, digest, content), _shortened(problems, rows.last)


class _Cells(dict[str, int]):
    """The place of each cell of a column among the values that its cells stand for; a wrong cell raises InputError."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.is_value = name, name in VALUES
        self.places, self.found = dict[Any, int](), list[Any]()

    def __missing__(self, cell: str) -> int:
        value = (_number if self.is_value else _key)(self.name, cell)
        place = self.places.setdefault(value, len(self.found))
        if place == len(self.found):
            self.found.append(value)
        if len(self) < _KEPT:
            self[cell] = place
        return place


class _Rows:
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
                told = len(self.problems) < _TOLD
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


def _check_header(name: str, header: Sequence[str], axes: Sequence[str]) -> None:
    try:
        check_columns(header)
    except InputError as error:
        raise error.at(name) from None
    known = (*axes, *VALUES)
    faults = [unknown("column", column, known, name) for column in header if column not in known]
    if not any(column in axes for column in header):
        faults.append(Fault(name, f"has no column named after an axis of this spec: {few(axes)}"))
    if not any(column in ("accuracy", "loss") for column in header):
        faults.append(Fault(name, "has no column of values: accuracy or loss"))
    if faults:
        raise InputError(faults)


def _key(name: str, cell: str) -> Any:
    # A network of several may lack an axis that another one has: its rows leave that cell empty.
    plain = cell == "" or name.rpartition(".")[2] in _NAMES or glossary.lookup(name).is_name
    if plain:
        return cell
    try:
        return axis_values(name, _bare(cell))
    except InputError as error:
        raise error.at(name) from None


def _bare(cell: str) -> float | str:
    """A number, where the cell is one without a unit."""
    try:
        return float(cell)
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


def _twice(columns: Collection[Column], numbers: Rows) -> list[str]:
    """What is told of rows that have the same axes as an earlier one."""
    _, first, same = np.unique(joined(columns, len(numbers)), return_index=True, return_inverse=True)
    later = np.flatnonzero(first[same] != np.arange(len(numbers)))
    told = [f"line {numbers[row]}: has the same axes as line {numbers[first[same[row]]]}" for row in later[:_TOLD]]
    return told + [""] * (len(later) - len(told))


def _shortened(problems: list[str], last: int) -> list[str]:
    """The first problems, how many more there are, and where the lines end that were looked at."""
    rest = len(problems) - _TOLD
    told = [*problems[:_TOLD], f"and {rest:,} more lines"] if rest > 0 else problems
    return [*told, f"no line after line {last:,} was looked at"] if last else told
