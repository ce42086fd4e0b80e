"""The index of plot kinds: a kind prepares plain data from a result, and draws that data."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dse.errors import Fault, InputError


class NotInResult(InputError):
    """The result lacks what a plot needs; the message says what."""

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(Fault(f"plot {kind!r}", problem))


@dataclass(frozen=True)
class Kind:
    """One kind of plot.

    `prepare(result)` gives the data to be drawn, or raises NotInResult; `draw(figure, data)` only draws.
    """

    name: str
    prepare: Callable[[Any], Any]
    draw: Callable[[Any, Any], None]

    @property
    def summary(self) -> str:
        """What the plot shows: the first line of the docstring of `draw`."""
        return (inspect.getdoc(self.draw) or "").split("\n", 1)[0].rstrip(".")


KINDS: dict[str, Kind] = {}


def plot(
    name: str, prepare: Callable[[Any], Any]
) -> Callable[[Callable[[Any, Any], None]], Callable[[Any, Any], None]]:
    """Record a drawing function, with the function that prepares its data, as a kind of plot."""

    def record(draw: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        if name in KINDS:
            raise ValueError(f"plot {name!r} is defined twice")
        KINDS[name] = Kind(name, prepare, draw)
        return draw

    return record
