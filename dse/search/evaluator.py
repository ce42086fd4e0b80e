"""Evaluates populations in one call of the kernel, each design once; keeps frontier, counts and cloud of all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dse.jobs.resolve import Job
from dse.jobs.run import blocks_of, told
from dse.pareto.cut import FIT, MCU, NEEDS, WITNESS, Budget, Cut, apply
from dse.pareto.groups import group_texts
from dse.pareto.partial import Partial
from dse.pareto.scan import Scan, finish
from dse.pareto.scanner import new_archive, new_cloud
from dse.pareto.tally import Tally
from dse.search.designs import GROUP, Designs, designs_of
from dse.search.seen import Seen
from dse.search.space import Part, SearchSpace, ascending

# Designs evaluated at a time.
CHUNK = 2**20
# Designs that are kept while none is feasible.
NEAREST = 8


@dataclass(frozen=True)
class Outcome:
    """What a trial is told of its cell: objectives in their own direction, violations by constraint, group.

    A violation is relative to the limit, at most 0 where it is kept. Values are None where the cell is undefined.
    """

    values: tuple[float, ...] | None
    violations: dict[str, float]
    group: int


@dataclass(frozen=True)
class Evaluated:
    """Designs of some cells of one part: objectives to be minimised, relative violations, masks. All of length n."""

    points: np.ndarray
    violations: np.ndarray
    defined: np.ndarray
    groups: np.ndarray


class Evaluator:
    """The truth about cells.

    Attributes
    ----------
    designs
        Different designs evaluated: what work there was.
    seconds, kernel_seconds
        Time that evaluating took, and how much of it computed metrics: the rest kept frontier, counts and cloud.
    """

    def __init__(self, job: Job, space: SearchSpace) -> None:
        self.job, self.space = job, space
        self.blocks = blocks_of(job)
        self.objectives, self.per = job.cut.objectives, job.cut.per
        self.texts = group_texts([g.space for g in job.grids], self.per)
        self.archive, self.cloud, self.tally = new_archive(self.blocks), new_cloud(self.blocks), Tally()
        self.seconds = self.kernel_seconds = 0.0
        self._nearest = np.empty(0, dtype=np.int64), np.empty(0)
        self._made: dict[int, Designs] = {}
        self._seen = Seen()
        self._outcomes: dict[int, Outcome] = {}

    @property
    def designs(self) -> int:
        """Different designs evaluated."""
        return self.tally.enumerated

    def is_new(self, cells: np.ndarray) -> np.ndarray:
        """Mask of the cells that were never evaluated."""
        return ~self._seen.holds(cells)

    def trials(self, cells: list[int]) -> list[Outcome]:
        """What trials are told of their cells; a cell that a trial had before costs nothing."""
        asked = np.array(sorted({c for c in cells if c not in self._outcomes}), dtype=np.int64)
        if len(asked):
            for part, own, evaluated in self.evaluate(asked):
                self._outcomes.update(zip((own + part.start).tolist(), self._told(part, evaluated), strict=True))
        return [self._outcomes[c] for c in cells]

    def is_told(self, cell: int) -> bool:
        """Whether a trial had this cell before."""
        return cell in self._outcomes

    def polish(self, cells: np.ndarray) -> None:
        """Evaluate cells for the frontier alone."""
        for _ in self.evaluate(cells):
            pass

    def evaluate(self, cells: np.ndarray) -> Iterator[tuple[Part, np.ndarray, Evaluated]]:
        """Evaluate cells (ascending, each once): frontier, counts and cloud take note of those that are new.

        Yields each part with its own cells, counted from its first, and what their designs are.
        """
        new, numbers = self.is_new(cells), self.space.numbers(cells)
        self._seen.add(cells[new])
        for number in np.unique(numbers).tolist():
            part = self.space.parts[number]
            rows = np.flatnonzero(numbers == number)
            step = max(1, CHUNK // part.inner)
            for start in range(0, len(rows), step):
                own = rows[start : start + step]
                began = time.perf_counter()
                evaluated = self._evaluate(number, part, cells[own] - part.start, new[own])
                self.seconds += time.perf_counter() - began
                yield part, cells[own] - part.start, evaluated

    def _evaluate(self, number: int, part: Part, cells: np.ndarray, new: np.ndarray) -> Evaluated:
        cut, places = self.blocks[number].cut, part.places(cells)
        began = time.perf_counter()
        with told(self.job):
            columns = self._designs(number).columns(places)
        self.kernel_seconds += time.perf_counter() - began
        mcu, codes = columns[MCU] > 0, columns[GROUP]
        valid = ~np.isnan(columns[WITNESS])
        points = np.column_stack([o.sign * columns[o.metric] for o in self.objectives])
        rows = np.flatnonzero(np.repeat(new, part.inner))
        kept = {name: column[rows] for name, column in columns.items()}
        feasible = apply(cut, kept, mcu[rows], self.tally, valid[rows], needs=True)
        self.cloud.add(kept, codes[rows], feasible)
        chosen = rows[feasible]
        self.archive.add(points[chosen], part.first + places[chosen], codes[chosen])
        violations = _violations(cut, columns, mcu)
        if not len(self.frontier_cells()):
            self._note_nearest(np.repeat(cells, part.inner) + part.start, violations, valid)
        defined = valid & ~np.isnan(points).any(axis=1)
        for budget in cut.budgets:
            defined &= ~np.isnan(columns[budget.column])
        return Evaluated(points, violations, defined, codes)

    def _designs(self, number: int) -> Designs:
        """What gives columns of the designs of a part, made when it is first needed."""
        if number not in self._made:
            block = self.blocks[number]
            wanted = dict.fromkeys([*block.cut.columns, WITNESS, *(NEEDS[f] for f in FIT if block.cut.fit)])
            self._made[number] = designs_of(block.grid, tuple(wanted), self.per, self.texts)
        return self._made[number]

    def _told(self, part: Part, evaluated: Evaluated) -> Iterator[Outcome]:
        """Outcomes of cells: of many designs in a cell the best value of each objective among the feasible ones."""
        names = self.blocks[self.space.parts.index(part)].cut.constraints
        signs = np.array([o.sign for o in self.objectives])
        for start in range(0, len(evaluated.points), part.inner):
            own = slice(start, start + part.inner)
            group, defined = int(evaluated.groups[start]), evaluated.defined[own]
            if not defined.any():
                yield Outcome(None, {}, group)
                continue
            points, violations = evaluated.points[own][defined], evaluated.violations[own][defined]
            total = np.maximum(violations, 0).sum(axis=1)
            feasible = total == 0
            row = int(np.argmin(total))
            best = points[feasible].min(axis=0) if feasible.any() else points[row]
            yield Outcome(
                tuple((best * signs).tolist()), dict(zip(names, violations[row].tolist(), strict=True)), group
            )

    def _note_nearest(self, cells: np.ndarray, violations: np.ndarray, valid: np.ndarray) -> None:
        """Keep the cells that break least, while none is feasible."""
        total = np.where(valid, np.maximum(violations, 0).sum(axis=1), np.inf)
        cells, total = np.concatenate([self._nearest[0], cells]), np.concatenate([self._nearest[1], total])
        chosen = np.argsort(total, kind="stable")[:NEAREST]
        chosen = chosen[np.isfinite(total[chosen])]
        self._nearest = cells[chosen], total[chosen]

    def base_cells(self) -> np.ndarray:
        """What neighbours are tried of: the cells of the frontier, or of what breaks least where there is none."""
        found = self.frontier_cells()
        return found if len(found) else ascending(self._nearest[0])

    def evaluated(self, most: int, seed: int = 0) -> np.ndarray:
        """Places among the designs of all grids of those that were evaluated, ascending: all, or so many at random."""
        cells = self._seen.values()
        numbers = self.space.numbers(cells)
        parts = [
            part.first + part.places(cells[numbers == number] - part.start)
            for number, part in enumerate(self.space.parts)
        ]
        places = np.sort(np.concatenate(parts))
        if len(places) > most:
            places = np.sort(np.random.default_rng(seed).choice(places, most, replace=False))
        return places

    def frontier_cells(self) -> np.ndarray:
        """The cells that the designs of the frontier so far are in."""
        return self.space.cells_of(self.archive.places())

    def scan(self) -> Scan:
        """What was found, in the shape of a scan."""
        cells = self.cloud.cells()
        nothing = np.empty(0, dtype=np.int64)
        tally = Tally()
        tally.add(self.tally)
        return finish(
            self.blocks, Partial(nothing, *self.archive.parts(), tally, cells=cells, sampled=self.cloud.counted)
        )


def _violations(cut: Cut, columns: dict[str, np.ndarray], mcu: np.ndarray) -> np.ndarray:
    """How far designs are outside each constraint, as a share of the need or the limit. Shape (n, constraints)."""
    found = []
    if cut.fit:
        for name, devices in FIT.items():
            applies = mcu if devices == MCU else ~mcu
            share = -columns[name] / np.maximum(columns[NEEDS[name]], 1.0)
            found.append(np.where(applies & ~np.isnan(share), share, 0.0))
    found += [budget.violation(columns[budget.column]) / _scale(budget) for budget in cut.budgets]
    return np.column_stack(found) if found else np.zeros((len(mcu), 0))


def _scale(budget: Budget) -> float:
    limits = [abs(v) for v in (budget.high, budget.low) if np.isfinite(v) and v]
    return limits[0] if limits else 1.0
