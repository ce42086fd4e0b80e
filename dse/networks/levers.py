"""Counts of a traced network under a lever that changes how it is computed, not what."""

from __future__ import annotations

import numpy as np

from dse.formulas.layers import winograd_macs as tiled_macs
from dse.networks.tensors import Op
from dse.networks.terms import Count, sum_of, times
from dse.networks.tracing import Trace

TILE, KERNEL = 2, 3


def winograd_macs(trace: Trace) -> Count:
    """MACs where dense 3×3 convolutions of stride 1 run as Winograd F(2, 3), over whole tiles; all others as they are.

    NaN where the sides of feature maps are not known, as in imported networks.
    """
    return sum_of((times(op.executions, _macs(op)), 1.0) for op in trace.ops)


def _macs(op: Op) -> Count:
    direct = op.count("macs")
    if op.kind != "conv" or not op.reads:
        return direct
    x, y = op.reads[0], op.writes
    if x.side is None or y.side is None:
        return np.nan * direct
    dense = np.equal(op.macs_per_position, KERNEL * KERNEL * x.features * y.features)
    square = np.equal(op.window.kernel, KERNEL) & (op.window.stride == 1)
    across = y.side if y.across is None else y.across
    tiled = y.frames * tiled_macs(x.features, y.features, y.side, across, TILE, KERNEL)
    return np.where(np.logical_and(dense, square), tiled, direct)
