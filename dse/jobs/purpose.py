"""What a work folder is of: what a run has found is not removed by a run of something else, unless that is told to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from dse.catalogue import read_at_most

FOUND, JOB = "found.npz", "job.json"
EXPLORATION, SEARCH = "exploration", "search"
_MOST_BYTES = 2**12


@dataclass(frozen=True)
class Purpose:
    """What a work folder is of, which stands in it as job.json: the kind of run, what is asked for, and the name of the
    file that a later run can use.
    """

    kind: str
    key: str
    found: str = FOUND

    def is_kept(self, path: Path) -> bool:
        """Whether anything of it is in a work folder."""
        return os.path.lexists(path / self.found)

    def is_kept_of_another(self, path: Path, asked: Purpose) -> bool:
        """Whether anything of it is there, and what is asked for is something else."""
        return self.is_kept(path) and self != asked

    def beside(self, other: Purpose) -> str:
        """What it is, to somebody who asks for another."""
        what = "a search" if self.kind == SEARCH else "an exploration"
        if self.kind != other.kind:
            return what
        return f"{what} of another spec" + (", or with other options," if self.kind == SEARCH else "")


def purpose_of(path: Path) -> Purpose | None:
    """What a work folder is of, where it says so."""
    try:
        left = Purpose(**json.loads(read_at_most(path / JOB, _MOST_BYTES)))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return left if os.path.basename(str(left.found)) == left.found else None
