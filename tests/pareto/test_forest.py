"""The trees of good points against every pair of points."""

import numpy as np
import pytest

from dse.pareto.forest import Forest


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
def test_what_is_dominated(m):
    rng = np.random.default_rng(m)
    forest, good, groups = Forest(m, 3), rng.integers(0, 12, (400, m)).astype(float), rng.integers(0, 3, 400)
    good[rng.random(good.shape) < 0.02] = np.inf
    forest.add(good, groups)
    asked, own = rng.integers(0, 12, (300, m)).astype(float), rng.integers(0, 3, 300)
    expected = [
        any(dominates(p, q) for p in good[groups == g].tolist()) for q, g in zip(asked.tolist(), own, strict=True)
    ]
    assert forest.dominates(asked, own).tolist() == expected
    assert m < 2 or 0 < sum(expected) < 300


def test_equal_points_and_points_equal_after_rounding_stay():
    forest = Forest(2, 1)
    forest.add(np.array([[0.1, 2.0]]), np.zeros(1, int))
    near = np.array([[0.1, 2.0], [0.1 * (1 + 1e-14), 2.0], [0.1, 2.0 * (1 + 1e-9)], [0.1 * (1 - 1e-9), 2.0]])
    assert forest.dominates(near, np.zeros(4, int)).tolist() == [False, False, True, False]


def test_points_that_come_in_parts():
    rng = np.random.default_rng(0)
    forest, points = Forest(2, 1), rng.random((3000, 2))
    for part in np.array_split(points, 10):
        forest.add(part, np.zeros(len(part), int))
    asked = rng.random((500, 2))
    found = forest.dominates(asked, np.zeros(500, int))
    every = np.array([any(dominates(p, q) for p in points.tolist()) for q in asked.tolist()])
    # Points that were added last may not count yet; none may be told that is not so.
    assert not (found & ~every).any() and found.sum() > 0.9 * every.sum()
