"""The loops of the best clipping level over the values of tensors, compiled when first used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np


@cache
def clip_kernel() -> Callable[[Any, float, int], tuple[float, float, float]]:
    """The compiled kernel: (values, noise, group) -> level of the last group, sum of squared errors, sum of squares.

    `values` is a flat array of float32 or float64, finite; `noise` is 4^-bits / levels; each `group` of values (0: all)
    has a level of its own, found as `optimal_clip` says. A group of zeros has no error. Sums are over all values, in
    float64.

    Two values, of which the larger is clipped at 2 bits, without sign:

    >>> level, error, squares = clip_kernel()(np.array([1.0, 3.0]), 4.0**-2 / 12, 0)
    >>> round(level, 6), round(squares, 6)
    (2.984456, 10.0)
    """
    import numba

    @numba.njit(nogil=True, error_model="numpy")
    def beyond(values: Any, clip: float) -> tuple[int, float, float]:
        count, tail, excess = 0, 0.0, 0.0
        for value in values:
            magnitude = abs(float(value))
            if magnitude > clip:
                count += 1
                tail += magnitude
                excess += (magnitude - clip) * (magnitude - clip)
        return count, tail, excess

    @numba.njit(nogil=True, error_model="numpy")
    def best(values: Any, noise: float) -> tuple[float, float]:
        total = 0.0
        for value in values:
            total += abs(float(value))
        if total == 0:
            return 0.0, 0.0
        clip, low, high = total / values.size, 0.0, np.inf
        while True:
            count, tail, excess = beyond(values, clip)
            target = tail / (noise * (values.size - count) + count)
            if target > clip:
                low = clip
            else:
                high = clip
            if not (low < target < high):
                target = (low + high) / 2
            if abs(target - clip) <= 1e-14 * clip or target in (low, high):
                break
            clip = target
        count, tail, excess = beyond(values, target)
        return target, noise * target * target * (values.size - count) + excess

    @numba.njit(nogil=True, error_model="numpy")
    def over_groups(values: Any, noise: float, group: int) -> tuple[float, float, float]:
        size = values.size if group == 0 else group
        clip, error, squares = 0.0, 0.0, 0.0
        for start in range(0, values.size, size):
            clip, of_group = best(values[start : start + size], noise)
            error += of_group
        for value in values:
            squares += float(value) * float(value)
        return clip, error, squares

    return over_groups
