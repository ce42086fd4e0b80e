"""Dominance the plain way: every pair of points, decimal rounding by text."""

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
