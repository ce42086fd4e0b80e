"""Metrics stored for every design, beside NumPy filling the same bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dse.bench.figures import Case, Figure, check, in_turns, nanoseconds
from dse.bench.machine import cores
from dse.bench.sheet import STORED, STORED_DRAWN, job
from dse.grid.evaluate import evaluate_values
from dse.grid.space import Space

GROUP = "store"
# Designs compared with the plain functions on arrays.
COMPARED = 200_000


def cases(full: bool) -> list[Case]:
    """Rows of the catalogue's devices, and long rows, into memory that is used again and into new one."""
    size = 1e7 if full else 2e5
    return [_case(size, False, "31 devices of the catalogue innermost"), _case(size, True, "256 bandwidths innermost")]


def _case(size: float, drawn: bool, rows: str) -> Case:
    what = f"12 float64 metrics stored, {size:.0e} designs, {rows}"
    return Case(GROUP, what, lambda: _stored(what, size, drawn))


def _stored(what: str, size: float, drawn: bool) -> Iterator[Figure]:
    space = job(size, drawn).space
    metrics, shape = STORED_DRAWN if drawn else STORED, tuple(space.sizes.values())
    out = {name: np.empty(shape) for name in metrics}
    filled = {name: np.empty(shape) for name in metrics}

    def reused() -> None:
        evaluate_values(space, metrics, engine="fused", out=out)

    def fresh() -> None:
        evaluate_values(space, metrics, engine="fused")

    def fill() -> None:
        _fill(filled)

    def fill_fresh() -> None:
        _fill({name: np.empty(shape) for name in metrics})

    for note, ways in (
        ("memory used again", {"dse": reused, "NumPy fill": fill}),
        ("new memory", {"dse": fresh, "NumPy fill": fill_fresh}),
    ):
        turns = in_turns(ways)
        told = f"{space.size:,} designs, {nanoseconds(turns.median('dse'), space.size)}"
        ratio = turns.ratio("NumPy fill", "dse")
        yield Figure(GROUP, f"{what}, {note}", ratio, "× fill", 0.8, None, turns.medians(), told)
    check(_agrees(space, out), what)


def _fill(arrays: Mapping[str, np.ndarray]) -> None:
    """Fill arrays with a number, each core its part of each."""
    flat, threads = [array.reshape(-1) for array in arrays.values()], cores()
    edges = np.linspace(0, flat[0].size, threads + 1).astype(int).tolist()

    def part(bounds: tuple[int, int]) -> None:
        for array in flat:
            array[slice(*bounds)].fill(1.0)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, itertools.pairwise(edges)))


def _agrees(space: Space, out: Mapping[str, np.ndarray]) -> bool:
    """Whether a part of the arrays is what the plain functions give."""
    part, rows = space, [slice(None)] * len(space.dims)
    for k, dim in enumerate(space.dims):
        if part.size > COMPARED:
            last = space.sizes[dim] - 1
            part, rows[k] = part.isel(dim, np.array([0, last])), slice(None, None, max(1, last))
    plain = evaluate_values(part, list(out), engine="plain")
    return all(np.array_equal(plain[n].over(space.dims), out[n][tuple(rows)], equal_nan=True) for n in out)
