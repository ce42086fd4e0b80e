"""Latency of every op at about the cost of the whole network's.

Few ops on not too many points of hardware are added up one by one, in vector code over the hardware. Else ops are
sorted: an op takes the larger of FLOP / rate and bytes / bandwidth, and waits for memory where its intensity [FLOP/B]
is below the device's ridge. With ops in order of intensity the memory-bound ones come first, so that the sum over all
ops is a prefix of bytes and a suffix of FLOP; with devices in order of ridge the place between them only moves
forward. The order of ops is kept between neighbours, where it hardly changes. Sorting takes its time for each op, and
walking for each device, where adding up takes it for each pair of them.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from dse.grid.kernels import add_ops, sum_ops
from dse.grid.labelled import OP, Labelled
from dse.grid.program import Group, Program, Values
from dse.metrics.latency import per_op_latency

VECTORS = (
    "op_macs", "op_weights", "op_traffic", "op_cache_read", "op_cache_written", "op_repeat", "op_index_bits",
)  # fmt: skip
WORK = ("batch", "weight_bits", "activation_bits", "kv_bits")
DEVICE = ("peak_ops", "compute_efficiency", "bandwidth", "bandwidth_efficiency")
MOVED = ("weights_moved", "activations_moved")
ARGUMENTS = tuple(inspect.signature(per_op_latency).parameters)
# With fewer points of hardware the plain sum is as quick.
LEAST_HARDWARE = 4
# What the other way takes for each op and for each point of hardware, in units of what adding up takes for a pair.
SORTED, WALKED = 240, 40


def latency_of_ops(group: Group, values: Values, program: Program, threads: int) -> Labelled | None:
    """The metric `per_op_latency` over the dimensions of its group, to 1e-12 of the plain sum.

    Dimensions are divided into those that the work of an op depends on and those of the hardware alone. Nothing where
    there is too little hardware to repay the sorting.
    """
    sizes, dims = program.space.sizes, group.dims
    given = {a: values[n] for a, n in zip(ARGUMENTS, group.steps[0].inputs, strict=True)}

    def along(arguments: Sequence[str]) -> tuple[str, ...]:
        used = {d for a in arguments for d in given[a].dims}
        return tuple(d for d in dims if d in used)

    networks = along(VECTORS)
    work = (*networks, *(d for d in along(WORK) if d not in networks))
    hardware = tuple(d for d in dims if d not in work)
    if program.size(hardware) < LEAST_HARDWARE:
        return None
    rates = along(DEVICE)
    shared = tuple(d for d in work if d in rates)
    shape = program.size(work), program.size(hardware)

    def spread(argument: str, over: tuple[str, ...]) -> np.ndarray:
        return np.broadcast_to(_ordered(given[argument], over), [sizes[d] for d in over]).reshape(-1)

    ops = np.stack([_op_rows(given[v], networks, sizes) for v in VECTORS], axis=1)
    scalars = np.stack([spread(a, work) for a in WORK], axis=1)
    peak, efficiency, bandwidth, share = (spread(a, (*shared, *hardware)).reshape(-1, shape[1]) for a in DEVICE)
    compute, memory = peak * efficiency, bandwidth * share
    places = (*work, *hardware) if along(MOVED) else ()
    moved = 2 * spread(MOVED[0], places) + spread(MOVED[1], places)
    # What stays on chip is unknown of a device that states no on-chip memory.
    unknown = np.isnan(moved).reshape(-1, shape[1] if places else 1)
    codes = np.nan_to_num(moved).astype(np.uint8)
    out = np.empty(shape)
    one_by_one = ops.shape[2] * shape[1] <= SORTED * ops.shape[2] + WALKED * shape[1]
    _in_parts(
        add_ops if one_by_one else sum_ops,
        (ops, _places(networks, work, sizes), scalars, _places(shared, work, sizes)),
        (1 / compute, 1 / memory) if one_by_one else _by_ridge(compute, memory),
        (codes.reshape(-1, shape[1] if places else 1), out),
        threads,
    )
    if unknown.any():
        out[np.broadcast_to(unknown, shape)] = np.nan
    whole = out.reshape([sizes[d] for d in (*work, *hardware)])
    return Labelled(dims, np.ascontiguousarray(whole.transpose([(*work, *hardware).index(d) for d in dims])))


def _ordered(value: Labelled, dims: tuple[str, ...]) -> np.ndarray:
    """An array over dimensions in any order, with length 1 along those that it lacks."""
    own = [d for d in dims if d in value.dims]
    tail = (value.dims.index(OP),) if OP in value.dims else ()
    array = value.data.transpose([value.dims.index(d) for d in own] + list(tail))
    shape = [value.data.shape[value.dims.index(d)] if d in own else 1 for d in dims]
    return array.reshape(shape + [value.data.shape[t] for t in tail])


def _op_rows(value: Labelled, dims: tuple[str, ...], sizes: Mapping[str, int]) -> np.ndarray:
    """A vector over ops for each network. Shape (networks, ops)."""
    array = _ordered(value, dims)
    return np.broadcast_to(array, [*(sizes[d] for d in dims), array.shape[-1]]).reshape(-1, array.shape[-1])


def _places(own: tuple[str, ...], dims: tuple[str, ...], sizes: Mapping[str, int]) -> np.ndarray:
    """For each place over `dims` the place over the dimensions `own` among them."""
    place = np.arange(math.prod(sizes[d] for d in own)).reshape([sizes[d] if d in own else 1 for d in dims])
    return np.broadcast_to(place, [sizes[d] for d in dims]).reshape(-1)


def _by_ridge(compute: np.ndarray, memory: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ridges of devices in order, the place of each, and seconds of a FLOP and of a byte. Shape (rates, hardware)."""
    ridge = compute / memory
    order = np.argsort(ridge, axis=1, kind="stable")
    ordered = [np.take_along_axis(a, order, axis=1) for a in (ridge, 1 / compute, 1 / memory)]
    return ordered[0], order, *ordered[1:]


def _in_parts(
    function: Callable[..., None],
    work: Sequence[np.ndarray],
    hardware: Sequence[np.ndarray],
    results: Sequence[np.ndarray],
    threads: int,
) -> None:
    from dse.grid.codegen import native

    kernel, (codes, out) = native(function), results
    arguments = [np.ascontiguousarray(a) for a in (*work, *hardware, codes)]
    kernel(0, 0, *arguments, out)
    edges = np.linspace(0, len(out), min(threads, len(out)) + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: kernel(*part, *arguments, out), itertools.pairwise(edges)))


# Metrics that compiled code of their own computes, where that pays.
SPECIAL: Mapping[Callable[..., Any], Callable[[Group, Values, Program, int], Labelled | None]] = {
    per_op_latency: latency_of_ops
}
