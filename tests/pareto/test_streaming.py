"""Frontiers of points that come in parts."""

import numpy as np
import pytest

from dse.pareto import streaming
from dse.pareto.streaming import StreamingFrontier
from tests.pareto import oracle


def brute(points, groups):
    kept = []
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        kept += rows[oracle.nondominated(points[rows])].tolist()
    return sorted(kept)


@pytest.mark.parametrize("seed", range(15))
def test_any_split_and_order_gives_the_one_frontier(seed):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 5))
    points = rng.choice([rng.random((90, m)), np.floor(rng.random((90, m)) * 5)])
    groups = rng.integers(0, rng.integers(1, 5), 90) * 7 - 3
    order = rng.permutation(90)
    found = StreamingFrontier(m)
    for part in np.split(order, np.sort(rng.integers(0, 91, 6))):
        found.add(points[part], part, groups[part])
    assert found.places().tolist() == brute(points, groups)
    assert found.places().tolist() == brute(points, groups)  # asking changes nothing


def test_many_points_are_filtered_on_the_way(monkeypatch):
    sizes = []
    filter_now = StreamingFrontier._filter
    monkeypatch.setattr(StreamingFrontier, "_filter", lambda self: (sizes.append(len(self._points)), filter_now(self)))
    rng, found = np.random.default_rng(0), StreamingFrontier(2)
    for start in range(0, 60_000, 2_000):
        x = rng.random(2_000)
        found.add(np.column_stack([x, 1 - x]), np.arange(start, start + 2_000), np.zeros(2_000, dtype=int))
    assert len(found.places()) == 60_000 and len(sizes) > 1


def test_nothing_added():
    assert StreamingFrontier(3).places().tolist() == []
    empty = streaming.StreamingFrontier(2)
    empty.add(np.empty((0, 2)), np.empty(0, dtype=int), np.empty(0, dtype=int))
    assert empty.places().tolist() == []
