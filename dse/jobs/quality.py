"""The user's table of quality values: read, checked, and given to the spaces that it is about."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dse import glossary, units
from dse.errors import Fault, InputError, few, unknown
from dse.grid.space import CATALOGUE_AXES, NETWORK, Space
from dse.jobs.axes import axis_values
from dse.jobs.document import read_bounded
from dse.quality.own import VALUES, OwnQuality

KEY = "quality.table"
MOST_BYTES = 20_000_000
_NAMES = (*CATALOGUE_AXES, NETWORK)


@dataclass(frozen=True)
class Table:
    """A checked table: a row is its line in the file, its keys as axis values ("" for none), its values.

    `content` is the file as it was read: a result keeps that, whatever becomes of the file.
    """

    name: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    rows: tuple[tuple[int, tuple[Any, ...], tuple[float, ...]], ...]
    digest: str
    content: bytes = field(repr=False)

    def given_to(self, space: Space) -> Space:
        """The space with the rows that are about it: those with a value of each key that is one of its axes."""
        own = [i for i, key in enumerate(self.keys) if key in space.keys]
        rows = [r for r in self.rows if all((r[1][i] != "") == (i in own) for i in range(len(self.keys)))]
        keys = {self.keys[i]: [r[1][i] for r in rows] for i in own}
        values = {n: np.array([r[2][i] for r in rows], dtype=np.float64) for i, n in enumerate(self.values)}
        return replace(space, quality=OwnQuality(self.name, keys, values, [r[0] for r in rows], self.digest))

    def unmatched(self, spaces: Sequence[Space]) -> list[int]:
        """Lines of the rows that match no design of the spaces (that `given_to` gave)."""
        matched: set[int] = set()
        for space in spaces:
            table = space.quality
            if table is not None:
                allowed = {key: set(space.keys[key].values) for key in table.keys}
                columns = [[v in allowed[key] for v in column] for key, column in table.keys.items()]
                matched.update(n for n, *hits in zip(table.numbers, *columns) if all(hits))
        return [number for number, *_ in self.rows if number not in matched]


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
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name}: is not a table in CSV: {error}") from None
    header = [cell.strip() for cell in lines[0]] if lines else []
    _check_header(path.name, header, axes)
    keys, values = ([n for n in header if (n in VALUES) == is_value] for is_value in (False, True))
    rows, problems = [], []
    for number, line in enumerate(lines[1:], 2):
        cells = [cell.strip() for cell in line]
        if not any(cells):
            continue
        if len(cells) != len(header):
            problems.append(f"line {number}: has {len(cells)} cells, the header {len(header)}")
            continue
        parsed = dict(zip(header, cells))
        try:
            own = tuple(_key(name, parsed[name]) for name in keys)
            found = tuple(_number(name, parsed[name]) for name in values)
            _check_values(dict(zip(values, found)))
            rows.append((number, own, found))
        except InputError as error:
            problems += [f"line {number}: {f}" for f in error.faults]
    problems += _twice(rows) + ([] if rows or problems else ["has no rows"])
    digest = hashlib.sha256(content).hexdigest()
    return Table(path.name, tuple(keys), tuple(values), tuple(rows), digest, content), _shortened(problems)


def _check_header(name: str, header: Sequence[str], axes: Sequence[str]) -> None:
    known = (*axes, *VALUES)
    faults = [unknown("column", column, known, name) for column in header if column not in known]
    if len(set(header)) != len(header):
        faults.append(Fault(name, "a column stands twice"))
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


def _twice(rows: Sequence[tuple[int, tuple[Any, ...], tuple[float, ...]]]) -> list[str]:
    first: dict[tuple[Any, ...], int] = {}
    return [
        f"line {number}: has the same axes as line {first[keys]}"
        for number, keys, _ in rows
        if first.setdefault(keys, number) != number
    ]


_TOLD = 10


def _shortened(problems: list[str]) -> list[str]:
    rest = len(problems) - _TOLD
    return [*problems[:_TOLD], f"and {rest:,} more lines"] if rest > 0 else problems
