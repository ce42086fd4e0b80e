"""The sheet of `dse.bench.sheet` as somebody would write it who needs this one sheet only, and no frontier.

No line of it comes from the generator: equal results tell that both are right.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from dse.bench.sheet import LIMITS
from dse.grid.program import program
from dse.grid.space import Space

# Counts of a network, of each layer count and width; then what formats, batches and devices are.
COUNTS = ("macs", "weights_read", "activation_traffic", "cache_traffic", "params", "cache_elements", "peak_activations")
DIMS = ("layers", "ffn")


def sheet(start, stop, counts, formats, batches, peak, bandwidth, power, room, constants, limits, counted, least):  # type: ignore[no-untyped-def]
    """Count designs of the networks start..stop, feasible ones among them, and note their least objectives.

    Parameters
    ----------
    counts
        What COUNTS names of each network, shape (networks, 7).
    formats
        Bits of weights, activations and cache, shape (formats, 3).
    peak, bandwidth, power, room
        FLOP/s of each format and device, shape (formats, devices); bytes a second, watts and bytes of each device.
    constants
        Carbon intensity [g/kWh] and price of electricity [USD/kWh].
    counted, least
        Feasible designs, and the least latency, carbon and negative throughput of them; shapes (1,) and (3,).
    """
    carbon_intensity, price = constants
    most_latency, most_power, most_cost = limits
    feasible, least_latency, least_carbon, least_negative = 0, np.inf, np.inf, np.inf
    weight_time, rows = np.empty(bandwidth.size), np.empty((3, bandwidth.size))
    found = np.empty(bandwidth.size, dtype=np.int64)
    for network in range(start, stop):
        macs, weights, traffic, cache, params, elements, live = counts[network]
        for scheme in range(formats.shape[0]):
            weight_bits, activation_bits, kv_bits = formats[scheme]
            for device in range(bandwidth.size):
                weight_time[device] = weights * weight_bits / 8 / bandwidth[device]
            for place in range(batches.size):
                batch = batches[place]
                flops = 2 * macs * batch
                moved = traffic * batch * activation_bits / 8 + cache * batch * kv_bits / 8
                held = params * weight_bits / 8 + elements * kv_bits / 8 * batch + live * activation_bits / 8 * batch
                for device in range(bandwidth.size):
                    at = np.uint64(device)
                    compute, memory = flops / peak[scheme, at], weight_time[at] + moved / bandwidth[at]
                    latency = compute if compute > memory else memory
                    energy_wh = power[at] * latency / 3600 / batch
                    cost = energy_wh / 1000 * price
                    fits = (held <= room[at]) & (latency <= most_latency) & (power[at] <= most_power)
                    fits &= cost <= most_cost
                    # What does not fit is infinitely slow and large: every lane of a vector does the same.
                    rows[0, at] = latency if fits else np.inf
                    rows[1, at] = energy_wh / 1000 * carbon_intensity / 1000 if fits else np.inf
                    rows[2, at] = -batch / latency if fits else np.inf
                    found[at] = fits
                for device in range(bandwidth.size):
                    at = np.uint64(device)
                    feasible += found[at]
                    least_latency = min(least_latency, rows[0, at])
                    least_carbon = min(least_carbon, rows[1, at])
                    least_negative = min(least_negative, rows[2, at])
    counted[0] = feasible
    least[0], least[1], least[2] = least_latency, least_carbon, least_negative


@cache
def _compiled() -> Any:
    import numba

    # Least values in vectors: there is no NaN among the sheet's, and infinity stays what it is. Divisions stay exact.
    return numba.njit(nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})(sheet)


def prepared(space: Space, threads: int) -> Callable[[], tuple[int, np.ndarray]]:
    """A function that sends a whole space of the catalogue's devices through the kernel, on so many threads.

    It gives the number of feasible designs and their least objectives.
    """
    kernel, arguments = _compiled(), sheet_of(space)
    networks = len(arguments[0])
    # More parts than threads: none waits long for the other.
    edges = np.unique(np.linspace(0, networks, 8 * threads + 1).astype(int)).tolist()

    def part(bounds: tuple[int, int]) -> tuple[int, np.ndarray]:
        counted, least = np.zeros(1, dtype=np.int64), np.full(3, np.inf)
        kernel(*bounds, *arguments, counted, least)
        return int(counted[0]), least

    part((0, 0))

    def whole() -> tuple[int, np.ndarray]:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(part, itertools.pairwise(edges)))
        return sum(n for n, _ in found), np.min([least for _, least in found], axis=0)

    return whole


def sheet_of(space: Space) -> tuple[Any, ...]:
    """What the sheet is of: counts of each network, formats, batches, rates of devices, constants and limits."""
    values = program(space, ("throughput", "carbon", "electricity_cost", "memory_free")).values

    def over(name: str, *dims: str) -> np.ndarray:
        sizes = [space.sizes[d] for d in dims]
        return np.ascontiguousarray(np.broadcast_to(values[name].over(dims), sizes), dtype=np.float64)

    counts = np.stack([over(name, *DIMS).reshape(-1) for name in COUNTS], axis=1)
    formats = np.stack([over(name, "precision") for name in ("weight_bits", "activation_bits", "kv_bits")], axis=1)
    power = over("tdp", "device") * values["utilization"].data.item() * over("pue", "device")
    room = over("memory_capacity", "device") * values["memory_share"].data.item()
    constants = values["carbon_intensity"].data.item(), values["electricity_price"].data.item()
    rates = over("peak_ops", "precision", "device"), over("bandwidth", "device"), power, room
    return (np.ascontiguousarray(counts), formats, over("batch", "batch"), *rates, constants, LIMITS)
