"""The index of plot kinds: a kind prepares plain data from what it shows, and draws that data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dse.errors import Fault, InputError, nearest

RESULT, DESIGN, MEASURED = "result", "design", "measurements"


class NotInResult(InputError):
    """The result or design lacks what a plot needs; the message says what."""

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(Fault(f"plot {kind!r}", problem))


@dataclass(frozen=True)
class Kind:
    """One kind of plot.

    `prepare(shown, **options)` gives the data to be drawn, or raises NotInResult; `draw(figure, data)` only draws.
    What is shown is a result, one design, or measured times beside predicted ones (`of`). `kept` says that every result
    keeps this picture of itself.
    """

    name: str
    prepare: Callable[..., Any]
    draw: Callable[[Any, Any], None]
    of: str = RESULT
    kept: bool = True

    @property
    def summary(self) -> str:
        """What the plot shows: the first line of the docstring of `draw`."""
        return (inspect.getdoc(self.draw) or "").split("\n", 1)[0].rstrip(".")

    @property
    def options(self) -> tuple[str, ...]:
        """What can be asked of it: the keyword arguments of `prepare`."""
        parameters = inspect.signature(self.prepare).parameters.values()
        return tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)

    def data(self, shown: Any, options: Mapping[str, Any]) -> Any:
        """What `prepare` makes; InputError for an option that the kind does not have."""
        for name in options:
            if name not in self.options:
                allowed = f"allowed: {', '.join(self.options)}" if self.options else "it has none"
                hint = f"did you mean {near!r}?" if (near := nearest(name, self.options)) else allowed
                raise InputError(Fault(f"plot {self.name!r}", f"unknown option {name!r}; {hint}"))
        return self.prepare(shown, **options)


KINDS: dict[str, Kind] = {}

Draw = Callable[[Any, Any], None]


def plot(name: str, prepare: Callable[..., Any], *, of: str = RESULT, kept: bool = True) -> Callable[[Draw], Draw]:
    """Record a drawing function, with the function that prepares its data, as a kind of plot."""

    def record(draw: Draw) -> Draw:
        if name in KINDS:
            raise ValueError(f"plot {name!r} is defined twice")
        KINDS[name] = Kind(name, prepare, draw, of, kept and of == RESULT)
        return draw

    return record
