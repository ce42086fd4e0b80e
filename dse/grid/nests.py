"""The source of loop nests: what the fused engine compiles.

One loop per dimension, every input loaded and every step computed at the depth of its last dimension. Each dimension
has bounds of its own, so that one kernel serves any box of the grid.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dse.grid.labelled import OP
from dse.registry import Function, Record

Inputs = tuple[tuple[str, tuple[str, ...]], ...]
PAD = "    "


@dataclass(frozen=True)
class Nest:
    """Steps over one set of dimensions, what they read, and the arrays over all dimensions that they write."""

    dims: tuple[str, ...]
    steps: tuple[Record, ...]
    inputs: Inputs
    outputs: tuple[str, ...]

    @cached_property
    def _labels(self) -> dict[str, str]:
        """Names as identifiers, all different: those of one of several networks have a point in them."""
        names = dict.fromkeys([*self.dims, *(n for n, _ in self.inputs), *(s.name for s in self.steps)])
        labels: dict[str, str] = {}
        for number, name in enumerate(names):
            plain = re.sub(r"\W", "_", name)
            labels[name] = f"{plain}_{number}" if plain in labels.values() else plain
        return labels

    def label(self, name: str) -> str:
        """The identifier of a dimension, an input or a step."""
        return self._labels[name]

    def functions(self) -> dict[str, Function]:
        """What the source calls, by the name that it calls it by."""
        return {f"f_{self.label(s.name)}": s.function for s in self.steps}

    @property
    def bounds(self) -> list[str]:
        """Arguments for the first place and the one after the last along every dimension."""
        return [f"{end}_{self.label(d)}" for d in self.dims for end in ("lo", "hi")]

    def source(self) -> str:
        """`nest(<bounds>, <inputs>, <outputs>)`."""
        arguments = [*self.bounds, *self._inputs(), *(f"out_{self.label(n)}" for n in self.outputs)]
        index = ", ".join(f"i_{self.label(d)}" for d in self.dims)
        stores = [f"out_{self.label(n)}[{index}] = v_{self.label(n)}" for n in self.outputs]
        return f"def nest({', '.join(arguments)}):\n" + "\n".join(self._loops({len(self.dims): stores})) + "\n"

    def _inputs(self) -> list[str]:
        return [f"in_{self.label(n)}" for n, _ in self.inputs]

    @cached_property
    def _depths(self) -> dict[str, int]:
        """How many loops stand around each value: up to that over its last dimension."""
        depth: dict[str, int] = {}
        for name, dims in self.inputs:
            depth[name] = max([self.dims.index(d) + 1 for d in dims if d != OP], default=0)
        for step in self.steps:
            depth[step.name] = max([depth[i] for i in step.inputs], default=0)
        return depth

    def _at(self, depth: int) -> list[str]:
        """Loads and steps at a depth."""
        lines = []
        for name, dims in self.inputs:
            if self._depths[name] == depth:
                index = ", ".join(f"i_{self.label(d)}" for d in dims if d != OP)
                lines.append(f"v_{self.label(name)} = in_{self.label(name)}" + (f"[{index}]" if index else ""))
        for step in self.steps:
            if self._depths[step.name] == depth:
                arguments = ", ".join(f"v_{self.label(i)}" for i in step.inputs)
                lines.append(f"v_{self.label(step.name)} = f_{self.label(step.name)}({arguments})")
        return lines

    def _loops(self, after: Mapping[int, Sequence[str]]) -> list[str]:
        """The loops with all loads and steps, and the lines that come after those of a depth."""
        lines = []
        for depth in range(len(self.dims) + 1):
            if depth:
                lines += self._loop(depth, self.label(self.dims[depth - 1]))
            pad = PAD * (depth + 1)
            lines += [pad + line for line in (*self._at(depth), *after.get(depth, ()))]
        return lines

    def _loop(self, depth: int, name: str) -> list[str]:
        if depth < len(self.dims):
            return [f"{PAD * depth}for i_{name} in range(lo_{name}, hi_{name}):"]
        # An unsigned index cannot count from the end: without that case the compiler makes vector code.
        return [
            f"{PAD * depth}for step in range(hi_{name} - lo_{name}):",
            f"{PAD * (depth + 1)}i_{name} = np.uint64(lo_{name} + step)",
        ]


@dataclass(frozen=True)
class Limit:
    """A constraint on a value: broken below `low` or above `high`, where `only` (an input) is not 0.

    `low` and `high` say whether there is such a limit; its value is an argument of the kernel.
    """

    value: str
    low: bool
    high: bool
    only: str = ""


@dataclass(frozen=True)
class Stream(Nest):
    """A nest that keeps nothing: rows of columns and of broken constraints are drained where a buffer is full.

    `outputs` are the columns, those of `negated` with the other sign. The state of a design is an integer: bit 0
    where a value of `defined` is NaN, bit k where the k-th of `limits` is broken. `drain` takes rows away: a function
    of (rows, place of the first in the box, columns, states, *sink).
    """

    drain: Function
    negated: tuple[str, ...] = ()
    defined: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()

    def functions(self) -> dict[str, Function]:
        """What must be compiled, by name."""
        return {**super().functions(), "drain": self.drain}

    def source(self) -> str:
        """`nest(<bounds>, <inputs>, lows, highs, columns, states, sink)`; columns of shape (outputs, capacity)."""
        *outer, last = (self.label(d) for d in self.dims)
        arguments = [*self.bounds, *self._inputs(), "lows", "highs", "columns", "states", "sink"]
        # A tuple of arrays rather than one array: loops over it are unrolled.
        rows = ", ".join(f"column_{k}" for k in range(len(self.outputs)))
        drain = f"drain(filled, first, ({rows},), states, *sink)"
        lines = [f"def nest({', '.join(arguments)}):", f"{PAD}filled = 0", f"{PAD}first = 0"]
        lines += [f"{PAD}column_{k} = columns[{k}]" for k in range(len(self.outputs))]
        for k, limit in enumerate(self.limits):
            lines += [f"{PAD}low_{k} = lows[{k}]"] * limit.low + [f"{PAD}high_{k} = highs[{k}]"] * limit.high
        row = [
            f"if filled + hi_{last} - lo_{last} > states.size:",
            f"{PAD}{drain}",
            f"{PAD}first += filled",
            f"{PAD}filled = 0",
            "start = filled",
            f"filled += hi_{last} - lo_{last}",
        ]
        loops = self._loops({len(outer): row, len(self.dims): self._stores()})
        return "\n".join([*lines, *loops, f"{PAD}{drain}"]) + "\n"

    def _stores(self) -> list[str]:
        lines = ["place = np.uint64(start + step)"]
        for k, name in enumerate(self.outputs):
            lines.append(f"column_{k}[place] = {'-' if name in self.negated else ''}v_{self.label(name)}")
        missing = [f"(v_{self.label(n)} != v_{self.label(n)})" for n in self.defined]
        terms = [f"({' | '.join(missing)}) * 1" if missing else "0"]
        for k, limit in enumerate(self.limits):
            value = f"v_{self.label(limit.value)}"
            sides = [f"({value} < low_{k})"] * limit.low + [f"({value} > high_{k})"] * limit.high
            broken = f"({' | '.join(sides)})"
            if limit.only:
                broken = f"({broken} & (v_{self.label(limit.only)} != 0))"
            terms.append(f"{broken} * {2 << k}")
        return [*lines, f"states[place] = {' | '.join(terms)}"]


@dataclass(frozen=True)
class Call:
    """Compiled code written by hand, a function of arrays and numbers: cached as nests are."""

    function: Function

    def functions(self) -> dict[str, Function]:
        """What the source calls, by the name that it calls it by."""
        return {"function": self.function}

    def source(self) -> str:
        """`nest` with the arguments of the function."""
        arguments = ", ".join(inspect.signature(self.function).parameters)
        return f"def nest({arguments}):\n{PAD}return function({arguments})\n"
