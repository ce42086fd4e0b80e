"""Designs that stream past: evaluated by one compiled nest, counted and cut where they arise; nothing is kept of them.

A region of the grid is prepared once: what varies along few dimensions is computed into arrays. Boxes of it then go
through the nest, in threads, and what may be on the frontier goes to the archive.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from dse.grid.blocks import Grid
from dse.grid.engines import FEW, Engine, argument, inputs_of, is_special
from dse.grid.labelled import OP, Labelled
from dse.grid.nests import Limit, Stream
from dse.grid.program import Program, Values, squeeze
from dse.pareto.archive import Archive, Index
from dse.pareto.cut import FIT, WITNESS, Cut, is_mcu
from dse.pareto.regions import Region
from dse.pareto.rows import drain
from dse.pareto.tally import Miss, Tally

# Designs prepared at once, and where arrays of all of them must be held; values of what is computed ahead.
REGION, HELD, AHEAD = 2**24, 2**21, 2**18
# Designs of a box, and rows of a buffer: their columns stay in the second cache.
BOX, ROWS = 2**18, 2**11
MCU, OTHER = "device is a microcontroller", "device is none"

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Prepared:
    """A region ready to stream through a nest; the program gives the columns of the cut."""

    region: Region
    grid: Grid
    cut: Cut
    engine: Engine
    program: Program

    @cached_property
    def split(self) -> tuple[Values, tuple[Any, ...]]:
        """Values that are computed ahead, and the steps that are left to the nest."""
        groups = self.program.groups(is_special)
        most = max([AHEAD, *(self.program.size(g.dims) for g in groups if g.alone)])
        ahead = [g for g in groups if self.program.size(g.dims) <= most]
        # Few values are computed plainly: each nest takes its time to compile.
        values = replace(self.engine, least=max(self.engine.least, FEW)).run(self.program, ahead)
        mcu = is_mcu(self.region.space)
        kinds = {MCU: mcu, OTHER: Labelled(mcu.dims, 1.0 - mcu.data)}
        known = {**values, **{n: squeeze(v) for n, v in kinds.items()}}
        left = tuple(s for g in groups if g not in ahead for s in g.steps)
        return {n: _in_order(v, self.loops) for n, v in known.items()}, left

    @cached_property
    def grouped(self) -> tuple[str, ...]:
        """Dimensions along which every value has a frontier of its own."""
        keys, sizes = self.region.space.keys, self.region.space.sizes
        own = {keys[n].dim for n in self.cut.per if n in keys}
        return tuple(d for d in self.region.space.dims if d in own and sizes[d] > 1)

    @cached_property
    def loops(self) -> tuple[str, ...]:
        """Dimensions in the order of the loops: grouped ones, then the others; short loops do not stand innermost."""
        sizes = self.region.space.sizes
        rest = [d for d in self.region.space.dims if sizes[d] > 1 and d not in self.grouped]
        longest = max(rest, key=lambda d: sizes[d], default="")
        if rest and sizes[rest[-1]] * 4 <= min(sizes[longest], ROWS):
            rest.append(rest.pop(rest.index(longest)))
        # A region of a single design is a loop too.
        return (*self.grouped, *rest) if rest else (*self.grouped, "")

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Number of values along every loop."""
        return tuple(self.region.space.sizes.get(d, 1) for d in self.loops)

    @cached_property
    def nest(self) -> Stream:
        """The nest that computes what is left, and finds what is broken."""
        cut, (values, steps) = self.cut, self.split

        def name(column: str) -> str:
            return self.program.named(self.grid.metric(column))

        fit = [Limit(name(m), True, False, MCU if kind == "mcu" else OTHER) for m, kind in FIT.items() if cut.fit]
        limits = [Limit(name(b.column), b.low > -math.inf, b.high < math.inf) for b in cut.budgets]
        objectives = [name(o.metric) for o in cut.objectives]
        budgets = [name(b.column) for b in cut.budgets]
        outputs = (*objectives, *budgets)
        defined = tuple(dict.fromkeys([*outputs, name(WITNESS)]))
        direct = [n for n in (*defined, *(x for f in (*fit, *limits) for x in (f.value, f.only) if x)) if n in values]
        inputs = dict(inputs_of(steps, values)) | {n: values[n].dims for n in direct}
        return Stream(
            self.loops,
            steps,
            tuple(inputs.items()),
            outputs,
            drain,
            tuple(name(o.metric) for o in cut.objectives if o.sign < 0),
            defined,
            (*fit, *limits),
        )

    def boxes(self) -> Iterator[Box]:
        """Boxes of the loops: one value of every grouped dimension, few enough designs, rows that fit a buffer."""
        step = list(self.shape)
        for k in range(len(self.grouped)):
            step[k] = 1
        step[-1] = min(step[-1], ROWS)
        for k in range(len(self.grouped), len(step) - 1):
            step[k] = max(1, min(step[k], BOX // math.prod(step[k + 1 :])))
        ranges = [[(i, min(i + s, n)) for i in range(0, n, s)] for n, s in zip(self.shape, step, strict=True)]
        return itertools.product(*ranges)

    def places(self, box: Box, local: np.ndarray, whole: Mapping[str, int]) -> np.ndarray:
        """Flat places in the whole grid of designs given by their place in a box."""
        index = np.unravel_index(local, [hi - lo for lo, hi in box])
        own = {d: lo + i for d, (lo, _), i in zip(self.loops, box, index, strict=True) if d}
        return np.broadcast_to(self.region.places(own, whole), local.shape)


class Streaming:
    """What one scan gathers from its regions: the archive, and counts of what was excluded."""

    def __init__(self, archive: Archive, tally: Tally, done: Callable[[int], None]) -> None:
        self.archive, self.tally, self.done = archive, tally, done
        self.lock, self.filing = threading.Lock(), threading.Lock()
        self.found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.pivots, self.index = dict[int, np.ndarray](), archive.index()

    def run(self, prepared: Prepared, start: int, groups: np.ndarray, whole: Mapping[str, int]) -> None:
        """Send a region through its nest.

        `start` is the place of the grid's first design, `groups` the group of the designs for each combination of
        places along the grouped dimensions, shape of those, and `whole` the sizes of the grid.
        """
        from dse.grid.codegen import compiled

        kernel, boxes = compiled(prepared.nest), prepared.boxes()
        inputs = [argument(prepared.split[0][n]) for n, _ in prepared.nest.inputs]
        workers = [_Worker(prepared.cut, kernel, inputs) for _ in range(prepared.engine.threads)]
        workers[0].compile(len(prepared.loops))

        def work(worker: _Worker) -> None:
            while True:
                with self.lock:
                    box = next(boxes, None)
                    if box is None:
                        return
                group = int(groups[tuple(lo for lo, _ in box[: len(prepared.grouped)])])
                points, local = worker.run(box, self._good(group), group, self.index)
                places = start + prepared.places(box, local, whole)
                with self.lock:
                    self.found.append((points, places, np.full(len(places), group)))
                    self.done(math.prod(hi - lo for lo, hi in box))

        with ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(work, workers))
        self._file()
        for worker in workers:
            worker.count(self.tally)
        self.tally.enumerated += math.prod(prepared.shape)

    def _good(self, group: int) -> np.ndarray:
        """Pivots of a group; those of before while another thread puts what was found into the archive."""
        if self.filing.acquire(blocking=False):
            try:
                self._file()
                self.pivots[group], self.index = self.archive.pivots(group), self.archive.index()
            finally:
                self.filing.release()
        return self.pivots.get(group, np.empty((0, self.archive.objectives)))

    def _file(self) -> None:
        with self.lock:
            found, self.found = self.found, []
        for points, places, groups in found:
            self.archive.add(points, places, groups)


def _in_order(value: Labelled, loops: Sequence[str]) -> Labelled:
    """A value with its dimensions in the order of the loops."""
    dims = tuple(d for d in (*loops, OP) if d in value.dims)
    return Labelled(dims, value.data.transpose([value.dims.index(d) for d in dims]))


class _Worker:
    """The buffers of one thread."""

    def __init__(self, cut: Cut, kernel: Callable[..., None], inputs: Sequence[Any]) -> None:
        self.cut, self.kernel, self.inputs = cut, kernel, inputs
        names, limits = cut.constraints, cut.limits
        self.lows, self.highs = (np.array(side) for side in limits)
        budgets, objectives = len(cut.budgets), len(cut.objectives)
        self.columns = tuple(np.empty(ROWS) for _ in range(objectives + budgets))
        self.states = np.empty(ROWS, dtype=np.int32)
        self.counts = np.zeros(2 + 2 * len(names), dtype=np.int64)
        self.misses = np.full((budgets, 3), np.inf)
        self.kept, self.places = np.empty((objectives, BOX)), np.empty(BOX, dtype=np.int64)
        self.used = np.zeros(1, dtype=np.int64)

    def compile(self, loops: int) -> None:
        """Compile, or load, the nest before any thread starts."""
        archive = Archive(len(self.cut.objectives))
        self._call(((0, 0),) * loops, archive.pivots(0), 0, archive.index())

    def run(self, box: Box, pivots: np.ndarray, group: int, index: Index) -> tuple[np.ndarray, np.ndarray]:
        """Points and places of the designs of a box that may be on the frontier."""
        self.used[0] = 0
        self._call(box, pivots, group, index)
        n = int(self.used[0])
        return self.kept[:, :n].T.copy(), self.places[:n].copy()

    def _call(self, box: Box, pivots: np.ndarray, group: int, index: Index) -> None:
        own = slice(len(self.lows) - len(self.misses), None)
        limits = self.lows[own], self.highs[own]
        archive = pivots, group, (index.base, index.shift, index.table, index.cells)
        sink = (self.counts, self.misses, *limits, *archive, self.kept, self.places, self.used)
        bounds = itertools.chain(*box)
        self.kernel(*bounds, *self.inputs, self.lows, self.highs, self.columns, self.states, sink)

    def count(self, tally: Tally) -> None:
        """Add what was counted to a tally."""
        tally.undefined += int(self.counts[0])
        for k, name in enumerate(self.cut.constraints):
            first, at_all = self.counts[2 + 2 * k : 4 + 2 * k].tolist()
            tally.excluded[name] = tally.excluded.get(name, 0) + first
            tally.broken[name] = tally.broken.get(name, 0) + at_all
        for budget, (others, violation, value) in zip(self.cut.budgets, self.misses.tolist(), strict=True):
            if violation < math.inf:
                miss = Miss(bool(others), violation, value)
                tally.misses[budget.text()] = min(miss, tally.misses.get(budget.text(), miss))
