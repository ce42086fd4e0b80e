"""Kinds of one design, families of frontiers, the style of papers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import dse
from dse import plots
from dse.errors import InputError
from dse.plots import breakdown, families, heatmap, op_roofline, scaling, sensitivity, timeline

SPEC = {
    "name": "small",
    "network": {"family": "mobilenet_v2", "width": [0.35, 0.5, 1.0], "resolution": [96, 160, 224]},
    "precision": {"scheme": ["fp32", "int8"]},
    "hardware": {"device": ["stm32u575", "esp32"]},
    "objectives": {"minimize": ["latency"], "maximize": ["accuracy"]},
    "fit": False,
}
OF_DESIGN = sorted(n for n, k in plots.KINDS.items() if k.of == plots.DESIGN)


@pytest.fixture(scope="module")
def result():
    return dse.explore(SPEC)


@pytest.fixture(scope="module")
def image():
    return dse.plot.design("mobilenet_v2", device="stm32h743", precision="int8", width=0.35, resolution=160)


@pytest.fixture(scope="module")
def token():
    axes = {"phase": "decode", "context": 4096, "batch": 16}
    return dse.plot.design("llama-3.1-8b", device="h100-nvl", precision="fp8", **axes)


def test_kinds_of_one_design():
    assert set(OF_DESIGN) >= {"breakdown", "heatmap", "op_roofline", "scaling", "sensitivity", "timeline"}


@pytest.mark.parametrize("style", plots.LOOKS)
@pytest.mark.parametrize("kind", OF_DESIGN)
def test_every_kind_is_drawn_and_nothing_is_clipped(kind, style, result, token, tmp_path):
    for number, shown in enumerate([result.design(), *([token] if kind != "heatmap" else [])]):
        figure = plots.draw(kind, shown, style=style)
        assert figure.get_size_inches()[0] == pytest.approx(3.5 if style == "paper" else 10.0)
        with plots.drawing_style(style):
            figure.draw_without_rendering()
        box = figure.bbox
        for legend in figure.legends:
            extent = legend.get_window_extent()
            assert extent.x0 >= 0 and extent.x1 <= box.x1 and extent.y0 >= 0
        for axes in figure.axes:
            extent = axes.get_tightbbox()
            assert extent.x0 >= -1 and extent.x1 <= box.x1 + 1 and extent.y1 <= box.y1 + 1, axes.get_ylabel()
        assert plots.save(figure, tmp_path / f"{number}.pdf").stat().st_size > 2000


def test_timeline(image):
    data = timeline.prepare(image)
    assert data.live[data.peak] == data.live.max() == 350 * 1024
    assert data.peak_text == "peak 350 KiB at stage2.first.expand"
    assert data.limit == 512 * 1024 and data.limit_text == "largest SRAM bank of stm32h743: 512 KiB"


def test_a_limit_far_above_the_peak_is_told_not_drawn(token):
    data = timeline.prepare(token)
    assert np.isnan(data.limit) and "is outside the picture" in data.words.subtitle


def test_breakdown_keeps_the_whole(image):
    data = breakdown.prepare(image, rows=5)
    assert data.rows[-1].endswith("other ops") and len(data.rows) == 6
    for cost, name in zip(data.costs, ("time", "energy", "bytes"), strict=True):
        assert cost.values.sum() == pytest.approx(float(image.ops[name].sum()), rel=1e-12)


def test_breakdown_of_several_devices_has_their_communication():
    axes = {"phase": "decode", "context": 1024, "tensor_parallel": 8, "latency_model": "per_op"}
    design = dse.plot.design("llama-3.1-8b", device="h100-sxm", precision="fp16", **axes)
    data = breakdown.prepare(design)
    whole = design.metrics(["latency", "communication_time"])
    assert data.rows[-1] == breakdown.COMMUNICATION
    assert data.costs[0].values.sum() == pytest.approx(float(whole["latency"]), rel=1e-12)
    assert data.costs[0].values[-1] == pytest.approx(float(whole["communication_time"]), rel=1e-12)
    assert data.costs[-1].values[-1] == 0 and "8 devices" in data.words.footer


@pytest.mark.parametrize("kind", [breakdown, op_roofline])
def test_ops_are_drawn_by_their_roofline_whatever_the_latency_model(kind):
    """No picture of ops says that its times are the calibrated ones; what these come to in all stands below it."""
    axes = {"batch": 256, "latency_model": "calibrated"}
    words = kind.prepare(dse.plot.design("resnet50", device="rtx-4090", precision="fp16", **axes)).words
    whole = dse.evaluate("resnet50", device="rtx-4090", precision="fp16", metrics=["latency"], **axes)
    assert "calibrated" not in words.subtitle and "batch 256" in words.subtitle
    assert f"by the calibrated model is {1e3 * float(whole['latency']):.4g} ms." in words.footer
    assert "a lower bound, whatever the latency model." in words.footer


def test_op_roofline_has_no_op_above_its_roof(token):
    data = op_roofline.prepare(token)
    roof = np.minimum(data.peak, data.intensity * data.peak / data.ridge)
    np.testing.assert_allclose(data.rate, roof, rtol=1e-12)
    assert 0 < data.share.sum() <= 1


def test_heatmap(result):
    data = heatmap.prepare(result.design("accuracy"), x="width", y="device")
    assert (data.x, data.y) == (("0.35", "0.5", "1"), ("stm32u575", "esp32"))
    assert data.values.shape == (2, 3) and (data.excluded_by == -1).all()
    with pytest.raises(InputError, match="unknown axis of several values 'widht'; did you mean 'width'"):
        heatmap.prepare(result.design(), x="widht")
    with pytest.raises(InputError, match="needs two axes of several values"):
        heatmap.prepare(dse.plot.design("resnet50", device="esp32"))


def test_sensitivity_shows_better_to_the_right(image):
    data = sensitivity.prepare(image, metrics=["latency", "throughput"])
    place = [f.startswith("peak") for f in data.figures].index(True)
    columns = [data.metrics.index(f"{m} (whole network)") for m in ("latency", "throughput")]
    np.testing.assert_allclose(data.better[place, columns], [100 - 100 / 1.1, 10.0], rtol=1e-9)


def test_sensitivity_tells_gains_from_costs(image, token):
    data = sensitivity.prepare(token, metrics=["latency", "energy"])
    gains = data.better[: data.gains].max(axis=1)
    assert data.gains and (gains > 0).all() and (np.diff(gains) <= 0).all()
    costs = [f.split("\n")[0] for f in data.figures[data.gains :]]
    # Ten per cent more power is ten per cent more energy in the same time, and no figure without effect has a row.
    assert costs == ["tdp"]
    np.testing.assert_allclose(data.better[data.gains].min(), -10, rtol=1e-9)
    without_power = sensitivity.prepare(image, metrics=["latency", "energy"])
    assert "Undefined for this design: energy." in without_power.words.footer
    assert [m.partition(" (")[0] for m in without_power.metrics] == ["latency", "latency"]


def test_scaling_names_what_fits(token):
    data = scaling.prepare(token)
    assert [c.name for c in data.curves] == [
        "context 512",
        "context 2,048",
        "context 4,096",
        "context 8,192",
        "context 32,768",
    ]
    assert "Largest batch that fits" in data.words.subtitle


def test_families_hold_the_frontier_of_each_value(result):
    data = families.prepare(result, by="precision")
    (panel,) = data.panels
    assert [s.name for s in panel.series] == ["fp32", "int8"]
    for series in panel.series:
        alone = dse.explore({**SPEC, "precision": {"scheme": series.name}}).frontier
        assert sorted(series.x) == sorted(set(alone.latency.values))
    with pytest.raises(InputError, match="unknown axis of several values 'precison'; did you mean 'precision'"):
        families.prepare(result, by="precison")


def test_named_objectives_stand_where_they_are_wanted():
    spec = {**SPEC, "objectives": {"minimize": ["latency", "energy", "flash"], "maximize": ["accuracy"]}}
    result = dse.explore(spec)
    data = plots.KINDS["frontier"].prepare(result, x="flash", y="energy", colour="accuracy")
    assert (data.x.metric, data.y.metric, data.colour.metric) == ("flash", "energy", "accuracy")
    with pytest.raises(InputError, match="unknown objective 'flsh'"):
        result.plot("frontier", x="flsh")
    with pytest.raises(InputError, match="stands twice"):
        result.plot("frontier", x="flash", y="flash")


def test_unknown_options_and_styles(result):
    with pytest.raises(InputError, match="plot 'families': unknown option 'byy'; did you mean 'by'"):
        result.plot("families", byy="precision")
    with pytest.raises(InputError, match="plot 'roofline': unknown option 'x'; it has none"):
        result.plot("roofline", x="latency")
    with pytest.raises(InputError, match="unknown style 'papr'; did you mean 'paper'"):
        result.plot("frontier", style="papr")


def test_every_kind_is_a_function_of_dse_plot(result, tmp_path):
    assert set(plots.KINDS) <= set(dir(dse.plot))
    figure = dse.plot.timeline("resnet50", device="a100-sxm-80gb", precision="fp16")
    dse.plot.save(figure, tmp_path / "x.svg")
    assert dse.plot.frontier(result).axes and dse.plot.breakdown(result, design="accuracy").axes
    assert "Memory timeline" in dse.plot.timeline.__doc__
    with pytest.raises(AttributeError, match="no kind of plot 'timelin'; did you mean 'timeline'"):
        _ = dse.plot.timelin
    with pytest.raises(InputError, match="'resnet50' is a network; of a network: breakdown"):
        dse.plot.frontier("resnet50")
    with pytest.raises(InputError, match="give the device"):
        dse.plot.timeline("resnet50")
    with pytest.raises(InputError, match="did you mean 'resnet50'"):
        dse.plot.timeline("resnte50")
    with pytest.raises(InputError, match="device: of a result its designs are shown as they are"):
        dse.plot.timeline(result, device="esp32")


def test_colours_of_ops_differ():
    from dse.plots.layout import KIND_COLOURS, OTHER_KINDS

    colours = [*KIND_COLOURS.values(), OTHER_KINDS]
    assert all(a != b for a, b in itertools.combinations(colours, 2))
