"""Dominance the plain way: every pair of points, decimal rounding by text."""

import numpy as np


def rounded(value):
    """A value at 12 significant digits, as text does it."""
    return float(f"{value:.11e}") if np.isfinite(value) else value


def nondominated(points):
    rows = [tuple(map(rounded, row)) for row in points]
    return np.array([not any(_dominates(other, row) for other in rows) for row in rows], dtype=bool)


def _dominates(a, b):
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))
