"""Latency of every op at about the cost of the whole network's.

An op takes the larger of FLOP / rate and bytes / bandwidth, and waits for memory where its intensity [FLOP/B] is below
the device's ridge. With devices in order of ridge each op waits from some device on, which is looked up; the bytes
of the ops that wait, and the FLOP of all others, are then sums along the devices.

What is added up is rounded first so that the sums are exact, in any order: with and without compiled code a design
has the same latency bit for bit. Designs that tie would else be told apart by the way that each was computed.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
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


def latency_of_ops(group: Group, values: Values, program: Program, threads: int) -> Labelled:
    """The metric `per_op_latency` over the dimensions of its group, as `summed` gives it.

    Dimensions are divided into those that the work of an op depends on and those of the hardware alone.
    """
    sizes, dims = program.space.sizes, group.dims
    given = {a: values[n] for a, n in zip(ARGUMENTS, group.steps[0].inputs, strict=True)}

    def along(arguments: Sequence[str]) -> tuple[str, ...]:
        used = {d for a in arguments for d in given[a].dims}
        return tuple(d for d in dims if d in used)

    networks = along(VECTORS)
    work = (*networks, *(d for d in along(WORK) if d not in networks))
    hardware = tuple(d for d in dims if d not in work)
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
    _in_parts(
        (ops, _places(networks, work, sizes), scalars, _places(shared, work, sizes)),
        _by_ridge(compute, memory),
        (codes.reshape(-1, shape[1] if places else 1), out),
        threads,
    )
    if unknown.any():
        out[np.broadcast_to(unknown, shape)] = np.nan
    whole = out.reshape([sizes[d] for d in (*work, *hardware)])
    return Labelled(dims, np.ascontiguousarray(whole.transpose([(*work, *hardware).index(d) for d in dims])))


def summed(
    op_macs: Sequence[Any],
    op_weights: Sequence[Any],
    op_index_bits: Sequence[Any],
    op_traffic: Sequence[Any],
    op_cache_read: Sequence[Any],
    op_cache_written: Sequence[Any],
    op_repeat: Sequence[Any],
    batch: Any,
    weight_bits: Any,
    activation_bits: Any,
    kv_bits: Any,
    peak_ops: Any,
    compute_efficiency: Any,
    bandwidth: Any,
    bandwidth_efficiency: Any,
    weights_moved: Any,
    activations_moved: Any,
) -> Any:
    """`per_op_latency`, by the operations of the compiled code on arrays that broadcast."""
    compute, memory = peak_ops * compute_efficiency, bandwidth * bandwidth_efficiency
    ridge = compute / memory
    weight, activation = weights_moved * weight_bits, activations_moved * batch

    def work() -> Iterator[tuple[Any, Any, Any]]:
        # Made twice rather than held: there may be hundreds of ops.
        for i, often in enumerate(op_repeat):
            flops = 2.0 * op_macs[i] * batch
            live = op_traffic[i] * activation_bits + (op_cache_read[i] + op_cache_written[i]) * kv_bits
            moved = (op_weights[i] * weight + op_index_bits[i] * weights_moved + live * activation) * 0.125
            yield flops * often, moved * often, flops / moved

    all_flops, all_moved = 0.0, 0.0
    for flops, moved, _ in work():
        all_flops, all_moved = all_flops + flops, all_moved + moved
    all_flops, all_moved = 2.0 * all_flops, 2.0 * all_moved
    fast: Any = 0.0
    slow: Any = 0.0
    for flops, moved, intensity in work():
        late = intensity >= ridge
        fast = fast + np.where(late, (flops + all_flops) - all_flops, 0.0)
        slow = slow + np.where(late, 0.0, (moved + all_moved) - all_moved)
    return slow * (1 / memory) + fast * (1 / compute)


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
    """Ridges of devices in order, the place of each, and seconds of a FLOP and of a byte. Shape (rates, hardware).

    NaN stands above all ridges, so that their number is a power of two less one: a search then has no branches.
    """
    ridge = compute / memory
    order = np.argsort(ridge, axis=1, kind="stable")
    ordered = [np.take_along_axis(a, order, axis=1) for a in (ridge, 1 / compute, 1 / memory)]
    missing = 2 ** ridge.shape[1].bit_length() - 1 - ridge.shape[1]
    padded = np.pad(ordered[0], ((0, 0), (0, missing)), constant_values=np.nan)
    return padded, order, *ordered[1:]


def _in_parts(
    work: Sequence[np.ndarray],
    hardware: Sequence[np.ndarray],
    results: Sequence[np.ndarray],
    threads: int,
) -> None:
    from dse.grid.codegen import native

    kernel, (codes, out) = native(sum_ops), results
    arguments = [np.ascontiguousarray(a) for a in (*work, *hardware, codes)]
    kernel(0, 0, *arguments, out)
    edges = np.linspace(0, len(out), min(threads, len(out)) + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: kernel(*part, *arguments, out), itertools.pairwise(edges)))


# Metrics that code of their own computes: on arrays, and compiled.
ON_ARRAYS: Mapping[Callable[..., Any], Callable[..., Any]] = {per_op_latency: summed}
SPECIAL: Mapping[Callable[..., Any], Callable[[Group, Values, Program, int], Labelled]] = {
    per_op_latency: latency_of_ops
}


def on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """What gives the values of a metric on arrays or numbers, those of compiled code bit for bit."""
    return ON_ARRAYS.get(function, function)
