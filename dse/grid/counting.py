"""Counts of the networks of a space: traced part by part, put together at the dimensions that they vary along."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dse.glossary import lookup
from dse.grid.labelled import OP, Labelled
from dse.grid.plan import Plan
from dse.grid.space import Axis, Space
from dse.networks import Trace, trace
from dse.registry import SCOPES, Record, scoped

# Networks traced at a time: enough to pay for the hundreds of ops of a deep network; arrays of 512 KiB at most.
TRACE_LIMIT = 65536

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
    found: dict[str, Labelled] = {}
    for scope in ("", *SCOPES):
        records = tuple(r for r in plan.counts if (r.scope or "") == scope)
        vectors = [n for n in plan.leaves if _vector(n)[0] == scope and _vector(n)[1]]
        if records or vectors:
            found |= _count_in(space, scope, records, vectors)
    return found


def _vector(name: str) -> tuple[str, str]:
    """Scope and name of a vector over ops; no name for anything else."""
    scope, base = scoped(name)
    return scope, base if base.startswith("op_") else ""


def _count_in(space: Space, scope: str, records: Sequence[Record], vectors: Sequence[str]) -> dict[str, Labelled]:
    """Counts and vectors of the networks of one scope."""
    network = scoped_network(space, scope)
    pieces: dict[str, Pieces] = {n: [] for n in (*(r.name for r in records), *vectors)}
    validity: Pieces = []
    for place, traced in traces(network, scope):
        for record in records:
            arguments = {"trace": traced, "counting": space.counting}
            value = record.function(**{k: arguments[k] for k in record.inputs})
            pieces[record.name].append((place, np.asarray(value, dtype=np.float64)))
        stacks = traced.per_op() if vectors else {}
        for name in vectors:
            pieces[name].append((place, stacks[_vector(name)[1]]))
        validity.append((place, np.asarray(traced.valid)))
    found = {n: _assemble(network, p, over_ops=n in vectors) for n, p in pieces.items()}
    valid = _assemble(network, validity)
    if valid.data.all():
        return found
    return {n: _where(valid, value, network.dims) for n, value in found.items()}


REQUEST = ("prompt_tokens", "output_tokens")


def scoped_network(space: Space, scope: str) -> Space:
    """The axes that the network of a scope is built from.

    Outside a request every scope is the network as it stands; in one, context and phase follow from the scope and
    from the tokens of the prompt and the output. Training is prefill with the logits of every token.
    """
    names = set(space.family.axes)
    if is_request(space):
        names = (names - {"context", "phase"}) | set(REQUEST)
    return replace(space, axes={n: a for n, a in space.axes.items() if n in names})


def is_request(space: Space) -> bool:
    """Whether the work is a request: a prompt, then generated tokens."""
    phase = space.axes.get("phase")
    return phase is not None and phase.values[0] == "request"


def context_of(scope: str, prompt: Any, output: Any) -> tuple[Any, str]:
    """Tokens in the context, and the phase, of one part of a request; the mean context in whole tokens."""
    if scope == "prefill":
        return prompt, "prefill"
    return (np.floor(prompt + output / 2) if scope == "decode" else prompt + output), "decode"


def _number(phase: str) -> float:
    return float(lookup("phase").choices.index(phase))


def traces(network: Space, scope: str = "") -> Iterator[tuple[Place, Trace]]:
    """A space of networks, traced part by part, each with its place: an index for every dimension.

    A part has one value of each structural axis and at most about TRACE_LIMIT networks.
    """
    # A single network that cannot be built is the user's mistake; among many it is an undefined design.
    invalid = "mask" if network.dims else "raise"
    structural = [a for n, a in network.axes.items() if n in network.family.structural and a.dim]
    parts = _list_parts(network, structural) if network.is_list else _grid_parts(network, structural)
    for place, part in parts:
        yield place, trace(network.family, builder_arguments(part, scope), invalid=invalid)


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


def builder_arguments(network: Space, scope: str = "") -> dict[str, Any]:
    """What the builder takes for networks that share each structural axis: numbers, and arrays that broadcast."""
    arguments = {n: _argument(network, n) for n in network.family.axes if n in network.axes}
    if set(REQUEST) <= set(network.axes):
        prompt, output = (_argument(network, n) for n in REQUEST)
        context, phase = context_of(scope, prompt, output)
        arguments |= {"context": context, "phase": _number(phase)}
    elif "phase" in network.axes and network.axes["phase"].values[0] == "train":
        arguments |= {"phase": _number("prefill"), "all_logits": 1.0}
    return arguments


def _argument(network: Space, name: str) -> Any:
    axis = network.axes[name]
    if name in network.family.structural or axis.values[0] is None:
        return axis.values[0]
    if axis.dim is None:
        return float(axis.numbers[0])
    return Labelled((axis.dim,), axis.numbers).over(network.dims)


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
