"""Where trials are kept: searched in memory, written down after every population.

A population is written as a whole when it has been told, so that a kill loses at most the one being asked. The file of
a result is a journal of Optuna; a database or journal that workers share is given what each of them found, and gives
them what the others found.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.trial import FrozenTrial

from dse.errors import DseError, InputError

Direction = Literal["minimize", "maximize"]
JOURNAL = "study.journal"
# What Optuna adds to the name of a journal for its lock, which is a link.
LOCK_FILE_SUFFIX = ".lock"
GOES_ON = "; the populations before are kept there, and the same command goes on with them"
_DAMAGES = (AssertionError, AttributeError, KeyError, IndexError, OverflowError, TypeError)
# What a study is of, and how many populations a journal holds as a whole.
STAMP, POPULATIONS = "dse:stamp", "dse:populations"


class Mirror(Protocol):
    """Where a search writes its populations."""

    def earlier(self) -> list[list[FrozenTrial]]:
        """The populations that an earlier run wrote."""

    def others(self) -> list[FrozenTrial]:
        """Trials of other workers since the last call."""

    def push(self, population: Sequence[FrozenTrial]) -> None:
        """Write a population."""


class Nowhere:
    """A search that is kept in memory only."""

    def earlier(self) -> list[list[FrozenTrial]]:
        """None."""
        return []

    def others(self) -> list[FrozenTrial]:
        """None."""
        return []

    def push(self, population: Sequence[FrozenTrial]) -> None:
        """Nothing is written."""


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

    def __init__(self, path: Path, name: str, directions: Sequence[Direction], stamp: str) -> None:
        _cut_to_whole(path)
        with told(str(path)):
            self._log = _Pending(path)
            self._storage = JournalStorage(self._log)
            self._study = optuna.create_study(
                storage=self._storage, study_name=name, directions=directions, load_if_exists=True
            )
            self._id = self._storage.get_study_id_from_name(name)
            _check_stamp(self._study, stamp, str(path))
        self._where = str(path)
        # How large populations were, and how many of them one after another.
        self._sizes: list[list[int]] = self._study.user_attrs.get(POPULATIONS, [])

    def earlier(self) -> list[list[FrozenTrial]]:
        """The populations that the file holds."""
        with told(self._where):
            trials = self._study.get_trials(deepcopy=False)
            if not _are_sizes(self._sizes) or sum(size * times for size, times in self._sizes) != len(trials):
                raise IndexError(f"its populations are not its {len(trials):,} trials")
            left = iter(trials)
            return [list(islice(left, size)) for size, times in self._sizes for _ in range(times)]

    def others(self) -> list[FrozenTrial]:
        """None: one search has it."""
        return []

    def push(self, population: Sequence[FrozenTrial]) -> None:
        """Append a population in one write; the entry that says that it is whole comes last."""
        for trial in population:
            self._storage.create_new_trial(self._id, trial)
        if self._sizes and self._sizes[-1][0] == len(population):
            self._sizes[-1][1] += 1
        else:
            self._sizes.append([len(population), 1])
        self._study.set_user_attr(POPULATIONS, self._sizes)
        self._log.flush()


def _are_sizes(found: Any) -> bool:
    """Whether these are pairs of a size and a number of populations: in a file anything may stand in their place."""
    pairs = found if isinstance(found, list) else [None]
    return all(isinstance(p, list) and len(p) == 2 and all(type(n) is int and n > 0 for n in p) for p in pairs)


def stamp_of(path: Path) -> str | None:
    """What the study in a journal file is of; None where there is none."""
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                if STAMP in line:
                    return str(json.loads(line)["user_attr"][STAMP])
    except (OSError, ValueError, KeyError):
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


class Shared:
    """A storage of Optuna that several workers search in."""

    def __init__(self, url: str, name: str, directions: Sequence[Direction], stamp: str) -> None:
        with told(url):
            self._storage = _opened(url)
            self._study = optuna.create_study(
                storage=self._storage, study_name=name, directions=directions, load_if_exists=True
            )
            self._id = self._storage.get_study_id_from_name(name)
            _check_stamp(self._study, stamp, url)
        self._url, self._known, self._settled = url, set[int](), 0

    def earlier(self) -> list[list[FrozenTrial]]:
        """What all workers have found up to now, as one population."""
        found = self.others()
        return [found] if found else []

    def others(self) -> list[FrozenTrial]:
        """Finished trials that this worker does not know yet."""
        with told(self._url, GOES_ON):
            trials = self._storage.get_all_trials(self._id, deepcopy=False)
        found = [t for t in trials[self._settled :] if t.state.is_finished() and t.number not in self._known]
        self._known |= {t.number for t in found}
        while self._settled in self._known:
            self._known.remove(self._settled)
            self._settled += 1
        return found

    def push(self, population: Sequence[FrozenTrial]) -> None:
        """Add a population, each trial as a whole."""
        with told(self._url, GOES_ON):
            for trial in population:
                key = self._storage.create_new_trial(self._id, trial)
                self._known.add(self._storage.get_trial_number_from_id(key))


def open_storage(url: str) -> BaseStorage:
    """The storage of a URL of a database, or of a journal file."""
    if "://" in url:
        # Where the server was started again, its connections are opened again.
        engine = {"pool_pre_ping": True}
        return optuna.storages.get_storage(optuna.storages.RDBStorage(_with_driver(url), engine_kwargs=engine))
    # The lock of a worker that was killed is a link, which goes on to count as held where it leads nowhere.
    return JournalStorage(JournalFileBackend(os.path.abspath(url)))


def _with_driver(url: str) -> str:
    """The URL of a PostgreSQL server by the driver that is installed, where it names none."""
    scheme, separator, rest = url.partition("://")
    driver = next((name for name in ("psycopg", "psycopg2") if find_spec(name)), None)
    if scheme not in ("postgres", "postgresql") or driver is None:
        return url
    return f"postgresql+{driver}{separator}{rest}"


def _opened(url: str) -> BaseStorage:
    """The storage; tried again where another worker makes its tables at the same time."""
    for pause in (0.5, 1.0, 2.0):
        try:
            return open_storage(url)
        except Exception as error:
            if not any(
                word in f"{error} {error.__cause__}"
                for word in ("already exists", "duplicate key", "UNIQUE constraint")
            ):
                raise
            time.sleep(pause)
    return open_storage(url)


def _check_stamp(study: optuna.Study, stamp: str, where: str) -> None:
    """Note what a study is of; raise InputError where it is of something else."""
    # In this order: whoever wrote a trial has noted before what it is of.
    trials = study.get_trials(deepcopy=False)
    known = study.user_attrs.get(STAMP)
    if known is None and not trials:
        study.set_user_attr(STAMP, stamp)
    elif known != stamp:
        problem = "of another spec, or other formulas; choose another storage, or another name in the spec"
        raise InputError(f"{where}: holds a study {study.study_name!r} {problem}")


@contextmanager
def told(where: str, then: str = "") -> Iterator[None]:
    """Errors of a storage, as they are told; `then` is what to do where it goes away."""
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        yield
    except (InputError, DseError):
        raise
    except (ImportError, ArgumentError) as error:
        raise InputError(f"storage {_safe(where)}: cannot be opened: {_first_line(error)}") from None
    except OSError as error:
        raise DseError(f"storage {_safe(where)}: cannot be used: {error.strerror or error}") from None
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, ValueError) as error:
        cause = error.__cause__ or error
        raise DseError(f"storage {_safe(where)}: cannot be used: {_first_line(cause)}{then}") from None
    except _DAMAGES as error:
        # Optuna takes entries of a journal as they come.
        kind = f"{type(error).__name__} {_first_line(error)}".strip()
        raise DseError(f"storage {_safe(where)}: is damaged, or holds no study of Optuna: {kind}") from None


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _safe(url: str) -> str:
    """A URL without its password."""
    head, at, tail = url.rpartition("@")
    scheme, colon, account = head.partition("://")
    return f"{scheme}{colon}{account.partition(':')[0]}@{tail}" if at and colon else url
