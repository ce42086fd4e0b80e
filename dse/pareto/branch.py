"""The exact frontier of a space by branch and bound.

Boxes of the grid that cannot hold a design of the frontier are skipped whole; all others are divided until few
designs are left, which are evaluated (the method is that of A. H. Land and A. G. Doig, Econometrica 28(3), 1960).
Nothing is lost on plateaus: bounds are moved outward, and a box is dominated only where a design that was evaluated
is strictly better than its bounds after the rounding that designs are compared with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from dse.grid.pyramid import Level
from dse.pareto import boxes as blocks
from dse.pareto.archive import Archive
from dse.pareto.field import NETWORKS, Field, Plot, plots
from dse.pareto.forest import Forest
from dse.pareto.groups import group_codes, group_texts
from dse.pareto.partial import Bounded, Partial
from dse.pareto.regions import thinned
from dse.pareto.scan import Scan, finish, scan_blocks
from dse.pareto.scanner import Progress
from dse.pareto.tally import Tally
from dse.pareto.units import Block

# Designs of a box that is evaluated; boxes bounded at a time; designs of the coarse grid.
LEAF, CHUNK, COARSE = 4, 2**13, 2**17
# Boxes that tell which dimension to divide.
SAMPLE = 48


def branch(
    fields: Sequence[Field],
    *,
    leaf: int = LEAF,
    chunk: int = CHUNK,
    coarse: int = COARSE,
    networks: int = NETWORKS,
    order: Sequence[str] = (),
    trends: bool = True,
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
    trends
        Whether bounds use trends, where they are known, or intervals alone.
    progress
        Called with designs done and designs in all.

    Raises
    ------
    InputError
        As `evaluate_values` does; for a metric that cannot be bounded.
    """
    first = coarse_scan(fields, coarse)
    search = _Search(fields, leaf, chunk, order, progress)
    found = search.found(fields, first, plots(fields, networks, trends))
    return finish([Block(f.grid, f.cut) for f in fields], found)


def search_share(
    fields: Sequence[Field],
    first: Scan,
    parts: Iterable[Plot],
    share: blocks.Share,
    known: Partial | None = None,
    progress: Progress | None = None,
) -> Partial:
    """Search one of several shares of fields, whose number is that of its unit; all shares add up to `branch`.

    Parameters
    ----------
    first
        What `coarse_scan` gives of the fields.
    parts
        What `plots` gives of them.
    share
        Which share of how many, from 0.
    known
        What other shares found: it is compared with from the start.
    """
    search = _Search(fields, LEAF, CHUNK, (), progress, share)
    if known is not None and len(known.points):
        search.rivals.add(known.points, known.groups)
    return search.found(fields, first, parts)


def coarse_scan(fields: Sequence[Field], limit: int = COARSE) -> Scan:
    """The scan of coarse grids, with places of designs in the whole grids."""
    each = max(1, limit // len(fields))
    thin = [thinned(f.grid.space, each) for f in fields]
    found = scan_blocks([Block(f.grid, f.cut, part=t.space) for t, f in zip(thin, fields, strict=True)], engine="plain")
    places, start, begin = [], 0, 0
    for region, field in zip(thin, fields, strict=True):
        size = region.space.size
        own = found.places[(found.places >= start) & (found.places < start + size)] - start
        sizes = region.space.sizes
        index = dict(zip(sizes, np.unravel_index(own, tuple(sizes.values())) if sizes else (), strict=True))
        flat = begin + region.places(index, field.grid.space.sizes)
        places.append(np.broadcast_to(flat, len(own)))
        start, begin = start + size, begin + field.grid.space.size
    return Scan(np.concatenate(places), found.tally, found.cloud)


class _Search:
    """What is known so far: designs that may be on the frontier, good designs, and what became of all others."""

    def __init__(
        self,
        fields: Sequence[Field],
        leaf: int,
        chunk: int,
        order: Sequence[str],
        progress: Progress | None,
        share: blocks.Share = blocks.WHOLE,
    ) -> None:
        cut = fields[0].cut
        self.texts = group_texts([f.grid.space for f in fields], cut.per)
        groups = math.prod(len(t) for t in self.texts.values())
        self.archive, self.rivals = Archive(len(cut.objectives), groups), Forest(groups)
        self.tally, self.done, self.settled = Tally(), Bounded(), 0
        self.leaf, self.chunk, self.order, self.share = leaf, chunk, tuple(order), share
        self.size, self.progress = sum(f.grid.space.size for f in fields), progress

    def found(self, fields: Sequence[Field], first: Scan, parts: Iterable[Plot]) -> Partial:
        """What the search of all parts finds, with the frontier of the coarse grids known before.

        What these alone tell, the cloud and the nearest misses, comes with the first share.
        """
        self.seed(fields, first)
        for plot in parts:
            self.run(plot)
        self.tally.enumerated = self.settled
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

    def run(self, plot: Plot) -> None:
        """Search a part."""
        choice: dict[Level, int] = {}
        for level, boxes in blocks.roots(plot.sizes, list(plot.codes), self.chunk, self.share):
            queue = blocks.Queue(self.chunk)
            queue.put(level, boxes)
            while (batch := queue.take()) is not None:
                level, boxes = batch
                left, corners = self._skip(plot, level, boxes)
                if left.shape[1] == 0:
                    continue
                if 2 ** sum(level) <= self.leaf:
                    self._evaluate(plot, blocks.members(level, left, plot.sizes))
                    continue
                self._probe(plot, blocks.middles(level, left, plot.sizes))
                if level not in choice:
                    choice[level] = self._choose(plot, level, left, corners)
                queue.put(*blocks.halved(level, left, choice[level], plot.sizes))

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
