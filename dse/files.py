"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from dse.errors import DseError, Fault, InputError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name beside it, then rename: never a half-written one, and no link is followed.

    What is there and no file, such as a pipe or a device, or is what the process has open (/dev/stdout), is written to.

    Raises
    ------
    InputError
        Where the file cannot be written.
    DseError
        When the disk is full.
    """
    # What no encoding has, such as half a character from a file, is shown as "?".
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    try:
        if _is_open(path) or (path.exists() and not path.is_file()):
            path.write_bytes(data)
        else:
            _replace(path, data)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise (DseError if full else InputError)(Fault(str(path), f"cannot be written: {error.strerror}")) from None


def _is_open(path: Path) -> bool:
    """Whether a name is one of what the process has open: /dev/stdout is a link to one."""
    names = [os.path.abspath(path), os.readlink(path) if path.is_symlink() else ""]
    return any(name.startswith(("/dev/fd/", "/dev/std", "/proc/self/fd/")) for name in names)


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        # Only a file that is not there yet: nobody else's, and no link.
        with part.open("xb") as file:
            file.write(data)
        if path.is_file() and not path.is_symlink():
            # Who may read it stays as it was.
            shutil.copymode(path, part)
        os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink()
