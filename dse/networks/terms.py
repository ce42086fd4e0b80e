"""Sums of products of counts over the axes of a grid, multiplied out as late as can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

# A count: a float, or a float64 array that broadcasts against those of the other axes.
Count = Any
# A count at each position, and the number of positions.
Term = tuple[Any, Any]


def _merged(terms: Iterable[Term]) -> list[Term]:
    """The same sum, with one term for all that share the object `positions`."""
    groups: dict[int, Term] = {}
    for count, positions in terms:
        if not (isinstance(count, float) and count == 0):
            before = groups.get(id(positions))
            groups[id(positions)] = (count if before is None else before[0] + count, positions)
    return list(groups.values())


def sum_of(terms: Iterable[Term]) -> Count:
    """Σ count·positions.

    On a grid counts and positions vary along different axes: terms of the same positions are summed first, so that
    arrays stay small until the product.
    """
    total: Count = 0.0
    for count, positions in _merged(terms):
        total = total + (count if isinstance(positions, float) and positions == 1 else count * positions)
    return total


def nearest_sum(products: Iterable[Sequence[Count]]) -> Count:
    """Σ of products of whole numbers, as the float64 nearest to it, of those up to 2^100.

    Each number is carried as the sum of two floats; the order of the sum makes no difference.
    """
    high: Count = 0.0
    low: Count = 0.0
    for first, *factors in products:
        product, rest = first * 1.0, 0.0
        for factor in factors:
            whole, error = _exact_product(product, factor * 1.0)
            product, rest = _exact_sum(whole, error + rest * factor)
        high, error = _exact_sum(high, product)
        low, lost = _exact_sum(low, rest)
        high, error = _exact_sum(high, error + low)
        high, low = _exact_sum(high, error + lost)
    return high


def _exact_sum(a: Count, b: Count) -> tuple[Count, Count]:
    """a + b, rounded, and what the rounding lost (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


# Splits the 53 bits of a float into halves whose products are exact (Veltkamp).
_SPLIT = 2.0**27 + 1


def _exact_product(a: Count, b: Count) -> tuple[Count, Count]:
    """a · b, rounded, and what the rounding lost (Dekker)."""
    product = a * b
    upper_a, upper_b = (_SPLIT * x - (_SPLIT * x - x) for x in (a, b))
    lower_a, lower_b = a - upper_a, b - upper_b
    return product, lower_a * lower_b - (((product - upper_a * upper_b) - lower_a * upper_b) - upper_a * lower_b)


def largest_of(sums: Iterable[Iterable[Term]]) -> Count:
    """The largest of several Σ count·positions; those of the same positions are compared before the product."""
    groups: dict[int, Term] = {}
    largest: Count = 0.0
    for terms in sums:
        merged = _merged(terms)
        if len(merged) == 1:
            ((count, positions),) = merged
            before = groups.get(id(positions))
            groups[id(positions)] = (count if before is None else np.maximum(before[0], count), positions)
        else:
            largest = np.maximum(largest, sum_of(merged))
    for term in groups.values():
        largest = np.maximum(largest, sum_of([term]))
    return largest


def times(count: Count, value: Count) -> Count:
    """The product, without arithmetic where it is 0 or the value itself."""
    if isinstance(count, (int, float)) and count in (0, 1):
        return value if count else 0.0
    return count * value
