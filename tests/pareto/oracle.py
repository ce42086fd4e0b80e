"""Dominance the plain way: every pair of points, decimal rounding by text."""

import math
from decimal import Decimal, getcontext

import numpy as np

# A double has up to 767 digits.
getcontext().prec = 800


def rounded(value):
    """A value at 12 significant digits, as text does it."""
    return float(f"{value:.11e}") if np.isfinite(value) else value


def scaled(value):
    """A value times the power of ten that brings 12 digits before the point, exactly."""
    exact = Decimal(value)
    return exact.scaleb(11 - exact.adjusted()) if exact else exact


def nondominated(points):
    rows = [tuple(map(rounded, row)) for row in points]
    return np.array([not any(_dominates(other, row) for other in rows) for row in rows], dtype=bool)


def _dominates(a, b):
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def by_group(points, groups):
    """Places of the points that none of their own group dominates."""
    kept = []
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        kept += rows[nondominated(points[rows])].tolist()
    return sorted(kept)


def some_points(rng, n, m):
    """Ties, plateaus, duplicates, values that are equal to 12 digits, negative ones, zeros, infinities."""
    kind = rng.integers(6)
    points = rng.random((n, m))
    if kind == 1:
        points = np.floor(points * 5) - 2
    if kind == 2:
        points = np.exp(rng.normal(0, 8, (n, m))) * rng.choice([-1.0, 1.0], m)
    if kind == 3:
        points = (np.floor(points * 4) + 1) * rng.choice([-1e300, 1e-300, 1.0], m)
    if kind == 4:
        points[rng.random((n, m)) < 0.1] = 0.0
        points[rng.random((n, m)) < 0.05] = -math.inf
        points[rng.random((n, m)) < 0.05] = math.inf
    if kind == 5:
        points = 1 + 1e-13 * np.floor(points * 30)
    if rng.random() < 0.5:
        points = points[rng.integers(0, n, n)]
    if rng.random() < 0.5:
        points *= 1 + rng.choice([0.0, 1e-13, -1e-13, 7e-12], (n, m))
    if rng.random() < 0.3:
        points[:, rng.integers(m)] = rng.choice([0.0, -0.0, 3.25])
    return points
