"""What runs leave beside a result, and where: nothing of it is touched while another run has it."""

from __future__ import annotations

import filecmp
import os
import shutil
from contextlib import suppress
from pathlib import Path

from dse.errors import DseError, InputError
from dse.jobs import lock as locks
from dse.jobs.exchange import OLD, is_apart, put_back
from dse.jobs.lock import LOCK
from dse.jobs.purpose import FOUND, Purpose, purpose_of

# The new folder in a work folder that becomes the result.
PART = "result.part"


def places(folder: Path) -> tuple[Path, Path]:
    """Where a result lies, and where its work folder: beside it, or in it where nothing can be moved from beside."""
    final = Path(os.path.realpath(folder))
    return final, (final if is_apart(final) else final.parent) / f".{final.name}.work"


def is_cut_short(folder: Path) -> bool:
    """Whether a run was killed while its files took their places, or is at it now."""
    return os.path.isdir(places(folder)[1] / OLD)


def settle(folder: Path) -> str:
    """Undo what a run did that was killed while its files took their places; the name of the work folder in `folder`.

    That is "" where it lies beside it.

    Raises
    ------
    InputError
        While another run is at it.
    DseError
        When it cannot be undone.
    """
    final, path = places(folder)
    if is_cut_short(folder):
        try:
            with locks.take(path, folder):
                put_back(path / PART, final)
                if os.listdir(path) == [LOCK]:
                    # The other run was at its end, and has removed the folder in between.
                    shutil.rmtree(path)
        except OSError as error:
            raise DseError(f"{folder}: cannot be written: {error.strerror}") from None
    return path.name if path.parent == final else ""


def tidy(folder: Path, kind: str, key: str, same: str = "") -> None:
    """Remove what a run left beside a result that was killed when all was done but that.

    What a run of another kind, or of another key, found stays. Where it left a file called `same` that is not that of
    the result, another run is to go on with it: it stays too.
    """
    final, path = places(folder)
    with suppress(OSError, InputError):
        if path.exists() and not path.is_symlink():
            locks.check_ours(path)
            with locks.opened(path) as lock:
                asked, left = Purpose(kind, key, same or FOUND), purpose_of(path)
                others = left is not None and left.is_kept_of_another(path, asked)
                if locks.is_locked(lock) and not others and not (same and _differ(path / same, final / same)):
                    shutil.rmtree(path)


def _differ(left: Path, stands: Path) -> bool:
    return left.exists() and not filecmp.cmp(left, stands, shallow=False)
