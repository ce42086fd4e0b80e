"""The hidden folder beside a result in which it comes about: one run at a time has it, and a killed run leaves in it
what the next one goes on with."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dse.errors import DseError, InputError
from dse.jobs import lock as locks
from dse.jobs.exchange import OLD, check_names, put_back
from dse.jobs.files import GRID, SUMS
from dse.jobs.left import PART, places
from dse.jobs.lock import LOCK
from dse.jobs.purpose import EXPLORATION, FOUND, JOB, Purpose, purpose_of
from dse.pareto.partial import Partial, read_partial

# What is found is put down every so many seconds, takes at most this share of the time, and of the disk at most so many
# bytes a second.
EVERY, SHARE, RATE = 2.0, 0.05, 2.0**20


class Interrupted(KeyboardInterrupt):
    """The run was interrupted, and what it found is kept."""


class Work:
    """The work folder of a result, while it is ours.

    Attributes
    ----------
    path, part
        The folder, and the new one in it that becomes the result.
    asked
        What it is of.
    keeps
        Whether it holds what a later run can use.
    before_checkpoint
        What is called before anything is put down as found: it brings what belongs to it to the disk.
    """

    def __init__(self, path: Path, stamp: Mapping[str, Any], asked: Purpose) -> None:
        self.path, self.part, self.asked = path, path / PART, asked
        self._left = purpose_of(path)
        self.stamp, self.before, self.messages = dict(stamp), 0.0, list[str]()
        self.started = time.monotonic()
        self.before_checkpoint: list[Callable[[], None]] = []
        self._next = self.started + EVERY

    @property
    def keeps(self) -> bool:
        """Whether it holds what a later run can use."""
        others = self._left is not None and self._left.is_kept(self.path)
        return self.asked.is_kept(self.path) or others or (self.path / OLD).exists()

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

    def prepare(self, folder: Path, final: Path, names: Collection[str], fresh: bool) -> None:
        """Put right what a killed run left, and see that the result can come to stand: all that is told before work."""
        put_back(self.part, final)
        if final.is_dir():
            check_names(final, names)
            _check_writable(final)
        if self._left is None or not self._left.is_kept_of_another(self.path, self.asked):
            return
        what = self._left.beside(self.asked)
        if not fresh:
            raise InputError(
                f"{folder}: {what} was interrupted, and what it found is kept in {self.path}; go on with its own "
                "command, remove it with --fresh, or choose another --out"
            )
        _clear(self.path)
        self.messages.append(f"what {what} that was interrupted had left was removed")

    def begin(self, keep: bool) -> None:
        """Make the new folder; what an earlier run left is removed where it is not to be kept."""
        if not keep:
            _clear(self.path)
        shutil.rmtree(self.part, ignore_errors=True)
        try:
            if purpose_of(self.path) != self.asked:
                (self.path / JOB).write_text(json.dumps(asdict(self.asked)), encoding="utf-8")
            self.part.mkdir()
        except OSError as error:
            raise DseError(f"{self.path}: cannot be written: {error.strerror}") from None

    def forget(self, message: str) -> None:
        """Remove what an earlier run found: it cannot be used."""
        self.before, self.messages = 0.0, [message]
        self.begin(False)

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
def working(
    folder: Path,
    stamp: Mapping[str, Any],
    found: str = FOUND,
    *,
    kind: str = EXPLORATION,
    names: Collection[str] = (),
    fresh: bool = False,
) -> Iterator[Work]:
    """The work folder of the result `folder`; gone at the end, unless the run failed and a later one can go on.

    Parameters
    ----------
    stamp
        What tells jobs apart, as plain data; its `key` is what is asked for.
    found
        Name of the file in it that a later run can use.
    kind
        EXPLORATION or SEARCH.
    names
        Names of the files that the result may have.
    fresh
        Remove what an interrupted run of another job left.

    Raises
    ------
    InputError
        While another run has it; where it holds what an interrupted run of another job found (unless `fresh`); for
        files in the folder that are not of the result there, and would be replaced.
    DseError
        When nothing can be written there.
    """
    final, path = places(folder)
    missing = [p for p in (path.parent, *path.parent.parents) if not p.exists()]
    try:
        lock = locks.take(path, folder)
    except OSError as error:
        _remove_made(missing)
        raise DseError(f"{folder}: cannot be written: {error.strerror}") from None
    except KeyboardInterrupt:
        _give_up(path)
        _remove_made(missing)
        raise
    work = Work(path, stamp, Purpose(kind, str(stamp["key"]), found))
    try:
        try:
            work.prepare(folder, final, names, fresh)
        except OSError as error:
            raise DseError(f"{folder}: cannot be written: {error.strerror}") from None
        yield work
    except KeyboardInterrupt:
        if work.keeps:
            message = f"interrupted; what was found is kept in {path}, and the same command goes on with it"
            raise Interrupted(message) from None
        raise
    except BaseException:
        with suppress(OSError):
            if not (path / OLD).exists():
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


def _check_writable(final: Path) -> None:
    """Raise OSError for a folder in which nothing can be made."""
    effective = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    if not os.access(final, os.W_OK | os.X_OK, **effective):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _move(source: Path, target: Path) -> None:
    for name in (GRID, SUMS):
        if (source / name).exists() and not (target / name).exists():
            os.rename(source / name, target / name)


def _give_up(path: Path) -> None:
    """Remove a work folder that was not ours yet, where it is nobody's and holds nothing."""
    with suppress(OSError), locks.opened(path) as lock:
        if locks.is_locked(lock) and [inside.name for inside in path.iterdir()] == [LOCK]:
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
