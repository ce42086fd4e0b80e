"""A new result in the place of an old one, file by file: the folder stays where it is, and so does all else in it."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from dse.errors import InputError
from dse.jobs.files import GRID, MANIFEST, READ, REPORT, TABLE
from dse.jobs.standing import listed_files

# Where the files of the old result are while those of the new one take their place: beside the new folder.
OLD = "result.old"
# What results have besides pictures.
_FILES = {*READ, GRID, MANIFEST, REPORT, TABLE}
_PICTURES = (".png", ".svg")
# A page of `dse report` says what it is within so many bytes.
_BEGINNING = 1000


def put(part: Path, final: Path) -> None:
    """Make the new folder `part` the result `final`; the old result goes, and what else lies in its folder stays.

    The manifest of the old one goes first, and that of the new one comes last: in between there is none. `part` and
    `final` lie on one file system.

    Raises
    ------
    InputError
        For a file there that is not of the old result, and would be replaced.
    OSError
        When something cannot be moved: all is what it was.
    """
    if not final.exists():
        os.rename(part, final)
        return
    new = [path.name for path in part.iterdir()]
    check_names(final, new)
    old = part.with_name(OLD)
    old.mkdir()
    try:
        _move(_manifest_first(own_names(final)), final, old)
        _move(reversed(_manifest_first(new)), part, final)
    except BaseException:
        put_back(part, final)
        raise
    shutil.rmtree(old, ignore_errors=True)


def put_back(part: Path, final: Path) -> None:
    """Undo an exchange that did not come to its end, if there was one: the old result is back, the new one in `part`.

    It may itself be cut short, and be done again. Nobody else may be at work on the result.
    """
    old = part.with_name(OLD)
    if not old.exists():
        return
    # With a manifest in its place the new result is whole, or the old one untouched or back; without the folder
    # somebody has removed it since.
    if final.exists() and not (final / MANIFEST).exists():
        before = [path.name for path in old.iterdir()]
        _move(
            {*before, *_listed(part)} & {p.name for p in final.iterdir() if not _is_there(part / p.name)}, final, part
        )
        _move(reversed(_manifest_first(before)), old, final)
    shutil.rmtree(old)


def check_names(final: Path, names: Iterable[str]) -> None:
    """Raise InputError where files of these names stand in a folder that are not of the result there."""
    own = own_names(final)
    for name in names:
        if _is_there(final / name) and name not in own:
            told = "is not of the result there, and the new result has a file of that name"
            raise InputError(f"{final / name}: {told}; move it, or choose another --out")


def own_names(folder: Path) -> set[str]:
    """Names of what belongs to the result in a folder, if there is one: of what is there, and is no link."""
    listed = _listed(folder)
    if REPORT not in listed and _is_report(folder / REPORT):
        listed.add(REPORT)
    return {name for name in listed if _is_there(folder / name) and not (folder / name).is_symlink()}


def is_apart(final: Path) -> bool:
    """Whether nothing can be renamed from beside a folder into it: it is where a file system, or a part, is mounted."""
    if not final.is_dir():
        return False
    if final.stat().st_dev != final.parent.stat().st_dev:
        return True
    # Linux tells two mounts of one file system apart before it looks for the file, which is none.
    nothing = f".{secrets.token_hex(16)}"
    try:
        os.rename(final.parent / nothing, final / nothing)
    except OSError as error:
        return error.errno == errno.EXDEV
    return False


def _listed(folder: Path) -> set[str]:
    """What the manifest in a folder says that the result has; of what it cannot have, which is a user's, nothing."""
    files = listed_files(folder)
    return {
        n for n in files if isinstance(n, str) and (n in _FILES or (n.endswith(_PICTURES) and os.path.basename(n) == n))
    }


def _is_report(path: Path) -> bool:
    """Whether a file is a page of `dse report`, which lies with the result unless another place is named."""
    if path.is_symlink() or not path.is_file():
        return False
    from dse.report.html import GENERATOR

    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(_BEGINNING)


def _manifest_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name != MANIFEST, name))


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    """Move files and folders from one folder to another; nothing is replaced."""
    for name in names:
        if _is_there(target / name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target / name))
        os.rename(source / name, target / name)


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)
