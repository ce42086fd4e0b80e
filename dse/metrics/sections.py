"""The order in which people read metrics: what a design is worth and costs first, what that is made of last."""

from __future__ import annotations

from collections.abc import Iterable

from dse import registry

# A module of this package and what its metrics are about. One that is missing here is named as it is, at the end.
HEADINGS = {
    "quality": "quality",
    "latency": "time of a batch",
    "serving": "time and cost of a token",
    "energy": "power, energy, carbon and cost",
    "memory": "memory",
    "capacity": "largest batch",
    "counts": "counts of the network",
    "parallel": "several devices",
    "speculative": "speculative decoding",
    "training": "training",
    "work": "work by kind",
}


def sections(names: Iterable[str]) -> dict[str, list[str]]:
    """Names of metrics below their headings, in reading order; a user's own formulas come first."""
    found: dict[str, list[str]] = {"own formulas": [], **{heading: [] for heading in HEADINGS.values()}}
    for name in names:
        function = registry.metric_record(name).function
        room = function.__module__.rpartition(".")[2].removesuffix("_fitted")
        heading = "own formulas" if registry.is_own(function) else HEADINGS.get(room, room)
        found.setdefault(heading, []).append(name)
    return {heading: inside for heading, inside in found.items() if inside}
