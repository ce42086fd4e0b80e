"""Errors that meet the user: what, where, what is allowed, and the nearest name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

# What is shown of faults: no more than a person would read, whatever the input holds.
MOST_FAULTS, MOST_WHERE, MOST_PROBLEM = 50, 400, 1000
# Names that a misspelt one is compared with, letter by letter.
MOST_COMPARED = 2000

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


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with what the user gave.

    `where` names the file and the key ("sweep.toml: budgets.peak_sram"), `problem` says what was given
    and what is allowed.
    """

    where: str
    problem: str

    def __str__(self) -> str:
        where, problem = _ends(self.where, MOST_WHERE), _ends(self.problem, MOST_PROBLEM)
        return harmless(f"{where}: {problem}" if where else problem)


def _ends(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"


class DseError(Exception):
    """Base of every error that is shown without a traceback; `exit_code` is the process's exit status."""

    exit_code = 1


class InputError(DseError):
    """What the user gave is wrong: all faults at once, one line each (exit status 2)."""

    exit_code = 2

    def __init__(self, faults: Fault | str | Sequence[Fault]) -> None:
        if isinstance(faults, str):
            faults = Fault("", faults)
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        rest = len(self.faults) - MOST_FAULTS
        more = [f"and {rest:,} more faults"] if rest > 0 else []
        super().__init__("\n".join([*map(str, self.faults[:MOST_FAULTS]), *more]))

    def at(self, where: str) -> InputError:
        """The same faults, each told where it was found."""
        return InputError([Fault(f"{where}: {f.where}" if f.where else where, f.problem) for f in self.faults])


class InfeasibleError(DseError):
    """The job is done, but no design meets the budgets (exit status 3)."""

    exit_code = 3


def few(names: Iterable[str], most: int = 20) -> str:
    """Names in a row; of many the first, and how many more there are."""
    names = list(names)
    told, rest = (names, 0) if len(names) <= most else (names[: most - 5], len(names) - most + 5)
    return ", ".join(told) + (f" and {rest} more" if rest else "")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is closest to a misspelt one, or None."""
    by_lower = {k.lower(): k for k in known}
    # A name that is only cut short: "a100" of "a100-sxm-80gb".
    longer = sorted((k for k in by_lower if k.startswith(str(name).lower())), key=len)
    if longer and len(str(name)) > 2:
        return by_lower[longer[0]]
    compared: Iterable[str] = by_lower
    if len(by_lower) > MOST_COMPARED:
        # Rows of the user's own, not a catalogue: those that begin alike.
        compared = islice((k for k in by_lower if k[:1] == str(name).lower()[:1]), MOST_COMPARED)
    found = difflib.get_close_matches(str(name).lower(), compared, n=5, cutoff=0.62)
    # Of names about as close the one whose letters were only swapped.
    found.sort(key=lambda k: sorted(k) != sorted(str(name).lower()))
    return by_lower[found[0]] if found else None


def unknown(kind: str, name: str, known: Iterable[str], where: str = "") -> Fault:
    """The fault of a name that is not known: with the nearest one, or all that are allowed when they are few."""
    known = list(known)
    problem = f"unknown {kind} {shown(name, 80)}"
    # Names are short: what is far longer than any is near none, and comparing would take long.
    if len(str(name)) <= 200 and (suggestion := nearest(name, known)) is not None:
        return Fault(where, f"{problem}; did you mean {suggestion!r}?")
    if len(known) <= 20:
        return Fault(where, f"{problem}; allowed: {', '.join(sorted(known))}")
    return Fault(where, f"{problem}; none of the {len(known)} known names is near it")
