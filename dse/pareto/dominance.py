"""Which points no other point dominates."""

from __future__ import annotations

import numpy as np

DIGITS = 12


def canonical(values: np.ndarray, digits: int = DIGITS) -> np.ndarray:
    """Values rounded to significant decimal digits, so that rounding noise makes no frontier.

    Zero, infinities and NaN stay as they are. Shape is kept.
    """
    values = np.asarray(values, dtype=np.float64)
    magnitude = np.abs(values)
    regular = np.isfinite(values) & (magnitude > 0)
    exponent = np.floor(np.log10(np.where(regular, magnitude, 1.0)))
    # Two factors: one power alone leaves the range of a double for very small and very large values.
    shift = digits - 1 - exponent
    first = np.clip(shift, -300, 300)
    scaled = values * 10.0**first * 10.0 ** (shift - first)
    rounded = np.round(np.where(regular, scaled, 1.0)) / 10.0 ** (shift - first) / 10.0**first
    return np.where(regular, rounded, values)


def nondominated(points: np.ndarray) -> np.ndarray:
    """Mask of the points that no other dominates; equal points all stay.

    Parameters
    ----------
    points
        Shape (n, m), every column to be minimised, no NaN. One point dominates another when it is no larger in
        any column and smaller in one, after rounding to 12 significant digits.

    Notes
    -----
    Points dominated by one of a few good ones are eliminated first; moocore decides on the survivors exactly
    (Fonseca, López-Ibáñez et al.; O(n log n) for two and three objectives).
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2:
        raise ValueError("points must have two dimensions")
    if np.isnan(points).any():
        raise ValueError("points must not hold NaN")
    n, m = points.shape
    if n == 0 or m == 0:
        return np.ones(n, dtype=bool)
    rounded = canonical(points)
    if m == 1:
        return np.asarray(rounded[:, 0] == rounded[:, 0].min())
    alive = _eliminate(rounded)
    survivors = rounded[alive]
    mask = np.zeros(n, dtype=bool)
    mask[alive] = _exact(survivors)
    return mask


def _eliminate(points: np.ndarray, rounds: int = 8) -> np.ndarray:
    """Places of the points that survive comparison with a few good ones."""
    alive = np.arange(len(points))
    for _ in range(rounds):
        if len(alive) < 2_000:
            break
        current = points[alive]
        finite = np.where(np.isfinite(current), current, np.nan)
        low, high = np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)
        scaled = (current - low) / np.where(high > low, high - low, 1.0)
        sums = scaled.sum(axis=1)
        if not np.isfinite(sums).any():
            break
        pivot = current[np.nanargmin(sums)]
        beaten = (current >= pivot).all(axis=1) & (current > pivot).any(axis=1)
        if beaten.sum() < 0.02 * len(alive):
            break
        alive = alive[~beaten]
    return alive


def _exact(points: np.ndarray) -> np.ndarray:
    import moocore

    # Ranks keep order and equality, and are finite where a value is infinite.
    ranks = np.column_stack([np.unique(column, return_inverse=True)[1] for column in points.T]).astype(float)
    distinct, place = np.unique(ranks, axis=0, return_inverse=True)
    return np.asarray(moocore.is_nondominated(distinct))[place.ravel()]
