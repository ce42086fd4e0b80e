"""The lock of a work folder: one run at a time has it, and the system lets go of it when the process ends."""

from __future__ import annotations

import json
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

from dse.errors import InputError
from dse.jobs.files import JOURNAL

LOCK = "lock"
# How often another run may remove the folder at its end, just before it is had.
_TRIES = 1000
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def take(path: Path, folder: Path) -> IO[str]:
    """The open file that says that the work folder `path` of the result `folder` is ours; the folder is made.

    Raises
    ------
    InputError
        While another run has it, and for a work folder that is not this user's own.
    """
    for left in reversed(range(_TRIES)):
        if path.is_symlink():
            raise InputError(f"{path}: is a link to another folder; remove it")
        try:
            if not _is_made(path):
                check_ours(path)
            lock = opened(path)
        except (FileNotFoundError, FileExistsError):
            if not left or (path.exists() and not path.is_dir()):
                raise
            # Another run was at its end, and has removed the folder in between.
            continue
        try:
            if _taken(lock, path, folder):
                return lock
        except BaseException:
            lock.close()
            raise
        lock.close()
    raise InputError(f"{folder}: other runs are at work on it; wait, or choose another --out")


def _is_made(path: Path) -> bool:
    """Make the folder where it is not there; whether this was done, so that it is ours whatever owner it is given."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise
        return False
    return True


def check_ours(path: Path) -> None:
    """Raise InputError for a work folder that another user made, or that leads elsewhere: it is written to."""
    if hasattr(os, "geteuid") and path.stat().st_uid != os.geteuid():
        raise InputError(f"{path}: is another user's; remove it, or choose another --out")
    for inside, folders, files in os.walk(path):
        for name in (*folders, *files):
            # The lock of a journal is a link that nothing follows, and so is what is left of one that was renamed.
            of_journal = inside == str(path) and name.startswith(f"{JOURNAL}.lock")
            kind = os.lstat(os.path.join(inside, name)).st_mode
            if not (of_journal or stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                what = "a link" if stat.S_ISLNK(kind) else "no file"
                raise InputError(f"{os.path.join(inside, name)}: is {what}; remove it, or choose another --out")


def opened(path: Path) -> IO[str]:
    """The file that locks a work folder; a link in its place is not followed, and nothing else of a second name is."""
    number = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
    if os.fstat(number).st_nlink > 1:
        os.close(number)
        raise InputError(f"{path / LOCK}: has another name too; remove it, or choose another --out")
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise InputError(f"{path / LOCK}: is no file; remove it, or choose another --out")
    return os.fdopen(number, "a+", encoding="utf-8")


def _taken(lock: IO[str], path: Path, folder: Path) -> bool:
    """Whether the lock is ours now; not so where another run has removed the folder in between."""
    if not is_locked(lock):
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


def is_locked(file: IO[str]) -> bool:
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
