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

from dse.grid.labelled import OP, Labelled
from dse.grid.nests import Call
from dse.grid.program import Group, Program, Values
from dse.metrics.latency import per_op_latency

VECTORS = ("op_macs", "op_weights", "op_traffic", "op_cache_read", "op_cache_written", "op_repeat")
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
    from dse.grid.codegen import compiled

    kernel = compiled(Call(sum_ops, (work_of_ops, sort_ops, prefix_sums, walk)))
    arguments = [np.ascontiguousarray(a) for a in (*work, *hardware[:-1])]
    rows = len(hardware[-1])
    kernel(0, 0, *arguments, hardware[-1])
    edges = np.linspace(0, rows, min(threads, rows) + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: kernel(*part, *arguments, hardware[-1]), itertools.pairwise(edges)))


def sum_ops(start, stop, ops, network, scalars, device, ridge, order, compute, memory, codes, out):
    """Fill rows of `out`, shape (work, hardware), with the sum over ops of the larger of two times.

    `ops` has shape (networks, 6, ops); `network` and `device` say for each row which of the networks and which of the
    rates it takes. Of each device in the order of ridges: `ridge`, ascending, its place `order`, and the seconds of a
    FLOP and of a byte, `compute` and `memory`. `codes` say what moves, each design's or that of all: 2 for weights,
    and 1 for activations.
    """
    n = ops.shape[2]
    sequence, intensity = np.empty((4, n), dtype=np.int64), np.empty((4, n + 1))
    for code in range(4):
        intensity[code, n] = np.inf
        for i in range(n):
            sequence[code, i] = i
    flops, moved, key = np.empty(n), np.empty(n), np.empty(n)
    slow, fast, present = np.zeros(n + 1), np.zeros(n + 1), np.zeros(4, dtype=np.bool_)
    for row in range(start, stop):
        present[:] = False
        if codes.size == 1:
            present[codes[0, 0]] = True
        else:
            for code in codes[row]:
                present[code] = True
        table, rates = ops[network[row]], device[row]
        for code in range(4):
            if present[code]:
                work_of_ops(table, scalars[row], code, flops, moved, key)
                sort_ops(sequence[code], intensity[code], key)
                prefix_sums(sequence[code], flops, moved, table[5], slow, fast)
                own = codes[0] if codes.size == 1 else codes[row]
                device_rows = ridge[rates], order[rates], compute[rates], memory[rates]
                walk(intensity[code], slow, fast, device_rows, own, code, out[row])


def work_of_ops(table, scalars, code, flops, moved, key):
    """FLOP, bytes that move, and intensity of each op."""
    batch, weight_bits, activation_bits, kv_bits = scalars[0], scalars[1], scalars[2], scalars[3]
    weights, activations = code // 2 * weight_bits, code % 2 * batch
    for i in range(flops.size):
        flops[i] = 2.0 * table[0, i] * batch
        live = table[2, i] * activation_bits + (table[3, i] + table[4, i]) * kv_bits
        moved[i] = (table[1, i] * weights + live * activations) * 0.125
        # What moves nothing computes at any ridge; what does nothing at all is at home anywhere.
        ratio = flops[i] / moved[i]
        key[i] = ratio if ratio == ratio else 0.0


def sort_ops(sequence, intensity, key):
    """Bring ops in order of intensity, from the order that they were in: an insertion sort, quick where little moves."""
    for i in range(sequence.size):
        op = sequence[i]
        own, k = key[op], i
        while k > 0 and intensity[k - 1] > own:
            intensity[k], sequence[k] = intensity[k - 1], sequence[k - 1]
            k -= 1
        intensity[k], sequence[k] = own, op


def prefix_sums(sequence, flops, moved, repeat, slow, fast):
    """Bytes of the first k ops into `slow[k]`, FLOP of all others into `fast[k]`."""
    n = sequence.size
    for k in range(n):
        op = sequence[k]
        slow[k + 1] = slow[k] + repeat[op] * moved[op]
        op = sequence[n - 1 - k]
        fast[n - 1 - k] = fast[n - k] + repeat[op] * flops[op]


def walk(intensity, slow, fast, devices, codes, code, out):
    """The latency on each device that has the code, in order of ridges; `intensity` ends with infinity."""
    ridge, order, compute, memory = devices
    k = 0
    for q in range(ridge.size):
        while intensity[k] < ridge[q]:
            k += 1
        if codes.size == 1 or codes[order[q]] == code:
            out[order[q]] = slow[k] * memory[q] + fast[k] * compute[q]


# Metrics that compiled code of their own computes, where that pays.
SPECIAL: Mapping[Callable[..., Any], Callable[[Group, Values, Program, int], Labelled | None]] = {
    per_op_latency: latency_of_ops
}
