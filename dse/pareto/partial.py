"""What a part of a scan found: adds up with other parts, and goes into a file of plain arrays."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dse.catalogue import check_no_pipe
from dse.errors import InputError
from dse.pareto.suspended import Suspended
from dse.pareto.tally import Bounded, Miss, Tally

# Cells of a cloud in order, and the designs in each.
Cells = tuple[np.ndarray, np.ndarray]
FORMAT = 3
# Before the names of arrays of a search that is not at its end.
LEFT = "left_"


def no_cells() -> Cells:
    """A cloud of no designs."""
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Partial:
    """What some of the units of a scan found.

    Attributes
    ----------
    units
        Numbers of the units that were scanned, ascending.
    points, places, groups
        The designs that may be on the frontier: objectives to be minimised, shape (n, m), flat places and groups,
        shape (n,). Designs of other units may stand among them.
    tally
        Counts over the units; what is dominated and kept is known of the whole only.
    cells, sampled
        The cloud, and the number of designs that it is made of.
    bounded
        What a search by bounds did; None where every design was evaluated.
    suspended
        The search of a unit that is not at its end, and counted nowhere else.
    """

    units: np.ndarray
    points: np.ndarray
    places: np.ndarray
    groups: np.ndarray
    tally: Tally = field(default_factory=Tally)
    cells: Cells = field(default_factory=no_cells)
    sampled: int = 0
    bounded: Bounded | None = None
    suspended: Suspended | None = None

    @property
    def settled(self) -> int:
        """Designs of which is known what became of them, those of a search that is not at its end among them."""
        return self.tally.enumerated + (self.suspended.tally.enumerated if self.suspended else 0)

    def check(self) -> None:
        """Raise ValueError where this cannot be what a scan found: a file may hold anything."""
        whole = (self.units, self.places, self.groups, *self.cells)
        if any(a.ndim != 1 or a.dtype != np.int64 or (a.size and a.min() < 0) for a in whole):
            raise ValueError("its numbers are not whole")
        if self.points.ndim != 2 or self.points.dtype != np.float64 or np.isnan(self.points).any():
            raise ValueError("its points are no numbers")
        if not len(self.points) == len(self.places) == len(self.groups) or len(self.cells[0]) != len(self.cells[1]):
            raise ValueError("its arrays are not of one length")
        work = self.bounded or Bounded()
        if (np.diff(self.units) <= 0).any() or not self.tally.is_sound or not work.is_sound:
            raise ValueError("its counts do not add up")

    def points_alone(self) -> Partial:
        """The designs without anything that was counted: what other units are compared with from the start."""
        return Partial(self.units[:0], self.points, self.places, self.groups)

    def having(self, kept: np.ndarray) -> Partial:
        """The same with some of the designs, given by a mask of shape (n,)."""
        return replace(self, points=self.points[kept], places=self.places[kept], groups=self.groups[kept])

    def save(self, path: Path, header: Mapping[str, Any]) -> int:
        """Write a file (npz, nothing in it is ever run), whole or not at all; `header` is plain data. Its bytes."""
        bounded = None if self.bounded is None else asdict(self.bounded)
        left = None if self.suspended is None else self.suspended.facts()
        counts = {"sampled": self.sampled, "tally": asdict(self.tally), "bounded": bounded, "suspended": left}
        text = json.dumps({"format": FORMAT, **header, **counts})
        points = {"points": self.points, "places": self.places, "groups": self.groups}
        arrays: dict[str, Any] = {"units": self.units, **points, "cells": self.cells[0], "counts": self.cells[1]}
        if self.suspended is not None:
            arrays |= {f"{LEFT}{name}": array for name, array in self.suspended.arrays().items()}
        temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with temporary.open("wb") as file:
                np.savez(file, header=np.array(text), **arrays)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        return size


def _check_size(path: Path) -> None:
    """Raise ValueError for an archive that is larger once it is read: packed, or with members that overlap."""
    with zipfile.ZipFile(path) as packed:
        members = packed.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("it is compressed")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise ValueError("its arrays overlap")


def read_partial(path: Path) -> tuple[Partial, dict[str, Any]]:
    """A partial result and its header.

    Raises
    ------
    InputError
        Where the file is not there, is not whole, or is something else.
    """
    try:
        check_no_pipe(path)
        _check_size(path)
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            if header.pop("format") != FORMAT:
                raise ValueError("written by another version")
            arrays = {name: file[name] for name in ("units", "points", "places", "groups")}
            cells = file["cells"], file["counts"]
            left = {name.removeprefix(LEFT): file[name] for name in file.files if name.startswith(LEFT)}
        tally = header.pop("tally")
        tally["misses"] = {name: Miss(**miss) for name, miss in tally["misses"].items()}
        work, sampled = header.pop("bounded"), int(header.pop("sampled"))
        bounded = None if work is None else Bounded(**work)
        at = header.pop("suspended")
        suspended = None if at is None else Suspended.of(at, left)
        counts = Tally(**tally)
        partial = Partial(**arrays, tally=counts, cells=cells, sampled=sampled, bounded=bounded, suspended=suspended)
        partial.check()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # those of archives, arrays and JSON have no common base
        raise InputError(f"{path}: is not a partial result of a scan ({error})") from None
    return partial, header
