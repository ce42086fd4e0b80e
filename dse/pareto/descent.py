"""How boxes are searched: bounded, skipped, evaluated or divided, with all that is known so far."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from dse.grid.pyramid import Level
from dse.pareto import boxes as blocks
from dse.pareto.archive import Archive
from dse.pareto.field import Field, Plot
from dse.pareto.forest import Forest
from dse.pareto.groups import group_codes, group_texts
from dse.pareto.partial import Partial
from dse.pareto.scan import Scan
from dse.pareto.scanner import Progress
from dse.pareto.suspended import Note, Suspended
from dse.pareto.tally import Bounded, Tally

# Boxes that tell which dimension to divide.
SAMPLE = 48


class Descent:
    """What is known so far: designs that may be on the frontier, good designs, and what became of all others."""

    def __init__(
        self,
        fields: Sequence[Field],
        leaf: int,
        chunk: int,
        order: Sequence[str],
        progress: Progress | None,
        share: blocks.Share = blocks.WHOLE,
        note: Note | None = None,
    ) -> None:
        cut = fields[0].cut
        self.texts = group_texts([f.grid.space for f in fields], cut.per)
        groups = math.prod(len(t) for t in self.texts.values())
        self.archive, self.rivals = Archive(len(cut.objectives), groups), Forest(len(cut.objectives), groups)
        self.tally, self.done, self.settled = Tally(), Bounded(), 0
        self.note = note
        self.resumed: Suspended | None = None
        self.leaf, self.chunk, self.order, self.share = leaf, chunk, tuple(order), share
        self.size, self.progress = sum(f.grid.space.size for f in fields), progress

    def resume(self, at: Suspended) -> None:
        """Take up a search where it stood."""
        self.archive.add(at.points, at.places, at.groups)
        self.rivals.restore(at.known, at.fresh)
        self.tally, self.done, self.settled = copy.deepcopy(at.tally), replace(at.done), at.tally.enumerated
        self.resumed = at

    def found(self, fields: Sequence[Field], first: Scan, parts: Iterable[Plot]) -> Partial:
        """What the search of all parts finds, with the frontier of the coarse grids known before.

        What these alone tell, the cloud and the nearest misses, comes with the first share.
        """
        if self.resumed is None:
            self.seed(fields, first)
        for number, plot in enumerate(parts):
            if self.resumed is None or number >= self.resumed.plot:
                self.run(number, plot)
        self.tally.enumerated, self.tally.misses = self.settled, {}
        units, designs = np.array([self.share[0]], dtype=np.int64), self.archive.parts()
        if self.share[0]:
            return Partial(units, *designs, self.tally, bounded=self.done)
        self.tally.misses = dict(first.tally.misses)
        self.done.coarse = first.tally.enumerated
        self.done.probed += first.tally.enumerated
        return Partial(units, *designs, self.tally, first.cloud.cells(), first.cloud.counted, self.done)

    def seed(self, fields: Sequence[Field], first: Scan) -> None:
        """Compare with the frontier of the coarse grids from the start."""
        start = 0
        for field in fields:
            space, cut = field.grid.space, field.cut
            own = first.places[(first.places >= start) & (first.places < start + space.size)] - start
            start += space.size
            if not len(own):
                continue
            designs = space.designs(own) if space.dims else space
            values = field.grid.evaluate(designs, [o.metric for o in cut.objectives])
            columns = [np.broadcast_to(o.sign * values[o.metric].data, len(own)) for o in cut.objectives]
            groups = np.broadcast_to(group_codes(designs, cut.per, self.texts).reshape(-1), len(own))
            self.rivals.add(np.column_stack(columns), groups)

    def run(self, number: int, plot: Plot) -> None:
        """Search a part."""
        at, self.resumed = self.resumed, None
        choice: dict[Level, int] = {} if at is None else dict(at.choice)
        for root, start in enumerate(blocks.roots(plot.sizes, list(plot.codes), self.chunk, self.share)):
            if at is not None and root < at.root:
                continue
            queue = blocks.Queue(self.chunk, [start] if at is None else at.waiting)
            at = None
            while (batch := queue.take()) is not None:
                self._batch(plot, *batch, choice, queue)
                if self.note is not None:
                    self.note(partial(self._suspended, number, root, choice, queue))

    def _batch(
        self, plot: Plot, level: Level, boxes: np.ndarray, choice: dict[Level, int], queue: blocks.Queue
    ) -> None:
        """Skip boxes, evaluate small ones, divide all others."""
        left, corners = self._skip(plot, level, boxes)
        if left.shape[1] == 0:
            return
        if 2 ** sum(level) <= self.leaf:
            self._evaluate(plot, blocks.members(level, left, plot.sizes))
            return
        self._probe(plot, blocks.middles(level, left, plot.sizes))
        if level not in choice:
            choice[level] = self._choose(plot, level, left, corners)
        queue.put(*blocks.halved(level, left, choice[level], plot.sizes))

    def _suspended(self, number: int, root: int, choice: Mapping[Level, int], queue: blocks.Queue) -> Suspended:
        """Where the search stands, at a batch of boxes to begin with of a part."""
        tally = replace(self.tally, enumerated=self.settled, misses={})
        designs, good = self.archive.held(), self.rivals.parts()
        return Suspended(self.share, number, root, dict(choice), queue.waiting(), *designs, *good, tally, self.done)

    def _skip(self, plot: Plot, level: Level, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The boxes that bounds leave, with their corners; the designs of all others are counted."""
        view, groups = plot.bounds.over(level, boxes), plot.groups(boxes)
        reason, corners = plot.judge.verdict(view, groups, self.rivals)
        self.done.boxes += boxes.shape[1]
        gone = reason >= 0
        numbers = blocks.designs_in(level, boxes[:, gone], plot.sizes)
        for place in np.unique(reason[gone]):
            name = plot.judge.reasons[place]
            number = int(numbers[reason[gone] == place].sum())
            self.tally.skipped[name] = self.tally.skipped.get(name, 0) + number
            self._advance(number)
        return boxes[:, ~gone], corners[~gone]

    def _evaluate(self, plot: Plot, index: np.ndarray) -> None:
        """Evaluate designs; what is feasible and not dominated may be on the frontier."""
        feasible, points, groups = self._feasible(plot, index, self.tally)
        self.archive.add(points, plot.places(feasible), groups)
        self.done.modelled += index.shape[1]
        self._advance(index.shape[1])

    def _probe(self, plot: Plot, index: np.ndarray) -> None:
        """Evaluate designs so that good ones are known early; they are counted where their boxes end."""
        self._feasible(plot, index, Tally())
        self.done.probed += index.shape[1]

    def _feasible(self, plot: Plot, index: np.ndarray, tally: Tally) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places along each dimension, objectives and groups of the designs that are feasible and not dominated."""
        feasible, points = plot.judge.feasible(plot.bounds, index, tally)
        index = index[:, feasible]
        groups = plot.groups(index)
        stay = ~self.rivals.dominates(points, groups)
        self.rivals.add(points[stay], groups[stay])
        return index[:, stay], points[stay], groups[stay]

    def _choose(self, plot: Plot, level: Level, boxes: np.ndarray, corners: np.ndarray) -> int:
        """The dimension to divide: the one whose halves are skipped most often, or have the tightest bounds."""
        dims = blocks.splittable(level)
        for name in self.order:
            if name in plot.bounds.dims and plot.bounds.dims.index(name) in dims:
                return plot.bounds.dims.index(name)
        chosen = np.unique(np.linspace(0, boxes.shape[1] - 1, SAMPLE).astype(int))
        sample, before = boxes[:, chosen], corners[chosen]
        return max(dims, key=lambda d: self._gain(plot, level, sample, before, d))

    def _gain(self, plot: Plot, level: Level, boxes: np.ndarray, before: np.ndarray, dim: int) -> float:
        """How much tighter the bounds of halves are, relatively: 1 for a half that is skipped or does not exist."""
        finer, halves = blocks.halved(level, boxes, dim, plot.sizes)
        n = boxes.shape[1]
        second = 2 * boxes[dim] + 1 < blocks.lengths(finer, plot.sizes)[dim]
        before = np.concatenate([before, before[second]])
        reason, after = plot.judge.verdict(plot.bounds.over(finer, halves), plot.groups(halves), self.rivals)
        with np.errstate(all="ignore"):
            gain = (after - before) / (np.abs(after) + np.abs(before))
        gain = np.where(np.isnan(gain), 0.0, np.minimum(gain, 1.0)).mean(axis=1)
        return float(np.where(reason >= 0, 1.0, gain).sum() + 2 * n - len(gain))

    def _advance(self, designs: int) -> None:
        self.settled += designs
        if self.progress is not None:
            self.progress(self.settled, self.size)
