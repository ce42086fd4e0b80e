"""Values of the inputs of a plan over a space: counts from the traced network, figures from the catalogues.

Everything here is a `Labelled` array over the dimensions that it really varies along; the kernels get those arrays
and know nothing of families, devices or number formats.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse import glossary
from dse.grid.plan import Plan
from dse.grid.space import Space
from dse.hardware import DEVICES
from dse.networks import Trace, trace
from dse.precision import PRECISIONS, peak_table
from dse.quality import accuracy

OP = "op"
TRACE_LIMIT = 4096


@dataclass(frozen=True)
class Labelled:
    """An array and the names of its dimensions; a trailing "op" holds a vector over the ops of the network."""

    dims: tuple[str, ...]
    data: np.ndarray

    def over(self, dims: tuple[str, ...]) -> np.ndarray:
        """The array with a length-1 axis for each of `dims` (in their order) that it lacks."""
        shape = [self.data.shape[self.dims.index(d)] if d in self.dims else 1 for d in dims]
        return self.data.reshape(shape)


def leaf(space: Space, name: str) -> Labelled:
    """The values of one input that is neither a metric nor a vector over ops."""
    axis = space.axes.get(name)
    if name == "pue" and not (axis and axis.given) and "device" in space.axes:
        device = space.axes["device"]
        return _along(device.dim, np.array([DEVICES[d].pue for d in device.values]))
    if axis is not None:
        return _along(axis.dim, axis.numbers)
    if name == "peak_ops":
        return compute_peak(space)[0]
    if name == "device_count":
        return _along(None, np.ones(1))
    if glossary.lookup(name).kind == "precision":
        precision = space.axes["precision"]
        return _along(precision.dim, np.array([getattr(PRECISIONS[p], name) for p in precision.values], dtype=float))
    return device_figure(space, name)


def _along(dim: str | None, values: np.ndarray) -> Labelled:
    return Labelled((), values.reshape(())) if dim is None else Labelled((dim,), values)


def device_figure(space: Space, name: str) -> Labelled:
    """A figure of the devices, NaN where the catalogue has none."""
    device = space.axes["device"]
    return _along(device.dim, np.array([DEVICES[d].figure(name) for d in device.values], dtype=np.float64))


def compute_peak(space: Space) -> tuple[Labelled, Labelled]:
    """Peak rate in the format that each device computes in for each number format, and that format's name."""
    device, precision = space.axes["device"], space.axes["precision"]
    devices, device_place = np.unique(np.array(device.values, dtype=object), return_inverse=True)
    precisions, precision_place = np.unique(np.array(precision.values, dtype=object), return_inverse=True)
    figures = [n for n in glossary.NAMES if n.startswith("peak_") and n != "peak_ops"]
    table = {f: np.array([DEVICES[d].figure(f) for d in devices]) for f in figures}
    rates, used = peak_table(table, [PRECISIONS[p].compute for p in precisions])
    places = [_along(device.dim, device_place), _along(precision.dim, precision_place)]
    dims = tuple(d for d in space.dims if any(d in p.dims for p in places))
    index = tuple(p.over(dims) for p in places)
    return Labelled(dims, np.asarray(rates[index])), Labelled(dims, np.asarray(used)[index].astype(object))


def counts(space: Space, plan: Plan) -> dict[str, Labelled]:
    """The counts of the plan, each over the dimensions that the network makes it vary along."""
    names = [r.name for r in plan.counts]
    parts: dict[str, list[tuple[Any, np.ndarray]]] = {n: [] for n in names}
    for index, traced in traces(space):
        for record in plan.counts:
            arguments = {"trace": traced, "counting": space.counting}
            value = record.function(**{k: arguments[k] for k in record.inputs})
            parts[record.name].append((index, _where_valid(traced, value)))
    varying = _varying(space, plan) if names else {}
    return {n: _assemble(space, parts[n], varying[n]) for n in names}


def op_vectors(space: Space, plan: Plan) -> dict[str, Labelled]:
    """The vectors over ops that the plan needs, with a trailing dimension "op", padded with ops without work."""
    names = [n for n in plan.leaves if n.startswith("op_")]
    if not names:
        return {}
    traced = [(index, part.per_op()) for index, part in traces(space)]
    length = max(vectors["op_repeat"].shape[-1] for _, vectors in traced)
    dims = space.network_dims()
    shape = (*(space.sizes[d] for d in dims), length)
    result = {}
    for name in names:
        full = np.zeros(shape)
        for index, vectors in traced:
            full[(*index, slice(0, vectors[name].shape[-1]))] = vectors[name]
        result[name] = Labelled((*dims, OP), full)
    return result


def traces(space: Space) -> Iterator[tuple[tuple[Any, ...], Trace]]:
    """The network traced on every part of its axes, with the part's place among `space.network_dims()`.

    A part has one value of each structural axis and at most TRACE_LIMIT points, which keeps the arrays of a
    trace in cache.
    """
    for index, part in _parts(space):
        yield index, _trace(part)


def _trace(space: Space) -> Trace:
    # A single network that cannot be built is the user's mistake; among many it is an undefined design.
    return trace(space.family, _builder_arguments(space), invalid="raise" if space.size == 1 else "mask")


def _where_valid(traced: Trace, value: Any) -> np.ndarray:
    """A count as float64, NaN where the axes make no network."""
    if traced.valid is True:
        return np.asarray(value, dtype=np.float64)
    return np.where(traced.valid, value, np.nan)


def _parts(space: Space) -> Iterator[tuple[tuple[Any, ...], Space]]:
    dims = space.network_dims()
    structural = [a for n, a in space.network_axes().items() if n in space.family.structural and a.dim]
    if space.is_list:
        yield from _list_parts(space, structural, bool(dims))
        return
    choices = [[(a.dim, i) for i in range(len(a.values))] for a in structural]
    for combination in itertools.product(*choices):
        part = space
        for dim, i in combination:
            part = part.isel(str(dim), slice(i, i + 1))
        others = {d: 1 for d in space.dims if d not in dims}
        scale = int(np.prod([space.sizes[d] for d in others], dtype=float))
        for place, tile in part.tiles(TRACE_LIMIT * scale):
            where = {
                **{str(d): slice(i, i + 1) for d, i in combination},
                **{d: s for d, s in place.items() if d in dims},
            }
            for d, i in combination:
                where[str(d)] = slice(i, i + 1)
            yield tuple(where.get(d, slice(None)) for d in dims), tile


def _list_parts(space: Space, structural: list[Any], varies: bool) -> Iterator[tuple[tuple[Any, ...], Space]]:
    if not varies:
        yield (), space
        return
    rows = np.arange(space.size)
    keys = np.zeros(space.size, dtype=np.int64)
    for axis in structural:
        _, codes = np.unique(np.array([str(v) for v in axis.values]), return_inverse=True)
        keys = keys * (codes.max() + 1) + codes
    for key in np.unique(keys):
        members = rows[keys == key]
        for start in range(0, len(members), TRACE_LIMIT):
            chosen = members[start : start + TRACE_LIMIT]
            yield (chosen,), space.isel("design", chosen)


def _builder_arguments(space: Space) -> dict[str, Any]:
    dims = space.network_dims()
    arguments: dict[str, Any] = {}
    for name, axis in space.network_axes().items():
        if name in space.family.structural or axis.values[0] is None:
            arguments[name] = axis.values[0]
        elif axis.dim is None:
            arguments[name] = float(axis.numbers[0])
        else:
            arguments[name] = Labelled((axis.dim,), axis.numbers).over(dims)
    return arguments


def _varying(space: Space, plan: Plan) -> dict[str, tuple[str, ...]]:
    """The dimensions along which each count varies, found by tracing two values of one axis at a time."""
    dims = space.network_dims()
    if space.is_list:
        return {r.name: dims for r in plan.counts}
    found: dict[str, set[str]] = {r.name: {d for d in dims if space.sizes[d] == 1} for r in plan.counts}
    structural = {a.dim for n, a in space.network_axes().items() if n in space.family.structural}
    corner = space
    for dim in dims:
        corner = corner.isel(dim, slice(0, 1))
    for dim in dims:
        if dim in structural:
            for names in found.values():
                names.add(dim)
            continue
        pair = replace_dim(corner, space, dim, slice(0, 2))
        traced = _trace(pair)
        for record in plan.counts:
            arguments: Mapping[str, Any] = {"trace": traced, "counting": space.counting}
            value = _where_valid(traced, record.function(**{k: arguments[k] for k in record.inputs}))
            if value.ndim and value.shape[dims.index(dim)] > 1:
                found[record.name].add(dim)
    return {n: tuple(d for d in dims if d in names) for n, names in found.items()}


def replace_dim(part: Space, whole: Space, dim: str, index: slice) -> Space:
    """`part` with the values along one dimension taken from `whole` at `index`."""
    axes = {n: whole.axes[n].take(index) if a.dim == dim else a for n, a in part.axes.items()}
    return Space(part.family, axes, part.counting, part.model)


def _assemble(space: Space, parts: list[tuple[Any, np.ndarray]], varying: tuple[str, ...]) -> Labelled:
    dims = space.network_dims()
    full = np.empty([space.sizes[d] if d in varying else 1 for d in dims])
    for index, value in parts:
        if space.is_list:
            full[index] = value
            continue
        place = tuple(s if d in varying else slice(0, 1) for d, s in zip(dims, index, strict=True))
        full[place] = value
    return Labelled(varying, full.reshape([space.sizes[d] for d in varying]))


def tables(space: Space, plan: Plan) -> dict[str, Labelled]:
    """Values that are looked up for each design: accuracy of the network, fidelity of the number format."""
    result: dict[str, Labelled] = {}
    for record in plan.tables:
        if "scheme" in record.inputs:
            precision = space.axes["precision"]
            values = [record.function(PRECISIONS[p]) for p in precision.values]
            result[record.name] = _along(precision.dim, np.array(values, dtype=np.float64))
    wanted = [r for r in plan.tables if "quality" in r.inputs]
    if wanted:
        found, sources = quality(space)
        for record in wanted:
            result[record.name] = Labelled(found[record.name].dims, found[record.name].data)
        result["accuracy_source"] = sources
    return result


def quality(space: Space) -> tuple[dict[str, Labelled], Labelled]:
    """Accuracy with its interval, and where each value comes from, over network and number format."""
    precision, dims = space.axes["precision"], space.network_dims()
    arguments = _builder_arguments(space)
    names = ("accuracy", "accuracy_low", "accuracy_high", "source")
    all_dims = tuple(d for d in space.dims if d in dims or d == precision.dim)
    shape = tuple(space.sizes[d] for d in all_dims)
    full = {n: np.empty(shape, dtype=object if n == "source" else np.float64) for n in names}
    for scheme in dict.fromkeys(precision.values):
        found = accuracy(space.family.name, arguments, PRECISIONS[scheme])
        sources = np.vectorize(dict(found.legend).get, otypes=[object])(found.source)
        arrays = (found.value, found.low, found.high, sources)
        where = np.array([p == scheme for p in precision.values])
        for name, array in zip(names, arrays, strict=True):
            _put(full[name], np.asarray(array), dims, all_dims, precision.dim, where)
    labelled = {n: Labelled(all_dims, full[n]) for n in names}
    return {n: labelled[n] for n in names[:3]}, labelled["source"]


def _put(full: np.ndarray, array: np.ndarray, dims: Any, all_dims: Any, dim: str | None, where: np.ndarray) -> None:
    if dim is None:
        full[...] = array
    elif dim in dims:
        full[where] = np.broadcast_to(array, where.shape)[where]
    else:
        index = tuple(where if d == dim else slice(None) for d in all_dims)
        spread = np.broadcast_to(array, tuple(n for n, d in zip(full.shape, all_dims, strict=True) if d != dim))
        full[index] = np.expand_dims(spread, all_dims.index(dim))
