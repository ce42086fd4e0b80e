"""Loops of the non-dominated filter and of the archive: plain functions, compiled where many points are at stake."""

from __future__ import annotations

import numpy as np

# Points that are compared with the first `best` pivots together, so that the comparisons become vector instructions.
BLOCK = 256


def not_beaten(points, pivots, limits, best, start, stop, places, rows, block, beaten):
    """Write the points of start..stop that no pivot clearly beats to places[start:] and rows[start:]; return how many.

    A pivot beats a point that is nowhere below it and somewhere above its limit. NaN is never beaten. All arrays
    hold columns of equal number, which the compiler learns from `rows`, a tuple of that many columns. `block` and
    `beaten` are room to work in, shape (columns, BLOCK) and (BLOCK,): to allocate it here takes half a second more to
    compile.
    """
    kept = start
    for first in range(start, stop, BLOCK):
        count = min(BLOCK, stop - first)
        for i in range(count):
            for j in range(len(rows)):
                block[j, i] = points[first + i, j]
        for i in range(BLOCK):
            beaten[i] = 0
        for a in range(best):
            for i in range(BLOCK):
                inside, clear = True, False
                for j in range(len(rows)):
                    inside &= block[j, i] >= pivots[a, j]
                    clear |= block[j, i] > limits[a, j]
                beaten[i] |= inside & clear
        for i in range(count):
            if beaten[i]:
                continue
            a, stays = best, True
            while a < len(pivots) and stays:
                inside, clear = True, False
                for j in range(len(rows)):
                    inside &= block[j, i] >= pivots[a, j]
                    clear |= block[j, i] > limits[a, j]
                stays = not (inside & clear)
                a += 1
            if stays:
                places[kept] = first + i
                for j in range(len(rows)):
                    rows[j][kept] = block[j, i]
                kept += 1
    return kept - start


def round_values(values, bits, powers, first, second, digits, start, stop, out):
    """Round values[start:stop] to significant digits as `dominance.canonical` does, operation by operation.

    `bits` are the values as int64; `powers`, `first` and `second` the tables of `dominance` with their offset.
    """
    offset = (len(powers) - 1) // 2
    most = powers[offset + digits]
    for i in range(start, stop):
        value = values[i]
        magnitude = abs(value)
        if not (0.0 < magnitude < np.inf):
            out[i] = value
            continue
        # Of 2**e <= magnitude the decimal exponent is floor(e log10(2)) or one more.
        binary = ((bits[i] >> 52) & 2047) - 1023
        exponent = int(np.floor(binary * 0.30102999566398120)) if binary > -1023 else int(np.floor(np.log10(magnitude)))
        if binary > -1023 and exponent < 308 and magnitude >= powers[offset + exponent + 1]:
            exponent += 1
        shift = offset + digits - 1 - exponent
        integer = np.rint(value * first[shift] * second[shift])
        if abs(integer) >= most:
            integer /= 10.0
            shift -= 1
        out[i] = integer / second[shift] / first[shift]


def beaten_in_order(height, rank, value, query_height, query_rank, query_value, out):
    """Mark each query that some point is no larger than in height, rank and value.

    Points and queries come in order of height. Ranks count from 1; a Fenwick tree over them holds least values.
    All values are finite.
    """
    size = 1
    for r in rank:
        size = max(size, r)
    tree = np.full(size + 1, np.inf)
    done = 0
    for i in range(len(query_height)):
        while done < len(height) and height[done] <= query_height[i]:
            place = rank[done]
            while place <= size:
                tree[place] = min(tree[place], value[done])
                place += place & -place
            done += 1
        least = np.inf
        place = min(query_rank[i], size)
        while place > 0:
            least = min(least, tree[place])
            place -= place & -place
        out[i] = least <= query_value[i]


# Halved keys of doubles that differ by less are treated as equal: 1024 units in the last place, above 1e-13 relative.
SLACK = 512
# What rounding to 12 digits moves a value by is far below this.
MARGIN = 1e-10


def surely_dominated(point, group, base, shift, table, cells):
    """Whether the index of an archive tells that a point is dominated, also after rounding to 12 digits.

    Parameters
    ----------
    point
        The m objectives, a tuple or an array, all to be minimised. NaN is not dominated.
    group
        The group of the point.
    base, shift, table, cells
        Of the `Index`.
    """
    place = 0
    for j in range(len(point) - 1):
        value = np.float64(point[j])
        if value != value:
            return False
        bits = value.view(np.int64)
        # As signed integers the bits of negative values come in reverse. Halved keys have differences without overflow.
        key = (bits if bits >= 0 else bits ^ np.int64(0x7FFFFFFFFFFFFFFF)) >> 1
        cell = (key - SLACK - base[group, j]) >> shift[group, j]
        place = place * (cells + 1) + min(max(cell, 0), cells)
    last = point[len(point) - 1]
    return bool(table[group, place] < last - MARGIN * abs(last))


def mark_dominated(points, groups, base, shift, table, cells, start, stop, out):
    """Write `surely_dominated` of the points of start..stop to out[start:stop]."""
    for i in range(start, stop):
        out[i] = surely_dominated(points[i], groups[i], base, shift, table, cells)
