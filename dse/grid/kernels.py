"""Loops written by hand: plain functions on arrays, compiled before they are used."""

from __future__ import annotations

import numpy as np


def sum_ops(start, stop, ops, network, scalars, device, ridge, order, compute, memory, codes, out):
    """Fill rows of `out`, shape (work, hardware), with the sum over ops of the larger of two times.

    `ops` has shape (networks, 7, ops); `network` and `device` say for each row which of the networks and which of the
    rates it takes. Of each device in the order of ridges: `ridge`, ascending, then NaN up to a power of two less one,
    its place `order`, and the seconds of a FLOP and of a byte, `compute` and `memory`. `codes` say what moves, each
    design's or that of all: 2 for weights, and 1 for activations.
    """
    n, points = ops.shape[2], out.shape[1]
    flops, moved, key = np.empty(n), np.empty(n), np.empty(n)
    slow, fast, present = np.empty(points + 1), np.empty(points + 1), np.zeros(4, dtype=np.bool_)
    for row in range(start, stop):
        own = codes[0] if codes.size == 1 else codes[row]
        mark_codes(own, present)
        table, rates = ops[network[row]], device[row]
        for code in range(4):
            if present[code]:
                work_of_ops(table, scalars[row], code, flops, moved, key)
                place_ops(flops, moved, key, ridge[rates], slow, fast)
                walk(slow, fast, (order[rates], compute[rates], memory[rates]), own, code, out[row])


def mark_codes(own, present):
    """Which of the codes there are."""
    present[:] = False
    for code in own:
        present[code] = True


def work_of_ops(table, scalars, code, flops, moved, key):
    """FLOP of each op and bytes that move, over all its executions, and its intensity [FLOP/B].

    FLOP and bytes are rounded to multiples of one number each, at most 2e-16 of their sum, so that sums of them are
    exact: the same in any order.
    """
    batch, weight_bits, activation_bits, kv_bits = scalars[0], scalars[1], scalars[2], scalars[3]
    weights, activations = code // 2 * weight_bits, code % 2 * batch
    all_flops, all_moved = 0.0, 0.0
    for i in range(table.shape[1]):
        done = 2.0 * table[0, i] * batch
        live = table[2, i] * activation_bits + (table[3, i] + table[4, i]) * kv_bits
        stored = table[1, i] * weights + table[6, i] * (code // 2)
        carried = (stored + live * activations) * 0.125
        # What moves nothing computes at any ridge; what does nothing at all is at home anywhere.
        ratio = done / carried
        key[i] = ratio if ratio == ratio else 0.0
        flops[i], moved[i] = done * table[5, i], carried * table[5, i]
        all_flops += flops[i]
        all_moved += moved[i]
    all_flops, all_moved = 2.0 * all_flops, 2.0 * all_moved
    for i in range(table.shape[1]):
        flops[i] = (flops[i] + all_flops) - all_flops
        moved[i] = (moved[i] + all_moved) - all_moved


def place_ops(flops, moved, key, ridge, slow, fast):
    """At the first device where an op waits for memory put its bytes into `slow`, and take its FLOP from `fast`."""
    slow[:] = 0.0
    fast[:] = 0.0
    done = 0.0
    for i in range(key.size):
        own, place, step = key[i], 0, (ridge.size + 1) // 2
        while step > 0:
            place += step * (ridge[place + step - 1] <= own)
            step //= 2
        slow[place] += moved[i]
        fast[place] -= flops[i]
        done += flops[i]
    fast[0] += done


def walk(slow, fast, devices, codes, code, out):
    """The latency on each device that has the code, in order of ridges: with the bytes and FLOP of those before it."""
    order, compute, memory = devices
    carried, done = 0.0, 0.0
    for q in range(order.size):
        carried, done = carried + slow[q], done + fast[q]
        if codes.size == 1 or codes[order[q]] == code:
            out[order[q]] = carried * memory[q] + done * compute[q]
