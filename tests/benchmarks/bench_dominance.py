"""The non-dominated filter beside moocore and paretoset, on the same points in one run.

`python -m tests.benchmarks.bench_dominance [POINTS ...]` prints the table; the sizes are 1e5, 1e6 and 1e7 by default.
"""

from __future__ import annotations

import sys
import time

import moocore
import numpy as np
from paretoset import paretoset

from dse.pareto.dominance import canonical, nondominated

OBJECTIVES = (2, 3, 4)
# Seconds that the repetitions of a row may take, and most repetitions.
ROOM, MOST = 6.0, 40


def uniform(rng, n, m):
    return rng.random((n, m))


def sphere(rng, n, m):
    """All on the frontier."""
    points = np.abs(rng.normal(size=(n, m)))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def lognormal(rng, n, m):
    return np.exp(rng.normal(size=(n, m)))


KINDS = {"uniform": uniform, "sphere shell": sphere, "log-normal": lognormal}


def contenders(kind, points):
    """What is timed, by name. paretoset compares every two points of a frontier: it is left out where all are on it."""
    ways = {
        "dse": lambda: nondominated(points),
        "moocore": lambda: np.asarray(moocore.is_nondominated(points, keep_weakly=True)),
    }
    if kind != "sphere shell":
        ways["paretoset"] = lambda: paretoset(points, distinct=False)
    return ways


def row(kind, n, m):
    """Least seconds by contender, taken in turns, and whether dse finds what moocore finds of the rounded points."""
    points = KINDS[kind](np.random.default_rng(0), n, m)
    expected = np.asarray(moocore.is_nondominated(canonical(points), keep_weakly=True))
    least, spent, turns = {}, 0.0, 0
    while turns < 2 or (turns < MOST and spent < ROOM):
        for name, way in contenders(kind, points).items():
            start = time.perf_counter()
            found = way()
            least[name] = min(least.get(name, np.inf), time.perf_counter() - start)
            spent += time.perf_counter() - start
            if name == "dse" and not np.array_equal(found, expected):
                raise AssertionError(f"{kind}, {n} points, {m} objectives: another frontier")
        turns += 1
    return least


def table(sizes):
    yield f"{'points':12} {'number':>10} {'m':>2} {'dse':>11} {'moocore':>11} {'paretoset':>11}  dse / faster of both"
    for kind in KINDS:
        for n in sizes:
            for m in OBJECTIVES:
                least = row(kind, n, m)
                others = min(seconds for name, seconds in least.items() if name != "dse")
                times = [f"{1e3 * least[w]:8.2f} ms" if w in least else "-" for w in ("dse", "moocore", "paretoset")]
                yield f"{kind:12} {n:10,} {m:2} {' '.join(f'{t:>11}' for t in times)}  {least['dse'] / others:.2f}"


if __name__ == "__main__":
    for line in table([int(float(size)) for size in sys.argv[1:]] or [10**5, 10**6, 10**7]):
        print(line, flush=True)
