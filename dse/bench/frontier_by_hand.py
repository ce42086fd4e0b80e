"""The frontier of the sheet of `dse.bench.sheet`, by NumPy and moocore alone: every design and every value of it.

No line of it comes from the generator, the archive or the filter: an equal frontier tells that all of them are right.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.bench.by_hand import DIMS, sheet_of
from dse.grid.space import Space

# Networks evaluated at a time, designs that wait to be compared, and good designs that drop most others first.
NETWORKS, WAITING, PIVOTS = 64, 300_000, 24
# What is worse in every objective by so much, relatively, is worse after rounding to 12 digits too.
CLEAR = 1e-9


def frontier(space: Space, third: str) -> tuple[np.ndarray, np.ndarray]:
    """Flat places, ascending, of the designs of the frontier, and their latency, carbon and negative third objective.

    Latency and carbon are made small, "throughput" or "params" large. Values are compared at 12 significant digits.
    """
    counts, *rest = sheet_of(space)
    sizes = [*(space.sizes[d] for d in DIMS), *(space.sizes[d] for d in ("precision", "batch", "device"))]
    of_network = int(np.prod(sizes[len(DIMS) :]))
    places, points = np.empty(0, dtype=np.int64), np.empty((0, 3))
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, len(counts), NETWORKS):
        own, found = _feasible(third, counts[start : start + NETWORKS], *rest)
        kept = _not_clearly_beaten(found, _pivots(points))
        waiting.append((own[kept] + start * of_network, found[kept]))
        if not len(points) or sum(len(own) for own, _ in waiting) > WAITING:
            places, points = _filtered((places, points), *waiting)
            waiting = []
    places, points = _filtered((places, points), *waiting)
    dims = [*DIMS, "precision", "batch", "device"]
    index = dict(zip(dims, np.unravel_index(places, sizes), strict=True))
    index |= {d: np.zeros_like(places) for d in space.dims if d not in index}
    flat = np.ravel_multi_index([index[d] for d in space.dims], tuple(space.sizes.values()))
    order = np.argsort(flat)
    return flat[order], points[order]


def _feasible(
    third: str, counts: np.ndarray, formats: np.ndarray, batches: np.ndarray, *others: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Places among these networks of the designs that keep all limits, and their objectives."""
    peak, bandwidth, power, room, constants, limits = others
    macs, weights, traffic, cache, params, elements, live = counts.T[:, :, None, None, None]
    weight_bits, activation_bits, kv_bits = formats.T[:, :, None, None]
    batch, rate = batches[:, None], peak[:, None, :]
    flops = 2 * macs * batch
    moved = traffic * batch * activation_bits / 8 + cache * batch * kv_bits / 8
    held = params * weight_bits / 8 + elements * kv_bits / 8 * batch + live * activation_bits / 8 * batch
    latency = np.maximum(flops / rate, weights * weight_bits / 8 / bandwidth + moved / bandwidth)
    energy_wh = power * latency / 3600 / batch
    cost = energy_wh / 1000 * constants[1]
    most_latency, most_power, most_cost = limits
    fits = (held <= room) & (latency <= most_latency) & (power <= most_power) & (cost <= most_cost)
    carbon = energy_wh / 1000 * constants[0] / 1000
    last = -batch / latency if third == "throughput" else np.broadcast_to(-params, fits.shape)
    return np.flatnonzero(fits), np.column_stack([latency[fits], carbon[fits], last[fits]])


def _pivots(points: np.ndarray) -> np.ndarray:
    """Some points of a frontier from all over it."""
    order = np.argsort(points[:, 0])
    return (
        points[order[np.unique(np.linspace(0, max(0, len(points) - 1), PIVOTS).astype(int))]] if len(order) else points
    )


def _not_clearly_beaten(points: np.ndarray, pivots: np.ndarray) -> np.ndarray:
    kept = np.arange(len(points))
    for pivot in pivots:
        own = points[kept]
        kept = kept[~(own - CLEAR * np.abs(own) > pivot).all(axis=1)]
    return kept


def _filtered(*parts: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    import moocore

    places, points = (np.concatenate(own) for own in zip(*parts, strict=True))
    digits = np.array([float(f"{v:.11e}") for v in points.reshape(-1).tolist()]).reshape(points.shape)
    kept = moocore.is_nondominated(digits, keep_weakly=True) if len(points) else np.zeros(0, dtype=bool)
    return places[kept], points[kept]
