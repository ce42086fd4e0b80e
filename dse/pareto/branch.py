"""The exact frontier of a space by branch and bound.

Boxes of the grid that cannot hold a design of the frontier are skipped whole; all others are divided until few
designs are left, which are evaluated. A land of plateaus loses nothing: bounds are moved outward, and boxes count as
dominated only where they are by a clear margin (A. H. Land and A. G. Doig, Econometrica 28(3), 1960, for the method).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from dse.grid.blocks import Grid
from dse.grid.program import Values
from dse.grid.pyramid import Level
from dse.grid.space import Space
from dse.pareto import boxes as blocks
from dse.pareto.archive import Archive
from dse.pareto.forest import Forest
from dse.pareto.cut import Tally
from dse.pareto.field import NETWORKS, Field, Plot, plots
from dse.pareto.regions import thinned
from dse.pareto.scan import Block, Scan, group_texts, scan_blocks

# Designs of a box that is evaluated; boxes bounded at a time; designs of the coarse grid.
LEAF, CHUNK, COARSE = 4, 2**13, 2**17
# Boxes that tell which dimension to divide.
SAMPLE = 48
Progress = Callable[[int, int], None]


def branch(
    fields: Sequence[Field],
    *,
    leaf: int = LEAF,
    chunk: int = CHUNK,
    coarse: int = COARSE,
    networks: int = NETWORKS,
    order: Sequence[str] = (),
    progress: Progress | None = None,
) -> Scan:
    """Find the designs that no other of any field dominates; the fields have the same objectives and groups.

    Parameters
    ----------
    leaf
        Designs of a box that is evaluated rather than divided. The frontier depends on none of these options.
    chunk
        Boxes bounded at a time.
    coarse
        Designs of the coarse grid that is evaluated first: its frontier is what boxes are compared with, and it gives
        the cloud.
    networks
        Architectures of which counts are held at a time.
    order
        Dimensions in the order in which they are divided; default: by what a sample of boxes gains.
    progress
        Called with designs done and designs in all.

    Raises
    ------
    InputError
        As `evaluate_values` does; for a metric that cannot be bounded.
    """
    first = _coarse(fields, coarse)
    search = _Search(fields, leaf, chunk, order, progress)
    search.seed(fields, first)
    for plot in plots(fields, networks):
        search.run(plot)
    return search.result(first)


def _coarse(fields: Sequence[Field], limit: int) -> Scan:
    """The scan of coarse grids, with places of designs in the whole grids."""
    each = max(1, limit // len(fields))
    thin = [thinned(f.grid.space, each) for f in fields]
    found = scan_blocks(
        [Block(f.grid, f.cut, part=t.space) for t, f in zip(thin, fields, strict=True)], engine="plain"
    )
    places, start, begin = [], 0, 0
    for region, field in zip(thin, fields, strict=True):
        size = region.space.size
        own = found.places[(found.places >= start) & (found.places < start + size)] - start
        index = dict(zip(region.space.dims, np.unravel_index(own, tuple(region.space.sizes.values())), strict=True))
        flat = begin + region.places(index, field.grid.space.sizes)
        places.append(np.broadcast_to(flat, len(own)))
        start, begin = start + size, begin + field.grid.space.size
    return Scan(np.concatenate(places), found.tally, found.cloud)


class _Search:
    """What is known so far: the archive, and what became of the designs."""

    def __init__(
        self, fields: Sequence[Field], leaf: int, chunk: int, order: Sequence[str], progress: Progress | None
    ) -> None:
        cut = fields[0].cut
        self.texts = group_texts([f.grid.space for f in fields], cut.per)
        groups = math.prod(len(t) for t in self.texts.values())
        self.archive, self.rivals = Archive(len(cut.objectives), groups), Forest(groups)
        self.tally, self.leaf, self.chunk, self.order = Tally(), leaf, chunk, tuple(order)
        self.size, self.progress = sum(f.grid.space.size for f in fields), progress
        self.done = 0
        self.stats = {"bound": 0.0, "leaf": 0.0, "choose": 0.0, "probe": 0.0, "batches": 0}

    def seed(self, fields: Sequence[Field], first: Scan) -> None:
        """Give the archive the frontier of the coarse grids."""
        start = 0
        for field in fields:
            space, cut = field.grid.space, field.cut
            own = first.places[(first.places >= start) & (first.places < start + space.size)]
            if len(own):
                designs = space.designs(own - start) if space.dims else space
                objectives = [o.metric for o in cut.objectives]
                values = field.grid.evaluate(designs, objectives)
                points = np.column_stack(
                    [np.broadcast_to(o.sign * values[o.metric].data, len(own)) for o in cut.objectives]
                )
                self.rivals.add(points, self._groups(designs, len(own)))
            start += space.size
        self.tally.probed += first.tally.enumerated

    def _groups(self, designs: Space, n: int) -> np.ndarray:
        code = np.zeros(n, dtype=np.int64)
        for name, texts in self.texts.items():
            values = designs.axes[name].values if name in designs.axes else ("",)
            code = code * len(texts) + np.array([texts.index(str(v)) for v in values])
        return code

    def run(self, plot: Plot) -> None:
        """Search a part."""
        choice: dict[Level, int] = {}
        for level, boxes in blocks.roots(plot.sizes, list(plot.codes), self.chunk):
            queue = blocks.Queue(self.chunk)
            queue.put(level, boxes)
            while (batch := queue.take()) is not None:
                self._divide(plot, *batch, queue, choice)

    def _divide(
        self, plot: Plot, level: Level, boxes: np.ndarray, queue: blocks.Queue, choice: dict[Level, int]
    ) -> None:
        """Bound boxes; skip, evaluate or divide each."""
        import time

        t0 = time.process_time()
        self.stats["batches"] += 1
        reason, corner = plot.judge.verdict(plot.bounds.over(level, boxes), plot.groups(boxes), self.rivals)
        self.stats["bound"] += time.process_time() - t0
        self.tally.boxes += boxes.shape[1]
        gone = reason >= 0
        if gone.any():
            numbers = blocks.designs_in(level, boxes[:, gone], plot.sizes)
            for k, name in enumerate(plot.judge.reasons):
                own = int(numbers[reason[gone] == k].sum())
                if own:
                    self.tally.skipped[name] = self.tally.skipped.get(name, 0) + own
            self._advance(int(numbers.sum()))
        boxes, corner = boxes[:, ~gone], corner[~gone]
        if not boxes.shape[1]:
            return
        if 2 ** sum(level) <= self.leaf:
            self._evaluate(plot, blocks.members(level, boxes, plot.sizes))
            return
        self._probe(plot, level, boxes)
        if level not in choice:
            t0 = time.process_time()
            choice[level] = self._choose(plot, level, boxes, corner)
            self.stats["choose"] += time.process_time() - t0
        queue.put(*blocks.halved(level, boxes, choice[level], plot.sizes))

    def _evaluate(self, plot: Plot, index: np.ndarray) -> None:
        """Evaluate designs, and give the archive what is feasible and not dominated."""
        import time

        t0 = time.process_time()
        feasible, points = plot.judge.feasible(plot.bounds, index, self.tally)
        index = index[:, feasible]
        groups = plot.groups(index)
        stay = ~self.rivals.dominates(points, groups)
        self.archive.add(points[stay], plot.places(index[:, stay]), groups[stay])
        self.rivals.add(points[stay], groups[stay])
        self.stats["leaf"] += time.process_time() - t0
        self.tally.modelled += len(feasible)
        self._advance(len(feasible))

    def _probe(self, plot: Plot, level: Level, boxes: np.ndarray) -> None:
        """Evaluate the middle of every box, so that good designs are known early."""
        import time

        t0 = time.process_time()
        index = blocks.middles(level, boxes, plot.sizes)
        self.tally.probed += boxes.shape[1]
        feasible, points = plot.judge.feasible(plot.bounds, index, Tally())
        groups = plot.groups(index[:, feasible])
        stay = ~self.rivals.dominates(points, groups)
        self.rivals.add(points[stay], groups[stay])
        self.stats["probe"] += time.process_time() - t0

    def _choose(self, plot: Plot, level: Level, boxes: np.ndarray, corner: np.ndarray) -> int:
        """The dimension to divide: the one whose halves are skipped most often, or have the tightest bounds."""
        dims = blocks.splittable(level)
        for name in self.order:
            if name in plot.bounds.dims and (d := plot.bounds.dims.index(name)) in dims:
                return d
        chosen = np.unique(np.linspace(0, boxes.shape[1] - 1, SAMPLE).astype(int))
        sample, before = boxes[:, chosen], corner[chosen]
        return max(dims, key=lambda d: self._gain(plot, level, sample, before, d))

    def _gain(self, plot: Plot, level: Level, boxes: np.ndarray, before: np.ndarray, dim: int) -> float:
        finer, first = blocks.halved(level, boxes, dim, plot.sizes)
        n = boxes.shape[1]
        whole = np.concatenate([np.arange(n), np.flatnonzero(2 * boxes[dim] + 1 < blocks.lengths(finer, plot.sizes)[dim])])
        reason, after = plot.judge.verdict(plot.bounds.over(finer, first), plot.groups(first), self.rivals)
        with np.errstate(all="ignore"):
            gain = (after - before[whole]) / (np.abs(after) + np.abs(before[whole]))
        gain = np.where(np.isnan(gain), 0.0, np.minimum(gain, 1.0)).sum(axis=1) / before.shape[1]
        score = np.where(reason >= 0, 1.0, gain)
        # A half that does not exist is as good as one that is skipped.
        return float((score.sum() + 2 * n - len(whole)) / (2 * n))

    def _advance(self, designs: int) -> None:
        self.done += designs
        if self.progress is not None:
            self.progress(self.done, self.size)

    def result(self, first: Scan) -> Scan:
        """The frontier, and what became of every design."""
        tally = self.tally
        places = self.archive.places()
        tally.enumerated = self.size
        tally.kept = len(places)
        tally.dominated = tally.modelled - tally.undefined - sum(tally.excluded.values()) - tally.kept
        tally.misses = dict(first.tally.misses)
        return Scan(places, tally, first.cloud)
