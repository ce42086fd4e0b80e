"""Errors that meet the user: what, where, what is allowed, and the nearest name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice
from typing import Any, Self

# What is shown of faults: no more than a person would read, whatever the input holds.
MOST_FAULTS, MOST_WHERE, MOST_PROBLEM, MOST_MESSAGE = 50, 400, 1000, 20_000
# Names that a misspelt one is compared with, letter by letter, and those that are looked at for it.
MOST_COMPARED, MOST_SEEN = 2000, 20_000

# Characters that act on a terminal or turn the order of what is beside them, and halves of characters.
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """A text with every character that would act on a terminal written out: \\u001b."""
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shown(value: Any, most: int = 60) -> str:
    """A value as people are shown it: its start, where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        text = "a value of a size beyond all use"
    return text if len(text) <= most else f"{text[: most - 3]}..."


class Fault:
    """One thing that is wrong with what the user gave.

    `where` names the file and the key ("sweep.toml: budgets.peak_sram"), `problem` says what was given
    and what is allowed: a text, or what makes it. That is asked when the fault is told, which of thousands
    (`MOST_FAULTS`) most are not: nearest names take long to find.
    """

    __slots__ = ("_problem", "where")

    def __init__(self, where: str, problem: str | Callable[[], str]) -> None:
        self.where, self._problem = where, problem

    @property
    def problem(self) -> str:
        """What was given, and what is allowed."""
        if not isinstance(self._problem, str):
            self._problem = self._problem()
        return self._problem

    def at(self, where: str) -> Self:
        """The same problem, told of another place."""
        return type(self)(where, self._problem)

    def under(self, where: str) -> Self:
        """The fault told with what its place is in."""
        return self.at(": ".join(filter(None, (where, self.where))))

    def adding(self, text: str) -> Self:
        """The fault with a text behind its problem."""
        return type(self)(self.where, lambda: self.problem + text)

    def __str__(self) -> str:
        # A name with an end of line in it makes no line of its own.
        where, problem = _ends(self.where.replace("\n", "\\n"), MOST_WHERE), _ends(self.problem, MOST_PROBLEM)
        return harmless(f"{where}: {problem}" if where else problem)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(where={self.where!r}, problem={self.problem!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and (self.where, self.problem) == (other.where, other.problem)

    def __hash__(self) -> int:
        return hash((self.where, self.problem))

    def __reduce__(self) -> tuple[type[Fault], tuple[str, str]]:
        return type(self), (self.where, self.problem)


def _ends(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"


class DseError(Exception):
    """Base of every error that is shown without a traceback; `exit_code` is the process's exit status."""

    exit_code = 1

    def __str__(self) -> str:
        return harmless(_ends(super().__str__(), MOST_MESSAGE))


class InputError(DseError):
    """What the user gave is wrong: all faults at once, one line each (exit status 2)."""

    exit_code = 2

    def __init__(self, faults: Fault | str | Sequence[Fault]) -> None:
        if isinstance(faults, str):
            faults = Fault("", faults)
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        rest = len(self.faults) - MOST_FAULTS
        more = [f"and {rest:,} more faults"] if rest > 0 else []
        return "\n".join([*map(str, self.faults[:MOST_FAULTS]), *more])

    def at(self, where: str) -> InputError:
        """The same faults, each told where it was found."""
        return InputError([f.under(where) for f in self.faults])


class InfeasibleError(DseError):
    """The job is done, but no design meets the budgets (exit status 3)."""

    exit_code = 3


def few(names: Iterable[str], most: int = 20) -> str:
    """Names in a row; of many the first, and how many more there are."""
    names = list(names)
    told, rest = (names, 0) if len(names) <= most else (names[: most - 5], len(names) - most + 5)
    return ", ".join(told) + (f" and {rest} more" if rest else "")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is closest to a misspelt one, or None; of very many the first are looked at."""
    by_lower = {k.lower(): k for k in islice(known, MOST_SEEN)}
    # A name that is only cut short: "a100" of "a100-sxm-80gb".
    longer = min((k for k in by_lower if k.startswith(str(name).lower())), key=len, default=None)
    if longer is not None and len(str(name)) > 2:
        return by_lower[longer]
    compared: Iterable[str] = by_lower
    if len(by_lower) > MOST_COMPARED:
        # Rows of the user's own, not a catalogue: those that begin alike.
        compared = islice((k for k in by_lower if k[:1] == str(name).lower()[:1]), MOST_COMPARED)
    found = difflib.get_close_matches(str(name).lower(), compared, n=5, cutoff=0.62)
    # Of names about as close the one whose letters were only swapped.
    found.sort(key=lambda k: sorted(k) != sorted(str(name).lower()))
    return by_lower[found[0]] if found else None


def unknown(kind: str, name: str, known: Iterable[str], where: str = "") -> Fault:
    """The fault of a name that is not known: with the nearest one, or all that are allowed when they are few.

    They are looked at when the fault is told.
    """
    names = known if isinstance(known, Collection) else tuple(known)
    return Fault(where, lambda: f"unknown {kind} {shown(name, 80)}; {_meant(name, names)}")


def _meant(name: str, known: Collection[str]) -> str:
    # Names are short: what is far longer than any is near none, and comparing would take long.
    if len(str(name)) <= 200 and (suggestion := nearest(name, known)) is not None:
        return f"did you mean {suggestion!r}?"
    if len(known) <= 20:
        return f"allowed: {', '.join(sorted(known))}"
    return f"none of the {len(known)} known names is near it"
