"""Predicted times beside measured ones."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import dse
from dse import plots
from dse.cli import run
from dse.errors import InputError
from dse.plots.validation import PANELS, prepare

HEAD = "network,device,software,precision,metric,value,unit,axes\n"
ROWS = "resnet50,a100-sxm-80gb,mine,fp16,latency,3,ms,batch=32\n"
ROWS += "resnet18,a100-sxm-80gb,mine,fp16,throughput,9000,1/s,batch=32\n"


def times(measured, predicted, devices, spread=1.5):
    predicted = np.array(predicted)
    values = {
        "measured": np.array(measured),
        "predicted": predicted,
        "low": predicted / spread,
        "high": predicted * spread,
    }
    attrs = {"source": "x.csv", "fitted": "None was fitted.", "held": 0.8}
    return xr.Dataset({n: ("measurement", v) for n, v in values.items()}, {"device": ("measurement", devices)}, attrs)


def test_what_an_interval_holds_and_the_median_error():
    data = prepare(times([1.0, 1.0, 1.0], [1.2, 1.4, 1.6], ["a", "a", "a"]))
    (panel,) = data.panels
    assert panel.inside.tolist() == [True, True, False]
    assert (panel.name, panel.figures) == ("a", "3 times, 40.0 %")
    assert data.words.subtitle.startswith("3 times, 67 % of them inside the interval of their prediction")


def test_devices_with_most_times_come_first_and_the_rest_shares_a_panel():
    names = [f"d{i:02d}" for i in range(20) for _ in range(i + 1)]
    data = prepare(times([1.0] * len(names), [1.1] * len(names), names))
    assert len(data.panels) == PANELS
    assert (data.panels[0].name, data.panels[0].figures) == ("d19", "20 times, 10.0 %")
    assert (data.panels[-1].name, data.panels[-1].figures) == ("9 other devices", "45 times, 10.0 %")
    assert sum(len(p.measured) for p in data.panels) == len(names)
    (one,) = prepare(times([1.0] * len(names), [1.1] * len(names), names), device="d03").panels
    assert len(one.measured) == 4
    with pytest.raises(InputError, match="unknown measured device 'd3'; did you mean"):
        prepare(times([1.0], [1.0], ["d03"]), device="d3")


def test_it_is_drawn(tmp_path):
    figure = plots.draw("validation", times([1.0, 2.0, 0.1], [1.1, 1.9, 0.3], ["a", "b", "b"]))
    assert [axes.get_title(loc="left") for axes in figure.get_axes()] == ["b\n2 times, 102.5 %", "a\n1 time, 10.0 %"]
    assert plots.save(figure, tmp_path / "x.pdf").stat().st_size > 2000


def test_a_column_of_a_paper_holds_twelve_panels():
    """Whole names, two ticks on every axis, nothing on the legend, and no taller than a page."""
    names = [f"some-long-name-{i:02d}" for i in range(12)]
    spans = {n: 10.0**-i for i, n in enumerate(names)}
    measured = [spans[n] * v for n in names for v in (1.7, 2.3)]
    figure = plots.draw("validation", times(measured, measured, [n for n in names for _ in "ab"]), style="paper")
    assert figure.get_size_inches()[1] <= 9
    with plots.drawing_style("paper"):
        figure.draw_without_rendering()
    (legend,) = figure.legends
    assert sorted(a.get_title(loc="left") for a in figure.axes) == [f"{n}\n2 times, 0.0 %" for n in names]
    assert all(len(axis.get_ticklocs()) >= 2 for a in figure.axes for axis in (a.xaxis, a.yaxis))
    assert min(a.get_tightbbox().y0 for a in figure.axes) > legend.get_window_extent().y1


def test_a_file_of_measurements(tmp_path, capsys):
    path = tmp_path / "mine.csv"
    path.write_text(HEAD + ROWS)
    axes = dse.plot.validation(path).get_axes()
    dots = [c.get_offsets().data for c in axes[0].collections if c.get_facecolor().size]
    assert sorted(np.concatenate(dots)[:, 0]) == pytest.approx([3e-3, 32 / 9000])
    assert run(["plot", str(path), "validation", "-o", str(tmp_path / "v.png")]) == 0
    assert (tmp_path / "v.png").exists()
    assert run(["plot", "resnet50", "validation"]) == 2
    assert "give a CSV file" in capsys.readouterr().err


@pytest.mark.xdist_group("validation")
@pytest.mark.no_cover
def test_rows_of_the_catalogue_are_those_that_validate_counts(validated):
    from dse.validated import of_catalogue

    found = of_catalogue()
    told = {c.name: c for c in validated[0]}
    own = found.isel(measurement=(found.device == "rtx-3090") & (found.software == "torch-nchw"))
    table = told["rtx-3090, torch-nchw, fp16"].held_out
    errors = own.predicted.values / own.measured.values - 1
    assert len(errors) == table.rows
    assert np.median(np.abs(errors)) == pytest.approx(table.median, rel=1e-12)
    assert float(np.median(errors)) == pytest.approx(table.signed, rel=1e-9, abs=1e-12)
