"""Title, subtitle and footer of a picture, and the inches that they take."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from dse.plots.look import QUIET, current
from dse.plots.names import bold_inches, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Letters of a title: as large as there is room for, in points.
_LARGE, _SMALL = 13.0, 9.0


def frame_heights(subtitle: str, footer: str) -> tuple[float, float]:
    """Inches that title and subtitle take above, and the footer below."""
    if not current().words:
        return 0.04, 0.06
    return 0.50 + 0.19 * len(_wrapped(subtitle)), 0.16 + 0.16 * len(_wrapped(footer, 155))


def _wrapped(text: str, characters: int = 126) -> list[str]:
    return textwrap.wrap(text, characters)


def frame(figure: Figure, height: float, title: str, subtitle: str, footer: str) -> None:
    """Set the figure's height in inches, and write title, subtitle and footer."""
    look = current()
    figure.set_size_inches(look.width * look.scale, height * look.scale)
    if not look.words:
        return
    small: dict[str, Any] = {"color": QUIET, "linespacing": 1.3}
    left = 0.12 / look.width
    text, size = _headline(title, look.width - 0.24)
    figure.text(left, 1 - 0.12 / height, text, va="top", fontsize=size, fontweight="bold")
    figure.text(left, 1 - 0.42 / height, "\n".join(_wrapped(subtitle)), va="top", fontsize=9.5, **small)
    figure.text(left, 0.10 / height, "\n".join(_wrapped(footer, 155)), va="bottom", fontsize=8, **small)


def _headline(title: str, room: float) -> tuple[str, float]:
    """A title, and the size of its letters; one that is too long for small ones is shortened."""
    text, letters = title, len(title)
    while bold_inches(text, _SMALL) > room:
        letters -= 1
        (text,) = shortened([title], letters)
    return text, min(_LARGE, _SMALL * room / bold_inches(text, _SMALL)) if text else _LARGE
