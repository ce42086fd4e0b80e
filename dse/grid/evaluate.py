"""Metrics of every design of a space, as an xarray Dataset that keeps each metric at its natural dimensions."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from dse.errors import Fault, InputError
from dse.grid.capacity import check_memory
from dse.grid.counting import count
from dse.grid.inputs import SOURCE, compute_peak, leaf, tables
from dse.grid.labelled import OP, Labelled
from dse.grid.plan import BY_REUSE, Plan, chosen_variants, make_plan
from dse.grid.space import Axis, Space
from dse.registry import Record

if TYPE_CHECKING:
    from collections.abc import Callable

Values = dict[str, Labelled]
# Metrics that vary along the same dimensions, in order.
Group = tuple[tuple[str, ...], list[Record]]

# Below this many designs the plain functions on arrays are done before compiled code is loaded; of more designs,
# metrics with few values are computed plainly all the same, since each nest takes its time to compile.
PLAIN_LIMIT = 2_000_000
FEW = 20_000
# Results that surely fit are not measured before they are made.
SMALL = 2**28
MODEL_AXIS = "latency_model"
PHASE_AXIS = "phase"
REUSE_AXIS = "on_chip_reuse"
STORED = ("params", "active_params")


def evaluate_values(
    space: Space,
    targets: Iterable[str],
    *,
    engine: str = "auto",
    threads: int | None = None,
    designs: int | None = None,
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

    Raises
    ------
    InputError
        For an unknown metric or engine, a metric that needs a device where the space has none, a single network that
        cannot be built, and results that the memory cannot hold (told before any of them is allocated).
    """
    targets = tuple(dict.fromkeys(targets))
    return _evaluate(space, targets, _least_fused(engine, designs or space.size), threads)


def _evaluate(space: Space, targets: tuple[str, ...], least: float, threads: int | None) -> Values:
    """Split the space until it has one value of each setting that chooses formulas: each of these has its own plan."""
    for name in (MODEL_AXIS, PHASE_AXIS, REUSE_AXIS):
        axis = space.axes.get(name)
        different = dict.fromkeys(axis.values) if axis else {}
        if axis is not None and len(different) > 1:
            parts = []
            for value in different:
                rows = np.flatnonzero([v == value for v in axis.values])
                parts.append((rows, _evaluate(space.isel(str(axis.dim), rows), targets, least, threads)))
            return _join(space, axis, parts)
    plan = plan_of(space, targets)
    _check_devices(space, plan)
    _check_memory(space, plan, least)
    return _one_plan(space, plan, least, threads)


def plan_of(space: Space, targets: Iterable[str]) -> Plan:
    """The plan of metrics for the one model of latency, the one phase and the one use of on-chip memory of a space."""
    axes = (MODEL_AXIS, PHASE_AXIS, REUSE_AXIS)
    model, phase, reuse = (space.axes[n].values[0] if n in space.axes else None for n in axes)
    return make_plan(targets, chosen_variants(model, reuse), phase)


def _least_fused(engine: str, designs: int) -> float:
    """The number of values from which on a group of metrics is computed by compiled code."""
    if engine not in ("auto", "plain", "fused"):
        raise InputError(f"engine {engine!r}; allowed: auto, plain, fused")
    if engine == "fused":
        return 1
    return FEW if engine == "auto" and designs > PLAIN_LIMIT else math.inf


def _is_fused(group: Group, space: Space, least: float) -> bool:
    return bool(group[0]) and math.prod(space.sizes[d] for d in group[0]) >= least


def _check_devices(space: Space, plan: Plan) -> None:
    if "device" in space.axes or not plan.device_figures:
        return
    needing = dict.fromkeys(t for targets in plan.device_figures.values() for t in targets)
    raise InputError([Fault("device", f"is missing; the metric {target!r} needs one") for target in needing])


def _check_memory(space: Space, plan: Plan, least: float) -> None:
    """Refuse what memory cannot hold, by the dimensions that the metrics really vary along."""
    most = len(plan.steps) + len(plan.counts) + len(plan.tables) + len(plan.leaves)
    if 8 * space.size * most <= SMALL:
        return
    corner = space
    for dim in space.dims:
        corner = corner.isel(dim, slice(0, 2))
    values, steps = _inputs(corner, plan)
    dims = _natural_dims(space, steps, values)
    stored = {name: (*dims[name], *(d for d in value.dims if d == OP)) for name, value in values.items()}
    for group in _groups(steps, dims, space):
        kept = _kept(group, steps, plan) if _is_fused(group, space, least) else tuple(s.name for s in group[1])
        stored.update({name: dims[name] for name in kept})
    ops = {OP: max((v.data.shape[-1] for v in values.values() if OP in v.dims), default=0)}
    sizes = {**space.sizes, **ops}
    check_memory(space.size, sum(8 * math.prod(sizes[d] for d in own) for own in stored.values()))


def _join(space: Space, axis: Axis, parts: list[tuple[np.ndarray, Values]]) -> Values:
    """Put the parts of a space together along the axis that they divide."""
    joined: Values = {}
    for name, first in parts[0][1].items():
        found = [values[name] for _, values in parts]
        own = {d for v in found for d in v.dims} - ({axis.dim} if not space.is_list else set())
        dims = tuple(d for d in space.dims if d in own or (d == axis.dim and varies(name, axis)))
        if axis.dim not in dims:
            joined[name] = Labelled(dims, first.over(dims))
            continue
        full = np.empty([space.sizes[d] for d in dims], dtype=first.data.dtype)
        for (rows, _), value in zip(parts, found, strict=True):
            full[tuple(rows if d == axis.dim else slice(None) for d in dims)] = value.over(dims)
        joined[name] = Labelled(dims, full)
    return joined


def varies(name: str, axis: Axis) -> bool:
    """Whether a metric can differ between the values of an axis that plans are divided by."""
    plan = make_plan([name]) if name != SOURCE else None
    if plan is None:
        return False
    if axis.name == MODEL_AXIS:
        return name == "latency" or any(n.endswith("latency") for n in plan.needs[name])
    if axis.name == REUSE_AXIS:
        return any(n == name or n in plan.needs[name] for n in BY_REUSE)
    # What a network stores does not depend on what it does.
    return any(r.name not in STORED for r in plan.counts)


def _one_plan(space: Space, plan: Plan, least: float, threads: int | None) -> Values:
    values, steps = _inputs(space, plan)
    dims = _natural_dims(space, steps, values)
    squeezed = {n: _squeeze(v) for n, v in values.items()}
    for group in _groups(steps, dims, space):
        if _is_fused(group, space, least):
            _run_fused(group, squeezed, _kept(group, steps, plan), space.sizes, threads)
        else:
            _run_plain(group, squeezed, space.sizes)
    for step in steps:
        if step.name in squeezed:
            values[step.name] = Labelled(dims[step.name], squeezed[step.name].over(dims[step.name]))
    wanted = (*plan.targets, *(n for n in values if n == SOURCE))
    return {n: values[n] for n in wanted}


def _inputs(space: Space, plan: Plan) -> tuple[Values, list[Record]]:
    """Everything that is not computed from other values, and the metrics that then are, in order."""
    needed = plan.only(lambda record: has_meaning(record, space))
    values: Values = {**count(space, needed), **tables(space, needed)}
    for name in needed.leaves:
        if name not in values:
            values[name] = leaf(space, name)
    values.update({s.name: Labelled((), np.array(np.nan)) for s in plan.steps if not has_meaning(s, space)})
    return values, list(needed.steps)


def has_meaning(record: Record, space: Space) -> bool:
    """Whether a metric has a meaning for the network, in the phase of the work."""
    if record.domain is None:
        return True
    if space.family.domain != "language":
        return False
    phase = space.axes[PHASE_AXIS].values[0] if PHASE_AXIS in space.axes else ""
    return record.domain == "language" or str(phase) in record.domain.split()


def _natural_dims(space: Space, steps: list[Record], values: Mapping[str, Labelled]) -> dict[str, tuple[str, ...]]:
    """The dimensions of every value: of a metric those of all that it is computed from."""
    dims = {n: tuple(d for d in v.dims if d != OP) for n, v in values.items()}
    for step in steps:
        used = {d for i in step.inputs for d in dims[i]}
        dims[step.name] = tuple(d for d in space.dims if d in used)
    return dims


def _squeeze(value: Labelled) -> Labelled:
    keep = tuple(d for d, n in zip(value.dims, value.data.shape, strict=True) if n > 1 or d == OP)
    shape = [n for d, n in zip(value.dims, value.data.shape, strict=True) if d in keep]
    return Labelled(keep, np.ascontiguousarray(value.data).reshape(shape))


def _groups(steps: list[Record], dims: Mapping[str, tuple[str, ...]], space: Space) -> list[Group]:
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
        with np.errstate(all="ignore"):
            data = np.asarray(step.function(*(_operand(values[i], dims) for i in step.inputs)), dtype=np.float64)
        # A metric that leaves an argument unused may have a smaller shape; results are always whole and writable.
        values[step.name] = Labelled(dims, data if data.shape == shape else np.broadcast_to(data, shape).copy())


def _operand(value: Labelled, dims: tuple[str, ...]) -> np.ndarray:
    """The array over `dims`; of a vector over ops, one such array for each op."""
    return np.moveaxis(value.over((*dims, OP)), -1, 0) if OP in value.dims else value.over(dims)


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


def compute_formats(space: Space) -> Labelled:
    """The format that each device computes in for each number format."""
    return compute_peak(space)[1]
