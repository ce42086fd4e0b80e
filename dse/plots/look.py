"""How large a picture is, and how large its letters are: for a screen, or for a column of a paper."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from dse.errors import InputError, unknown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, DPI = 10.0, 160
# Pixels an inch in a notebook.
SHOWN_DPI = 80
INK, QUIET = "#222222", "#666666"


@dataclass(frozen=True)
class Look:
    """Size of a picture.

    Attributes
    ----------
    width
        Inches that layouts have to divide; the picture is `scale` times as wide, and so are its letters.
    words
        Whether title, subtitle and footer stand in the picture; a paper has a caption.
    dpi
        Pixels an inch of a PNG.
    """

    width: float
    scale: float
    words: bool
    dpi: int

    @property
    def narrow(self) -> bool:
        """Whether legends have no room beside the axes."""
        return self.width < 7

    def columns(self, wanted: int) -> int:
        """Panels beside each other: as many as wanted, where there is room."""
        return min(wanted, 2) if self.narrow else wanted


# A column of a paper is about 3.5 inches wide: 89 mm.
LOOKS = {"screen": Look(WIDTH, 1.0, True, DPI), "paper": Look(4.9, 3.5 / 4.9, False, 300)}
_current: ContextVar[Look] = ContextVar("look", default=LOOKS["screen"])

_STYLE: dict[str, Any] = {
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "hatch.linewidth": 0.5,
    "svg.hashsalt": "dse",
    # A name with dollar signs is a name, not a formula.
    "text.parse_math": False,
    # Letters that an editor and a publisher can read.
    "pdf.fonttype": 42,
}
# Heights of letters in points: of ticks and all else, of titles of panels, of legends.
PLAIN, TITLE, LEGEND = 9.0, 9.5, 8.5
_FONTS = {"font.size": PLAIN, "axes.titlesize": TITLE, "axes.labelsize": 10.0, "legend.fontsize": LEGEND}


def current() -> Look:
    """The look in force."""
    return _current.get()


def width() -> float:
    """Inches that a layout has to divide."""
    return current().width


def points(size: float) -> float:
    """The size of letters that are `size` points high on a screen."""
    return size * current().scale * (1.12 if current().narrow else 1.0)


@contextmanager
def drawing_style(look: str = "") -> Iterator[None]:
    """The look of a name, in force inside a `with`; without a name the one that is in force already."""
    import matplotlib

    if look and look not in LOOKS:
        raise InputError(unknown("style", look, LOOKS))
    token = _current.set(LOOKS[look] if look else current())
    # The backend stays out: to read it is to load one, with windows where there is a display.
    plain: dict[str, Any] = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
    own = {"figure.dpi": current().dpi, "savefig.dpi": current().dpi} | {n: points(s) for n, s in _FONTS.items()}
    try:
        with matplotlib.rc_context(plain | _STYLE | own):  # type: ignore[arg-type]
            yield
    finally:
        _current.reset(token)


def blank_figure() -> Figure:
    """An empty figure that draws without a display, and shows itself in a notebook."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _picture()(figsize=(width() * current().scale, 6.4 * current().scale))
    FigureCanvasAgg(figure)
    return figure


@cache
def _picture() -> type[Figure]:
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A figure that notebooks show, whatever their settings of matplotlib."""

        def _repr_png_(self) -> bytes:
            picture = io.BytesIO()
            with drawing_style():
                self.savefig(picture, dpi=SHOWN_DPI, format="png", metadata={"Software": None})
            return picture.getvalue()

    return Picture
