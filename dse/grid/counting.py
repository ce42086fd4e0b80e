"""Counts of the networks of a space: traced part by part, put together at the dimensions that they vary along."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dse.grid.labelled import OP, Labelled
from dse.grid.plan import Plan
from dse.grid.space import Axis, Space
from dse.networks import Trace, trace

# Networks traced at a time: the arrays of a trace stay in the cache.
TRACE_LIMIT = 4096

Place = tuple[Any, ...]
Pieces = list[tuple[Place, np.ndarray]]


def count(space: Space, plan: Plan) -> dict[str, Labelled]:
    """The counts of a plan, and the vectors over ops that its metrics take, by name.

    Vectors have a trailing dimension "op", padded with ops without work. Values are NaN where the axes make no
    network (heads that kv_heads does not divide).

    Raises
    ------
    InputError
        When the only network of the space cannot be built, or a count is beyond 2^53.
    """
    vectors = [n for n in plan.leaves if n.startswith("op_")]
    if not plan.counts and not vectors:
        return {}
    network = replace(space, axes={n: a for n, a in space.axes.items() if n in space.family.axes})
    pieces: dict[str, Pieces] = {n: [] for n in (*(r.name for r in plan.counts), *vectors)}
    validity: Pieces = []
    for place, traced in traces(network):
        for record in plan.counts:
            arguments = {"trace": traced, "counting": space.counting}
            value = record.function(**{k: arguments[k] for k in record.inputs})
            pieces[record.name].append((place, np.asarray(value, dtype=np.float64)))
        stacks = traced.per_op() if vectors else {}
        for name in vectors:
            pieces[name].append((place, stacks[name]))
        validity.append((place, np.asarray(traced.valid)))
    found = {n: _assemble(network, p, over_ops=n in vectors) for n, p in pieces.items()}
    valid = _assemble(network, validity)
    if valid.data.all():
        return found
    return {n: _where(valid, value, network.dims) for n, value in found.items()}


def traces(network: Space) -> Iterator[tuple[Place, Trace]]:
    """A space of networks, traced part by part, each with its place: an index for every dimension.

    A part has one value of each structural axis and at most about TRACE_LIMIT networks.
    """
    # A single network that cannot be built is the user's mistake; among many it is an undefined design.
    invalid = "mask" if network.dims else "raise"
    structural = [a for n, a in network.axes.items() if n in network.family.structural and a.dim]
    parts = _list_parts(network, structural) if network.is_list else _grid_parts(network, structural)
    for place, part in parts:
        yield place, trace(network.family, builder_arguments(part), invalid=invalid)


def _grid_parts(network: Space, structural: Sequence[Axis]) -> Iterator[tuple[Place, Space]]:
    for chosen in itertools.product(*(range(len(a.values)) for a in structural)):
        fixed = {str(a.dim): slice(i, i + 1) for a, i in zip(structural, chosen, strict=True)}
        part = network
        for dim, index in fixed.items():
            part = part.isel(dim, index)
        for place, tile in part.tiles(TRACE_LIMIT):
            where = {**place, **fixed}
            yield tuple(where.get(d, slice(None)) for d in network.dims), tile


def _list_parts(network: Space, structural: Sequence[Axis]) -> Iterator[tuple[Place, Space]]:
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row, key in enumerate(zip(*(a.values for a in structural), strict=True) if structural else ()):
        groups.setdefault(key, []).append(row)
    for rows in map(np.array, groups.values() if structural else [range(network.size)]):
        for start in range(0, len(rows), TRACE_LIMIT):
            chosen = rows[start : start + TRACE_LIMIT]
            yield (chosen,), network.isel(network.dims[0], chosen)


def builder_arguments(network: Space) -> dict[str, Any]:
    """What the builder takes for networks that share each structural axis: numbers, and arrays that broadcast."""
    dims = network.dims
    arguments: dict[str, Any] = {}
    for name in network.family.axes:
        axis = network.axes[name]
        if name in network.family.structural or axis.values[0] is None:
            arguments[name] = axis.values[0]
        elif axis.dim is None:
            arguments[name] = float(axis.numbers[0])
        else:
            arguments[name] = Labelled((axis.dim,), axis.numbers).over(dims)
    return arguments


def _assemble(network: Space, pieces: Pieces, over_ops: bool = False) -> Labelled:
    """One array from the values of the parts, over the dimensions that it varies along.

    A part's value has length 1 along each dimension that it does not vary along. Where the parts divide a
    dimension, that does not tell: there the values themselves are compared.
    """
    dims, last = network.dims, (OP,) if over_ops else ()
    tail = (max(value.shape[-1] for _, value in pieces),) if over_ops else ()
    divided = {d for place, _ in pieces for d, index in zip(dims, place, strict=True) if not _is_whole(index)}
    wide = {d for _, v in pieces if v.ndim > len(tail) for d, n in zip(dims, v.shape, strict=False) if n > 1}
    kept = [d in divided | wide or network.sizes[d] == 1 for d in dims]
    full = np.zeros([*(network.sizes[d] if k else 1 for d, k in zip(dims, kept, strict=True)), *tail])
    for place, value in pieces:
        where = tuple(index if k else slice(None) for index, k in zip(place, kept, strict=True))
        full[(*where, slice(0, value.shape[-1])) if over_ops else where] = value
    for axis, dim in enumerate(dims):
        if dim in divided - wide and network.sizes[dim] > 1 and not network.is_list:
            first = full.take([0], axis)
            if (full == first).all():
                full, kept[axis] = first, False
    varying = tuple(d for d, k in zip(dims, kept, strict=True) if k)
    return Labelled((*varying, *last), full.reshape([*(network.sizes[d] for d in varying), *tail]))


def _is_whole(index: Any) -> bool:
    return isinstance(index, slice) and index == slice(None)


def _where(valid: Labelled, value: Labelled, order: tuple[str, ...]) -> Labelled:
    """`value`, NaN where not `valid`."""
    dims = tuple(d for d in order if d in valid.dims or d in value.dims)
    last = (OP,) if OP in value.dims else ()
    return Labelled((*dims, *last), np.where(valid.over((*dims, *last)), value.over((*dims, *last)), np.nan))
