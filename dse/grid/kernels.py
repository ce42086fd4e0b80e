"""Loops written by hand: plain functions on arrays, compiled before they are used."""

from __future__ import annotations

import numpy as np

# Ops whose times are added in one pass over the hardware, and points of hardware that stay in the first cache.
TOGETHER, POINTS = 4, 512


def add_ops(start, stop, ops, network, scalars, device, compute, memory, codes, out):
    """Fill rows of `out`, shape (work, hardware), with the sum over ops of the larger of two times, op by op.

    `ops` has shape (networks, 7, ops); `network` and `device` say for each row which of the networks and which of the
    rates it takes; `compute` and `memory` are the seconds of a FLOP and of a byte on each device. `codes` say what
    moves, each design's or that of all: 2 for weights, and 1 for activations.
    """
    n, points = ops.shape[2], out.shape[1]
    padded = (n + TOGETHER - 1) // TOGETHER * TOGETHER
    flops, moved = np.zeros(padded), np.zeros(padded)
    line, present = np.empty(points), np.zeros(4, dtype=np.bool_)
    for row in range(start, stop):
        own = codes[0] if codes.size == 1 else codes[row]
        mark_codes(own, present)
        table, rates = ops[network[row]], device[row]
        for code in range(4):
            if present[code]:
                work_of_ops(table, scalars[row], code, flops, moved)
                for i in range(n):
                    flops[i] *= table[5, i]
                    # The larger of two is the second where either is NaN: both are.
                    moved[i] = moved[i] * table[5, i] if flops[i] == flops[i] else flops[i]
                target = out[row] if codes.size == 1 else line
                for a in range(0, points, POINTS):
                    add_times(flops, moved, compute[rates, a : a + POINTS], memory[rates, a : a + POINTS], target[a:])
                if codes.size > 1:
                    for h in range(points):
                        if own[h] == code:
                            out[row, h] = line[h]


def add_times(flops, moved, compute, memory, out):
    """The sum over ops of the larger of two times on each of some devices; the ops are a multiple of TOGETHER."""
    for h in range(compute.size):
        out[h] = 0.0
    for i in range(0, flops.size, TOGETHER):
        f0, f1, f2, f3 = flops[i], flops[i + 1], flops[i + 2], flops[i + 3]
        b0, b1, b2, b3 = moved[i], moved[i + 1], moved[i + 2], moved[i + 3]
        for h in range(compute.size):
            c, m = compute[h], memory[h]
            first = (f0 * c if f0 * c > b0 * m else b0 * m) + (f1 * c if f1 * c > b1 * m else b1 * m)
            second = (f2 * c if f2 * c > b2 * m else b2 * m) + (f3 * c if f3 * c > b3 * m else b3 * m)
            out[h] += first + second


def mark_codes(own, present):
    """Which of the codes there are."""
    present[:] = False
    for code in own:
        present[code] = True


def sum_ops(start, stop, ops, network, scalars, device, ridge, order, compute, memory, codes, out):
    """Fill rows of `out`, shape (work, hardware), with the sum over ops of the larger of two times, by prefix sums.

    `ops` has shape (networks, 7, ops); `network` and `device` say for each row which of the networks and which of the
    rates it takes. Of each device in the order of ridges: `ridge`, ascending, its place `order`, and the seconds of a
    FLOP and of a byte, `compute` and `memory`. `codes` say what moves, each design's or that of all: 2 for weights,
    and 1 for activations.
    """
    n = ops.shape[2]
    sequence, intensity = np.empty((4, n), dtype=np.int64), np.empty((4, n + 1))
    for code in range(4):
        intensity[code, n] = np.inf
        for i in range(n):
            sequence[code, i] = i
    flops, moved, key = np.empty(n), np.empty(n), np.empty(n)
    slow, fast, present = np.zeros(n + 1), np.zeros(n + 1), np.zeros(4, dtype=np.bool_)
    for row in range(start, stop):
        own = codes[0] if codes.size == 1 else codes[row]
        mark_codes(own, present)
        table, rates = ops[network[row]], device[row]
        for code in range(4):
            if present[code]:
                work_of_ops(table, scalars[row], code, flops, moved)
                for i in range(n):
                    # What moves nothing computes at any ridge; what does nothing at all is at home anywhere.
                    ratio = flops[i] / moved[i]
                    key[i] = ratio if ratio == ratio else 0.0
                sort_ops(sequence[code], intensity[code], key)
                prefix_sums(sequence[code], flops, moved, table[5], slow, fast)
                device_rows = ridge[rates], order[rates], compute[rates], memory[rates]
                walk(intensity[code], slow, fast, device_rows, own, code, out[row])


def work_of_ops(table, scalars, code, flops, moved):
    """FLOP of each op, and bytes that move."""
    batch, weight_bits, activation_bits, kv_bits = scalars[0], scalars[1], scalars[2], scalars[3]
    weights, activations = code // 2 * weight_bits, code % 2 * batch
    for i in range(table.shape[1]):
        flops[i] = 2.0 * table[0, i] * batch
        live = table[2, i] * activation_bits + (table[3, i] + table[4, i]) * kv_bits
        stored = table[1, i] * weights + table[6, i] * (code // 2)
        moved[i] = (stored + live * activations) * 0.125


def sort_ops(sequence, intensity, key):
    """Bring ops in order of intensity, from the order they were in: an insertion sort, quick where little moves."""
    for i in range(sequence.size):
        op = sequence[i]
        own, k = key[op], i
        while k > 0 and intensity[k - 1] > own:
            intensity[k], sequence[k] = intensity[k - 1], sequence[k - 1]
            k -= 1
        intensity[k], sequence[k] = own, op


def prefix_sums(sequence, flops, moved, repeat, slow, fast):
    """Bytes of the first k ops into `slow[k]`, FLOP of all others into `fast[k]`."""
    n = sequence.size
    for k in range(n):
        op = sequence[k]
        slow[k + 1] = slow[k] + repeat[op] * moved[op]
        op = sequence[n - 1 - k]
        fast[n - 1 - k] = fast[n - k] + repeat[op] * flops[op]


def walk(intensity, slow, fast, devices, codes, code, out):
    """The latency on each device that has the code, in order of ridges; `intensity` ends with infinity."""
    ridge, order, compute, memory = devices
    k = 0
    for q in range(ridge.size):
        while intensity[k] < ridge[q]:
            k += 1
        if codes.size == 1 or codes[order[q]] == code:
            out[order[q]] = slow[k] * memory[q] + fast[k] * compute[q]
