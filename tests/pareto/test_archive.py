"""Archives of points that come in parts, and what their index tells, against every pair of points."""

import math
import pickle

import numpy as np
import pytest

from dse.pareto import archive
from dse.pareto.archive import Archive, look_up
from dse.pareto.dominance import COMPILED, nondominated
from dse.pareto.kernels import surely_dominated
from tests.pareto import oracle


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(6))
def test_any_split_and_order_gives_the_one_frontier(m, seed):
    rng = np.random.default_rng([m, seed])
    for _ in range(5):
        points, groups = oracle.some_points(rng, 90, m), rng.integers(0, rng.integers(1, 5), 90)
        order = rng.permutation(90)
        found = Archive(m, 5)
        for part in np.split(order, np.sort(rng.integers(0, 91, 6))):
            dominated = found.surely_dominated(points[part], groups[part])
            found.add(points[part[~dominated]], part[~dominated], groups[part[~dominated]])
        assert found.places().tolist() == oracle.by_group(points, groups)
        assert found.places().tolist() == oracle.by_group(points, groups)  # asking changes nothing


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(6))
def test_the_index_never_tells_of_a_point_that_stays(m, seed, monkeypatch):
    """All points are in the archive: what it calls dominated, the oracle must drop."""
    rng = np.random.default_rng([m, seed, 1])
    monkeypatch.setattr(archive, "GROWTH", 0.0)
    monkeypatch.setattr(archive, "NEW", -1)
    for _ in range(5):
        points, groups = oracle.some_points(rng, 120, m), rng.integers(0, 3, 120)
        full = Archive(m, 3)
        full.add(points, np.arange(120), groups)
        told = full.surely_dominated(points, groups)
        assert not told[oracle.by_group(points, groups)].any()


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
def test_the_three_forms_of_the_question_agree(m):
    rng = np.random.default_rng(m)
    points = np.concatenate([oracle.some_points(rng, COMPILED // 5, m) for _ in range(6)])
    groups = rng.integers(0, 3, len(points))
    full = Archive(m, 3)
    full.add(points[:500], np.arange(500), groups[:500])
    points[-20:, 0] = math.nan
    index = full.index()
    found = full.surely_dominated(points, groups)
    np.testing.assert_array_equal(found, look_up(index, points, groups))
    for i in [*range(0, len(points), 500), *range(len(points) - 20, len(points))]:
        point = tuple(points[i].tolist())
        assert found[i] == surely_dominated(point, groups[i], index.base, index.shift, index.table, index.cells)
    assert found.any() and not found[-20:].any()


@pytest.mark.parametrize(("m", "least"), [(1, 0.999), (2, 0.999), (3, 0.98), (4, 0.8), (5, 0.2)])
def test_most_points_of_a_cube_are_told_at_once(m, least):
    rng = np.random.default_rng(m)
    points, groups = rng.random((40_000, m)), np.zeros(40_000, dtype=np.int64)
    full = Archive(m)
    full.add(points[:20_000], np.arange(20_000), groups[:20_000])
    told = full.surely_dominated(points[20_000:], groups[20_000:])
    assert told.mean() > least
    # A quarter as many values, each compared with all of the first half: what is told is true.
    for row in points[20_000:][told][:200]:
        assert ((points[:20_000] <= row).all(axis=1) & (points[:20_000] < row).any(axis=1)).any()


def test_zeros_do_not_blunt_the_index():
    """One zero is as far from 1e-3, in powers of two, as 1e300: the lattice spans the other values."""
    rng = np.random.default_rng(0)
    points = 1 + rng.random((30_000, 3))
    points[0] = [0.0, 2.0, 2.0]
    full = Archive(3)
    full.add(points[:10_000], np.arange(10_000), np.zeros(10_000, dtype=np.int64))
    assert full.surely_dominated(points[10_000:], np.zeros(20_000, dtype=np.int64)).mean() > 0.95


def test_very_many_groups_have_no_index():
    rng = np.random.default_rng(0)
    points, groups = rng.random((3000, 3)), rng.integers(0, 200_000, 3000)
    full = Archive(3, 200_000)
    full.add(points, np.arange(3000), groups)
    assert full.index().cells == 0 and not full.surely_dominated(points, groups).any()
    assert full.places().tolist() == oracle.by_group(points, groups)


def test_parts_computed_elsewhere_add_up():
    rng = np.random.default_rng(0)
    points, groups = np.floor(rng.random((600, 3)) * 20), rng.integers(0, 2, 600)
    whole = Archive(3, 2)
    for rows in np.array_split(np.arange(600), 4):
        part = Archive(3, 2)
        part.add(points[rows], rows, groups[rows])
        part.index()
        whole.merge(pickle.loads(pickle.dumps(part)))
    assert whole.places().tolist() == oracle.by_group(points, groups)


def test_what_is_held_is_all_that_was_added():
    """A search that is put down between two filters loses none of what came after the first."""
    rng, found = np.random.default_rng(0), Archive(2, 3)
    added = rng.random((40, 2)), np.arange(40), rng.integers(0, 3, 40)
    for rows in np.array_split(np.arange(40), 5):
        found.add(*(column[rows] for column in added))
        for own, all_of_them in zip(found.held(), added, strict=True):
            np.testing.assert_array_equal(own, all_of_them[: rows[-1] + 1])


def test_many_points_are_filtered_on_the_way(monkeypatch):
    sizes = []
    filter_now = Archive._filter
    monkeypatch.setattr(Archive, "_filter", lambda self: (sizes.append(len(self._points)), filter_now(self)))
    rng, found = np.random.default_rng(0), Archive(2)
    for start in range(0, 60_000, 2_000):
        x = rng.random(2_000)
        found.add(np.column_stack([x, 1 - x]), np.arange(start, start + 2_000), np.zeros(2_000, dtype=int))
    assert len(found.places()) == 60_000 and len(sizes) > 1


def test_large_parts_are_screened_and_give_the_one_frontier():
    rng = np.random.default_rng(0)
    points, groups = np.exp(rng.normal(size=(120_000, 3))), rng.integers(0, 2, 120_000)
    found = Archive(3, 2)
    for rows in np.array_split(np.arange(120_000), 4):
        found.add(points[rows], rows, groups[rows])
    expected = [np.flatnonzero(groups == g)[nondominated(points[groups == g])] for g in (0, 1)]
    assert found.places().tolist() == sorted(np.concatenate(expected).tolist())


def test_nothing_added():
    assert Archive(3).places().tolist() == []
    empty = Archive(2)
    empty.add(np.empty((0, 2)), np.empty(0, dtype=int), np.empty(0, dtype=int))
    assert empty.places().tolist() == []
    assert empty.surely_dominated(np.ones((2, 2)), np.zeros(2, dtype=int)).tolist() == [False, False]


@pytest.mark.parametrize(
    ("point", "group", "problem"), [([1.0, math.nan], 0, "NaN"), ([1.0, 1.0], 2, "0 to 1"), ([1.0, 1.0], -1, "0 to 1")]
)
def test_what_is_refused(point, group, problem):
    with pytest.raises(ValueError, match=problem):
        Archive(2, 2).add(np.array([point]), np.array([0]), np.array([group]))


def test_numbers_of_objectives_that_are_refused():
    with pytest.raises(ValueError, match="one to five"):
        Archive(6)
