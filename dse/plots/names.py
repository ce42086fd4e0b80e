"""Names in the room that there is for them: measured, and shortened in the middle where they are too long."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from dse.plots import look

ELLIPSIS = "…"


def inches(text: str, size: float) -> float:
    """How long a line of text is, in inches of a layout, in letters that are `size` points high on a screen."""
    points = _measured(text, bold=False) * look.points(size) / _MEASURED
    return points / 72 / look.current().scale


_MEASURED = 10.0


@lru_cache(maxsize=4096)
def _measured(text: str, *, bold: bool) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family="DejaVu Sans", size=_MEASURED, weight="bold" if bold else "normal")
    return float(TextToPath().get_text_width_height_descent(text, font, False)[0])


def bold_inches(text: str, size: float) -> float:
    """As `inches`, of bold letters."""
    return _measured(text, bold=True) * look.points(size) / _MEASURED / 72 / look.current().scale


def longest(texts: Sequence[str], size: float) -> float:
    """Inches of the longest of some lines."""
    return max((inches(text, size) for text in texts), default=0.0)


def fitted(texts: Sequence[str], room: float, size: float) -> list[str]:
    """The lines, those that are longer than `room` inches with an ellipsis; different ones stay different."""
    if longest(texts, size) <= room:
        return list(texts)
    letters = max(map(len, texts))
    while letters > 4:
        found = shortened(texts, letters)
        if (long := longest(found, size)) <= room:
            return found
        letters = min(letters - 1, int(letters * room / long) + 1)
    return shortened(texts, 4)


def shortened(texts: Sequence[str], letters: int) -> list[str]:
    """Texts of at most so many letters, with an ellipsis in the middle, or where it leaves different ones different.

    >>> shortened(["a-board-with-a-long-name", "short"], 11)
    ['a-boa…-name', 'short']
    >>> shortened(["board-of-kind-1-of-the-maker", "board-of-kind-2-of-the-maker"], 9)
    ['boar…d-1…', 'boar…d-2…']
    """
    wanted = len(set(texts))
    best: list[str] = []
    for found in itertools.chain(_cuts(texts, letters), _windows(texts, letters)):
        if len(set(found)) == wanted:
            return found
        best = max(best, found, key=lambda f: len(set(f)))
    return _numbered(texts, best, letters)


def _cuts(texts: Sequence[str], letters: int) -> Iterator[list[str]]:
    """Ellipses first in the middle, then nearer and nearer to either end."""
    kept = max(letters - 1, 1)
    for head in sorted(range(kept + 1), key=lambda h: abs(2 * h - kept)):
        yield [t if len(t) <= letters else t[:head] + ELLIPSIS + t[len(t) - (kept - head) :] for t in texts]


def _windows(texts: Sequence[str], letters: int) -> Iterator[list[str]]:
    """What stands from some letter on, after the beginning."""
    head = max(min(letters // 2, letters - 4), 0)
    rest = max(letters - 2 - head, 1)
    for start in range(head, max(map(len, texts))):
        yield [t if len(t) <= letters else _window(t, head, start, rest) for t in texts]


def _window(text: str, head: int, start: int, number: int) -> str:
    part = text[start : start + number]
    return text[:head] + ELLIPSIS + part + (ELLIPSIS if start + number < len(text) else "")


def _numbered(texts: Sequence[str], found: Sequence[str], letters: int) -> list[str]:
    """Texts that cannot be told apart in so few letters, with their number."""
    alike = Counter(short for _, short in dict.fromkeys(zip(texts, found, strict=True)))
    place = {text: n for n, text in enumerate(dict.fromkeys(texts), start=1)}
    return [
        short if alike[short] == 1 else f"{short[: max(letters - len(str(place[text])) - 1, 1)]}{ELLIPSIS}{place[text]}"
        for text, short in zip(texts, found, strict=True)
    ]
