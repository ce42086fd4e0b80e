"""Points that others are compared with first: whichever they are, none that stays is lost, and they are good ones."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from dse.grid import codegen
from dse.pareto import archive as archives
from dse.pareto import stream
from dse.pareto.archive import Archive
from dse.pareto.cut import Cut, Objective
from dse.pareto.pivots import by_looks, evenly, in_turn, pivots
from dse.pareto.rows import DOMINATED, compare, drain
from dse.pareto.stream import Streaming
from dse.pareto.tally import Tally
from tests.pareto import oracle

# Of infinities that are compared.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value")


def marked(points, good):
    """Which points the loop over rows of a nest marks, without compiling it."""
    states = np.zeros(len(points), dtype=np.int32)
    compare(len(points), tuple(points.T.copy()), states, good)
    return states == np.int32(1 << DOMINATED)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(4))
def test_none_that_stays_is_marked_by_pivots_however_they_were_chosen(m, seed):
    """Ties, equal points, infinities, NaN, several groups; designs seen of this archive, of another one, or none."""
    rng = np.random.default_rng([m, seed])
    for _ in range(3):
        points, groups = oracle.some_points(rng, 90, m), rng.integers(0, 3, 90)
        full = Archive(m, 3)
        full.seen = [full.seen, (points, groups), (oracle.some_points(rng, 50, m), rng.integers(0, 3, 50))][seed % 3]
        full.add(points[:60], np.arange(60), groups[:60])
        full.pivots(0)
        full.add(points[60:], np.arange(60, 90), groups[60:])
        stays = oracle.by_group(points, groups)
        for group in range(3):
            own = np.flatnonzero(groups == group)
            good = full.pivots(group)
            assert {*map(tuple, good)} <= {*map(tuple, points[own])} and 0 < len(good) <= 8
            gone = own[marked(points[own], good)]
            assert not set(gone) & set(stays)
            unknown = points[own].copy()
            unknown[:, rng.integers(m)] = math.nan
            assert not marked(unknown, good).any()


class Landscape:
    """Points of a grid of three loops, the first of them grouped, and what `Streaming` asks of a region of it."""

    grouped, loops, shape = ("group",), ("group", "x", "y"), (3, 7, 6)
    split: tuple = ({}, ())

    def __init__(self, points, undefined, threads):
        self.points, self.undefined = points.reshape(*self.shape, -1), undefined.reshape(self.shape)
        self.engine = SimpleNamespace(threads=threads)
        self.cut = Cut(tuple(Objective(f"m{k}", "min") for k in range(points.shape[1])), fit=False)
        self.nest = SimpleNamespace(inputs=())

    def boxes(self):
        order = [((g, g + 1), (x, x + 1), (0, 6)) for g in range(3) for x in range(7)]
        return iter([order[i] for i in np.random.default_rng(len(self.cut.objectives)).permutation(21)])

    def places(self, box, local, whole):
        index = np.unravel_index(local, [hi - lo for lo, hi in box])
        return np.ravel_multi_index([lo + i for (lo, _), i in zip(box, index, strict=True)], self.shape)

    def kernel(self, *arguments):
        """What a nest does, without compiling it."""
        bounds, (_, _, columns, states, sink) = arguments[:6], arguments[6:]
        box = tuple(slice(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=True))
        rows = self.points[box].reshape(-1, self.points.shape[-1])
        for column, values in zip(columns, rows.T, strict=True):
            column[: len(rows)] = values
        states[: len(rows)] = self.undefined[box].reshape(-1)
        drain(len(rows), 0, columns, states, *sink)


def streamed(landscape, archive, monkeypatch, old=False):
    """The archive after a region has streamed past; with `old` each box sees the pivots of the first ones only."""
    monkeypatch.setattr(codegen, "compiled", lambda nest: landscape.kernel)
    tally = Tally()
    streaming = Streaming(archive, tally, lambda done: None)
    if old:
        for group in range(3):
            streaming.pivots[group] = archive.pivots(group)
        # As if another thread were putting points into the archive all the time.
        streaming.filing.acquire()
    streaming.run(landscape, 0, np.arange(3), {})
    assert tally.enumerated == 126 and tally.undefined == landscape.undefined.sum()
    return archive


@pytest.mark.parametrize("m", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_the_frontier_does_not_depend_on_pivots_threads_or_what_was_known(m, seed, monkeypatch):
    """One thread and three; again with some designs known from before, and with pivots that stay as they were."""
    monkeypatch.setattr(stream, "BOX", 64)
    monkeypatch.setattr(stream, "ROWS", 16)
    monkeypatch.setattr(archives, "WAITING", 10)
    monkeypatch.setattr(archives, "GROWTH", 0.0)
    monkeypatch.setattr(archives, "NEW", 5)
    rng = np.random.default_rng([m, seed, 2])
    points, groups = oracle.some_points(rng, 126, m), np.repeat(np.arange(3), 42)
    undefined = rng.random(126) < 0.1
    points[undefined, rng.integers(0, m)] = math.nan
    defined = np.flatnonzero(~undefined)
    expected = defined[oracle.by_group(points[defined], groups[defined])].tolist()

    one = streamed(Landscape(points, undefined, 1), Archive(m, 3), monkeypatch)
    assert one.places().tolist() == expected
    assert streamed(Landscape(points, undefined, 3), Archive(m, 3), monkeypatch).places().tolist() == expected
    # A scan that goes on knows some designs, which are seen again, and what an earlier one has seen.
    for old in (False, True):
        some = rng.permutation(defined)[:40]
        known = Archive(m, 3)
        known.seen = one.seen
        known.add(points[some], some, groups[some])
        assert streamed(Landscape(points, undefined, 2), known, monkeypatch, old).places().tolist() == expected


def test_the_first_pivots_are_those_that_dominate_most():
    seen = np.array([[x, y] for x in range(10) for y in range(10)], dtype=float)
    front = np.array([[0.0, 8.0], [2.0, 5.0], [4.0, 3.0], [7.0, 1.0], [9.0, 0.0]])
    # Of 100 designs so many are above: 9, 28, 30, 16, 0; and above or equal, which looks go by: 20, 40, 42, 27, 10.
    assert by_looks(front, seen, 3).tolist() == [[4.0, 3.0], [2.0, 5.0], [7.0, 1.0]]
    # Beside the third the second adds x = 3, 4 with y = 6 to 9, and the fourth x = 8, 9 with y = 2, 3.
    assert in_turn(front, seen, 2, 0.0).tolist() == [[4.0, 3.0], [2.0, 5.0]]
    assert in_turn(front, seen, 5, 0.05).tolist() == [[4.0, 3.0], [2.0, 5.0]]
    assert in_turn(front, seen, 5, 0.09).tolist() == [[4.0, 3.0]]
    # [0, 8] adds x = 1, 2 and y = 9 beside those two: no more than one in fifty, and [7, 1] four.
    assert in_turn(front, seen, 4, 0.02).tolist() == [[4.0, 3.0], [2.0, 5.0], [7.0, 1.0], [0.0, 8.0]]
    assert in_turn(front, seen, 5, 0.0).tolist() == [[4.0, 3.0], [2.0, 5.0], [7.0, 1.0], [0.0, 8.0]]


@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_pivots_mark_most_of_what_is_like_what_was_seen(m):
    rng = np.random.default_rng(m)
    points = np.exp(rng.normal(size=(3000, m)))
    front = points[:150][oracle.nondominated(points[:150])]
    found = pivots(front, points[:1000])
    assert {*map(tuple, found)} <= {*map(tuple, front)}
    best = max(marked(points[1000:], p[None]).sum() for p in front)
    # Together no less than the best single one of all, but for chance.
    assert marked(points[1000:], found).sum() >= 0.97 * best
    assert len(pivots(front, np.empty((0, m)))) == min(3, len(front))


def test_a_choice_of_many_is_even_whatever_the_period():
    points = np.arange(5000)[:, None]
    chosen = evenly(points, 512)
    assert len(chosen) == 512 and chosen.min() >= 0 and chosen.max() < 5000
    assert np.abs(np.histogram(chosen, bins=16, range=(0, 5000))[0] - 32).max() <= 3
    for period in (2, 3, 5, 8, 16):
        assert np.bincount(chosen % period, minlength=period).min() > 0.6 * 512 / period
    assert evenly(points[:7], 7).tolist() == list(range(7))
