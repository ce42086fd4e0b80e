"""Latency summed over ops, beside the bare roofline of the whole network, at few hardware points and at many."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from dse.bench.figures import Case, Figure, check, in_turns, nanoseconds
from dse.bench.machine import cores
from dse.bench.sweeps import logarithmic
from dse.grid.evaluate import evaluate_values
from dse.grid.labelled import OP
from dse.grid.program import program
from dse.grid.space import Space
from dse.jobs.resolve import read_job

GROUP = "per_op"
# Points of hardware, and the ratio that is aimed at.
HARDWARE = {50: 10.0, 256: None, 1024: 3.0}
# What the sums of two orders may differ by, relatively.
ROUNDING = 1e-12


def cases(full: bool) -> list[Case]:
    """MobileNetV2 of several widths, formats and batches on chips of several rates."""
    size = 1e7 if full else 1e5
    return [_case(points, goal, size) for points, goal in HARDWARE.items()]


def _case(points: int, goal: float | None, size: float) -> Case:
    what = f"per_op latency of MobileNetV2, {points:,} hardware points"
    return Case(GROUP, what, lambda: _summed(what, points, goal, size))


def _space(points: int, size: float, model: str) -> Space:
    """About so many designs on so many points of hardware."""
    rates = {50: (5, 10), 256: (16, 16), 1024: (32, 32)}[points]
    widths = max(1, round(size / points / 2 / 16))
    document = {
        "name": "bench",
        "network": {"family": "mobilenet_v2", "resolution": 224, "width": {"start": 0.35, "stop": 1.4, "num": widths}},
        "precision": {"scheme": ["fp16", "int8"]},
        "hardware": {"device": "chip"},
        "device": {
            "chip": {
                "class": "edge",
                "peak_fp16": logarithmic("0.1 TFLOP/s", "10 TFLOP/s", rates[0]),
                "bandwidth": logarithmic("5 GB/s", "200 GB/s", rates[1]),
                "memory_capacity": "4 GiB",
            }
        },
        "deployment": {"batch": list(range(1, 17)), "latency_model": model},
        "objectives": {"minimize": ["latency"]},
    }
    return read_job(document).space


def _summed(what: str, points: int, goal: float | None, size: float) -> Iterator[Figure]:
    space, plain = (_space(points, size, model) for model in ("per_op", "roofline"))
    found: dict[str, Any] = {}

    def engine(space: Space) -> np.ndarray:
        return evaluate_values(space, ["latency"], engine="fused")["latency"].data

    def ours() -> None:
        found["dse"] = engine(space)

    def by_hand() -> None:
        found["roofline by hand"] = bare()

    bare = _bare(plain)
    turns = in_turns({"dse": ours, "roofline by hand": by_hand, "roofline of dse": lambda: engine(plain)})
    check(np.allclose(found["roofline by hand"], engine(plain), rtol=ROUNDING, atol=0), f"{what}: roofline")
    check(_agrees(space, found["dse"]), f"{what}: sums over ops")
    told = f"{space.size:,} designs, {nanoseconds(turns.median('dse'), space.size)}; "
    told += f"{turns.ratio('dse', 'roofline of dse'):.2f} × the roofline by dse itself"
    yield Figure(GROUP, what, turns.ratio("dse", "roofline by hand"), "× roofline", None, goal, turns.medians(), told)


def _agrees(space: Space, latency: np.ndarray) -> bool:
    """Whether the latency of every design is the sum over its ops of the larger of two times, written out here.

    From the counts of the ops alone, width by width: no line of it comes from the metric or its kernel.
    """
    values = program(space, ["latency"]).values
    sizes = {**space.sizes, OP: values["op_macs"].data.shape[-1]}

    def over(name: str, *dims: str) -> np.ndarray:
        return np.broadcast_to(values[name].over(dims), [sizes[d] for d in dims])

    macs, weights, traffic, often = (over(f"op_{n}", "width", OP) for n in ("macs", "weights", "traffic", "repeat"))
    batch = over("batch", "batch")[:, None, None]
    bits = {n: over(n, "precision")[:, None, None, None] for n in ("weight_bits", "activation_bits")}
    peak, bandwidth = over("peak_ops", "precision", "peak_fp16")[:, None, :, None], over("bandwidth", "bandwidth")
    for width in range(sizes["width"]):
        total = np.zeros(latency.shape[1:])
        for one in zip(macs[width], weights[width], traffic[width], often[width], strict=True):
            of_macs, of_weights, of_traffic, times = one
            moved = of_weights * bits["weight_bits"] / 8 + of_traffic * bits["activation_bits"] / 8 * batch
            total += times * np.maximum(2 * of_macs * batch / peak, moved / bandwidth)
        if not np.allclose(latency[width], total, rtol=ROUNDING, atol=0):
            return False
    return True


def roofline(start, stop, flops, moved, scheme, peak, bandwidth, out):  # type: ignore[no-untyped-def]
    """The larger of two times: rows start..stop of work on every pair of a peak rate and a bandwidth."""
    for row in range(start, stop):
        for p in range(peak.shape[1]):
            compute, line = flops[row] / peak[scheme[row], p], out[row, p]
            for q in range(bandwidth.size):
                line[q] = max(compute, moved[row] / bandwidth[q])


@cache
def _compiled() -> Any:
    import numba

    return numba.njit(nogil=True, error_model="numpy")(roofline)


def _bare(space: Space) -> Callable[[], np.ndarray]:
    """The roofline of a space by a kernel written by hand, both cores at work, into new memory as dse's."""
    work = ("width", "precision", "batch")
    values = {**program(space, ["latency"]).values}

    def over(name: str, *dims: str) -> np.ndarray:
        return np.broadcast_to(values[name].over(dims), [space.sizes[d] for d in dims]).astype(np.float64)

    batch, bits = over("batch", *work), over("activation_bits", *work)
    flops = 2 * over("macs", *work) * batch
    moved = over("weights_read", *work) * over("weight_bits", *work) / 8
    moved = moved + over("activation_traffic", *work) * bits / 8 * batch
    scheme = np.broadcast_to(np.arange(space.sizes["precision"])[:, None], flops.shape).reshape(-1)
    rates = over("peak_ops", "precision", "peak_fp16"), over("bandwidth", "bandwidth")
    arguments = flops.reshape(-1), moved.reshape(-1), np.ascontiguousarray(scheme), *rates
    shape = flops.size, rates[0].shape[1], rates[1].size
    kernel, edges = _compiled(), np.linspace(0, flops.size, cores() + 1).astype(int).tolist()
    kernel(0, 0, *arguments, np.empty(shape))

    def run() -> np.ndarray:
        out = np.empty(shape)
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(lambda part: kernel(*part, *arguments, out), itertools.pairwise(edges)))
        return out.reshape(tuple(space.sizes.values()))

    return run
