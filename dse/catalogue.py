"""Mappings that are read from TOML at first use, and whose misspelt names are answered with the nearest one."""

from __future__ import annotations

import errno
import os
import stat
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from dse.errors import Fault, InputError, shown, unknown

Entry = TypeVar("Entry")
# Catalogues and models have some hundred KiB; anything near this size is something else.
MOST_BYTES = 16 * 2**20
_PART = 2**20
# Columns of a table, which has some dozen.
MOST_COLUMNS = 1000
# Opening a pipe waits for the other end; zero where there is no such flag, and no such pipe.
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0)
# Names of what the process has open already: <(...) and /dev/stdin.
_OPEN_ALREADY = ("/dev/fd/", "/dev/stdin", "/proc/")
NAMED_PIPE = "it is a named pipe; allowed: a file"


class UnknownEntry(InputError, KeyError):
    """A name that a catalogue lacks; also a KeyError, as from any mapping."""

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


class Catalogue(Mapping[str, Entry]):
    """A read-only mapping from names to entries; `load` is called once, when an entry is first needed."""

    def __init__(self, kind: str, load: Callable[[], Mapping[str, Entry]]) -> None:
        self.kind = kind
        self._load = load

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        return dict(self._load())

    def __getitem__(self, name: str) -> Entry:
        if name not in self._entries:
            raise UnknownEntry(unknown(self.kind, name, self._entries))
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<{len(self)} entries, each a {self.kind}>"


def opened(path: Path) -> BinaryIO:
    """A file to be read; OSError where that cannot be, also for a name that no file can have.

    A named pipe, which would wait for somebody who writes to it, is refused; one that the shell has opened is read.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "no file has a null character in its name")
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 (whoever asks for it closes it)
    try:
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode) and not str(path.absolute()).startswith(_OPEN_ALREADY):
            raise OSError(errno.EINVAL, f"{NAMED_PIPE}, or a pipe that the shell opens (/dev/stdin, <(...))")
        if _WITHOUT_WAITING:
            os.set_blocking(file.fileno(), True)
    except BaseException:
        file.close()
        raise
    return file


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | _WITHOUT_WAITING)


def check_no_pipe(path: Path) -> None:
    """Raise OSError for a named pipe, before a library is given the name of it, which would wait."""
    if path.is_fifo():
        raise OSError(errno.EINVAL, NAMED_PIPE)


def read_at_most(path: Path, most: int) -> bytes:
    """The content of a file; OSError where it cannot be read, or is known to be larger.

    Of what has no size (a pipe, a device) it is the first `most` bytes and one more.
    """
    parts, left = list[bytes](), most + 1
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"more than {most / 2**20:.4g} MiB, which is more than such a file has")
        # A single read would make room for the most that there may be before it finds out how much there is.
        while left and (part := file.read(min(left, _PART))):
            parts.append(part)
            left -= len(part)
    return b"".join(parts)


def check_columns(columns: Sequence[str]) -> None:
    """Raise InputError for a table of more columns than any has, or with one twice."""
    if len(columns) > MOST_COLUMNS:
        raise InputError(f"{len(columns):,} columns; at most {MOST_COLUMNS:,}")
    if twice := [name for name, times in Counter(columns).items() if times > 1]:
        raise InputError([Fault("", f"the column {shown(name, 80)} stands twice") for name in twice])


def has_more_keys(content: bytes, most: int) -> bool:
    """Whether a TOML file has far more keys and tables than may be, before its parser spends seconds on them."""
    return content.count(b"=") + content.count(b"\n[") > 2 * most


def read_toml(path: Path, most_keys: int = MOST_BYTES) -> dict[str, Any]:
    """The content of a TOML file of about so many keys at most.

    Raises
    ------
    InputError
        With the file and the place of a syntax error.
    """
    try:
        content = read_at_most(path, MOST_BYTES)
        if has_more_keys(content, most_keys):
            raise InputError(Fault(str(path), f"has more than {most_keys:,} keys"))
        if len(content) <= MOST_BYTES:
            return tomllib.loads(content.decode("utf-8-sig"))
        problem = f"has more than {MOST_BYTES // 2**20} MiB; such a file is shorter"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problem = str(error)
    except RecursionError:
        problem = "its values are nested too deeply"
    except ValueError:
        problem = "it holds an integer of thousands of digits"
    raise InputError(Fault(str(path), problem))
