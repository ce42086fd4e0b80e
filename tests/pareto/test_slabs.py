"""The exact decision in slabs, by sorting and by moocore, against every pair of points."""

import numpy as np
import pytest

from dse.pareto import slabs


def plain(points):
    beaten = [((points <= row).all(axis=1) & (points < row).any(axis=1)).any() for row in points]
    return ~np.array(beaten)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["uniform", "ties", "near the front", "plateaus", "infinite"])
def test_slabs_against_every_pair(m, kind, monkeypatch):
    monkeypatch.setattr(slabs, "SLABS_FROM", 20)
    monkeypatch.setattr(slabs, "SLAB", dict.fromkeys(slabs.SLAB, 40))
    for seed in range(4):
        rng = np.random.default_rng([m, seed])
        points = rng.random((700, m))
        if kind == "ties":
            points = np.floor(points * 6)
        if kind == "near the front":
            points *= (1 + 0.05 * rng.random((700, 1))) / np.linalg.norm(points, axis=1, keepdims=True)
        if kind == "plateaus":
            points[:, : m // 2 + 1] = np.floor(points[:, : m // 2 + 1] * 4)
            points = points[rng.integers(0, 700, 700)]
        if kind == "infinite":
            points[rng.random((700, m)) < 0.1] = np.inf
            points[rng.random((700, m)) < 0.1] = -np.inf
        np.testing.assert_array_equal(slabs.nondominated(points), plain(points))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_what_points_beat(d):
    rng = np.random.default_rng(d)
    for _ in range(20):
        points, queries = rng.integers(0, 7, (12, d)).astype(float) + 2, rng.integers(0, 12, (60, d)).astype(float)
        expected = [bool((points <= query).all(axis=1).any()) for query in queries]
        assert slabs.beaten(points, queries).tolist() == expected


def test_parts_cover_all_in_order(monkeypatch):
    monkeypatch.setattr(slabs, "threads_for", lambda size: max(1, min(3, size // 10)))
    assert slabs.in_parts(lambda start, stop: (start, stop), 31) == [(0, 10), (10, 20), (20, 31)]
    assert slabs.in_parts(lambda start, stop: (start, stop), 9) == [(0, 9)]
