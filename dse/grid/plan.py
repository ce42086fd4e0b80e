"""From the metrics asked for to an ordered list of what to compute, and the inputs that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from dse import glossary, metrics, registry
from dse.errors import InputError
from dse.registry import Record


@dataclass(frozen=True)
class Plan:
    """Metrics in an order in which each comes after those that it uses, and the names of all other inputs."""

    targets: tuple[str, ...]
    steps: tuple[Record, ...]
    counts: tuple[Record, ...]
    tables: tuple[Record, ...]
    leaves: tuple[str, ...]

    @cached_property
    def device_figures(self) -> dict[str, tuple[str, ...]]:
        """Figures of the device that are needed, each with the targets that need it."""
        needs = self.needs
        figures = [n for n in self.leaves if n in glossary.NAMES and glossary.NAMES[n].kind in ("device", "derived")]
        return {f: tuple(t for t in self.targets if f in needs[t]) for f in figures if f != "device_count"}

    @cached_property
    def needs(self) -> dict[str, frozenset[str]]:
        """Everything that each metric depends on, directly or through others."""
        found: dict[str, frozenset[str]] = {}
        for record in (*self.counts, *self.tables, *self.steps):
            direct = frozenset(record.inputs) if record.kind == "metric" else frozenset()
            found[record.name] = direct.union(*(found.get(i, frozenset()) for i in direct))
        return found


__all__ = ["Plan", "make_plan", "metrics", "variants_of"]


def make_plan(targets: Iterable[str], variants: Mapping[str, str] | None = None) -> Plan:
    """Resolve metrics by the names of their arguments.

    Parameters
    ----------
    targets
        Names of metrics.
    variants
        The variant to use of a metric that has several: {"latency": "per_op"}.

    Raises
    ------
    InputError
        For an unknown metric or variant.
    """
    targets = tuple(dict.fromkeys(targets))
    ordered: dict[str, Record] = {}
    leaves: dict[str, None] = {}
    for target in targets:
        _visit(target, dict(variants or {}), ordered, leaves)
    by_kind = {kind: tuple(r for r in ordered.values() if r.kind == kind) for kind in ("metric", "count", "table")}
    return Plan(targets, by_kind["metric"], by_kind["count"], by_kind["table"], tuple(leaves))


def _visit(name: str, variants: dict[str, str], ordered: dict[str, Record], leaves: dict[str, None]) -> None:
    if name in ordered:
        return
    record = registry.metric_record(name, variants.get(name))
    for argument in record.inputs if record.kind == "metric" else ():
        if argument in registry.METRICS:
            _visit(argument, variants, ordered, leaves)
        else:
            leaves[argument] = None
    ordered[name] = record


def variants_of(name: str) -> tuple[str, ...]:
    """The variants of a metric, in order of definition; empty where it has none."""
    if name not in registry.METRICS:
        raise InputError(f"unknown metric {name!r}")
    return tuple(v for v in registry.METRICS[name] if v is not None)
