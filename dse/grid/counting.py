"""Counts of the networks of a space: traced part by part, put together at the dimensions that they vary along."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dse.glossary import lookup
from dse.grid.labelled import OP, Labelled
from dse.grid.plan import Plan, settings_of
from dse.grid.space import Axis, Space
from dse.metrics.mixed import parts_of_prompt, tokens_beside
from dse.networks import Trace, trace
from dse.registry import SINGLE, Record, part_of, scoped

# Networks traced at a time: enough to pay for the hundreds of ops of a deep network; arrays of 512 KiB at most.
TRACE_LIMIT = 65536

Place = tuple[Any, ...]
Pieces = list[tuple[Place, np.ndarray]]


def count(space: Space, plan: Plan) -> dict[str, Labelled]:
    """The counts of a plan, and the vectors over ops that its metrics take, by name.

    Vectors have a trailing dimension "op", padded with ops without work. Values are NaN where the axes make no
    network (heads that kv_heads does not divide), of a request in any part of it that is counted or at its end; and
    where what is stored or held at once is beyond 2^53.

    Raises
    ------
    InputError
        When the only network of the space cannot be built, or has such a count beyond 2^53.
    """
    found: dict[str, Labelled] = {}
    valid = Labelled((), np.array(True))
    scopes = [*(r.scope or "" for r in plan.counts), *(_vector(n)[0] for n in plan.leaves if _vector(n)[1])]
    # The longest context is that of the whole request: it may have no network where its parts have one.
    if scopes and is_request(space):
        scopes.append("")
    for scope in dict.fromkeys(scopes):
        records = tuple(r for r in plan.counts if (r.scope or "") == scope)
        vectors = [n for n in plan.leaves if _vector(n)[0] == scope and _vector(n)[1]]
        counted, holds = _count_in(space, scope, records, vectors)
        found |= counted
        valid = _both(valid, holds, space.dims)
    return found if valid.data.all() else {n: _where(valid, value, space.dims) for n, value in found.items()}


def _vector(name: str) -> tuple[str, str]:
    """Scope and name of a vector over ops; no name for anything else."""
    scope, base = scoped(name)
    return scope, base if base.startswith("op_") else ""


def _count_in(
    space: Space, scope: str, records: Sequence[Record], vectors: Sequence[str]
) -> tuple[dict[str, Labelled], Labelled]:
    """Counts and vectors of the networks of one scope, and where there is a network."""
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
    return found, _assemble(network, validity)


REQUEST = ("prompt_tokens", "output_tokens")
# Phases that are made of prompts and generated tokens.
OF_REQUESTS = ("request", "mixed")
CHUNK, CHUNK_SCOPE, BESIDE_SCOPE = "chunk_tokens", "chunk", "beside"


def of_networks(space: Space) -> Space:
    """A space with one value of every axis that no network is built from."""
    built_from = {space.axes[n].dim for n in (*space.family.axes, *REQUEST, "phase") if n in space.axes}
    for dim in space.dims:
        if dim not in built_from:
            space = space.isel(dim, slice(0, 1))
    return space


def scoped_network(space: Space, scope: str) -> Space:
    """The axes that the network of a scope is built from.

    Outside a request every scope is the network as it stands; in one, context and phase follow from the scope and
    from the tokens of the prompt and the output. Training is prefill with the logits of every token.
    """
    names = set(space.family.axes)
    if is_request(space):
        names = (names - {"context", "phase"}) | set(REQUEST)
    if part_of(scope) not in (CHUNK_SCOPE, BESIDE_SCOPE):
        names -= {CHUNK}
    if "batch" in names:
        names |= set(_together(space, scope))
    return replace(space, axes={n: a for n, a in space.axes.items() if n in names})


def _together(space: Space, scope: str) -> dict[str, Callable[[Any, Any], Any]]:
    """Axes that change how many tokens go through the network together, each with what it makes of the batch."""
    found: dict[str, Callable[[Any, Any], Any]] = {}
    if "several" in settings_of(space) and not scope.startswith(SINGLE):
        found["micro_batches"] = lambda batch, parts: np.ceil(batch / parts)
    if part_of(scope) == "pass":
        found["draft_tokens"] = lambda batch, drafted: batch * (drafted + 1)
    return found


def is_request(space: Space) -> bool:
    """Whether the work is of requests: a prompt, then generated tokens."""
    phase = space.axes.get("phase")
    return phase is not None and phase.values[0] in OF_REQUESTS


def context_of(scope: str, prompt: Any, output: Any) -> tuple[Any, str]:
    """Tokens in the context, and the phase, of one part of a request; the mean context in whole tokens."""
    if part_of(scope) == "prefill":
        return prompt, "prefill"
    mean = part_of(scope) in ("decode", "pass", BESIDE_SCOPE)
    return (np.floor(prompt + output / 2) if mean else prompt + output), "decode"


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
    if part_of(scope) == CHUNK_SCOPE:
        return _of_chunk(network, arguments)
    if part_of(scope) == BESIDE_SCOPE and "batch" in arguments:
        prompt, output = (_argument(network, n) for n in REQUEST)
        parts = parts_of_prompt(prompt, arguments[CHUNK])
        arguments["batch"] = np.maximum(np.ceil(tokens_beside(arguments["batch"], output, parts)), 1.0)
    for name, change in _together(network, scope).items() if "batch" in arguments else ():
        arguments["batch"] = change(arguments["batch"], _argument(network, name))
    if set(REQUEST) <= set(network.axes):
        prompt, output = (_argument(network, n) for n in REQUEST)
        context, phase = context_of(scope, prompt, output)
        arguments |= {"context": context, "phase": _number(phase)}
        arguments.pop(CHUNK, None)
    elif "phase" in network.axes and network.axes["phase"].values[0] == "train":
        arguments |= {"phase": _number("prefill"), "all_logits": 1.0}
    return arguments


def _of_chunk(network: Space, arguments: dict[str, Any]) -> dict[str, Any]:
    """A part of a prompt on its own: of its mean size, with the mean number of tokens attended to, both whole."""
    prompt = _argument(network, REQUEST[0])
    chunk = np.ceil(prompt / parts_of_prompt(prompt, arguments[CHUNK]))
    context = np.floor((prompt + chunk) / 2)
    return arguments | {"phase": _number("prefill"), "context": context, CHUNK: chunk, "batch": 1.0}


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


def _both(a: Labelled, b: Labelled, order: tuple[str, ...]) -> Labelled:
    """Where both hold."""
    dims = tuple(d for d in order if d in a.dims or d in b.dims)
    return Labelled(dims, np.logical_and(a.over(dims), b.over(dims)))


def _where(valid: Labelled, value: Labelled, order: tuple[str, ...]) -> Labelled:
    """`value`, NaN where not `valid`."""
    dims = tuple(d for d in order if d in valid.dims or d in value.dims)
    last = (OP,) if OP in value.dims else ()
    return Labelled((*dims, *last), np.where(valid.over((*dims, *last)), value.over((*dims, *last)), np.nan))
