"""The gallery shows every kind of plot with the commands that draw it, and the example is what a run gives."""

from __future__ import annotations

import csv
import re
import shlex

import numpy as np
import pytest
from matplotlib.image import imread

import dse
from dse.cli import cli
from dse.plots import KINDS
from scripts import gallery

PAGE = gallery.FOLDER.with_suffix(".md")


def test_every_kind_is_in_it():
    assert {picture.kind for picture in gallery.pictures()} == set(KINDS)
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"## {kind.summary}\n" in text for kind in KINDS.values()), "not current: run `make docs`"


def test_its_pictures_are_those_of_the_script():
    text = PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"\]\(gallery/(.+?)\)", text)
    assert sorted(shown) == sorted(path.name for path in gallery.FOLDER.iterdir())
    assert len(shown) == len(gallery.pictures())
    for name in shown:
        # The header of a PNG: width and height as four bytes each.
        width = int.from_bytes((gallery.FOLDER / name).read_bytes()[16:20], "big")
        assert width == 1200, name


@pytest.mark.no_cover
@pytest.mark.parametrize("number", [9, 10, 11, 12, 15])
def test_pictures_that_are_cheap_to_draw_are_current(number):
    """Those of single networks, and of a short search: pixel for pixel, but for a few at the rims of letters."""
    figure = gallery.pictures()[number - 1].drawn()
    figure.set_dpi(gallery.DPI)
    figure.draw_without_rendering()
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    (path,) = gallery.FOLDER.glob(f"{number:02d}-*.png")
    kept = imread(path)[..., :3]
    assert kept.shape == drawn.shape, "not current: run `make docs`"
    far = np.abs(np.round(kept * 255).astype(int) - drawn).max(axis=2) > 8
    assert far.mean() < 0.001, "not current: run `make docs`"


def test_its_commands_are_commands():
    lines = [line for p in gallery.pictures() for line in f"{p.before}dse plot {p.command}".splitlines()]
    for line in lines:
        program, name, *words = shlex.split(line)
        assert program == "dse"
        command = cli.get_command(None, name)
        command.make_context(name, words)


def test_the_example_is_what_a_fresh_run_gives(tmp_path):
    spec = gallery.ROOT / "sweeps" / "quickstart.toml"
    fresh = dse.explore(spec, out=tmp_path / "quickstart", plots=False).path / "frontier.csv"
    with open(fresh, newline="") as new, open(gallery.EXAMPLE / "frontier.csv", newline="") as kept:
        rows, expected = list(csv.reader(new)), list(csv.reader(kept))
    assert len(rows) == len(expected) and rows[0] == expected[0], "not current: run `make docs`"
    for row, other in zip(rows[1:], expected[1:], strict=True):
        for cell, wanted in zip(row, other, strict=True):
            if cell != wanted:
                assert float(cell) == pytest.approx(float(wanted), rel=1e-9), "not current: run `make docs`"
