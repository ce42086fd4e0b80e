"""Units: "KiB", "TOPS", "USD/kWh", "mW/(GB/s)".

A unit is a factor to SI and a set of exponents over the base quantities below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, partial

from dse.errors import Fault, InputError, nearest

# One MAC is two FLOP (two OP for integers): counts of operations have a dimension of their own, so that the
# two are converted and never mixed.
BASE: dict[str, tuple[float, dict[str, int]]] = {
    "1": (1.0, {}),
    "%": (0.01, {}),
    "dB": (1.0, {"decibel": 1}),
    "nat": (1.0, {}),
    "token": (1.0, {}),
    "sample": (1.0, {}),
    "B": (1.0, {"information": 1}),
    "bit": (0.125, {"information": 1}),
    "s": (1.0, {"time": 1}),
    "min": (60.0, {"time": 1}),
    "h": (3600.0, {"time": 1}),
    "day": (86400.0, {"time": 1}),
    "year": (365.25 * 86400.0, {"time": 1}),
    "days": (86400.0, {"time": 1}),
    "years": (365.25 * 86400.0, {"time": 1}),
    "Hz": (1.0, {"time": -1}),
    "J": (1.0, {"energy": 1}),
    "Wh": (3600.0, {"energy": 1}),
    "W": (1.0, {"energy": 1, "time": -1}),
    "g": (1e-3, {"mass": 1}),
    "USD": (1.0, {"currency": 1}),
    "mm2": (1.0, {"area": 1}),
    "nm": (1.0, {"feature size": 1}),
    "FLOP": (1.0, {"operations": 1}),
    "FLOPs": (1.0, {"operations": 1}),
    "FLOPS": (1.0, {"operations": 1, "time": -1}),
    "OP": (1.0, {"operations": 1}),
    "OPS": (1.0, {"operations": 1, "time": -1}),
    "MAC": (2.0, {"operations": 1}),
}
_PREFIXABLE = {"B", "bit", "s", "Hz", "J", "Wh", "W", "g", "FLOP", "FLOPs", "FLOPS", "OP", "OPS", "MAC", "token"}
SI = {
    "E": 1e18,
    "P": 1e15,
    "T": 1e12,
    "G": 1e9,
    "M": 1e6,
    "k": 1e3,
    "m": 1e-3,
    "u": 1e-6,
    "µ": 1e-6,
    "n": 1e-9,
    "p": 1e-12,
    "f": 1e-15,
}
BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50}
_SPELLINGS = {
    "KB": "kB (1000 bytes) or KiB (1024 bytes)",
    "Kb": "kbit or KiB",
    "GB/sec": "GB/s",
    "sec": "s",
    "hour": "h",
    "yr": "year",
    "$": "USD",
    "€": "an amount in USD: no rates of exchange are held",
    "EUR": "an amount in USD: no rates of exchange are held",
    "GBP": "an amount in USD: no rates of exchange are held",
    "μs": "us",
}
_SEPARATORS = r"(/|·|(?<!\*)\*(?!\*)|\s+)"
# Units in parentheses, without any inside: what stands before them, and no exponent behind.
_GROUP = re.compile(rf"(^|[/·*(\s])\(([^()]+)\)(?=$|\)|{_SEPARATORS})")
_FACTOR = re.compile(r"(%|1|[A-Za-zµ]+2?)(?:(?:\^|\*\*)(-?\d+))?$")


@dataclass(frozen=True)
class Unit:
    """A factor to SI and the exponents of the base quantities."""

    scale: float
    dimension: tuple[tuple[str, int], ...]

    def describe(self) -> str:
        """The dimension in words: "energy/time"."""
        if not self.dimension:
            return "a plain number"
        above = [n if e == 1 else f"{n}^{e}" for n, e in self.dimension if e > 0]
        below = [n if e == -1 else f"{n}^{-e}" for n, e in self.dimension if e < 0]
        return "·".join(above or ["1"]) + "".join(f"/{b}" for b in below)


def _symbol(text: str) -> tuple[float, dict[str, int]]:
    if text in BASE:
        return BASE[text]
    for prefixes in (BINARY, SI):
        for prefix, factor in prefixes.items():
            rest = text[len(prefix) :]
            if not text.startswith(prefix) or rest not in _PREFIXABLE:
                continue
            if prefixes is BINARY and rest not in ("B", "bit"):
                continue
            scale, dimension = BASE[rest]
            return factor * scale, dimension
    if text in _SPELLINGS:
        raise InputError(f"unknown unit {text!r}; write {_SPELLINGS[text]}")
    raise InputError(Fault("", partial(_unknown, text)))


def _unknown(text: str) -> str:
    known = [
        p + u for u in BASE for p in ("", *(SI if u in _PREFIXABLE else ()), *(BINARY if u in ("B", "bit") else ()))
    ]
    close = nearest(text, known)
    return f"unknown unit {text!r}" + (f"; did you mean {close!r}?" if close else "")


@cache
def parse_unit(text: str) -> Unit:
    """The unit that a string such as "GB/s", "USD/kWh" or "mW/(GB/s)" names.

    >>> parse_unit("KiB").scale, parse_unit("W/(B/s)") == parse_unit("J/B")
    (1024.0, True)
    """
    scale, dimension = 1.0, dict[str, int]()
    stripped = text.strip() or "1"
    # "2 /s" is twice a second.
    stripped = f"1{stripped}" if stripped.startswith("/") else stripped
    if len(stripped) > 60:
        raise InputError(f"unit of {len(stripped)} characters; units are short")
    for position, part in enumerate(re.split(_SEPARATORS, _without_groups(stripped))):
        if position % 2:
            separator = part.strip()
            continue
        match = _FACTOR.match(part)
        if match is None:
            hint = f"; write {_SPELLINGS[part]}" if part in _SPELLINGS else ""
            hint = "; numbers have no commas, and several are a list: [1, 2]" if text.startswith(",") else hint
            raise InputError(f"cannot read the unit {text!r}{hint}")
        exponent = int(match[2] or 1) * (-1 if position and separator == "/" else 1)
        if abs(exponent) > 9:
            raise InputError(f"exponent {exponent} in the unit {text!r}")
        factor, base = _symbol(match[1])
        scale *= factor**exponent
        for name, power in base.items():
            dimension[name] = dimension.get(name, 0) + power * exponent
    return Unit(scale, tuple(sorted((n, e) for n, e in dimension.items() if e)))


def _without_groups(text: str) -> str:
    """The unit without parentheses: "mW/(GB/s)" is "mW/GB·s", each factor being above or below by itself."""
    before = ""
    while before != text:
        before, text = text, _GROUP.sub(_opened, text)
    return text


def _opened(group: re.Match[str]) -> str:
    """Units in parentheses without these; below a line what was above is below, and the other way round."""
    sign, inside = group[1], group[2].strip()
    if sign == "/":
        inside = re.sub(_SEPARATORS, lambda found: "·" if found[1] == "/" else "/", inside)
    return sign + inside
