"""Plots of results, one file a kind; nothing of matplotlib is loaded before something is drawn."""

from __future__ import annotations

import importlib
import io
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.errors import DseError, InputError, unknown
from dse.files import write_whole
from dse.plots.kinds import DESIGN, KINDS, MEASURED, RESULT, Kind, NotInResult, plot
from dse.plots.look import LOOKS, blank_figure, drawing_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "DESIGN",
    "FORMATS",
    "KINDS",
    "LOOKS",
    "MEASURED",
    "RESULT",
    "Kind",
    "NotInResult",
    "draw",
    "plot",
    "save",
    "save_all",
]

# Every module here is loaded, so that a kind of plot is one file and stands in no other list.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

# Dates and versions would make two files of the same picture differ.
FORMATS: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
# Those that results keep of themselves.
KEPT = (".png", ".svg")


def draw(kind: str, shown: Any, *, style: str = "screen", **options: Any) -> Figure:
    """A plot of a result or of one design.

    Parameters
    ----------
    kind
        A name in `KINDS`.
    shown
        Of a result an object with `frontier` and `cloud` (xr.Dataset) and `manifest` (a mapping), such as
        `dse.explore` returns; for kinds of one design a `dse.Design`.
    style
        "screen", or "paper": as wide as a column, without title and notes, for the caption to tell.
    options
        What the kind can be asked for, such as the axis of a family of frontiers.

    Raises
    ------
    InputError
        For an unknown kind, style or option, or a result that lacks what the plot needs.
    """
    if kind not in KINDS:
        raise InputError(unknown("plot", kind, KINDS))
    with drawing_style(style):
        return _picture(KINDS[kind], KINDS[kind].data(shown, options))


def _picture(kind: Kind, data: Any) -> Figure:
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
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path}: the suffix {suffix!r} is not allowed; allowed: {', '.join(FORMATS)}")
    picture = io.BytesIO()
    with drawing_style():
        # A figure of a paper keeps its own resolution.
        figure.savefig(picture, dpi=figure.dpi, format=suffix[1:], metadata=FORMATS[suffix])
    write_whole(path, picture.getvalue())
    return path


def kept_names() -> list[str]:
    """Names of the files of all pictures that results may keep of themselves."""
    return [f"{kind.name}{suffix}" for kind in KINDS.values() if kind.kept for suffix in KEPT]


def save_all(result: Any, folder: str | Path, failed: list[str] | None = None) -> list[Path]:
    """Write the pictures that a result keeps of itself, each as .png and .svg, where it has the data; the files.

    With a list `failed` a picture that cannot be drawn is left out and told there: a result is worth more than it.
    """
    written = []
    for kind in (k for k in KINDS.values() if k.kept):
        try:
            data = kind.prepare(result)
            with drawing_style():
                figure = _picture(kind, data)
            written += [save(figure, Path(folder) / f"{kind.name}{suffix}") for suffix in KEPT]
        except NotInResult:
            continue
        except (OSError, DseError):
            raise
        except Exception as error:
            if failed is None:
                raise
            failed.append(f"the picture {kind.name!r} could not be drawn: {type(error).__name__}: {error}")
    return written
