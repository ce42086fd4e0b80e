"""Names of any length and with any letters: shortened, told apart, inside the picture."""

from __future__ import annotations

import numpy as np
import pytest

from dse import plots
from dse.plots.look import drawing_style
from dse.plots.names import fitted, inches, shortened
from tests.plots.results import four_designs
from tests.plots.test_frontier import by_device
from tests.plots.test_roofline import two_devices

LONG = [f"device-{letter}-with-a-very-long-name-of-sixty-characters-exactly-0" for letter in "abcdefgh"]


@pytest.mark.parametrize("letters", [4, 5, 8, 12, 30, 80])
@pytest.mark.parametrize(
    "texts",
    [
        LONG,
        [f"a-long-beginning-that-all-share-{n}-and-an-end-that-all-share" for n in (17, 18, 19, 21)],
        ["same-at-both-ends-b-same-at-both-ends", "same-at-both-ends-c-same-at-both-ends", "short"],
        ["twice-the-same-long-name", "twice-the-same-long-name", "another-of-the-long-names"],
    ],
)
def test_shortened_names_stay_apart(texts, letters):
    found = shortened(texts, letters)
    assert all(len(short) <= max(letters, len("short")) for short in found)
    assert len(set(found)) == len(set(texts))
    assert all(short == text for short, text in zip(found, texts, strict=True) if len(text) <= letters)


def test_names_fit_the_room():
    for look in ("screen", "paper"):
        with drawing_style(look):
            found = fitted(LONG, 1.2, 8.5)
            assert max(inches(name, 8.5) for name in found) <= 1.2
            assert fitted(["short"], 1.2, 8.5) == ["short"]


@pytest.mark.parametrize("look", ["screen", "paper"])
@pytest.mark.parametrize("kind", ["frontier", "families", "parallel", "roofline"])
def test_long_names_and_dollars_stay_inside_the_picture(kind, look):
    result = two_devices() if kind == "roofline" else by_device([*LONG[:3], r"$\frac{$"])
    if kind == "roofline":
        named = np.array([LONG[0] if d == "a" else r"$\frac{$" for d in result.frontier["device"].values], dtype=object)
        result.frontier = result.frontier.assign_coords(device=("design", named))
    result.per = lambda by: result
    figure = plots.draw(kind, result, style=look)
    figure.draw_without_rendering()
    width = figure.bbox.width
    for axes in figure.get_axes():
        for text in (*axes.texts, axes._left_title, *axes.get_xticklabels(), *axes.get_yticklabels()):
            box = text.get_window_extent()
            assert not text.get_text() or (box.x0 >= -1 and box.x1 <= width + 1), text
    for text in figure.texts:
        assert text.get_window_extent().x1 <= width, text
    for legend in figure.legends:
        assert legend.get_window_extent().x1 <= width + 1


def test_a_long_title_is_shortened():
    figure = plots.draw("frontier", four_designs(name="a-name-of-many-letters-" * 12))
    figure.draw_without_rendering()
    assert figure.texts[0].get_window_extent().x1 <= figure.bbox.width
