"""Objectives, budgets and fit: which designs count, which are excluded and by what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import dse.metrics  # noqa: F401  (importing it records the metrics)
from dse import registry, units
from dse.errors import Fault, InputError
from dse.grid.evaluate import WITNESS as WITNESS
from dse.grid.labelled import Labelled, along
from dse.grid.space import Space
from dse.pareto.tally import Miss, Tally

# A design must fit the device: these stay at or above zero wherever the device states the capacity.
MCU = "mcu"
FIT = {"sram_free": "mcu", "flash_free": "mcu", "memory_free": "other"}
# What a design needs of each capacity.
NEEDS = {"sram_free": "live_bytes", "flash_free": "flash_total", "memory_free": "memory"}


@dataclass(frozen=True)
class Objective:
    """A metric to be made small or large."""

    metric: str
    direction: str

    @property
    def sign(self) -> float:
        """Factor that makes it an objective to be minimised."""
        return 1.0 if self.direction == "min" else -1.0


@dataclass(frozen=True)
class Budget:
    """Limits of a metric; a design outside them is excluded.

    Where `network` is given, the metric is that of this one of several networks. `label` is told in place of the
    metric's name.
    """

    metric: str
    low: float = -math.inf
    high: float = math.inf
    network: str = ""
    label: str = ""

    @property
    def column(self) -> str:
        """Name of the values: the metric, with the network before it where it is of one of several."""
        return f"{self.network}.{self.metric}" if self.network else self.metric

    @property
    def unit(self) -> str:
        """The unit of the limits; a sum that has a label only is a plain number."""
        return "1" if self.label else registry.metric_record(self.metric).measure

    def violation(self, values: np.ndarray) -> np.ndarray:
        """How far values are outside the limits, in the metric's unit: at most 0 is feasible, NaN stays NaN."""
        # Infinite values less an absent limit are NaN, of which fmax takes the other side.
        with np.errstate(invalid="ignore"):
            return np.fmax(values - self.high, self.low - values)

    def text(self) -> str:
        """The budget for people: "peak_sram ≤ 320 KiB"."""
        name, unit, parts = self.label or self.column, self.unit, []
        if self.high != math.inf:
            parts.append(f"{name} ≤ {units.format_quantity(self.high, unit)}")
        if self.low != -math.inf:
            parts.append(f"{name} ≥ {units.format_quantity(self.low, unit)}")
        return ", ".join(parts)


def make_budget(metric: str, limit: Any, where: str = "") -> Budget:
    """A budget from a limit in the direction that the metric's nature asks, or from {"min": , "max": }.

    Raises
    ------
    InputError
        For an unknown metric, a metric without a better side and no "min" or "max", a unit of another kind, or a limit
        that no value of the metric can come near.
    """
    try:
        record = registry.metric_record(metric)
        if isinstance(limit, Mapping):
            wrong = set(limit) - {"min", "max"}
            if wrong or not limit:
                raise InputError(f"a budget is a limit, or has the keys min and max; given {sorted(limit)}")
            low, high = (units.quantity(limit[k], record.measure) if k in limit else None for k in ("min", "max"))
        elif record.direction is None:
            raise InputError("the metric has no better side: write { min = ... } or { max = ... }")
        else:
            value = units.quantity(limit, record.measure)
            low, high = (value, None) if record.direction == "max" else (None, value)
        _check_limits(record, low, high)
    except InputError as error:
        raise error.at(where) if where else error from None
    budget = Budget(metric, -math.inf if low is None else low, math.inf if high is None else high)
    if budget.low > budget.high:
        raise InputError(Fault(where, f"min {budget.low:g} is above max {budget.high:g}"))
    return budget


def _check_limits(record: registry.Record, *limits: float | None) -> None:
    """Refuse limits outside the values that a metric can have: a slip of the pen, not a wish."""
    most = 100.0 if record.measure == "%" else math.inf
    for limit in (v for v in limits if v is not None and not record.signed):
        if not 0 <= limit <= most:
            given = units.format_quantity(limit, record.measure)
            allowed = "at least 0" if most == math.inf else "0 to 100 %"
            raise InputError(f"{given} is not allowed; {record.name} is {allowed}")


@dataclass(frozen=True)
class Cut:
    """What is asked of a space: objectives, budgets, whether designs must fit, one frontier per value of axes.

    `ties` says what a lead within the interval of a value is: a lead ("exact"), or a tie ("interval").
    """

    objectives: tuple[Objective, ...]
    budgets: tuple[Budget, ...] = ()
    fit: bool = True
    per: tuple[str, ...] = ()
    ties: str = "exact"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the values that the cut needs: metrics, and those of single networks."""
        own = [o.metric for o in self.objectives] + [b.column for b in self.budgets]
        return tuple(dict.fromkeys([*own, *(FIT if self.fit else ())]))

    @property
    def constraints(self) -> tuple[str, ...]:
        """Names of what can exclude a design, in order: fit, then budgets."""
        return (*(f"fit: {name}" for name in FIT if self.fit), *(b.text() for b in self.budgets))

    @property
    def limits(self) -> tuple[list[float], list[float]]:
        """Least and largest value that each constraint allows."""
        fit = len(FIT) if self.fit else 0
        low = [0.0] * fit + [b.low for b in self.budgets]
        return low, [math.inf] * fit + [b.high for b in self.budgets]


def apply(
    cut: Cut,
    columns: Mapping[str, np.ndarray],
    microcontroller: np.ndarray,
    tally: Tally,
    valid: np.ndarray | None = None,
    needs: bool = False,
) -> np.ndarray:
    """Mask of the feasible designs, shape (n,); the tally is brought up to date.

    Parameters
    ----------
    columns
        Values of `cut.columns` for n designs, shape (n,) each. NaN in an objective or a budget makes a design
        undefined; NaN in a capacity that the device does not state excludes nothing.
    microcontroller
        Whether each design's device is a microcontroller, shape (n,): those are held to SRAM and flash,
        all others to their main memory.
    valid
        Where the axes make a network, shape (n,); all others are undefined. Default: everywhere.
    needs
        Whether the columns hold what designs need of capacities (`NEEDS`): then the nearest misses of fit are noted.
    """
    n = len(microcontroller)
    defined = np.ones(n, dtype=bool) if valid is None else valid.copy()
    for metric in dict.fromkeys([*(o.metric for o in cut.objectives), *(b.column for b in cut.budgets)]):
        defined &= ~np.isnan(columns[metric])
    broken = broken_by(cut, columns, microcontroller)
    alive = defined.copy()
    tally.enumerated += n
    tally.undefined += int(n - defined.sum())
    for name, mask in broken.items():
        tally.excluded[name] = tally.excluded.get(name, 0) + int((alive & mask).sum())
        tally.broken[name] = tally.broken.get(name, 0) + int((defined & mask).sum())
        alive &= ~mask
    if not alive.any():
        _note_misses(cut, columns, defined, broken, tally, needs)
    return alive


def broken_by(cut: Cut, columns: Mapping[str, np.ndarray], microcontroller: np.ndarray) -> dict[str, np.ndarray]:
    """For each constraint of a cut, in order, the mask of the designs that break it."""
    broken = {f"fit: {name}": _unfit(name, columns[name], microcontroller) for name in FIT} if cut.fit else {}
    return broken | {b.text(): b.violation(columns[b.column]) > 0 for b in cut.budgets}


def _unfit(name: str, free: np.ndarray, microcontroller: np.ndarray) -> np.ndarray:
    applies = microcontroller if FIT[name] == "mcu" else ~microcontroller
    return np.asarray(applies & (free < 0))


def _note_misses(
    cut: Cut,
    columns: Mapping[str, np.ndarray],
    defined: np.ndarray,
    broken: Mapping[str, np.ndarray],
    tally: Tally,
    needs: bool,
) -> None:
    """The smallest violation of each constraint, among designs that break nothing else where there are any."""
    for name in FIT if cut.fit and needs else ():
        free = columns[name]
        _note_nearest(f"fit: {name}", free, -free, columns[NEEDS[name]], defined, broken, tally)
    for budget in cut.budgets:
        values = columns[budget.column]
        _note_nearest(budget.text(), values, budget.violation(values), None, defined, broken, tally)


def _note_nearest(
    own: str,
    values: np.ndarray,
    violations: np.ndarray,
    needs: np.ndarray | None,
    defined: np.ndarray,
    broken: Mapping[str, np.ndarray],
    tally: Tally,
) -> None:
    clean = defined.copy()
    for name, mask in broken.items():
        if name != own:
            clean &= ~mask
    # What is infinitely far away is no near miss.
    apart = broken[own] & (violations < math.inf)
    only_this = np.flatnonzero(clean & apart)
    candidates = only_this if len(only_this) else np.flatnonzero(defined & apart)
    if len(candidates) == 0:
        return
    nearest = candidates[np.lexsort((values[candidates], violations[candidates]))[0]]
    need = math.nan if needs is None else float(needs[nearest])
    miss = Miss(len(only_this) == 0, float(violations[nearest]), float(values[nearest]), need)
    tally.misses[own] = min(miss, tally.misses.get(own, miss))


def is_mcu(space: Space) -> Labelled:
    """1 where the device of a design is a microcontroller, 0 elsewhere."""
    axis = space.axes.get("device")
    if axis is None:
        return along(None, np.zeros(1))
    return along(axis.dim, np.array([float(space.devices[d].device_class == MCU) for d in axis.values]))


def check_objectives(objectives: Sequence[Objective]) -> None:
    """Raise InputError unless there are one to five different objectives."""
    names = [o.metric for o in objectives]
    if not 1 <= len(names) <= 5:
        raise InputError(f"{len(names)} objectives; give one to five")
    if len(set(names)) != len(names):
        raise InputError("a metric stands twice among the objectives")
