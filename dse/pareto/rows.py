"""What happens to rows of designs as they stream past: counted, cut, compared with good designs, kept if none wins.

Plain functions on arrays, compiled as a part of the generated nests.
"""

from __future__ import annotations

import numpy as np

from dse.pareto.kernels import MARGIN, surely_dominated

# Bit 0 of a state says that the design is undefined, bit k that it breaks the k-th constraint.
MOST_CONSTRAINTS = 29
DOMINATED = 30


def drain(rows, first, columns, states, counts, misses, lows, highs, pivots, group, index, kept, places, used):
    """Count rows of designs, and keep those that are feasible and not surely dominated.

    Parameters
    ----------
    rows, first
        Number of rows, and the place of the first among the designs of the box.
    columns
        Objectives to be minimised, then the values of the budgets: arrays of shape (capacity,).
    states
        Shape (capacity,): bit 0 for an undefined design, bit k for one that breaks the k-th constraint.
    counts
        Undefined designs and feasible ones; then for each constraint those that break it first, and those that do at
        all. Shape (2 + 2 * constraints,); added to.
    misses, lows, highs
        For each budget the nearest miss so far: whether it breaks others too, violation, value; and its limits. The
        budgets are the last constraints.
    pivots, group, index
        Good designs that many others are dominated by, shape (pivots, objectives); the group of all designs of the
        box, and what `kernels.surely_dominated` takes of the archive's index.
    kept, places, used
        The designs that are kept: objectives, shape (objectives, room), their places, shape (room,), and how many
        there are already, shape (1,).
    """
    constraints = (counts.size - 2) // 2
    undefined, anywhere = 0, np.int32(0)
    for i in range(rows):
        undefined += states[i] & 1
        anywhere |= states[i]
    feasible = rows - undefined
    for k in range(1, constraints + 1):
        bit, at_first, at_all = np.int32(1 << k), 0, 0
        if not anywhere & bit:
            continue
        for i in range(rows):
            state = states[i]
            at_first += (state & -state) == bit
            at_all += (state & (bit | np.int32(1))) == bit
        counts[2 * k] += at_first
        counts[2 * k + 1] += at_all
        feasible -= at_first
    counts[0] += undefined
    counts[1] += feasible
    if feasible > 0:
        compare(rows, columns, states, pivots)
        keep(rows, first, columns, states, group, index, kept, places, used)
    elif counts[1] == 0:
        note_misses(rows, columns, states, constraints, misses, lows, highs)


def compare(rows, columns, states, pivots):
    """Mark the designs that a pivot dominates clearly."""
    objectives = pivots.shape[1]
    for p in range(pivots.shape[0]):
        for i in range(rows):
            better, clearly = True, False
            for m in range(len(columns)):
                if m < objectives:
                    better &= columns[m][i] >= pivots[p, m]
                    clearly |= columns[m][i] > pivots[p, m] + MARGIN * abs(pivots[p, m])
            states[i] |= np.int32(better & clearly) << DOMINATED


def keep(rows, first, columns, states, group, index, kept, places, used):
    """Append the designs that are feasible and that the archive does not surely dominate."""
    n = used[0]
    for i in range(rows):
        if states[i] == 0:
            # Item by item: assigning to a slice makes Numba compile text for its errors, half of the time of a nest.
            for m in range(kept.shape[0]):
                kept[m, n] = columns[m][i]
            places[n] = first + i
            n += not surely_dominated(kept[:, n], group, *index)
    used[0] = n


def note_misses(rows, columns, states, constraints, misses, lows, highs):
    """Bring the nearest miss of each budget up to date; what breaks nothing else comes before all others."""
    budgets = misses.shape[0]
    objectives = len(columns) - budgets
    for b in range(budgets):
        bit = np.int32(1 << (constraints - budgets + b + 1))
        for i in range(rows):
            if states[i] & (bit | np.int32(1)) == bit:
                others, value = (1.0 if states[i] != bit else 0.0), columns[objectives + b][i]
                violation = max(value - highs[b], lows[b] - value)
                nearer = violation < misses[b, 1] or (violation == misses[b, 1] and value < misses[b, 2])
                # What is infinitely far away is no near miss.
                if violation < np.inf and (others < misses[b, 0] or (others == misses[b, 0] and nearer)):
                    misses[b, 0], misses[b, 1], misses[b, 2] = others, violation, value
