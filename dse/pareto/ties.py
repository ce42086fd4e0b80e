"""Designs of a frontier whose lead is smaller than the interval of the value that they lead in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dse import registry
from dse.errors import Fault
from dse.pareto.cut import Objective

EXACT, INTERVAL = TIES = ("exact", "interval")


def interval_of(metric: str) -> tuple[str, str] | None:
    """The metrics that bound another one from below and above; None where it has no interval."""
    own = metric.rpartition(".")[2]
    ends = f"{metric}_low", f"{metric}_high"
    return ends if {f"{own}_low", f"{own}_high"} <= registry.METRICS.keys() else None


def interval_columns(objectives: Sequence[Objective]) -> list[str]:
    """The bounds of all objectives that have an interval."""
    return [name for o in objectives for name in interval_of(o.metric) or ()]


def faults_of(ties: str, objectives: Sequence[Objective], where: str = "") -> list[Fault]:
    """What is wrong with a choice of ties."""
    if ties not in TIES:
        return [Fault(where, f"{ties!r} is not allowed; allowed: {', '.join(TIES)}")]
    if ties == INTERVAL and objectives and not interval_columns(objectives):
        known = ", ".join(m for m in registry.METRICS if interval_of(m))
        return [Fault(where, f"no objective has an interval; metrics that have one: {known}")]
    return []


def leading(objectives: Sequence[Objective], column: Callable[[str], np.ndarray], groups: np.ndarray) -> np.ndarray:
    """Mask of the designs of a frontier that lead by more than an interval, shape (n,).

    Intervals that overlap are a tie. One design beats another of its group where no objective is surely worse and one
    is surely better; objectives without an interval are compared as they are. The designs that stay beat no other of
    those that stay, and each that goes is beaten by one that stays: with one objective that has an interval there is
    one such set. Chains of ties do not wear a frontier down, since what has gone beats nobody.

    Parameters
    ----------
    column
        Gives the values of a metric or of a bound of it, shape (n,). An undefined bound is the value itself.
    groups
        The group in which each design competes, shape (n,).
    """
    best, worst, values = (np.empty((len(groups), len(objectives))) for _ in range(3))
    for place, objective in enumerate(objectives):
        value = column(objective.metric)
        ends = [column(name) for name in interval_of(objective.metric) or (objective.metric,) * 2]
        ends = [objective.sign * np.where(np.isnan(end), value, end) for end in ends]
        values[:, place] = objective.sign * value
        best[:, place], worst[:, place] = np.minimum(*ends), np.maximum(*ends)
    # Objectives without an interval first; of those with one the better value.
    ordered = sorted(range(len(objectives)), key=lambda place: interval_of(objectives[place].metric) is not None)
    order = np.lexsort([*(values[:, place] for place in reversed(ordered)), groups])
    stays = np.zeros(len(groups), dtype=bool)
    for group in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        stays[_unbeaten(group, best, worst)] = True
    return stays


def _unbeaten(order: np.ndarray, best: np.ndarray, worst: np.ndarray) -> np.ndarray:
    """Those of the designs, taken in their order, that none of those that stay beats."""
    kept = np.empty(0, dtype=np.int64)
    for one in order:
        if np.any(_beats(best[kept], worst[kept], best[one], worst[one])):
            continue
        kept = kept[~_beats(best[one], worst[one], best[kept], worst[kept])]
        kept = np.append(kept, one)
    return kept


def _beats(best: np.ndarray, worst: np.ndarray, other_best: np.ndarray, other_worst: np.ndarray) -> np.ndarray:
    not_worse = np.all(best <= other_worst, axis=-1)
    return np.asarray(not_worse & np.any(worst < other_best, axis=-1))
