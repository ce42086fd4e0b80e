"""The hidden folder beside a result in which it comes about: one run at a time has it, and a killed run leaves in it
what the next one goes on with."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from dse.errors import DseError, InputError
from dse.jobs.files import GRID, SUMS
from dse.jobs.folder import recover
from dse.pareto.partial import Partial, read_partial

LOCK, FOUND, PART = "lock", "found.npz", "result.part"
# What is found is put down every so many seconds, takes at most this share of the time, and of the disk at most so many
# bytes a second.
EVERY, SHARE, RATE = 2.0, 0.05, 2.0**20
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class Interrupted(KeyboardInterrupt):
    """The run was interrupted, and what it found is kept."""


class Work:
    """The work folder of a result, while it is ours.

    Attributes
    ----------
    path, part
        The folder, and the new one in it that becomes the result.
    keeps
        Whether it holds what a later run can use.
    before_checkpoint
        What is called before anything is put down as found: it brings what belongs to it to the disk.
    """

    def __init__(self, path: Path, stamp: Mapping[str, Any], found: str = FOUND) -> None:
        self.path, self.part, self._found = path, path / PART, found
        self.stamp, self.before, self.messages = dict(stamp), 0.0, list[str]()
        self.started = time.monotonic()
        self.before_checkpoint: list[Callable[[], None]] = []
        self._next = self.started + EVERY

    @property
    def keeps(self) -> bool:
        """Whether it holds what a later run can use."""
        return (self.path / self._found).exists()

    @property
    def seconds(self) -> float:
        """Time that was spent on what was found, in this run and earlier ones."""
        return self.before + time.monotonic() - self.started

    def hand_over(self) -> None:
        """Move the grid that came about here into the new folder."""
        _move(self.path, self.part)

    def take_back(self) -> None:
        """Move the grid back: the new folder did not become the result."""
        _move(self.part, self.path)

    def known(self) -> Partial | None:
        """What an earlier run of the same job found; what another one left is removed."""
        found = None
        self.take_back()
        try:
            if self.keeps:
                partial, header = read_partial(self.path / FOUND)
                spent = header.pop("seconds", None)
                if header == self.stamp and isinstance(spent, float) and 0 <= spent < math.inf:
                    found, self.before = partial, spent
        except InputError:
            pass
        if found is not None:
            ended = (
                "; the search that it was in the midst of is ended in one process"
                if found.suspended is not None
                else ""
            )
            self.messages.append(f"continued: {found.settled:,} designs had been done by an earlier run{ended}")
        elif self.keeps:
            self.messages.append("what an interrupted run of another spec, or other formulas, had left was removed")
        self.begin(found is not None)
        return found

    def begin(self, keep: bool) -> None:
        """Make the new folder; what an earlier run left is removed where it is not to be kept."""
        if not keep:
            _clear(self.path)
        shutil.rmtree(self.part, ignore_errors=True)
        self.part.mkdir()

    def forget(self, message: str) -> None:
        """Remove what an earlier run found: it cannot be used."""
        self.before, self.messages = 0.0, [message]
        _clear(self.path)
        self.part.mkdir()

    def checkpoint(self, found: Callable[[], Partial], last: bool = False) -> None:
        """Put down what was found, if it is time to or the last chance."""
        started = time.monotonic()
        if started < self._next and not last:
            return
        partial = found()
        for bring_to_disk in self.before_checkpoint:
            bring_to_disk()
        written = 0
        if partial.tally.enumerated or partial.suspended is not None:
            written = partial.save(self.path / FOUND, {**self.stamp, "seconds": self.seconds})
        now = time.monotonic()
        self._next = now + max(EVERY, (now - started) / SHARE, written / RATE)


@contextmanager
def working(folder: Path, stamp: Mapping[str, Any], found: str = FOUND) -> Iterator[Work]:
    """The work folder beside `folder`; gone at the end, unless the run failed and a later one can go on.

    `stamp` is what tells jobs apart, as plain data; `found` names the file in it that a later run can use.

    Raises
    ------
    InputError
        While another run has it.
    DseError
        When nothing can be written there.
    """
    final = Path(os.path.realpath(folder))
    path = final.parent / f".{final.name}.work"
    missing = [p for p in (path.parent, *path.parent.parents) if not p.exists()]
    try:
        lock = _lock(path, folder)
        recover(final)
    except OSError as error:
        _remove_made(missing)
        raise DseError(f"{folder}: cannot be written: {error.strerror}") from None
    except KeyboardInterrupt:
        _give_up(path)
        _remove_made(missing)
        raise
    work = Work(path, stamp, found)
    try:
        yield work
    except KeyboardInterrupt:
        if work.keeps:
            message = f"interrupted; what was found is kept in {path}, and the same command goes on with it"
            raise Interrupted(message) from None
        raise
    except BaseException:
        with suppress(OSError):
            work.take_back()
            shutil.rmtree(work.part)
        raise
    else:
        with suppress(OSError):
            (path / found).unlink()
    finally:
        if not work.keeps:
            shutil.rmtree(path, ignore_errors=True)
        lock.close()
        _remove_made(missing)


def _move(source: Path, target: Path) -> None:
    for name in (GRID, SUMS):
        if (source / name).exists() and not (target / name).exists():
            os.rename(source / name, target / name)


def tidy(folder: Path, same: str = "") -> None:
    """Remove what a run left beside a result that was killed when all was done but that.

    Where it left a file called `same` that is not that of the result, another run is to go on with it: it stays.
    """
    final = Path(os.path.realpath(folder))
    path = final.parent / f".{final.name}.work"
    with suppress(OSError):
        if path.exists() and not path.is_symlink():
            with _open(path) as lock:
                left = path / same
                if _locked(lock) and not (same and left.exists() and left.read_bytes() != (final / same).read_bytes()):
                    recover(final)
                    shutil.rmtree(path)


def _give_up(path: Path) -> None:
    """Remove a work folder that was not ours yet, where it is nobody's and holds nothing."""
    with suppress(OSError), _open(path) as lock:
        if _locked(lock) and [inside.name for inside in path.iterdir()] == [LOCK]:
            shutil.rmtree(path, ignore_errors=True)


def _remove_made(folders: list[Path]) -> None:
    """Remove folders made on the way to a result that did not come about."""
    with suppress(OSError):
        for made in folders:
            made.rmdir()


def _clear(path: Path) -> None:
    """Remove everything in the folder but the lock."""
    for inside in path.iterdir():
        if inside.name != LOCK:
            shutil.rmtree(inside) if inside.is_dir() and not inside.is_symlink() else inside.unlink()


def _lock(path: Path, folder: Path) -> IO[str]:
    """The open file that says that the folder is ours: the system lets go of it when the process ends."""
    while True:
        if path.is_symlink():
            raise InputError(f"{path}: is a link to another folder; remove it")
        path.mkdir(parents=True, exist_ok=True)
        _check_ours(path)
        lock = _open(path)
        try:
            if _taken(lock, path, folder):
                return lock
        except BaseException:
            lock.close()
            raise
        lock.close()


def _check_ours(path: Path) -> None:
    """Raise InputError for a work folder that another user made, or that leads elsewhere: it is written to."""
    if hasattr(os, "geteuid") and path.stat().st_uid != os.geteuid():
        raise InputError(f"{path}: is another user's; remove it, or choose another --out")
    for inside, folders, files in os.walk(path):
        for name in (*folders, *files):
            # The lock of a journal is a link that nothing follows, and so is what is left of one that was renamed.
            if os.path.islink(os.path.join(inside, name)) and ".lock" not in name:
                raise InputError(f"{os.path.join(inside, name)}: is a link; remove it, or choose another --out")


def _open(path: Path) -> IO[str]:
    """The file that locks a work folder; a link in its place is not followed, and nothing else of a second name is."""
    lock = os.fdopen(os.open(path / LOCK, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666), "a+", encoding="utf-8")
    if os.fstat(lock.fileno()).st_nlink > 1:
        lock.close()
        raise InputError(f"{path / LOCK}: has another name too; remove it, or choose another --out")
    return lock


def _taken(lock: IO[str], path: Path, folder: Path) -> bool:
    """Whether the lock is ours now; not so where another run has removed the folder in between."""
    if not _locked(lock):
        lock.seek(0)
        raise InputError(f"{folder}: another run is at work on it{_named(lock.read())}; wait, or choose another --out")
    with suppress(OSError):
        if os.path.samestat(os.fstat(lock.fileno()), os.stat(path / LOCK)):
            lock.truncate(0)
            lock.write(json.dumps({"process": os.getpid(), "host": socket.gethostname()}))
            lock.flush()
            return True
    return False


def _named(holder: str) -> str:
    try:
        known = json.loads(holder)
        return f" (process {known['process']} on {known['host']})"
    except (ValueError, TypeError, KeyError):
        return ""


def _locked(file: IO[str]) -> bool:
    """Whether the lock of an open file could be had."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
