"""Files of a kept grid with their checksums: what is cut short, changed or foreign is found before it is used."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any

from dse.catalogue import check_no_pipe
from dse.errors import InputError


class Damaged(InputError):
    """A file of a kept grid is not what was written."""


class Sums:
    """The checksums of the files below a folder: lines of CRC-32, bytes and name, of which the last one holds.

    Lines are added as files are written, so that a killed run leaves those of all that it had written.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self.path, self.root = path, root
        self._known: dict[str, tuple[int, int]] | None = None
        self._file: IO[str] | None = None

    @property
    def known(self) -> dict[str, tuple[int, int]]:
        """Checksum and bytes of each file by its name below the folder."""
        if self._known is None:
            self._known = dict(_read(self.path))
        return self._known

    @property
    def bytes(self) -> int:
        """Bytes of all files; 0 where the checksums themselves are damaged."""
        try:
            return sum(size for _, size in self.known.values())
        except Damaged:
            return 0

    def note(self, file: Path, content: Any) -> None:
        """Note what is written to a file."""
        name = self.name(file)
        self.known[name] = zlib.crc32(content), memoryview(content).nbytes
        if self._file is None:
            self._file = self._opened()
        self._file.write(_line(name, *self.known[name]))

    def _opened(self) -> IO[str]:
        # What was cut short is taken away, or the next line would stand behind it.
        with self.path.open("ab+") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
        return self.path.open("a", encoding="utf-8", buffering=1)

    def sync(self) -> None:
        """Bring all lines to the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Nothing more is written: each file has one line, in the order of their names."""
        if self._file is not None:
            self._file.close()
            self._file = None
        # Another store may have written lines of its own.
        self._known = dict(_read(self.path))
        temporary = self.path.with_name(f".{self.path.name}.new")
        temporary.write_text("".join(_line(name, *what) for name, what in sorted(self.known.items())), encoding="utf-8")
        os.replace(temporary, self.path)

    def name(self, file: Path) -> str:
        """What a file is called here."""
        return file.relative_to(self.root).as_posix()

    def check(self, file: Path, content: Any) -> None:
        """Raise Damaged unless the content of a file, None where it is not there, is what was written to it."""
        name = self.name(file)
        if content is None and name not in self.known:
            return
        if content is None or self.known.get(name) != (zlib.crc32(content), memoryview(content).nbytes):
            what = "is missing" if content is None else "is damaged, or of another grid"
            raise Damaged(f"{file}: {what}; compute the result again with --fresh")

    def wrong(self, thorough: bool = True) -> list[str]:
        """Names of the files that are not what was written: by their checksums, or else by their bytes only."""
        try:
            known = self.known
        except Damaged:
            known = {}
        if not known:
            return [self.path.name]
        return [name for name, (crc, size) in known.items() if not _is_whole(self.root / name, crc, size, thorough)]


def _line(name: str, crc: int, size: int) -> str:
    return f"{crc:08x} {size} {name}\n"


def _is_whole(path: Path, crc: int, size: int, thorough: bool) -> bool:
    try:
        status = path.stat()
        # A pipe or a device has no size, and no end.
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            return False
        return not thorough or zlib.crc32(path.read_bytes()) == crc
    except OSError:
        return False


def _read(path: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    try:
        check_no_pipe(path)
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise Damaged(f"{path}: cannot be read: {error.strerror}") from None
    for line in lines[:-1]:
        # The last line may have been cut short: it ends without a newline, and is of a file that is written again.
        crc, _, rest = line.partition(" ")
        size, _, name = rest.partition(" ")
        try:
            found = int(crc, 16), int(size)
        except ValueError:
            found = None
        if found is None or not _is_inside(name):
            raise Damaged(f"{path}: is damaged; compute the result again with --fresh")
        yield name, found


def _is_inside(name: str) -> bool:
    """Whether a name is one of a file below the folder, whoever wrote it."""
    parts = PurePosixPath(name).parts
    return "\0" not in name and not PurePath(name).is_absolute() and ".." not in (*parts, *PurePath(name).parts)
