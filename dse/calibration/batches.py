"""How much wider an interval gets for batches beyond those that were measured: told by leaving out the ends of these.

Of networks that were measured at several batches the smallest are left out of a fit, and the largest, in every way that
keeps half of the rows. What a prediction moves by, for each factor e that its batch lies beyond those kept, is an error
of its own, beside those of networks that were not fitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dse.calibration import fitting
from dse.calibration.calibrate import ENOUGH, HELD, Fitted
from dse.calibration.constants import distance
from dse.calibration.fitting import Array
from dse.calibration.measured_axes import is_of_network
from dse.calibration.measurements import Measurement


@dataclass(frozen=True)
class Beyond:
    """Rows of batches that were left out together: their log(predicted / measured), how far beyond those kept they are
    (a natural logarithm), and what their predictions moved by; each of shape (rows,)."""

    rows: Sequence[Measurement]
    residuals: Array
    far: Array
    moved: Array


def with_batches(fitted: Sequence[Fitted]) -> list[Fitted]:
    """Calibrations with the widths of their intervals beyond the batches measured, by what is told of their domain.

    Where too little is told of it, by what is told of all; where that is too little too, they stay as they are.
    """
    found = {one.calibration.name: list(left_out(one)) for one in fitted}
    return [_with(one, batch_spread(one, fitted, found)) for one in fitted]


def _with(one: Fitted, width: float | None) -> Fitted:
    return one if width is None else replace(one, calibration=replace(one.calibration, batch_spread=width))


def batch_spread(one: Fitted, others: Sequence[Fitted], found: dict[str, list[Beyond]]) -> float | None:
    """The factor of the interval for each factor e of batch that holds 80 % of what the predictions of others moved by.

    None where too few were measured at several batches.
    """
    alike = [o for o in others if o.calibration.domain == one.calibration.domain]
    for members in (alike, others):
        rates = [b.moved / b.far for o in members for b in found[o.calibration.name]]
        if sum(map(len, rates)) >= ENOUGH:
            return float(np.exp(np.quantile(np.concatenate(rates), HELD)))
    return None


def left_out(one: Fitted) -> Iterator[Beyond]:
    """The rows of a calibration at its smallest and at its largest batches, each time predicted from the others."""
    batches = np.array([row.batch for row in one.rows])
    several = _at_several(one.rows)
    ends = np.unique(batches)
    cuts = [*(batches <= end for end in ends[:-1]), *(batches >= end for end in ends[1:])]
    cuts = [out for out in cuts if (out & several).any() and 2 * out.sum() <= len(out)]
    inside = one.problem.residuals(fitting.fit(one.problem)) if cuts else np.zeros(0)
    for out in cuts:
        kept = batches[~out]
        told = one.problem.residuals(fitting.fit(one.problem.rows(~out)))
        own = out & several
        far = distance(batches[own], kept.min(), kept.max())
        rows = [row for row, is_out in zip(one.rows, own, strict=True) if is_out]
        yield Beyond(rows, told[own], far, np.abs(told - inside)[own])


def _at_several(rows: Sequence[Measurement]) -> np.ndarray:
    """Which rows are of networks that were measured at several batches: of the others size and batch go together."""
    networks = [(row.network, *((n, v) for n, v in row.axes.items() if is_of_network(n))) for row in rows]
    known: dict[tuple[Any, ...], set[float]] = {}
    for network, row in zip(networks, rows, strict=True):
        known.setdefault(network, set()).add(row.batch)
    return np.array([len(known[network]) > 1 for network in networks])
