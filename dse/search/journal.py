"""The journal file of one search: a population is appended in one write, and what a kill left of one is cut off."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.trial import FrozenTrial

from dse.catalogue import opened
from dse.search.storage import STAMP, Direction, check_stamp, read, told, written

# How many populations a journal holds as a whole.
POPULATIONS = "dse:populations"
# What Optuna adds to the name of a journal for its lock, which is a link.
LOCK_FILE_SUFFIX = ".lock"


class _Pending(BaseJournalBackend):
    """What is to be added to a journal file; `flush` appends it in one write, and forgets it."""

    def __init__(self, path: Path) -> None:
        self._file = JournalFileBackend(str(path))
        self._logs: list[dict[str, Any]] = list(self._file.read_logs(0))
        self._first, self._written = 0, len(self._logs)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Entries from a number on: one that has not been forgotten."""
        return iter(self._logs[log_number_from - self._first :])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add entries."""
        self._logs.extend(logs)

    def flush(self) -> None:
        """Write down what is new. The storage has read all of it."""
        self._file.append_logs(self._logs[self._written :])
        self._first += len(self._logs)
        self._logs, self._written = [], 0


class Journal:
    """The journal file of one search, in which every population is whole."""

    worker = 0

    def __init__(self, path: Path, name: str, directions: Sequence[Direction], stamp: str) -> None:
        _cut_to_whole(path)
        with told(str(path)):
            self._log = _Pending(path)
            self._storage = JournalStorage(self._log)
            self._study = optuna.create_study(
                storage=self._storage, study_name=name, directions=directions, load_if_exists=True
            )
            self._id = self._storage.get_study_id_from_name(name)
            check_stamp(self._study, stamp, str(path))
        self._where = str(path)
        # How large populations were, and how many of them one after another.
        self._sizes: list[list[int]] = self._study.user_attrs.get(POPULATIONS, [])

    def earlier(self) -> list[list[FrozenTrial]]:
        """The populations that the file holds."""
        with told(self._where):
            trials = self._study.get_trials(deepcopy=False)
            if not _are_sizes(self._sizes) or sum(size * times for size, times in self._sizes) != len(trials):
                raise IndexError(f"its populations are not its {len(trials):,} trials")
            left = map(read, trials)
            return [list(islice(left, size)) for size, times in self._sizes for _ in range(times)]

    def others(self) -> list[FrozenTrial]:
        """None: one search has it."""
        return []

    def push(self, population: Sequence[FrozenTrial]) -> None:
        """Append a population in one write; the entry that says that it is whole comes last."""
        if self._sizes and self._sizes[-1][0] == len(population):
            self._sizes[-1][1] += 1
        else:
            self._sizes.append([len(population), 1])
        with told(self._where):
            for trial in population:
                self._storage.create_new_trial(self._id, written(trial))
            self._study.set_user_attr(POPULATIONS, self._sizes)
            self._log.flush()


def _are_sizes(found: Any) -> bool:
    """Whether these are pairs of a size and a number of populations: in a file anything may stand in their place."""
    pairs = found if isinstance(found, list) else [None]
    return all(isinstance(p, list) and len(p) == 2 and all(type(n) is int and n > 0 for n in p) for p in pairs)


def stamp_of(path: Path) -> str | None:
    """What the study in a journal file is of; None where there is none."""
    try:
        with opened(path) as file:
            for line in file:
                if STAMP.encode() in line:
                    return str(json.loads(line)["user_attr"][STAMP])
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return None


def _cut_to_whole(path: Path) -> None:
    """Cut off what a kill left of a population, and its lock, which would be waited for: the file is ours alone."""
    path.with_name(path.name + LOCK_FILE_SUFFIX).unlink(missing_ok=True)
    if not path.exists():
        return
    whole = place = 0
    with path.open("rb") as file:
        for line in file:
            place += len(line)
            if line.endswith(b"\n") and POPULATIONS.encode() in line:
                whole = place
    os.truncate(path, whole)
