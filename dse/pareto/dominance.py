"""Which points no other point dominates."""

from __future__ import annotations

import numpy as np

from dse.pareto import slabs
from dse.pareto.kernels import BLOCK, MARGIN, not_beaten, round_values
from dse.pareto.pivots import by_looks, evenly, in_turn
from dse.pareto.slabs import in_parts

DIGITS = 12
# Decimal exponents that rounding can meet: those of all doubles, and the digits around them.
_OFFSET = 350
_SHIFTS = range(-_OFFSET, _OFFSET + 1)
# 10**shift as two factors: one power alone leaves the range of a double.
_FIRST = np.array([float(f"1e{min(max(s, -300), 300)}") for s in _SHIFTS])
_SECOND = np.array([float(f"1e{s - min(max(s, -300), 300)}") for s in _SHIFTS])
_POWERS = np.array([float(f"1e{s}") for s in _SHIFTS])


def canonical(values: np.ndarray, digits: int = DIGITS) -> np.ndarray:
    """Values rounded to significant decimal digits, so that rounding noise makes no frontier.

    Zero, infinities and NaN stay as they are. Shape is kept; order is kept too (a smaller value never becomes the
    larger one), and rounding again changes nothing.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size >= 5 * COMPILED:  # values of that many points with up to five columns
        return _canonical_compiled(values, digits)
    magnitude = np.abs(values)
    regular = np.isfinite(values) & (magnitude > 0)
    exponent = np.floor(np.log10(np.where(regular, magnitude, 1.0))).astype(np.int64)
    shift = _OFFSET + digits - 1 - exponent
    integer = np.rint(np.where(regular, values, 1.0) * _FIRST[shift] * _SECOND[shift])
    # A mantissa of nines rounds up to the next power of ten: one decimal number must give one double.
    carried = np.abs(integer) >= 10.0**digits
    integer = np.where(carried, integer / 10, integer)
    shift -= carried
    return np.where(regular, integer / _SECOND[shift] / _FIRST[shift], values)


def _canonical_compiled(values: np.ndarray, digits: int) -> np.ndarray:
    from dse.grid.codegen import native

    flat = np.ascontiguousarray(values).reshape(-1)
    out = np.empty_like(flat)
    round_part = native(round_values)
    tables = (flat, flat.view(np.int64), _POWERS, _FIRST, _SECOND, digits)
    in_parts(lambda start, stop: round_part(*tables, start, stop, out), len(flat))
    return out.reshape(values.shape)


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
    Points that the frontiers of small samples dominate are eliminated first, as long as that pays; `slabs` decides
    on the survivors exactly.
    """
    points = np.ascontiguousarray(points, dtype=np.float64)
    if points.ndim != 2:
        raise ValueError("points must have two dimensions")
    n, m = points.shape
    if n == 0 or m == 0:
        return np.ones(n, dtype=bool)
    if n < COMPILED:
        return _compared(canonical(points))
    alive, left = _survivors(points)
    decided = _compared(_canonical_compiled(left, DIGITS))
    if alive is None:
        return decided
    mask = np.zeros(n, dtype=bool)
    mask[alive[decided]] = True
    return mask


# Below this many points loading compiled code takes longer than it saves.
COMPILED = 20_000
# Survivors so few are decided at once.
FEW = 2_500
# A sample of which more than this share is not dominated tells that elimination does not pay.
MOST_OF_A_SAMPLE = 0.5
# Points of a sample, and eliminators taken from its frontier, in the first round and the later ones.
SAMPLE = (512, 2048, 4096)
PIVOTS = (8, 64, 512)
# Eliminators chosen for what each adds to the ones before, as long as it adds this share of the sample.
BEST = 8
LEAST_GAIN = 0.004


def _compared(points: np.ndarray) -> np.ndarray:
    """Mask of the points that no other dominates, without any rounding."""
    if np.isnan(points).any():
        raise ValueError("points must not hold NaN")
    return slabs.nondominated(points)


def _survivors(points: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Places of the points that survive comparison with a few good ones, None for all, and these points.

    Every non-dominated point survives, and every one with NaN.
    """
    alive, current = None, points
    for size, most in zip(SAMPLE, PIVOTS, strict=True):
        if len(current) < FEW:
            break
        sample = current[evenly(current, size)]
        front = sample[_compared(sample)]
        if len(front) > MOST_OF_A_SAMPLE * size:
            break
        kept, current = _eliminate(current, *_pivots(sample, front, most))
        alive = kept if alive is None else alive[kept]
    return alive, current


def _pivots(sample: np.ndarray, front: np.ndarray, most: int) -> tuple[np.ndarray, int]:
    """At most so many points of a sample's frontier, the best before the others, and the number of the best."""
    seen = sample[: SAMPLE[0]]
    front = by_looks(front, seen, most)
    if most > BEST:
        return front, min(BEST, len(front))
    best = in_turn(front, seen, most, LEAST_GAIN)
    return best, len(best)


def _eliminate(points: np.ndarray, pivots: np.ndarray, best: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the points that none of the pivots clearly beats, and these points."""
    with np.errstate(invalid="ignore", over="ignore"):  # a pivot of minus infinity eliminates nothing by that column
        limits = pivots + MARGIN * np.abs(pivots)
    n, m = points.shape
    from dse.grid.codegen import native

    kernel = native(not_beaten)
    # Only what is written takes memory.
    places, rows = np.empty(n, dtype=np.int64), tuple(np.empty((m, n)))

    def part(start: int, stop: int) -> slice:
        room = np.zeros((m, BLOCK)), np.zeros(BLOCK, dtype=np.uint8)
        return slice(start, start + kernel(points, pivots, limits, best, start, stop, places, rows, *room))

    kept = in_parts(part, n)
    left = np.column_stack([np.concatenate([column[own] for own in kept]) for column in rows])
    return np.concatenate([places[own] for own in kept]), left
