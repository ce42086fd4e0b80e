"""Metrics of every design of a space, as an xarray Dataset that keeps each metric at its natural dimensions."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from dse.errors import InputError
from dse.grid.inputs import OP, Labelled, compute_peak, counts, leaf, op_vectors, tables
from dse.grid.plan import Plan, make_plan, variants_of
from dse.grid.space import Axis, Space
from dse.registry import Record

if TYPE_CHECKING:
    from collections.abc import Callable

Values = dict[str, Labelled]

# Below this many designs the plain functions on arrays are quicker than loading compiled code.
PLAIN_LIMIT = 20_000
MODEL_AXIS = "latency_model"


def evaluate_values(
    space: Space, targets: Iterable[str], *, engine: str = "auto", threads: int | None = None
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
    """
    targets = tuple(dict.fromkeys(targets))
    if engine not in ("auto", "plain", "fused"):
        raise InputError(f"engine {engine!r}; allowed: auto, plain, fused")
    axis = space.axes.get(MODEL_AXIS)
    models = tuple(dict.fromkeys(axis.values)) if axis else variants_of("latency")[:1]
    plans = {m: make_plan(targets, {"latency": m}) for m in models}
    if axis is None or len(models) == 1:
        return _one_model(space, plans[models[0]], engine, threads)
    parts = {}
    for model, plan in plans.items():
        rows = np.flatnonzero([v == model for v in axis.values])
        parts[model] = (rows, _one_model(space.isel(str(axis.dim), rows), plan, engine, threads))
    return _join_models(space, axis, plans[models[0]], list(parts.values()))


def _join_models(space: Space, axis: Axis, plan: Plan, parts: list[tuple[np.ndarray, Values]]) -> Values:
    joined: Values = {}
    for name, first in parts[0][1].items():
        depends = name == "latency" or "latency" in plan.needs.get(name, ())
        dims = tuple(d for d in space.dims if d in first.dims or (depends and d == axis.dim))
        if axis.dim not in dims:
            joined[name] = first
            continue
        full = np.empty([space.sizes[d] for d in dims], dtype=first.data.dtype)
        for rows, values in parts:
            full[tuple(rows if d == axis.dim else slice(None) for d in dims)] = values[name].over(dims)
        joined[name] = Labelled(dims, full)
    return joined


def _one_model(space: Space, plan: Plan, engine: str, threads: int | None) -> Values:
    values: Values = {**counts(space, plan), **tables(space, plan), **op_vectors(space, plan)}
    for name in plan.leaves:
        if name not in values:
            values[name] = leaf(space, name)
    meaningless = [s for s in plan.steps if s.domain and space.family.domain != "language"]
    values.update({s.name: Labelled((), np.array(np.nan)) for s in meaningless})
    steps = [s for s in plan.steps if s not in meaningless]
    dims = _natural_dims(space, steps, values)
    fused = engine == "fused" or (engine == "auto" and space.size > PLAIN_LIMIT)
    squeezed = {n: _squeeze(v) for n, v in values.items()}
    for group in _groups(steps, dims, squeezed, space):
        if fused and group[0]:
            _run_fused(group, squeezed, _kept(group, steps, plan), space.sizes, threads)
        else:
            _run_plain(group, squeezed, space.sizes)
    for step in steps:
        if step.name in squeezed:
            values[step.name] = Labelled(dims[step.name], squeezed[step.name].over(dims[step.name]))
    _mask_phase(space, steps, values)
    wanted = (*plan.targets, *(n for n in values if n == "accuracy_source"))
    return {n: values[n] for n in wanted}


Group = tuple[tuple[str, ...], list[Record]]


def _natural_dims(space: Space, steps: list[Record], values: Mapping[str, Labelled]) -> dict[str, tuple[str, ...]]:
    dims = {n: tuple(d for d in v.dims if d != OP) for n, v in values.items()}
    for step in steps:
        used = {d for i in step.inputs for d in dims[i]}
        dims[step.name] = tuple(d for d in space.dims if d in used)
    return dims


def _squeeze(value: Labelled) -> Labelled:
    keep = tuple(d for d, n in zip(value.dims, value.data.shape, strict=True) if n > 1 or d == OP)
    shape = [n for d, n in zip(value.dims, value.data.shape, strict=True) if d in keep]
    return Labelled(keep, np.ascontiguousarray(value.data).reshape(shape))


def _groups(
    steps: list[Record], dims: Mapping[str, tuple[str, ...]], values: Mapping[str, Labelled], space: Space
) -> list[Group]:
    """Steps by the dimensions that they vary along, fewer first: a step needs only steps of its own or fewer."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for step in steps:
        own = tuple(d for d in dims[step.name] if space.sizes[d] > 1)
        groups.setdefault(own, []).append(step)
    return sorted(groups.items(), key=lambda item: len(item[0]))


def _kept(group: Group, steps: list[Record], plan: Plan) -> tuple[str, ...]:
    """Names of the group's results that are asked for or used by another group."""
    inside = {s.name for s in group[1]}
    used = {i for s in steps if s.name not in inside for i in s.inputs}
    return tuple(s.name for s in group[1] if s.name in plan.targets or s.name in used)


def _run_plain(group: Group, values: Values, sizes: Mapping[str, int]) -> None:
    dims, steps = group
    shape = tuple(sizes[d] for d in dims)
    for step in steps:
        if any(OP in values[i].dims for i in step.inputs):
            data = _by_point(step, dims, shape, values)
        else:
            with np.errstate(all="ignore"):
                data = step.function(*(np.asarray(values[i].over(dims)) for i in step.inputs))
        values[step.name] = Labelled(dims, np.broadcast_to(np.asarray(data, dtype=np.float64), shape))


def _by_point(step: Record, dims: tuple[str, ...], shape: tuple[int, ...], values: Values) -> np.ndarray:
    arrays = []
    for name in step.inputs:
        value, vector = values[name], OP in values[name].dims
        spread = value.over((*dims, OP) if vector else dims)
        arrays.append(np.broadcast_to(spread, (*shape, spread.shape[-1]) if vector else shape))
    result = np.empty(shape)
    with np.errstate(all="ignore"):
        for place in itertools.product(*map(range, shape)):
            result[place] = step.function(*(a[place] for a in arrays))
    return result


def _run_fused(
    group: Group, values: Values, kept: tuple[str, ...], sizes: Mapping[str, int], threads: int | None
) -> None:
    from dse.grid.codegen import Nest, compiled

    dims, steps = group
    own = {s.name for s in steps}
    inputs = {i: values[i].dims for s in steps for i in s.inputs if i not in own}
    kernel = compiled(Nest(dims, tuple(steps), tuple(inputs.items()), kept))
    outputs = {n: np.empty([sizes[d] for d in dims]) for n in kept}
    arrays = [_argument(values[n]) for n in inputs]
    inner = [sizes[d] for d in dims[1:]]
    _in_threads(kernel, sizes[dims[0]], math.prod(inner), [*inner, *arrays, *outputs.values()], threads)
    values.update({n: Labelled(dims, data) for n, data in outputs.items()})


def _argument(value: Labelled) -> np.ndarray | float:
    if not value.dims:
        return float(value.data)
    return np.ascontiguousarray(value.data, dtype=np.float64)


def _in_threads(
    kernel: Callable[..., None], length: int, inner: int, arguments: list[object], threads: int | None
) -> None:
    workers = min(threads or os.cpu_count() or 1, length)
    if workers == 1 or length * inner < 100_000:
        kernel(0, length, *arguments)
        return
    edges = np.linspace(0, length, workers + 1).astype(int)
    kernel(0, 0, *arguments)  # compiles, or loads, before the threads start
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda part: kernel(int(part[0]), int(part[1]), *arguments), itertools.pairwise(edges)))


def _mask_phase(space: Space, steps: list[Record], values: Values) -> None:
    """Metrics of one phase are undefined in the other."""
    phase = space.axes.get("phase")
    if phase is None:
        return
    for step in steps:
        if step.domain not in ("prefill", "decode") or step.name not in values:
            continue
        wrong = np.array([v != step.domain for v in phase.values])
        value = values[step.name]
        if not wrong.any():
            continue
        dims = tuple(d for d in space.dims if d in value.dims or d == phase.dim)
        mask = Labelled((phase.dim,), wrong).over(dims) if phase.dim else wrong[0]
        values[step.name] = Labelled(dims, np.where(mask, np.nan, value.over(dims)))


def compute_formats(space: Space) -> Labelled:
    """The format that each device computes in for each number format."""
    return compute_peak(space)[1]
