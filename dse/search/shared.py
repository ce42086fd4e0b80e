"""A database or a journal file that several workers search in."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from dse.errors import InputError
from dse.search.storage import Direction, check_stamp, read, safe, told, written

ALLOWED = "; allowed: a journal file, sqlite:///FILE, postgresql://USER@HOST/DATABASE, or another database's URL"
# What begins like a URL, and no file is named.
DATABASES = ("sqlite", "postgres", "mysql", "mariadb", "oracle", "mssql")
# What a study knows its workers by.
WORKER = "dse:worker:"
if TYPE_CHECKING:
    from sqlalchemy.engine import URL

GOES_ON = "; the populations before are kept there, and the same command goes on with them"


class Shared:
    """A storage of Optuna that several workers search in."""

    def __init__(self, url: str, name: str, directions: Sequence[Direction], stamp: str) -> None:
        check_place(url)
        with told(url, allowed=ALLOWED):
            self._storage = _opened(url)
            self._study = optuna.create_study(
                storage=self._storage, study_name=name, directions=directions, load_if_exists=True
            )
            self._id = self._storage.get_study_id_from_name(name)
            check_stamp(self._study, stamp, url)
            self.worker = _joined(self._storage, self._study)
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
        with told(self._url):
            return [read(trial) for trial in found]

    def push(self, population: Sequence[FrozenTrial]) -> None:
        """Add a population, each trial as a whole."""
        with told(self._url, GOES_ON):
            for trial in population:
                key = self._storage.create_new_trial(self._id, written(trial))
                self._known.add(self._storage.get_trial_number_from_id(key))


def _joined(storage: BaseStorage, study: optuna.Study) -> int:
    """The number of this worker, which no other has.

    A study is made by one worker alone, whatever its storage: one with the number in its name, which is gone at once,
    makes the number ours.
    """
    number = -1
    while True:
        number += 1
        key = f"{WORKER}{number}"
        if key in study.user_attrs:
            continue
        try:
            claim = storage.create_new_study(study.directions, f"{study.study_name}: worker {number}")
        except optuna.exceptions.DuplicatedStudyError:
            continue
        # Whoever had the number before has noted it before its claim was gone.
        free = key not in study.user_attrs
        if free:
            study.set_user_attr(key, True)
        storage.delete_study(claim)
        if free:
            return number


def check_place(url: str) -> None:
    """Raise InputError for a file that cannot be there, or cannot be read and written, and for half a URL."""
    scheme, colon, rest = url.partition(":")
    if rest.startswith("//"):
        parsed = _parsed(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
            _check_file(url, Path(str(parsed.database)))
    elif colon and scheme.lower().startswith(DATABASES):
        raise InputError(f"storage {safe(url)}: is no URL, which begins with {scheme}://{ALLOWED}")
    else:
        _check_file(url, Path(url))


def _parsed(url: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise InputError(f"storage {safe(url)}: is no URL of a database{ALLOWED}") from None


def _check_file(url: str, path: Path) -> None:
    if path.is_dir():
        problem = "is a folder"
    elif path.exists() and not path.is_file():
        problem = "is no file that could hold it"
    elif not path.parent.is_dir():
        problem = f"{path.parent}: there is no such folder"
    elif not os.access(path if path.exists() else path.parent, os.R_OK | os.W_OK):
        problem = "Permission denied"
    else:
        return
    raise InputError(f"storage {url or repr(url)}: {problem}{ALLOWED}")


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
