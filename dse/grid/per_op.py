"""Latency of every op at the cost of the whole network's: sorted ops, prefix sums, devices in order of their ridge.

An op takes the larger of FLOP / rate and bytes / bandwidth: it waits for memory where its intensity [FLOP/B] is below
the device's ridge. With ops in order of intensity the memory-bound ones come first, so that the sum over all ops is
a prefix of bytes and a suffix of FLOP; with devices in order of ridge the place between them only moves forward. The
order of ops is kept between neighbours, where it hardly changes.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from dse.grid.kernels import sum_ops
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
    ridge = compute / memory
    order = np.argsort(ridge, axis=1, kind="stable")
    places = (*work, *hardware) if along(MOVED) else ()
    codes = 2 * spread(MOVED[0], places).astype(np.uint8) + spread(MOVED[1], places).astype(np.uint8)
    by_ridge = [np.take_along_axis(a, order, axis=1) for a in (ridge, 1 / compute, 1 / memory)]
    sorted_rates = (by_ridge[0], order, *by_ridge[1:])
    out = np.empty(shape)
    _in_parts(
        (ops, _places(networks, work, sizes), scalars, _places(shared, work, sizes)),
        (*sorted_rates, codes.reshape(-1, shape[1] if places else 1), out),
        threads,
    )
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


def _in_parts(work: Sequence[np.ndarray], hardware: Sequence[np.ndarray], threads: int) -> None:
    from dse.grid.codegen import native

    kernel = native(sum_ops)
    arguments = [np.ascontiguousarray(a) for a in (*work, *hardware[:-1])]
    rows = len(hardware[-1])
    kernel(0, 0, *arguments, hardware[-1])
    edges = np.linspace(0, rows, min(threads, rows) + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: kernel(*part, *arguments, hardware[-1]), itertools.pairwise(edges)))


# Metrics that compiled code of their own computes, where that pays.
SPECIAL: Mapping[Callable[..., Any], Callable[[Group, Values, Program, int], Labelled | None]] = {
    per_op_latency: latency_of_ops
}
