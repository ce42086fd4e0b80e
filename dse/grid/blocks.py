"""What a job is made of: grids of designs, each with a way to evaluate any part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dse.grid.evaluate import evaluate_values
from dse.grid.program import Program, Values, program
from dse.grid.space import Space


class Grid(Protocol):
    """A grid of designs. Columns are metrics, or "NETWORK.METRIC" for a metric of one of several networks."""

    @property
    def name(self) -> str:
        """The network's name; "" where there is one alone, or several together."""

    @property
    def space(self) -> Space:
        """Axes of the designs."""

    def metric(self, column: str) -> str:
        """The name under which a program has a column."""

    def program(self, part: Space, columns: Sequence[str]) -> Program:
        """What computes columns for a part of the space that has one value of each axis that chooses formulas."""

    def evaluate(self, part: Space, columns: Sequence[str], **options: Any) -> Values:
        """Columns for a part of the space; options are those of `evaluate_values`."""


@dataclass(frozen=True)
class Alone:
    """Designs of one network."""

    space: Space
    name: str = ""

    def program(self, part: Space, columns: Sequence[str]) -> Program:
        """What computes columns, without the name of the network before them."""
        return program(part, tuple(dict.fromkeys(map(self.metric, columns))))

    def evaluate(self, part: Space, columns: Sequence[str], **options: Any) -> Values:
        """Columns for a part of the space."""
        values = evaluate_values(part, map(self.metric, columns), **options)
        return {**values, **{column: values[self.metric(column)] for column in columns}}

    def metric(self, column: str) -> str:
        """The metric that a column holds."""
        return column.removeprefix(f"{self.name}.") if self.name else column
