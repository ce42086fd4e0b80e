"""Each benchmark once, at small size."""

import pytest

from dse.pareto.dominance import COMPILED
from tests.benchmarks import bench_dominance


@pytest.mark.parametrize("n", [1000, 2 * COMPILED])
def test_dominance(n, monkeypatch):
    monkeypatch.setattr(bench_dominance, "MOST", 1)
    lines = list(bench_dominance.table([n]))
    assert len(lines) == 1 + 3 * 3 and all(f"{n:,}" in line for line in lines[1:])
