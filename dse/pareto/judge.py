"""What bounds tell of boxes: all designs undefined, all break one constraint, or all dominated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dse.grid.bounds import Bounds, View
from dse.pareto.cut import FIT, Cut, apply
from dse.pareto.forest import Forest
from dse.pareto.tally import Tally

# Names under which the program holds whether a device is a microcontroller, and whether there is a network.
MCU = "device is a microcontroller"
UNDEFINED, DOMINATED = "undefined", "dominated"


@dataclass(frozen=True)
class Judge:
    """A cut, asked of bounds.

    `named` gives the name of a column's values; those of `witness` are NaN where there is no network.
    """

    cut: Cut
    named: Callable[[str], str]
    witness: tuple[str, ...]

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Why boxes are skipped, in the order in which constraints are asked."""
        fit = [f"fit: {name}" for name in FIT] if self.cut.fit else []
        return (UNDEFINED, *fit, *(b.text() for b in self.cut.budgets), DOMINATED)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the values that are needed."""
        needed = [*map(self.named, self.cut.columns), *self.witness, *([MCU] if self.cut.fit else [])]
        return tuple(dict.fromkeys(needed))

    @cached_property
    def _defined(self) -> tuple[str, ...]:
        own = [o.metric for o in self.cut.objectives] + [b.column for b in self.cut.budgets]
        return tuple(dict.fromkeys([*map(self.named, own), *self.witness]))

    def excluded(self, view: View, n: int) -> np.ndarray:
        """For each of n boxes the place of its reason, -1 where some design may be feasible."""
        reason = np.full(n, -1, dtype=np.int8)
        never = np.zeros(n, dtype=bool)
        for name in self._defined:
            never |= view.never(name)
        reason[never] = 0
        masks = [self._unfit(view, name, kind) for name, kind in FIT.items()] if self.cut.fit else []
        for budget in self.cut.budgets:
            name = self.named(budget.column)
            broken = np.zeros(n, dtype=bool)
            if budget.high < np.inf:
                broken |= view.low(name) > budget.high
            if budget.low > -np.inf:
                broken |= view.high(name) < budget.low
            masks.append(broken)
        for place, mask in enumerate(masks, start=1):
            reason[mask & (reason < 0)] = place
        return reason

    def _unfit(self, view: View, name: str, kind: str) -> np.ndarray:
        applies = view.end(MCU, False) > 0 if kind == "mcu" else view.end(MCU, True) == 0
        # A capacity that a device does not state excludes nothing.
        return np.asarray(applies & (view.high(self.named(name)) < 0) & ~np.asarray(view.missing(self.named(name))))

    def corner(self, view: View) -> np.ndarray:
        """The least of every objective to be minimised, shape (n, m)."""
        sides = {1.0: view.low, -1.0: view.high}
        return np.column_stack([o.sign * sides[o.sign](self.named(o.metric)) for o in self.cut.objectives])

    def verdict(self, view: View, groups: np.ndarray, rivals: Forest) -> tuple[np.ndarray, np.ndarray]:
        """The place of the reason why each box is skipped, -1 where it is not, and the corners of all boxes."""
        reason = self.excluded(view, len(groups))
        corner = self.corner(view)
        alive = np.flatnonzero(reason < 0)
        reason[alive[rivals.dominates(corner[alive], groups[alive])]] = len(self.reasons) - 1
        return reason, corner

    def feasible(self, bounds: Bounds, index: np.ndarray, tally: Tally) -> tuple[np.ndarray, np.ndarray]:
        """Mask of the feasible designs, shape (n,), and their objectives; the tally is brought up to date."""
        values = bounds.designs(index)
        columns = {c: values[self.named(c)] for c in self.cut.columns}
        valid = np.ones(index.shape[1], dtype=bool)
        for name in self.witness:
            valid &= ~np.isnan(values[name])
        mcu = values[MCU] > 0 if self.cut.fit else np.zeros(index.shape[1], dtype=bool)
        mask = apply(self.cut, columns, mcu, tally, valid)
        return mask, np.column_stack([o.sign * columns[o.metric][mask] for o in self.cut.objectives])
