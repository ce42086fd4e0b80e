"""Ends of the interval of every metric that is made of latency: `energy_low`, `throughput_high` and so on.

They are made here from the metrics' own formulas, with the ends of the latency in place of it: the lower one where the
metric grows with latency, the upper one where it falls. A metric that may do both, such as a ratio of two latencies,
has no such interval: what both are wrong by cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from inspect import signature

from dse import registry
from dse.faces.trend import trends
from dse.registry import Record

ENDS = ("low", "high")
ROOT = "latency"


def define() -> None:
    """Record both ends of all metrics that follow from latency, in every phase and setting."""
    records = [r for r in registry.every_metric() if r.kind == "metric" and r.name not in (ROOT, *_ends(ROOT))]
    signs = _signs(records)
    for record in records:
        for end in ENDS if record.name in signs else ():
            registry.add_metric(_end(record, end, signs))


def _ends(name: str) -> tuple[str, ...]:
    return tuple(f"{name}_{end}" for end in ENDS)


def _end(record: Record, end: str, signs: dict[str, int]) -> Record:
    other = ENDS[1 - ENDS.index(end)]

    def at_end(argument: str) -> str:
        base = registry.scoped(argument)[1]
        if base not in signs:
            return argument
        return f"{argument}_{end if signs[base] == signs[record.name] else other}"

    inputs = tuple(map(at_end, record.inputs))
    return replace(record, name=f"{record.name}_{end}", inputs=inputs, end=end, shared=False)


def _signs(records: Sequence[Record]) -> dict[str, int]:
    """How each metric changes with latency, +1 or -1, of those where that is the same always."""
    found: dict[str, set[int | None]] = {ROOT: {1}}
    following = _following(records)
    known = [(r, of) for r in records if (of := _directions(r, following))]
    changed = True
    while changed:
        changed = False
        for record, of in known:
            new = {
                None if sign is None or through is None else sign * through
                for base, sign in of
                for through in found.get(base, ())
            }
            changed |= not new <= found.setdefault(record.name, set())
            found[record.name] |= new
    return {name: sign for name, signs in found.items() if len(signs) == 1 and (sign := next(iter(signs))) in (1, -1)}


def _following(records: Sequence[Record]) -> frozenset[str]:
    """Latency, and all that is made of it."""
    found, more = frozenset[str](), frozenset([ROOT])
    while more - found:
        found |= more
        more = frozenset(r.name for r in records if any(registry.scoped(i)[1] in found for i in r.inputs))
    return found


def _directions(record: Record, names: frozenset[str]) -> list[tuple[str, int | None]]:
    """The metrics that one is made of, each with the sign of its influence."""
    stand_for = zip(signature(record.function).parameters, record.inputs, strict=True)
    of_metrics = [(n, base) for n, i in stand_for if (base := registry.scoped(i)[1]) in names]
    if not of_metrics or not record.faces:
        return []
    directions = trends(record.function)
    return [(base, directions[name].sign) for name, base in of_metrics]
