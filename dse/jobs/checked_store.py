"""A Zarr store whose files have checksums, and which is read with no other codecs than it is written with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zarr.storage import LocalStore

from dse.catalogue import check_no_pipe
from dse.errors import InputError
from dse.jobs.checksums import Damaged, Sums

# What chunks are made with. Zarr finds codecs by their names among all that is installed, and some run what they read.
CODECS = {"bytes", "vlen-utf8", "zstd"}
_METADATA = "zarr.json"


class CheckedStore(LocalStore):
    """A Zarr store in a folder that notes the checksum of what it writes, and checks what it reads."""

    def __init__(self, root: Path | str, *, read_only: bool = False, sums: Sums) -> None:
        super().__init__(root, read_only=read_only)
        self.sums = sums

    def with_read_only(self, read_only: bool = False) -> CheckedStore:
        """The same store, to be written or not."""
        return type(self)(self.root, read_only=read_only, sums=self.sums)

    async def set(self, key: str, value: Any) -> None:
        """Write a file."""
        await super().set(key, value)
        self.sums.note(self.root / key, value.as_buffer_like())

    def set_sync(self, key: str, value: Any) -> None:
        """Write a file."""
        super().set_sync(key, value)
        self.sums.note(self.root / key, value.as_buffer_like())

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        """Read a file, None where there is none."""
        self._check_no_pipe(key)
        return self._checked(key, await super().get(key, prototype, byte_range), byte_range)

    def get_sync(self, key: str, *, prototype: Any = None, byte_range: Any = None) -> Any:
        """Read a file, None where there is none."""
        self._check_no_pipe(key)
        return self._checked(key, super().get_sync(key, prototype=prototype, byte_range=byte_range), byte_range)

    def _check_no_pipe(self, key: str) -> None:
        try:
            check_no_pipe(self.root / key)
        except OSError as error:
            raise Damaged(f"{self.root / key}: {error.strerror}; compute the result again with --fresh") from None

    def _checked(self, key: str, found: Any, byte_range: Any) -> Any:
        # A store that is being written is read where nothing was noted yet; parts of files are of no use here.
        if self.read_only and byte_range is None:
            self.sums.check(self.root / key, None if found is None else found.as_buffer_like())
        if found is not None and Path(key).name == _METADATA:
            self._check_codecs(key, found.to_bytes())
        return found

    def _check_codecs(self, key: str, content: bytes) -> None:
        """Raise InputError for an array that is read with other codecs."""
        try:
            found = [codec["name"] for codec in json.loads(content).get("codecs", ())]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            found = [None]
        if other := [name for name in found if name not in CODECS]:
            what = f"the codec {other[0]!r} is none of dse's" if isinstance(other[0], str) else "is damaged"
            raise InputError(f"{self.root / key}: {what}")
