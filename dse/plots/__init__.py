"""Plots of results, one file a kind; nothing of matplotlib is loaded before something is drawn."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError, InputError, unknown
from dse.plots import frontier as _frontier
from dse.plots import importances as _importances
from dse.plots import parallel as _parallel
from dse.plots import roofline as _roofline
from dse.plots import search_found as _found
from dse.plots import search_history as _history
from dse.plots.kinds import KINDS, Kind, NotInResult, plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "KINDS", "Kind", "NotInResult", "draw", "plot", "save", "save_all"]

_BUILT_IN = (_frontier, _roofline, _history, _found, _importances, _parallel)

# Dates and versions would make two files of the same picture differ.
FORMATS: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}


def draw(kind: str, result: Any) -> Figure:
    """A plot of a result.

    Parameters
    ----------
    kind
        A name in `KINDS`.
    result
        An object with `frontier` and `cloud` (xr.Dataset) and `manifest` (a mapping), such as `dse.explore` returns.

    Raises
    ------
    InputError
        For an unknown kind, or a result that lacks what the plot needs.
    """
    if kind not in KINDS:
        raise InputError(unknown("plot", kind, KINDS))
    return _picture(KINDS[kind], KINDS[kind].prepare(result))


def _picture(kind: Kind, data: Any) -> Figure:
    from dse.plots.style import blank_figure, drawing_style

    with drawing_style():
        figure = blank_figure()
        kind.draw(figure, data)
    return figure


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as .png, .svg or .pdf; the same figure gives the same file.

    Raises
    ------
    InputError
        For another suffix, or a place that cannot be written.
    DseError
        When the disk is full.
    """
    from dse.plots.style import drawing_style

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path}: the suffix {suffix!r} is not allowed; allowed: {', '.join(FORMATS)}")
    picture = io.BytesIO()
    with drawing_style():
        figure.savefig(picture, format=suffix[1:], metadata=FORMATS[suffix])
    stood = path.exists()
    try:
        path.write_bytes(picture.getvalue())
    except OSError as error:
        if not stood:
            # What was begun on a full disk.
            path.unlink(missing_ok=True)
        full = error.errno == errno.ENOSPC
        raise (DseError if full else InputError)(f"{path}: cannot be written: {error.strerror}") from None
    return path


def save_all(result: Any, folder: str | Path) -> list[Path]:
    """Write every kind of plot that the result has the data for, each as .png and .svg; returns the files."""
    written = []
    for kind in KINDS.values():
        try:
            data = kind.prepare(result)
        except NotInResult:
            continue
        figure = _picture(kind, data)
        written += [save(figure, Path(folder) / f"{kind.name}{suffix}") for suffix in (".png", ".svg")]
    return written
