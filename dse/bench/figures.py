"""Figures, and how they are measured: two ways in turns, so that whatever slows the machine slows both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any


class Missing(Exception):
    """Something to compare with, or to run, is not there."""


class Unequal(AssertionError):
    """Two ways of which the results must be equal, and are not."""


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes
    ----------
    group, what
        What was measured.
    value, unit
        The number; None where something was missing, which `note` tells.
    least, most
        The number that is aimed at: at least, or at most, so much.
    seconds
        Median seconds of each way that was timed.
    note
        What else is to be known of it.
    """

    group: str
    what: str
    value: float | None
    unit: str
    least: float | None = None
    most: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the number aimed at is reached; None where there is none, or nothing was measured."""
        if self.value is None or (self.least is None and self.most is None):
            return None
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    def facts(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**asdict(self), "seconds": dict(self.seconds), "reached": self.reached}


@dataclass(frozen=True)
class Case:
    """What gives figures of a group when it is run.

    `aims` says whether the numbers aimed at are meant for the size that it has.
    """

    group: str
    what: str
    measure: Callable[[], Iterable[Figure]]
    aims: bool = True

    def figures(self) -> list[Figure]:
        """Run it; where something is missing that is told instead."""
        try:
            found = list(self.measure())
        except Missing as missing:
            return [Figure(self.group, self.what, None, "", note=f"missing: {missing}")]
        return found if self.aims else [replace(figure, least=None, most=None) for figure in found]


@dataclass(frozen=True)
class Turns:
    """Seconds of several ways, a list each, taken in turns."""

    seconds: Mapping[str, list[float]]

    def median(self, way: str) -> float:
        """Median seconds of a way."""
        return statistics.median(self.seconds[way])

    def ratio(self, way: str, other: str) -> float:
        """Median over the turns of the seconds of one way for each second of the other."""
        return statistics.median(a / b for a, b in zip(self.seconds[way], self.seconds[other], strict=True))

    def medians(self) -> dict[str, float]:
        """Median seconds of all ways."""
        return {way: self.median(way) for way in self.seconds}


def in_turns(ways: Mapping[str, Callable[[], Any]], *, room: float = 5.0, least: int = 3, most: int = 25) -> Turns:
    """Time ways in turns, forwards and backwards alternately, after each has run once.

    Parameters
    ----------
    room
        Seconds that all turns may take; at least `least` are taken, and no more than `most`.
    """
    for way in ways.values():
        way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    started, turns = time.perf_counter(), 0
    while turns < least or (turns < most and time.perf_counter() - started < room):
        for name in list(ways) if turns % 2 == 0 else list(ways)[::-1]:
            begun = time.perf_counter()
            ways[name]()
            seconds[name].append(time.perf_counter() - begun)
        turns += 1
    return Turns(seconds)


def check(equal: bool, what: str) -> None:
    """Raise Unequal, saying what differs, unless two results are equal."""
    if not equal:
        raise Unequal(f"{what}: the results differ")


def nanoseconds(seconds: float, designs: float) -> str:
    """Time of a design and designs a second, for people."""
    return f"{1e9 * seconds / designs:.2f} ns a design, {designs / seconds / 1e6:,.0f} M designs/s"
