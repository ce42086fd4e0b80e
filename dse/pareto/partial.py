"""What a part of a scan found: adds up with other parts, and goes into a file of plain arrays."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dse.catalogue import check_no_pipe
from dse.errors import InputError
from dse.pareto.tally import Miss, Tally, is_count

# Cells of a cloud in order, and the designs in each.
Cells = tuple[np.ndarray, np.ndarray]
FORMAT = 2


@dataclass
class Bounded:
    """What a search by bounds did: designs evaluated because no bound told of them, designs evaluated besides to have
    good ones early, those of the coarse grid (which the cloud is of) among them, and boxes of designs bounded.
    """

    modelled: int = 0
    probed: int = 0
    coarse: int = 0
    boxes: int = 0

    def __add__(self, other: Bounded) -> Bounded:
        return Bounded(*map(sum, zip(astuple(self), astuple(other), strict=True)))


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
    """

    units: np.ndarray
    points: np.ndarray
    places: np.ndarray
    groups: np.ndarray
    tally: Tally = field(default_factory=Tally)
    cells: Cells = field(default_factory=no_cells)
    sampled: int = 0
    bounded: Bounded | None = None

    def check(self) -> None:
        """Raise ValueError where this cannot be what a scan found: a file may hold anything."""
        whole = (self.units, self.places, self.groups, *self.cells)
        if any(a.ndim != 1 or a.dtype != np.int64 or (a.size and a.min() < 0) for a in whole):
            raise ValueError("its numbers are not whole")
        if self.points.ndim != 2 or self.points.dtype != np.float64 or np.isnan(self.points).any():
            raise ValueError("its points are no numbers")
        if not len(self.points) == len(self.places) == len(self.groups) or len(self.cells[0]) != len(self.cells[1]):
            raise ValueError("its arrays are not of one length")
        work = () if self.bounded is None else astuple(self.bounded)
        if (np.diff(self.units) <= 0).any() or not self.tally.is_sound or not all(is_count(n) for n in work):
            raise ValueError("its counts do not add up")

    def points_alone(self) -> Partial:
        """The designs without anything that was counted: what other units are compared with from the start."""
        return Partial(self.units[:0], self.points, self.places, self.groups)

    def save(self, path: Path, header: Mapping[str, Any]) -> None:
        """Write a file (npz, nothing in it is ever run), whole or not at all; `header` is plain data."""
        bounded = None if self.bounded is None else asdict(self.bounded)
        counts = {"sampled": self.sampled, "tally": asdict(self.tally), "bounded": bounded}
        text = json.dumps({"format": FORMAT, **header, **counts})
        points = {"points": self.points, "places": self.places, "groups": self.groups}
        arrays: dict[str, Any] = {"units": self.units, **points, "cells": self.cells[0], "counts": self.cells[1]}
        temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with temporary.open("wb") as file:
                np.savez(file, header=np.array(text), **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def read_partial(path: Path) -> tuple[Partial, dict[str, Any]]:
    """A partial result and its header.

    Raises
    ------
    InputError
        Where the file is not there, is not whole, or is something else.
    """
    try:
        check_no_pipe(path)
        with zipfile.ZipFile(path) as packed:
            # As `save` writes it: what is packed could be of any size once it is not.
            if any(member.compress_type != zipfile.ZIP_STORED for member in packed.infolist()):
                raise ValueError("it is compressed")
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            if header.pop("format") != FORMAT:
                raise ValueError("written by another version")
            arrays = {name: file[name] for name in ("units", "points", "places", "groups")}
            cells = file["cells"], file["counts"]
        tally = header.pop("tally")
        tally["misses"] = {name: Miss(**miss) for name, miss in tally["misses"].items()}
        work, sampled = header.pop("bounded"), int(header.pop("sampled"))
        bounded = None if work is None else Bounded(**work)
        partial = Partial(**arrays, tally=Tally(**tally), cells=cells, sampled=sampled, bounded=bounded)
        partial.check()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # those of archives, arrays and JSON have no common base
        raise InputError(f"{path}: is not a partial result of a scan ({error})") from None
    return partial, header
