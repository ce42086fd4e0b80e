"""Two ways to run a program: the plain functions on NumPy arrays, or loop nests compiled from them."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.errors import InputError
from dse.grid.labelled import OP, Labelled
from dse.grid.nests import Nest
from dse.grid.per_op import SPECIAL, on_arrays
from dse.grid.program import Group, Program, Values
from dse.registry import Record

# Below this many designs the plain functions on arrays are done before compiled code is loaded; of more designs,
# metrics with few values are computed plainly all the same, since each nest takes its time to compile.
PLAIN_LIMIT = 2_000_000
FEW = 20_000


@dataclass(frozen=True)
class Engine:
    """How a program is run: a group of at least `least` values by compiled code, in so many threads."""

    name: str
    least: float
    threads: int
    dtype: type = np.float64

    def compiles(self, program: Program, group: Group) -> bool:
        """Whether a group is computed by compiled code."""
        return bool(group.dims) and program.size(group.dims) >= self.least

    def run(
        self, program: Program, groups: Sequence[Group] | None = None, out: Mapping[str, Any] | None = None
    ) -> Values:
        """Everything that a program keeps, without the dimensions of one value.

        Parameters
        ----------
        groups
            Those to run, in the program's order; default: all.
        out
            Arrays to write values into, by name, each over the dimensions with several values.
        """
        values = program.squeezed()
        for group in program.groups(is_special) if groups is None else groups:
            if not self.compiles(program, group):
                _run_plain(group, values, program)
            elif group.alone:
                step = group.steps[0]
                values[step.name] = SPECIAL[step.function](group, values, program, self.threads)
            else:
                self._run_fused(group, values, program, out or {})
        return values

    def _run_fused(self, group: Group, values: Values, program: Program, out: Mapping[str, Any]) -> None:
        from dse.grid.codegen import compiled

        kept, inputs = program.kept(group), inputs_of(group.steps, values)
        kernel = compiled(Nest(group.dims, group.steps, inputs, kept))
        shape = [program.space.sizes[d] for d in group.dims]
        used = program.used_outside(group)
        # What others are computed from stays whole.
        types = {n: np.float64 if n in used else self.dtype for n in kept}
        outputs = {n: _writable(n, out[n], shape) if n in out else np.empty(shape, types[n]) for n in kept}
        _in_threads(kernel, shape, [*(argument(values[n]) for n, _ in inputs), *outputs.values()], self.threads)
        values.update({n: Labelled(group.dims, data) for n, data in outputs.items()})


def choose_engine(name: str, designs: int, threads: int | None = None, dtype: type = np.float64) -> Engine:
    """The engine of a name for so many designs: "plain", "fused", or "auto".

    Raises InputError for any other name.
    """
    if name not in ("auto", "plain", "fused"):
        raise InputError(f"engine {name!r}; allowed: auto, plain, fused")
    few = FEW if designs > PLAIN_LIMIT else math.inf
    least = {"fused": 1, "plain": math.inf, "auto": few}[name]
    return Engine(name, least, threads or os.cpu_count() or 1, dtype)


def _writable(name: str, array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """An array that was given for a result; ValueError for one of another shape, which code would write beyond."""
    if array.shape != tuple(shape):
        raise ValueError(f"out[{name!r}] has shape {array.shape}; {name} varies along {tuple(shape)}")
    return array


def is_special(step: Record) -> bool:
    """Whether compiled code of its own computes a step."""
    return step.function in SPECIAL


def inputs_of(steps: Sequence[Record], values: Mapping[str, Labelled]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What steps need that is not among themselves, each with its dimensions."""
    own = {s.name for s in steps}
    return tuple({i: values[i].dims for s in steps for i in s.inputs if i not in own}.items())


def argument(value: Labelled) -> np.ndarray | float:
    """A value as a kernel takes it."""
    return np.ascontiguousarray(value.data, dtype=np.float64) if value.dims else float(value.data)


def _run_plain(group: Group, values: Values, program: Program) -> None:
    shape = tuple(program.space.sizes[d] for d in group.dims)
    for step in group.steps:
        with np.errstate(all="ignore"):
            operands = (_operand(values[i], group.dims) for i in step.inputs)
            data = np.asarray(on_arrays(step.function)(*operands), dtype=np.float64)
        # A metric that leaves an argument unused may have a smaller shape; results are always whole and writable.
        values[step.name] = Labelled(group.dims, data if data.shape == shape else np.broadcast_to(data, shape).copy())


def _operand(value: Labelled, dims: tuple[str, ...]) -> np.ndarray:
    """The array over `dims`; of a vector over ops, one such array for each op."""
    return np.moveaxis(value.over((*dims, OP)), -1, 0) if OP in value.dims else value.over(dims)


def _in_threads(kernel: Callable[..., None], shape: Sequence[int], arguments: Sequence[object], threads: int) -> None:
    """Run a kernel over a whole box, divided along the first dimension that is long enough for all threads."""
    whole = [(0, n) for n in shape]
    split = next((k for k, n in enumerate(shape) if n >= 4 * threads), int(np.argmax(shape)))
    workers = min(threads, shape[split])
    if workers == 1 or math.prod(shape) < 100_000:
        kernel(*itertools.chain(*whole), *arguments)
        return
    kernel(*(0 for _ in shape for _ in "ab"), *arguments)  # compiles, or loads, before the threads start
    edges = np.linspace(0, shape[split], workers + 1).astype(int).tolist()
    boxes = [[*whole[:split], part, *whole[split + 1 :]] for part in itertools.pairwise(edges)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda box: kernel(*itertools.chain(*box), *arguments), boxes))
