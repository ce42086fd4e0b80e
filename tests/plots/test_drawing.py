"""Kinds, files, and places of texts."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dse import plots
from dse.errors import InputError
from dse.plots.labels import place_labels
from dse.plots.style import blank_figure, drawing_style
from tests.plots.results import four_designs
from tests.plots.test_frontier import by_device, by_device_and_context
from tests.plots.test_roofline import two_devices

RESULTS = {
    "one": lambda: four_designs(budgets=[{"metric": "latency", "text": "latency ≤ 100 ms", "max": 0.1}]),
    "panels": lambda: by_device(["a", "b", "c"], cloud_devices=["a", "b", "c", "d"]),
    "overlay": lambda: by_device([f"d{i:02d}" for i in range(30)]),
    "shared": by_device_and_context,
}


def test_kinds_have_a_summary():
    assert set(plots.KINDS) >= {"frontier", "roofline"}
    assert all(kind.summary and "\n" not in kind.summary for kind in plots.KINDS.values())


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="twice"):
        plots.plot("frontier", lambda result: result)(lambda figure, data: None)


def test_unknown_kind():
    with pytest.raises(InputError, match="unknown plot 'fronteir'; did you mean 'frontier'"):
        plots.draw("fronteir", four_designs())


def test_a_result_without_what_the_plot_needs():
    with pytest.raises(InputError, match="plot 'roofline': needs the metrics arithmetic_intensity"):
        plots.draw("roofline", four_designs())


@pytest.mark.parametrize("name", RESULTS)
def test_every_layout_is_drawn(name, tmp_path):
    path = plots.save(plots.draw("frontier", RESULTS[name]()), tmp_path / "x.png")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
@pytest.mark.parametrize(("kind", "result"), [("frontier", RESULTS["one"]), ("roofline", two_devices)])
def test_the_same_result_gives_the_same_file(suffix, kind, result, tmp_path):
    first, second = (plots.save(plots.draw(kind, result()), tmp_path / f"{n}{suffix}") for n in "ab")
    assert first.stat().st_size > 2000
    assert first.read_bytes() == second.read_bytes()


def test_other_formats_are_refused(tmp_path):
    figure = plots.draw("frontier", four_designs())
    with pytest.raises(InputError, match=r"'\.gif' is not allowed; allowed: \.png, \.svg, \.pdf"):
        plots.save(figure, tmp_path / "x.gif")
    with pytest.raises(InputError, match="cannot be written"):
        plots.save(figure, tmp_path / "none" / "x.png")


def test_save_all_writes_what_the_result_can_give(tmp_path):
    written = plots.save_all(four_designs(), tmp_path)
    assert sorted(p.name for p in written) == ["frontier.png", "frontier.svg"]
    assert all(p.stat().st_size > 2000 for p in written)
    assert sorted(p.name for p in plots.save_all(two_devices(), tmp_path)) == ["roofline.png", "roofline.svg"]


def test_a_picture_that_fails_costs_nothing_else(tmp_path, monkeypatch):
    def fail(figure, data):
        raise ValueError("out of ink")

    monkeypatch.setitem(plots.KINDS, "frontier", replace(plots.KINDS["frontier"], draw=fail))
    failed = []
    written = plots.save_all(two_devices(), tmp_path, failed)
    assert sorted(p.name for p in written) == ["roofline.png", "roofline.svg"] and failed == []
    assert plots.save_all(four_designs(), tmp_path, failed) == []
    assert failed == ["the picture 'frontier' could not be drawn: ValueError: out of ink"]
    with pytest.raises(ValueError, match="out of ink"):
        plots.save_all(four_designs(), tmp_path)


def test_drawing_leaves_the_settings_of_the_user_alone():
    import matplotlib

    before = {k: v for k, v in matplotlib.rcParams.items() if k != "backend"}
    plots.draw("frontier", four_designs())
    assert {k: v for k, v in matplotlib.rcParams.items() if k != "backend"} == before


def test_import_does_not_load_matplotlib():
    program = "import sys, dse.plots; print('matplotlib' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "False"


def test_labels_do_not_overlap():
    with drawing_style():
        figure = blank_figure()
        axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
        axes.set(xlim=(0, 10), ylim=(0, 10))
        points = np.array([[i * 0.6 + 2, i * 0.5 + 2] for i in range(10)])
        texts = [f"label of point {i}" for i in range(10)]
        written = place_labels(axes, points, texts, points, (-1.0, 1.0))
        renderer = figure.canvas.get_renderer()
        # The text alone: an annotation's own extent includes the line to its point.
        figure.draw_without_rendering()
        boxes = [super(type(t), t).get_window_extent(renderer) for t in axes.texts]
    assert len(written) >= 5
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    pixels = axes.transData.transform(points)
    assert not any(b.contains(*p) for b in boxes for p in pixels)
    rim = axes.get_window_extent(renderer)
    assert all(b.x0 >= rim.x0 and b.x1 <= rim.x1 and b.y0 >= rim.y0 and b.y1 <= rim.y1 for b in boxes)


def test_no_label_stands_on_the_line_of_another():
    with drawing_style():
        figure = blank_figure()
        axes = figure.add_axes((0, 0, 1, 1))
        # A unit is a typographic point: where labels stand can be worked out.
        axes.set(xlim=(-360, 360), ylim=(-230.4, 230.4))
        # These leave the long text no place near its point; the short one would stand at the left above its own.
        crowd = np.array([[x, y] for x in (-30, 0, 30) for y in (-10, 0, 10) if x or y])
        points = np.array([[0.0, 0.0], [4.0, -4.0]])
        written = place_labels(axes, points, ["a text of many letters", "b"], crowd, (-1.0, 1.0))
        figure.draw_without_rendering()
        far, near = axes.texts
        box = super(type(near), near).get_window_extent(figure.canvas.get_renderer())
    assert len(written) == 2 and far.arrow_patch is not None
    start, end = axes.transData.transform([far.xy, np.add(far.xy, far.xyann)])
    box_of_far = super(type(far), far).get_window_extent(figure.canvas.get_renderer())
    end = np.clip(start, box_of_far.min, box_of_far.max)
    assert not any(box.contains(*place) for place in np.linspace(start, end, 50))


def test_labels_do_not_cross_the_line():
    with drawing_style():
        figure = blank_figure()
        axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
        axes.set(xlim=(0, 10), ylim=(0, 10))
        # The upright line leaves no room on the left of the point: the text goes to its right.
        line = np.array([[4.0, 0.0], [4.0, 10.0]])
        points = np.array([[4.5, 5.0]])
        place_labels(axes, points, ["a label"], points, (-1.0, 1.0), line)
        figure.draw_without_rendering()
        text = axes.texts[0]
        box = super(type(text), text).get_window_extent(figure.canvas.get_renderer())
    assert box.x0 > axes.transData.transform((4.0, 5.0))[0]


def test_a_label_without_room_is_left_out():
    with drawing_style():
        axes = blank_figure().add_axes((0.4, 0.4, 0.05, 0.05))
        axes.set(xlim=(0, 1), ylim=(0, 1))
        assert place_labels(axes, np.array([[0.5, 0.5]]), ["far too long for this"], np.empty((0, 2)), (-1, 1)) == []


@pytest.mark.parametrize("dpi", [80, 160])
def test_the_words_of_a_budget_hide_no_design(dpi):
    result = RESULTS["one"]()
    figure = plots.draw("frontier", result)
    figure.set_dpi(dpi)
    figure.draw_without_rendering()
    (axes,) = figure.get_axes()
    (words,) = [t for t in axes.texts if t.get_text() == "latency ≤ 100 ms"]
    box, rim = words.get_window_extent(), axes.get_window_extent()
    assert rim.x0 <= box.x0 and box.x1 <= rim.x1 and rim.y0 <= box.y0 and box.y1 <= rim.y1
    # Beside its line: 100 ms.
    line = axes.transData.transform((100, axes.get_ylim()[0]))[0]
    assert min(abs(box.x0 - line), abs(box.x1 - line)) < 10 * dpi / 72
    designs = np.column_stack([result.frontier["latency"].values * 1e3, result.frontier["accuracy"].values])
    assert not any(box.contains(*place) for place in axes.transData.transform(designs))
