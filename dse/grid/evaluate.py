"""Metrics of every design of a space, each labelled with the dimensions that it varies along."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from dse import registry
from dse.grid import capacity
from dse.grid.calibrations import follows_latency
from dse.grid.capacity import check_memory
from dse.grid.engines import Engine, choose_engine, is_special
from dse.grid.inputs import compute_peak
from dse.grid.labelled import OP, Labelled
from dse.grid.plan import BY_REUSE, make_plan, settings_of
from dse.grid.program import MODEL_AXIS, REUSE_AXIS, Program, Values, program, setting_axes
from dse.grid.quality import SOURCES
from dse.grid.space import Axis, Space

# The program of a part of a space that has one value of each axis that chooses formulas.
Make = Callable[[Space, tuple[str, ...]], Program]

# A metric that is undefined exactly where the axes make no network.
WITNESS = "params"
# Results that surely fit are not measured before they are made: where so many arrays of all designs take so many
# bytes, or half of what there is.
SMALL, ARRAYS = 2**28, 64
STORED = ("params", "active_params", "expert_params", "outer_params", "edge_params")


def evaluate_values(
    space: Space,
    targets: Iterable[str],
    *,
    engine: str = "auto",
    threads: int | None = None,
    designs: int | None = None,
    dtype: type = np.float64,
    out: Mapping[str, np.ndarray] | None = None,
    make: Make = program,
) -> Values:
    """The metrics asked for, each a labelled array over the dimensions that it varies along.

    Parameters
    ----------
    engine
        "plain": the functions themselves on NumPy arrays; "fused": generated loop nests compiled by Numba;
        "auto": fused where the space is large enough to repay the loading. Results are the same (bit for bit
        for arithmetic, to 4 ulp for transcendental functions, to 1e-12 for per_op latency).
    threads
        Threads of the fused engine; all cores by default. The result does not depend on it.
    designs
        Designs in all, where the space is a part of a larger one: what "auto" goes by.
    dtype
        The type of the results that vary along any dimension, numpy.float64 or numpy.float32; all arithmetic is in
        float64.
    out
        Arrays for results, by name, that compiled code writes into in place of new ones (memory that is used again
        is written about twice as fast): each over the dimensions of several values that its metric varies along.
    make
        What makes the program of a part of the space.

    Raises
    ------
    InputError
        For an unknown metric or engine, a metric that needs a device where the space has none, a single network that
        cannot be built, and results that the memory cannot hold (told before any of them is allocated).
    """
    targets = tuple(dict.fromkeys(targets))
    chosen = choose_engine(engine, designs or space.size, threads, dtype)
    values = _evaluate(space, targets, chosen, out or {}, make)
    return {n: _typed(v, dtype) for n, v in values.items()} if dtype != np.float64 else values


def _typed(value: Labelled, dtype: type) -> Labelled:
    return Labelled(value.dims, value.data.astype(dtype, copy=False)) if value.data.dtype.kind == "f" else value


def _evaluate(space: Space, targets: tuple[str, ...], engine: Engine, out: Mapping[str, Any], make: Make) -> Values:
    """Split the space until it has one value of each setting that chooses formulas: each of these has its own plan."""
    for axis in setting_axes(space):
        parts = []
        for value in dict.fromkeys(axis.values):
            rows = np.flatnonzero([v == value for v in axis.values])
            parts.append((rows, _evaluate(space.isel(str(axis.dim), rows), targets, engine, {}, make)))
        return _join(space, axis, parts)
    _check_memory(space, targets, engine, make)
    made = make(space, targets)
    return made.results(engine.run(made, out=out))


def _check_memory(space: Space, targets: tuple[str, ...], engine: Engine, make: Make) -> None:
    """Refuse what memory cannot hold, by the dimensions that the metrics really vary along."""
    most = 8 * ARRAYS * space.size
    # Of every op there are several arrays.
    by_ops = MODEL_AXIS in space.axes and space.axes[MODEL_AXIS].values[0] == "per_op"
    if most <= SMALL or (most <= capacity.available_memory() / 2 and not by_ops):
        return
    corner = space
    for dim in space.dims:
        corner = corner.isel(dim, slice(0, 2))
    made = make(corner, targets)
    stored = {n: (*made.dims[n], *(d for d in v.dims if d == OP)) for n, v in made.values.items()}
    whole = Program(space, {}, (), ())
    for group in made.groups(is_special):
        fused = bool(group.dims) and whole.size(group.dims) >= engine.least
        kept = made.kept(group) if fused else tuple(s.name for s in group.steps)
        stored.update({name: made.dims[name] for name in kept})
    sizes = {**space.sizes, OP: max((v.data.shape[-1] for v in made.values.values() if OP in v.dims), default=0)}
    check_memory(space.size, sum(8 * math.prod(sizes[d] for d in own) for own in stored.values()))


def _join(space: Space, axis: Axis, parts: list[tuple[np.ndarray, Values]]) -> Values:
    """Put the parts of a space together along the axis that they divide."""
    joined: Values = {}
    settings = settings_of(space)
    for name, first in parts[0][1].items():
        found = [values[name] for _, values in parts]
        own = {d for v in found for d in v.dims} - ({axis.dim} if not space.is_list else set())
        dims = tuple(d for d in space.dims if d in own or (d == axis.dim and varies(name, axis, space, settings)))
        if axis.dim not in dims:
            joined[name] = Labelled(dims, first.over(dims))
            continue
        full = np.empty([space.sizes[d] for d in dims], dtype=first.data.dtype)
        for (rows, _), value in zip(parts, found, strict=True):
            full[tuple(rows if d == axis.dim else slice(None) for d in dims)] = value.over(dims)
        joined[name] = Labelled(dims, full)
    return joined


def varies(name: str, axis: Axis, space: Space, settings: Iterable[str] = ()) -> bool:
    """Whether a metric can differ between the values of an axis that plans are divided by, under settings."""
    if name in SOURCES.values():
        return False
    plan = make_plan([name], settings=settings)
    if axis.name == MODEL_AXIS:
        of_latency = name == "latency" or any(n.endswith("latency") for n in plan.needs[name])
        return of_latency or follows_latency(space, plan.leaves)
    if axis.name == REUSE_AXIS:
        return any(n == name or n in plan.needs[name] for n in BY_REUSE)
    # What a network stores does not depend on what it does; some metrics have a meaning in some phases only.
    of_phase = {key[0] for key in registry.IN_PHASE} | {key[0] for key in registry.IN_SETTING if key[2]}
    stepwise = any(s.name in of_phase or s.domain not in (None, "language") for s in plan.steps)
    return stepwise or any(r.name not in STORED for r in plan.counts)


def compute_formats(space: Space) -> Labelled:
    """The format that each device computes in for each number format."""
    return compute_peak(space)[1]
