"""What the frontier plot prepares: panels, cells, limits and words."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from dse.plots import KINDS
from dse.plots.cloud import lattice
from dse.plots.frontier_data import prepare
from dse.plots.kinds import NotInResult
from tests.plots.results import ACCURACY, LATENCY, four_designs, make_cloud, make_result

OBJECTIVES = [("latency", "min"), ("accuracy", "max")]


def by_device(devices, designs=3, cloud_devices=None):
    """A frontier of some designs for each device, and ten designs of each in the cloud, half of them feasible."""
    number = len(devices) * designs
    steps = np.arange(1.0, designs + 1)
    frontier = xr.Dataset(
        {
            "latency": ("design", np.concatenate([steps * (i + 1) for i in range(len(devices))]), LATENCY),
            "accuracy": ("design", np.tile(50 + steps, len(devices)), ACCURACY),
        },
        {
            "width": ("design", np.tile(steps, len(devices)), {"units": "1"}),
            "precision": ("design", np.array(["int8"] * number, dtype=object)),
            "device": ("design", np.repeat(np.array(devices, dtype=object), designs)),
        },
    )
    names = sorted(cloud_devices or devices)
    cells = [(1.0 + g, 51.0, g, feasible, 5) for g in range(len(names)) for feasible in (0, 1)]
    cloud = make_cloud(("latency", "accuracy"), {("latency", "accuracy"): cells}, {"device": names})
    axes = {"width": designs, "precision": 2, "device": len(names)}
    return make_result(frontier, cloud, OBJECTIVES, per=["device"], axes=axes)


def by_device_and_context(contexts=5):
    """A frontier for each of six devices and five contexts, of which the last device lacks one."""
    result = by_device([f"{d}-{c}" for d in "abcdef" for c in range(contexts) if (d, c) != ("f", 0)])
    names = [text.split("-") for text in result.frontier.device.values]
    of_cloud = [text.split("-") for text in result.cloud.device.values]
    frontier = result.frontier.assign_coords(
        device=("design", np.array([d for d, _ in names], dtype=object)),
        context=("design", np.array([float(c) for _, c in names])),
    )
    cloud = result.cloud.assign(
        device=("groups", [d for d, _ in of_cloud]), context=("groups", [c for _, c in of_cloud])
    )
    return make_result(frontier, cloud, OBJECTIVES, per=["device", "context"], axes={"device": 6, "context": contexts})


def test_many_frontiers_share_panels_by_one_axis():
    """29 frontiers: a panel for each device, and in it the same colours for the same contexts."""
    data = prepare(by_device_and_context())
    assert [p.title for p in data.panels] == list("abcdef")
    assert all([s.name for s in p.series] == [f"context {c}" for c in range(5)] for p in data.panels)
    assert [len(s.x) for p in data.panels for s in p.series] == [3] * 25 + [0] + [3] * 4
    # The k-th group has designs at k + 1 times 1, 2, 3 s, and in the cloud five feasible and five excluded ones.
    assert [s.x.tolist() for s in data.panels[2].series] == [[k, 2 * k, 3 * k] for k in range(11, 16)]
    assert [int(p.feasible.sum()) for p in data.panels] == [25] * 5 + [20]
    assert [int(p.excluded.sum()) for p in data.panels] == [25] * 5 + [20]


def test_one_panel_without_per():
    data = prepare(four_designs())
    (panel,) = data.panels
    (series,) = panel.series
    assert (data.x.metric, data.x.unit, data.x.log) == ("latency", "ms", True)
    assert (data.y.metric, data.y.unit, data.y.log) == ("accuracy", "%", False)
    assert data.better == (-1.0, 1.0)
    assert series.corners[:3].tolist() == [[0.01, 50], [0.02, 50], [0.02, 60]]
    assert series.labels[0] == "0.35×, 96 px"
    assert series.labels[3] == "1×, 224 px"


def test_a_panel_for_each_value_of_per():
    data = prepare(by_device(["b", "a"]))
    assert [p.title for p in data.panels] == ["a", "b"]
    # What all panels have in common stands once.
    assert "All on the frontiers: int8." in data.footer
    assert data.panels[1].series[0].x.tolist() == [1, 2, 3]
    assert data.panels[0].series[0].x.tolist() == [2, 4, 6]


def test_what_one_panel_alone_has_in_common_stands_in_its_title():
    result = by_device(["a", "b"])
    formats = np.where(result.frontier.device.values == "a", "int8", "fp32")
    result.frontier = result.frontier.assign_coords(precision=("design", formats.astype(object)))
    data = prepare(result)
    assert [p.title for p in data.panels] == ["a (all int8)", "b (all fp32)"]
    assert "All on the frontiers" not in data.footer


def test_titles_of_many_panels_are_as_large_as_other_text():
    names = [f"device of a long name, seen in region {i}" for i in range(8)]
    from dse.plots import draw

    axes = [a for a in draw("frontier", by_device(names)).axes if a.get_title(loc="left")]
    assert [a.get_title(loc="left").replace("\n", " ") for a in axes] == names
    assert all("\n" in a.get_title(loc="left") for a in axes)
    assert {a._left_title.get_fontsize() for a in axes} == {9.5}
    # No title lies over the panel above it.
    tops = sorted({round(a._left_title.get_window_extent().y1) for a in axes})
    assert tops[0] < min(a.get_window_extent().y0 for a in axes[:4])


def test_a_group_without_feasible_designs_is_named_below():
    result = by_device(["a", "c"], cloud_devices=["a", "b", "c"])
    data = prepare(result)
    assert [p.title for p in data.panels] == ["a", "c"]
    assert "No design has a value of every objective for b." in data.footer
    result.manifest["broken_totals"] = {"fit: sram_free": 3}
    assert "No design fits in memory for b." in prepare(result).footer
    result.manifest["budgets"] = [{"metric": "flash", "text": "flash ≤ 1 MiB", "max": 2.0**20}]
    assert "No design meets the budgets for b." in prepare(result).footer


def test_what_a_search_found_is_not_called_the_best():
    went = {"designs": 200, "space": 266594886254592}
    told = "The frontier was found by a search of 200 of 2.67·10¹⁴ designs"
    for kind in ("frontier", "families", "parallel"):
        result = four_designs(search=went)
        result.per = lambda by, result=result: result
        data = KINDS[kind].prepare(result)
        footer = data.words.footer if kind == "parallel" else data.footer
        assert f"{told}, not proven to be the best." in footer
    data = prepare(four_designs(search={**went, "judge": {"frontier": 8, "frontier_share": 0.5}}))
    assert f"{told}: 50 % of the exact one." in data.footer
    assert data.subtitle.startswith("Designs that no other of those tried beats in")


def test_a_panel_has_room_for_the_ranges_of_its_designs():
    """Two devices whose times lie far apart; those of one are known within a factor of three."""
    frontier = xr.Dataset(
        {
            "latency": ("design", [1.0, 1.2, 1e4, 1.2e4], LATENCY),
            "latency_low": ("design", [0.4, 0.5, 9e3, 1.1e4]),
            "latency_high": ("design", [3.0, 3.6, 1.1e4, 1.3e4]),
            "accuracy": ("design", [50.0, 60.0, 50.0, 60.0], ACCURACY),
        },
        {"device": ("design", np.array(["a", "a", "b", "b"], dtype=object)), "width": ("design", [1.0, 2.0] * 2)},
    )
    cells = [(v, 51.0, g, 1, 5) for g, v in enumerate((1.0, 1e4))]
    cloud = make_cloud(("latency", "accuracy"), {("latency", "accuracy"): cells}, {"device": ["a", "b"]})
    data = prepare(make_result(frontier, cloud, OBJECTIVES, per=["device"]))
    for panel, (low, high) in zip(data.panels, ((0.4, 3.6), (9e3, 1.3e4)), strict=True):
        left, right = panel.x.limits()
        assert left < low / panel.x.factor and high / panel.x.factor < right


def test_twelve_groups_have_panels_and_thirteen_share_one():
    twelve, thirteen = ([f"d{i:02d}" for i in range(n)] for n in (12, 13))
    assert len(prepare(by_device(twelve)).panels) == 12
    (panel,) = prepare(by_device(thirteen)).panels
    assert len(panel.series) == 13
    assert panel.feasible.sum() == 65
    assert panel.series[0].name == "d00"


def test_numbers_are_named_and_ordered_as_numbers():
    result = by_device(["10", "9"])
    renamed = {"device": "batch"}
    result.frontier, result.cloud = result.frontier.rename(renamed), result.cloud.rename(renamed)
    result.manifest["per"] = ["batch"]
    assert [p.title for p in prepare(result).panels] == ["batch 9", "batch 10"]


def test_a_lone_design_is_told_by_every_axis_of_the_space():
    (panel,) = prepare(by_device(["a"], designs=1)).panels
    assert panel.series[0].labels == {0: "int8"}
    assert panel.title == "a"


def test_a_label_tells_how_many_designs_share_its_point():
    result = four_designs()
    result.frontier["latency"] = ("design", [0.01, 0.01, 0.01, 0.2], LATENCY)
    result.frontier["accuracy"] = ("design", [50.0, 50.0, 50.0, 70.0], ACCURACY)
    (panel,) = prepare(result).panels
    assert list(panel.series[0].labels.values()) == ["0.35×, 96 px (+2 alike)", "1×, 224 px"]


def test_cells_hold_every_design_near_the_frontier():
    data = prepare(four_designs())
    (panel,) = data.panels
    # The frontier spans 50 to 70 %: three tenths of that ratio below are 45.2 %, above the 40 % of five designs.
    assert panel.feasible.sum() == 7
    assert panel.excluded.sum() == 8
    assert "5 excluded or dominated designs lie outside the picture." in data.footer
    row, column = np.argwhere(panel.feasible == 7)[0]
    assert data.x_edges[column] <= 0.3 < data.x_edges[column + 1]
    # On a linear axis a design is counted where the middle of its lattice cell lies, at most 0.5 % away.
    assert data.y_edges[row] * 0.995 <= 62.0 < data.y_edges[row + 1] * 1.005


def test_each_group_gets_its_own_cells():
    data = prepare(by_device(["a", "b"]))
    assert [int(p.feasible.sum()) for p in data.panels] == [5, 5]
    first, second = (np.flatnonzero(p.feasible.any(axis=0))[0] for p in data.panels)
    assert first < second


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("wanted", [1, 7, 50])
def test_rebinning_keeps_the_sum(log, wanted):
    rng = np.random.default_rng(3)
    cells = [(*rng.uniform(0.001, 50, 2), 0, 1, int(n)) for n in rng.integers(1, 9, 200)]
    cells_of = lattice(make_cloud(("a", "b"), {("a", "b"): cells}), "a", "b")
    edges = cells_of.edges("x", log, wanted), cells_of.edges("y", log, wanted)
    counts = cells_of.rebin(np.arange(len(cells)), *edges)
    assert counts.sum() == sum(c[-1] for c in cells)
    assert len(edges[0]) <= wanted + 1
    assert edges[0][0] <= min(c[0] for c in cells) and max(c[0] for c in cells) < edges[0][-1] * (1 + 1e-12)


def test_the_cloud_may_hold_the_pair_the_other_way_round():
    result = four_designs()
    swapped = {("accuracy", "latency"): [(62.0, 0.3, 0, 1, 7)]}
    result.cloud = make_cloud(("accuracy", "latency"), swapped)
    data = prepare(result)
    column = np.flatnonzero((data.panels[0].feasible == 7).any(axis=0))[0]
    assert data.x_edges[column] <= 0.3 < data.x_edges[column + 1]


def test_a_cloud_without_names_of_its_groups_is_left_out_and_that_is_said():
    result = by_device(["a", "b"])
    result.cloud = result.cloud.drop_vars("device")
    data = prepare(result)
    assert all(p.feasible is None for p in data.panels)
    assert "left out" in data.footer


def test_budgets_on_the_axes_are_drawn_and_others_named():
    budgets = [
        {"metric": "latency", "text": "latency ≤ 100 ms", "max": 0.1},
        {"metric": "accuracy", "text": "accuracy ≥ 10 %", "min": 10.0},
        {"metric": "peak_sram", "text": "peak_sram ≤ 320 KiB", "max": 327680.0},
    ]
    data = prepare(four_designs(budgets=budgets))
    (limit,) = data.limits
    assert (limit.which, limit.low, limit.high, limit.text) == ("x", None, 0.1, "latency ≤ 100 ms")
    words = data.subtitle.replace("\u00a0", " ")
    assert words.endswith("Budgets: accuracy ≥ 10 %, peak SRAM ≤ 320 KiB.")
    assert "latency ≤" not in words


def test_footer_tells_what_became_of_the_designs():
    counts = {
        "enumerated": 1000,
        "undefined": 10,
        "excluded": {"fit: sram_free": 700, "fit: flash_free": 0, "latency ≤ 100 ms": 200},
        "skipped_by_bounds": 0,
        "dominated": 86,
        "kept": 4,
    }
    data = prepare(four_designs(counts=counts, left_out_devices={"x": ["tdp"]}))
    assert data.footer.replace("\u00a0", " ") == (
        "1,000 designs: 4 kept; 86 dominated; excluded 700 by fit (SRAM), 200 by latency ≤ 100 ms; 10 undefined. "
        "Left out for want of a figure: 1 device. 5 excluded or dominated designs lie outside the picture."
    )


def test_subtitle_names_the_objective_that_follows_another():
    result = four_designs()
    result.frontier["energy"] = ("design", result.frontier["latency"].values * 3, {"units": "J"})
    result.manifest["objectives"].append({"metric": "energy", "direction": "min"})
    data = prepare(result)
    assert data.colour is None
    assert "Not drawn: energy (it follows latency)." in data.subtitle


def test_a_third_objective_colours_the_points():
    result = four_designs()
    result.frontier["flash"] = ("design", [4096.0, 1024.0, 3072.0, 2048.0], {"units": "B"})
    result.manifest["objectives"].append({"metric": "flash", "direction": "min"})
    result.manifest["units"]["flash"] = "B"
    data = prepare(result)
    assert data.colour.label == "flash (KiB)"
    assert data.panels[0].series[0].colour.tolist() == [4096, 1024, 3072, 2048]


def test_ranges_of_estimates_become_error_bars():
    result = four_designs()
    result.frontier["accuracy_low"] = ("design", [48.0, 60.0, np.nan, 69.0])
    result.frontier["accuracy_high"] = ("design", [51.0, 60.0, np.nan, 71.0])
    (panel,) = prepare(result).panels
    assert panel.series[0].y_error.tolist() == [[2, 0, 0, 1], [1, 0, 0, 1]]
    assert panel.series[0].x_error is None


def test_the_cloud_alone_is_shown_when_nothing_is_feasible():
    result = four_designs()
    result.frontier = result.frontier.isel(design=slice(0, 0))
    result.manifest["budgets"] = [{"metric": "flash", "text": "flash ≤ 1 MiB", "max": 2.0**20}]
    data = prepare(result)
    assert data.subtitle.startswith("No design meets the budgets.")
    assert data.panels[0].series == ()
    assert data.panels[0].excluded.sum() == 8


def test_what_is_missing_is_said():
    result = four_designs()
    result.manifest["objectives"].pop()
    with pytest.raises(NotInResult, match="needs two objectives; the result has 1"):
        prepare(result)
    empty = four_designs()
    empty.frontier = empty.frontier.isel(design=slice(0, 0))
    empty.cloud = make_cloud(("latency", "accuracy"), {})
    with pytest.raises(NotInResult, match="no design of the result"):
        prepare(empty)
