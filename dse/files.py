"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dse.errors import Fault, InputError


def write_whole(path: Path, text: str) -> None:
    """Write a text under a temporary name beside the file, then rename: never a half-written one.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise InputError(Fault(str(path), f"cannot be written: {error.strerror}")) from None
    finally:
        with suppress(OSError):
            part.unlink()
