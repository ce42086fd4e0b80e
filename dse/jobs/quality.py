"""The user's table of quality values: read, checked, and given to the spaces that it is about."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dse.catalogue import check_columns
from dse.errors import Fault, InputError, few, unknown
from dse.grid.space import Space
from dse.jobs.document import read_bounded
from dse.jobs.quality_rows import TOLD, QualityRows
from dse.quality.own import VALUES, Array, Column, OwnQuality, Rows, joined

KEY = "quality.table"
# Of short rows these are 2.6 million: 14 s, and 0.7 GB of memory.
MOST_BYTES = 32 * 2**20


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
        faults.extend(f.under(KEY) for f in error.faults)
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
        rows = QualityRows(header)
        rows.read(lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name}: is not a table in CSV: {error}") from None
    keys, values, numbers = rows.keys(), rows.values(), np.array(rows.numbers, dtype=np.int64)
    problems = [*rows.problems, *_twice(keys.values(), numbers)]
    problems += [] if len(numbers) or problems else ["has no rows"]
    digest = hashlib.sha256(content).hexdigest()
    return Table(path.name, keys, values, numbers, digest, content), _shortened(problems, rows.last)


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


def _twice(columns: Collection[Column], numbers: Rows) -> list[str]:
    """What is told of rows that have the same axes as an earlier one."""
    _, first, same = np.unique(joined(columns, len(numbers)), return_index=True, return_inverse=True)
    later = np.flatnonzero(first[same] != np.arange(len(numbers)))
    told = [f"line {numbers[row]}: has the same axes as line {numbers[first[same[row]]]}" for row in later[:TOLD]]
    return told + [""] * (len(later) - len(told))


def _shortened(problems: list[str], last: int) -> list[str]:
    """The first problems, how many more there are, and where the lines end that were looked at."""
    rest = len(problems) - TOLD
    told = [*problems[:TOLD], f"and {rest:,} more lines"] if rest > 0 else problems
    return [*told, f"no line after line {last:,} was looked at"] if last else told
