"""Which points no other point dominates."""

from __future__ import annotations

import numpy as np

DIGITS = 12


def canonical(values: np.ndarray, digits: int = DIGITS) -> np.ndarray:
    """Values rounded to significant decimal digits, so that rounding noise makes no frontier.

    Zero, infinities and NaN stay as they are. Shape is kept; order is kept too (a smaller value never becomes the
    larger one), and rounding again changes nothing.
    """
    values = np.asarray(values, dtype=np.float64)
    magnitude = np.abs(values)
    regular = np.isfinite(values) & (magnitude > 0)
    exponent = np.floor(np.log10(np.where(regular, magnitude, 1.0)))
    first, second = _powers(digits - 1 - exponent)
    integer = np.round(np.where(regular, values, 1.0) * first * second)
    # A mantissa of nines rounds up to the next power of ten: one decimal number must give one double.
    carried = np.abs(integer) >= 10.0**digits
    integer = np.where(carried, integer / 10, integer)
    first, second = _powers(digits - 1 - exponent - carried)
    return np.where(regular, integer / second / first, values)


def _powers(shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two factors whose product is 10**shift: one power alone leaves the range of a double."""
    first = np.clip(shift, -300, 300)
    return 10.0**first, 10.0 ** (shift - first)


def nondominated(points: np.ndarray) -> np.ndarray:
    """Mask of the points that no other dominates; equal points all stay.

    Parameters
    ----------
    points
        Shape (n, m), every column to be minimised, no NaN. One point dominates another when it is no larger in
        any column and smaller in one, after rounding to 12 significant digits.

    Raises
    ------
    ValueError
        For another number of dimensions, or NaN.

    Notes
    -----
    Points dominated by one of a few good ones are eliminated first; moocore decides on the survivors exactly
    (Kung, Luccio and Preparata, J. ACM 22(4), 1975; O(n log n) for two and three objectives).
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2:
        raise ValueError("points must have two dimensions")
    if np.isnan(points).any():
        raise ValueError("points must not hold NaN")
    n, m = points.shape
    if n == 0 or m == 0:
        return np.ones(n, dtype=bool)
    mask = np.zeros(n, dtype=bool)
    alive = _eliminate(points)
    rounded = canonical(points[alive])
    mask[alive] = rounded[:, 0] == rounded[:, 0].min() if m == 1 else _exact(rounded)
    return mask


# Below this many points the exact algorithm is as quick as looking for eliminators.
FEW = 2_000
# Far above what rounding to 12 digits moves a value by: a point beaten by so much stays beaten after rounding.
MARGIN = 1e-10


def _eliminate(points: np.ndarray, rounds: int = 8) -> np.ndarray:
    """Places of the points that survive comparison with a few good ones; every non-dominated point does."""
    alive = np.arange(len(points))
    for _ in range(rounds):
        if len(alive) < FEW:
            break
        current = points if len(alive) == len(points) else points[alive]
        pivot = current[_balanced(current)]
        # Column by column: most points are out after the first.
        survives = np.zeros(len(current), dtype=bool)
        clearly = np.zeros(len(current), dtype=bool)
        with np.errstate(invalid="ignore"):  # of a pivot of minus infinity: such a column eliminates nothing
            bound = pivot + MARGIN * np.abs(pivot)
        for column, value, limit in zip(current.T, pivot, bound, strict=True):
            survives |= column < value
            clearly |= column > limit
        survives |= ~clearly
        if survives.mean() > 0.98:
            break
        alive = alive[survives]
    return alive


def _balanced(points: np.ndarray) -> int:
    """A point that is good in all columns at once: the least sum of columns scaled to their finite range."""
    sums = np.zeros(len(points))
    for column in points.T:
        finite = column[np.isfinite(column)]
        low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
        with np.errstate(invalid="ignore", over="ignore"):
            sums += (column - low) / (high - low) if high > low else np.where(np.isfinite(column), 0.0, column)
    return int(np.argmin(np.where(np.isnan(sums), np.inf, sums)))


def _exact(points: np.ndarray) -> np.ndarray:
    import moocore

    if not np.isfinite(points).all():
        # Ranks keep order and equality, and are finite where a value is infinite.
        points = np.column_stack([np.unique(column, return_inverse=True)[1] for column in points.T]).astype(float)
    return np.asarray(moocore.is_nondominated(points, keep_weakly=True))
