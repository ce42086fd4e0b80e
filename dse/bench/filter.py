"""The non-dominated filter alone, beside moocore and paretoset, on the same points."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dse.bench.figures import Case, Figure, Missing, check, in_turns
from dse.pareto.dominance import canonical, nondominated

GROUP = "filter"
OBJECTIVES = (2, 3, 4)
# Points all on the frontier of which paretoset compares every two: more take it minutes.
MOST_ON_FRONTIER = 10_000
# From so many points on the filter is to be no slower than the faster of both.
LEAST = 100_000


def uniform(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    """Points of a cube: few are on the frontier."""
    return rng.random((n, m))


def sphere(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    """Points of a sphere's shell: all are on the frontier."""
    points = np.abs(rng.normal(size=(n, m)))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def lognormal(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    """Points over several decades."""
    return np.exp(rng.normal(size=(n, m)))


KINDS = {"uniform": uniform, "sphere shell": sphere, "log-normal": lognormal}


def cases(full: bool) -> list[Case]:
    """Every kind of points, number of points and number of objectives."""
    sizes = (10**5, 10**6, 10**7) if full else (10**3, 3 * 10**4)
    return [_case(*row) for row in itertools.product(KINDS, sizes, OBJECTIVES)]


def _case(kind: str, n: int, m: int) -> Case:
    what = f"filter, {kind}, {n:,} points, {m} objectives"
    return Case(GROUP, what, lambda: _filtered(what, kind, n, m))


def _filtered(what: str, kind: str, n: int, m: int) -> Iterator[Figure]:
    points = KINDS[kind](np.random.default_rng(20240611), n, m)
    found: dict[str, np.ndarray] = {}
    ways: dict[str, Callable[[], Any]] = {"dse": lambda: found.update(dse=nondominated(points))}
    notes = []
    for name, way in {"moocore": _moocore, "paretoset": _paretoset}.items():
        try:
            other = way(points)
        except Missing as missing:
            notes.append(f"{name} missing: {missing}")
            continue
        if name == "paretoset" and kind == "sphere shell" and n > MOST_ON_FRONTIER:
            notes.append("paretoset compares every two of these points: left out")
            continue
        ways[name] = other
    turns = in_turns(ways, room=4.0, most=40)
    check(np.array_equal(found["dse"], _moocore(canonical(points))()), what)
    others = [name for name in ways if name != "dse"]
    faster = min(others, key=turns.median)
    notes.insert(0, f"{np.count_nonzero(found['dse']):,} on the frontier; the faster is {faster}")
    aim = 1.0 if n >= LEAST else None
    yield Figure(GROUP, what, turns.ratio("dse", faster), "× the faster", None, aim, turns.medians(), "; ".join(notes))


def _moocore(points: np.ndarray) -> Callable[[], np.ndarray]:
    import moocore

    return lambda: np.asarray(moocore.is_nondominated(points, keep_weakly=True))


def _paretoset(points: np.ndarray) -> Callable[[], np.ndarray]:
    try:
        found = importlib.import_module("paretoset")
    except ImportError:
        raise Missing("pip install paretoset") from None
    return lambda: np.asarray(found.paretoset(points, distinct=False))
