"""Staircases, axes and labels, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from dse.plots import choice

LOW, HIGH = {"metric": "latency", "direction": "min"}, {"metric": "accuracy", "direction": "max"}
ENERGY, SIZE = {"metric": "energy", "direction": "min"}, {"metric": "size", "direction": "min"}


@pytest.mark.parametrize(
    ("x", "y", "directions", "corners"),
    [
        ([1, 2, 4], [10, 20, 30], ("min", "max"), [(1, 10), (2, 10), (2, 20), (4, 20), (4, 30)]),
        ([1, 2, 4], [30, 20, 10], ("min", "min"), [(1, 30), (2, 30), (2, 20), (4, 20), (4, 10)]),
        ([4, 2, 1], [10, 20, 30], ("max", "max"), [(4, 10), (2, 10), (2, 20), (1, 20), (1, 30)]),
        ([4, 2, 1], [30, 20, 10], ("max", "min"), [(4, 30), (2, 30), (2, 20), (1, 20), (1, 10)]),
    ],
)
def test_staircase_in_every_sense(x, y, directions, corners):
    found, rows = choice.staircase(np.array(x, float), np.array(y, float), *directions)
    np.testing.assert_array_equal(found, corners)
    np.testing.assert_array_equal(rows, [0, 1, 2])


def test_staircase_passes_by_what_only_a_third_objective_keeps():
    found, rows = choice.staircase(np.array([3.0, 1.0, 2.0]), np.array([30.0, 20.0, 15.0]), "min", "max")
    np.testing.assert_array_equal(rows, [1, 0])
    np.testing.assert_array_equal(found, [(1, 20), (3, 20), (3, 30)])


def test_staircase_of_one_point_and_of_none():
    assert choice.staircase(np.array([1.0]), np.array([2.0]), "min", "max")[0].tolist() == [[1.0, 2.0]]
    assert choice.staircase(np.empty(0), np.empty(0), "min", "max")[0].shape == (0, 2)


def test_rank_correlation():
    # Spearman by hand: ranks 1 2 3 4 against 2 1 4 3, 1 - 6·4/(4·15) = 0.6.
    assert choice.rank_correlation(np.array([1.0, 5, 6, 9]), np.array([20.0, 10, 40, 30])) == pytest.approx(0.6)
    assert np.isnan(choice.rank_correlation(np.ones(3), np.arange(3)))


def frontier(**columns):
    return xr.Dataset({n: ("design", np.array(v, float)) for n, v in columns.items()})


ALL = [np.arange(4)]


def test_one_minimised_on_x_and_one_maximised_on_y():
    ds = frontier(latency=[1, 2, 3, 4], accuracy=[1, 2, 3, 4])
    assert choice.choose_axes(ds, [HIGH, LOW], ALL) == (LOW, HIGH, None)


def test_an_objective_that_follows_another_is_not_shown():
    ds = frontier(latency=[1, 2, 3, 4], energy=[2, 4, 6, 8], accuracy=[1, 2, 3, 4])
    assert choice.choose_axes(ds, [LOW, ENERGY, HIGH], ALL) == (LOW, HIGH, None)


def test_a_third_objective_of_its_own_is_the_colour():
    ds = frontier(latency=[1, 2, 3, 4], accuracy=[1, 2, 3, 4], size=[9, 3, 7, 1])
    assert choice.choose_axes(ds, [LOW, HIGH, SIZE], ALL) == (LOW, HIGH, SIZE)


def test_correlation_is_judged_within_groups():
    # Energy follows latency on each device, and not across the two.
    ds = frontier(latency=[1, 2, 3, 4, 5, 6], energy=[70, 80, 90, 1, 2, 3], size=[3, 1, 2, 9, 7, 8])
    groups = [np.arange(3), np.arange(3, 6)]
    assert choice.choose_axes(ds, [LOW, ENERGY, SIZE], groups)[:2] == (LOW, SIZE)
    assert choice.choose_axes(ds, [LOW, ENERGY, SIZE], [np.arange(6)])[:2] == (LOW, ENERGY)


def test_labels_are_for_ends_and_knee_first():
    places = np.array([[0.0, 0.0], [0.1, 0.2], [0.2, 0.8], [0.6, 0.9], [1.0, 1.0]])
    assert choice.points_to_label(places, 3) == [0, 4, 2]
    assert choice.points_to_label(places, 4) == [0, 4, 2, 3]
    assert sorted(choice.points_to_label(places, 9)) == [0, 1, 2, 3, 4]
    assert choice.points_to_label(places, 0) == []
    assert choice.points_to_label(np.zeros((1, 2)), 3) == [0]


def test_design_text():
    coordinates = {
        "width": ("design", [0.5, 1.0]),
        "resolution": ("design", [160, 160]),
        "precision": ("design", np.array(["int8", "w4a8"], dtype=object)),
        "kv_heads": ("design", [8, 4]),
        "bandwidth": ("design", [9e11, 1.2e12], {"units": "B/s"}),
        "batch": 4,
    }
    ds = xr.Dataset({"latency": ("design", [1.0, 2.0])}, coordinates)
    rows = np.arange(2)
    axes = choice.varying(ds, list(coordinates), rows)
    assert axes == ["width", "precision", "kv_heads", "bandwidth"]
    assert choice.design_text(ds, ["width", "resolution", "precision"], 0) == "0.5×, 160 px, int8"
    assert choice.design_text(ds, ["kv_heads", "bandwidth", "batch"], 1) == "KV heads 4, bandwidth 1.2 TB/s, batch 4"
    assert choice.design_text(ds, list(coordinates), 0).endswith(", …")


def test_axes_that_tell_designs_apart_are_named_first():
    same = {f"a{i}": ("design", np.array(["same", "same", "other"], dtype=object)) for i in range(4)}
    frontier = xr.Dataset(coords={**same, "batch": ("design", [1, 2, 3])})
    assert choice.telling(frontier, [*same, "batch"], np.array([0, 1, 2])) == ["a0", "a1", "a2", "batch"]
    assert choice.telling(frontier, ["batch", "a0"], np.array([0, 1])) == ["batch", "a0"]
