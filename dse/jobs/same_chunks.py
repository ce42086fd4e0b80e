"""Chunks of a kept grid that a grown one has too: their files are taken over as they are."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dse.jobs.checksums import Damaged, Sums

Index = tuple[int, ...]


@dataclass(frozen=True)
class Standing:
    """A kept grid that others may take files from.

    `root` is its folder, and `rows` tells for each dimension the place in it of each value of the new grid, -1 for
    none.
    """

    root: Path
    sums: Sums
    rows: Mapping[str, np.ndarray]

    def hand_over(self, new: Any, chunks: Sequence[int], sizes: Sequence[int], root: Path, sums: Sums) -> set[Index]:
        """Link, or copy, the files of the chunks that an array of a new grid below `root` has too; their indices.

        `chunks` and `sizes` are those of the array of this name here. What is damaged is left.
        """
        taken: set[Index] = set()
        if tuple(new.chunks) != tuple(chunks):
            return taken
        rows = [self.rows[d] for d in new.metadata.dimension_names]
        for index, before in same_chunks(rows, sizes, chunks):
            here, there = (
                base / new.basename / new.metadata.encode_chunk_key(place)
                for base, place in ((self.root, before), (root, index))
            )
            try:
                if not stat.S_ISREG(here.lstat().st_mode):
                    continue
                content = here.read_bytes()
                self.sums.check(here, content)
            except (OSError, Damaged):
                continue
            there.parent.mkdir(parents=True, exist_ok=True)
            _link(here, there)
            sums.note(there, content)
            taken.add(index)
        return taken


def _link(here: Path, there: Path) -> None:
    # Files of a store are replaced and never changed, so that both may be one.
    try:
        os.link(here, there)
    except OSError:
        shutil.copyfile(here, there)


def same_chunks(
    rows: Sequence[np.ndarray], sizes: Sequence[int], chunks: Sequence[int]
) -> Iterator[tuple[Index, Index]]:
    """Indices of chunks in a new array and in an old one that hold the same values.

    Parameters
    ----------
    rows
        For each dimension the place in the old array of each value of the new one, -1 for none.
    sizes, chunks
        Of the old array, and of the chunks of both.
    """
    along = [list(_same_along(*own)) for own in zip(rows, sizes, chunks, strict=True)]
    for pairs in itertools.product(*along):
        yield tuple(new for new, _ in pairs), tuple(old for _, old in pairs)


def _same_along(rows: np.ndarray, size: int, chunk: int) -> Iterator[tuple[int, int]]:
    for number, start in enumerate(range(0, len(rows), chunk)):
        own = rows[start : start + chunk]
        first = int(own[0])
        whole = len(own) == min(chunk, size - first)
        if first >= 0 and first % chunk == 0 and whole and np.array_equal(own, np.arange(first, first + len(own))):
            yield number, first // chunk
