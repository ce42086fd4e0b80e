"""From the metrics asked for to an ordered list of what to compute, and the inputs that it needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dse import glossary, metrics, registry
from dse.errors import InputError
from dse.grid.space import Space
from dse.registry import Record

# Derived inputs that a device must have.
OF_DEVICE = ("peak_ops", "hourly_cost", "owned_tdp")
# Metrics whose variant the use of on-chip memory chooses.
BY_REUSE = ("weights_moved", "activations_moved")
# Settings under which metrics are something else, each with the axes that ask for it and the value that does not.
SETTINGS: Mapping[str, Mapping[str, int]] = {
    "several": dict.fromkeys(("tensor_parallel", "pipeline_parallel", "data_parallel", "expert_parallel"), 1),
    "speculative": {"draft_tokens": 0},
    "in_flight": {"in_flight": 0},
}


def settings_in(axes: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """The settings that axes ask for, by a value or by having several."""
    return tuple(
        setting
        for setting, asking in SETTINGS.items()
        if any(len(values := axes.get(n, ())) > 1 or any(v > least for v in values) for n, least in asking.items())
    )


def settings_of(space: Space) -> tuple[str, ...]:
    """The settings that hold on a space; a part along an axis that has a dimension has those of the whole."""
    return settings_in(
        {n: a.values if a.dim is None else (*a.values, math.inf) for n, a in space.axes.items() if a.given}
    )


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
        found: dict[str, dict[str, None]] = {}
        for leaf in self.leaves:
            # The energy of a MAC is that of the format computed in, which the device's peak rates decide.
            figure = "peak_ops" if leaf == "mac_energy" else leaf
            if figure in OF_DEVICE or ((entry := glossary.NAMES.get(figure)) and entry.kind == "device"):
                found.setdefault(figure, {}).update(dict.fromkeys(t for t in self.targets if leaf in needs[t]))
        return {figure: tuple(targets) for figure, targets in found.items()}

    @cached_property
    def needs(self) -> dict[str, frozenset[str]]:
        """Everything that each metric depends on, directly or through others."""
        found: dict[str, frozenset[str]] = {}
        for record in (*self.counts, *self.tables, *self.steps):
            direct = frozenset(record.inputs) if record.kind == "metric" else frozenset()
            found[record.name] = direct.union(*(found.get(i, frozenset()) for i in direct))
        return found

    def only(self, wanted: Callable[[Record], bool]) -> Plan:
        """The plan without the metrics that are not wanted, and without what only they need."""
        steps = [s for s in self.steps if wanted(s)]
        needed = set(self.targets)
        for step in reversed(steps):
            if step.name in needed:
                needed.update(step.inputs)
        kept = {key: tuple(r for r in getattr(self, key) if r.name in needed) for key in ("counts", "tables")}
        leaves = tuple(n for n in self.leaves if n in needed)
        return replace(self, steps=tuple(s for s in steps if s.name in needed), leaves=leaves, **kept)


__all__ = ["Plan", "make_plan", "metrics", "variants_of"]


def make_plan(
    targets: Iterable[str],
    variants: Mapping[str, str] | None = None,
    phase: str | None = None,
    settings: Iterable[str] = (),
) -> Plan:
    """Resolve metrics by the names of their arguments.

    Parameters
    ----------
    targets
        Names of metrics.
    variants
        The variant to use of a metric that has several: {"latency": "per_op"}.
    phase
        The phase of the work: some metrics are something else in one phase than in the others.
    settings
        Those of `SETTINGS` that hold.

    Raises
    ------
    InputError
        For an unknown metric or variant.
    """
    targets = tuple(dict.fromkeys(targets))
    builder = _Builder(dict(variants or {}), phase, tuple(settings))
    for target in targets:
        builder.visit(*registry.scoped(target))
    found = builder.ordered.values()
    by_kind = {kind: tuple(r for r in found if r.kind == kind) for kind in ("metric", "count", "table")}
    return Plan(targets, by_kind["metric"], by_kind["count"], by_kind["table"], tuple(builder.leaves))


class _Builder:
    """Visits metrics depth first. Names of what depends on the network carry the scope that it is traced in."""

    def __init__(self, variants: dict[str, str], phase: str | None, settings: tuple[str, ...]) -> None:
        self.variants, self.phase, self.settings = variants, phase, settings
        self.ordered: dict[str, Record] = {}
        self.leaves: dict[str, None] = {}
        self.networked: dict[str, bool] = {}

    def visit(self, scope: str, name: str) -> str:
        """Add a metric and all that it needs; gives the name under which its values will be found."""
        record = self._record(scope, name)
        if scope and not self._on_network(name) and record is self._record("", name):
            scope = ""
        full = f"{scope}_{name}" if scope else name
        if full not in self.ordered:
            inputs = tuple(self._input(scope, i) for i in record.inputs) if record.kind == "metric" else record.inputs
            self.ordered[full] = replace(record, name=full, inputs=inputs, scope=scope or None)
        return full

    def _input(self, scope: str, argument: str) -> str:
        own, base = registry.scoped(argument)
        place = registry.joined_scope(scope, own)
        if base in registry.METRICS:
            return self.visit(place, base)
        full = f"{place}_{base}" if place and base.startswith("op_") else argument
        self.leaves[full] = None
        return full

    def _record(self, scope: str, name: str) -> Record:
        single = scope.partition("_")[0] == registry.SINGLE
        settings = [s for s in self.settings if not (single and s == "several")]
        phase = registry.part_of(scope) or self.phase
        return registry.metric_record(name, self.variants.get(name), phase, settings)

    def _on_network(self, name: str) -> bool:
        """Whether a metric depends on what the network does, and so on the scope."""
        record = registry.metric_record(name, self.variants.get(name), None, self.settings)
        if record.kind != "metric":
            return record.kind == "count"
        if name not in self.networked:
            arguments = [registry.scoped(i)[1] for i in record.inputs]
            found = [i.startswith("op_") or (i in registry.METRICS and self._on_network(i)) for i in arguments]
            self.networked[name] = any(found)
        return self.networked[name]


def by_recipe(metrics: Iterable[str]) -> bool:
    """Whether any of the metrics follows from accuracy or loss, which compare within one data set and recipe only."""
    known = (n for name in metrics if (n := name.rpartition(".")[2]) in registry.METRICS)
    return any("quality" in table.inputs for table in make_plan(known).tables)


def chosen_variants(latency_model: str | None, on_chip_reuse: float | None) -> dict[str, str]:
    """The variants of metrics that two settings choose; what is not set stands at its default."""
    reuse = "reuse" if on_chip_reuse else "no_reuse"
    return {"latency": latency_model or variants_of("latency")[0], **dict.fromkeys(BY_REUSE, reuse)}


def variants_of(name: str) -> tuple[str, ...]:
    """The variants of a metric, in order of definition; empty where it has none."""
    if name not in registry.METRICS:
        raise InputError(f"unknown metric {name!r}")
    return tuple(v for v in registry.METRICS[name] if v is not None)
