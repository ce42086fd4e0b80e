"""Several networks as one workload: a mix with weights, or all together on one device.

A few metrics are combined over the networks by a rule; all others follow from these by their own functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from dse import registry
from dse.errors import InputError
from dse.grid.evaluate import evaluate_values
from dse.grid.inputs import leaf
from dse.grid.labelled import OP, Labelled
from dse.grid.program import PHASE_AXIS, Program, Values, full_program, has_meaning
from dse.grid.space import Axis, Space
from dse.metrics.interval_ends import ENDS
from dse.networks import Family
from dse.registry import Record

# What a metric of all networks is computed with from those of each: a function of two values, and whether values are
# multiplied by the weights of their networks first.
Rule = tuple[Callable[[Any, Any], Any], bool]


def add(a, b):  # type: ignore[no-untyped-def]
    """The sum."""
    return a + b


def largest(a, b):  # type: ignore[no-untyped-def]
    """The larger."""
    return np.maximum(a, b)


def weighted(value, weight):  # type: ignore[no-untyped-def]
    """The share of one network in a mean."""
    return value * weight


def busy(latency, batch, rate):  # type: ignore[no-untyped-def]
    """The share of its time that a device is busy with one network."""
    return rate * (latency / batch)


def alone(value):  # type: ignore[no-untyped-def]
    """The value of the only network."""
    return value * 1.0


MEAN, SUM, LARGEST = (add, True), (add, False), (largest, False)

_TRAFFIC = ("macs", "saved_macs", "weights_read", "index_bits_read", "activation_traffic", "cache_traffic")
# What on-chip memory keeps is a matter of each network, not of their sum.
_MOVED = ("bytes_moved", "dram_bytes", "sram_bytes", "weight_time", "activation_time")
_TIMES = (*_MOVED, "latency", "time_to_first_token", "time_per_token", "request_latency")
_STORED = ("params", "active_params", "index_bits", "cache_elements", "activations")
_PEAKS = ("peak_activations", "peak_activations_in_place", "peak_activations_simple")
_ARENA = (*_PEAKS, "peak_activation_memory", "peak_sram")


def rules_of(combine: str, arena: str) -> dict[str, Rule]:
    """Metric -> rule. In a mix each network runs by itself; together all are stored, and run in turn.

    `arena` says whether networks together share the memory of their activations ("shared") or not ("separate").
    """
    times = [*_TIMES, *(f"{t}_{end}" for t in _TIMES for end in ENDS if f"{t}_{end}" in registry.METRICS)]
    if combine == "mix":
        own = dict.fromkeys((*_STORED, *_ARENA, "live_bytes", "model_size", "memory"), LARGEST)
        return {**dict.fromkeys((*_TRAFFIC, *times), MEAN), **own}
    working = LARGEST if arena == "shared" else SUM
    return {**dict.fromkeys((*_TRAFFIC, *times, *_STORED), SUM), **dict.fromkeys(_ARENA, working)}


# The share of its time that the device is busy: Σ rate × latency.
LOAD = "load"


@dataclass(frozen=True)
class Member:
    """One of several networks; `weight` counts in a mix, `rate` [1/s] where networks run together."""

    space: Space
    name: str
    weight: float = 1.0
    rate: float = 0.0


@dataclass(frozen=True)
class Blend:
    """Designs of several networks at once; axes of one of them are "NETWORK.AXIS", all others are shared."""

    members: tuple[Member, ...]
    combine: str
    rules: Mapping[str, Rule]
    name: str = ""

    @cached_property
    def space(self) -> Space:
        """All axes: those of each network, then those that the networks share."""
        own: dict[str, Axis] = {}
        shared: dict[str, Axis] = {}
        for member in self.members:
            for name, axis in member.space.axes.items():
                if axis.kind == "architecture":
                    full = f"{member.name}.{name}"
                    own[full] = replace(axis, name=full, dim=axis.dim and full)
                elif axis.kind in SHARED and (axis.given or name not in shared):
                    shared[name] = axis
        first, names = self.members[0].space, ", ".join(m.name for m in self.members)
        ordered = sorted(shared.values(), key=lambda a: SHARED.index(a.kind))
        language = any(m.space.family.domain == "language" for m in self.members)
        family = Family(f"{self.combine}: {names}", first.family.builder, (), {}, (), _DOMAINS[language], "")
        axes = {**own, **{a.name: a for a in ordered}}
        return replace(first, family=family, axes=axes, model=None, quality=None, recipe=None)

    def metric(self, column: str) -> str:
        """The name under which a program of the blend has a column."""
        return column

    def program(self, part: Space, columns: Sequence[str]) -> Program:
        """What computes columns for a part of the space: the programs of the networks, put together by the rules."""
        wanted: dict[str, None] = {}
        for column in columns:
            if column == LOAD:
                wanted["latency"] = None
            elif not self._owner(column):
                wanted.update(dict.fromkeys(self.bases(column)))
        builder = _Builder(self, part)
        for member in self.members:
            own = [c.removeprefix(f"{member.name}.") for c in columns if self._owner(c) is member]
            builder.take(member, tuple(dict.fromkeys([*own, *wanted])))
        for column in columns:
            builder.need(column)
        return Program(part, builder.values, tuple(builder.steps.values()), tuple(columns))

    def evaluate(self, part: Space, columns: Sequence[str], **options: Any) -> Values:
        """Columns for a part of the space."""
        return evaluate_values(part, columns, make=self.program, **options)

    def _owner(self, column: str) -> Member | None:
        return next((m for m in self.members if m.name == column.rpartition(".")[0]), None)

    def bases(self, metric: str) -> list[str]:
        """The metrics of single networks that a combined one is computed from.

        Raises InputError where it has no meaning for several networks.
        """
        record = registry.metric_record(metric, None, self._phase)
        if metric in self.rules or "scheme" in record.inputs:
            return [metric]
        if record.kind != "metric" or any(registry.scoped(i)[0] or i.startswith("op_") for i in record.inputs):
            raise InputError(f"{metric!r} has no meaning for several networks at once ({self.combine})")
        return [b for i in record.inputs if i in registry.METRICS for b in self.bases(i)]

    @property
    def _phase(self) -> str | None:
        axis = self.space.axes.get(PHASE_AXIS)
        return str(axis.values[0]) if axis else None


SHARED = ("precision", "deployment", "circumstance", "device")
_DOMAINS = ("vision", "language")


def projected(own: Space, name: str, part: Space) -> tuple[Space, dict[str, str]]:
    """The designs of one network that a part of a blend asks for, and what its dimensions are called there."""
    axes, joint = {}, {}
    for axis in own.axes.values():
        full = f"{name}.{axis.name}" if f"{name}.{axis.name}" in part.axes else axis.name
        found = part.axes.get(full)
        if found is None or not found.given:
            axes[axis.name] = axis
            continue
        dim = found.dim if found.dim is None or part.is_list else axis.name
        axes[axis.name] = replace(found, name=axis.name, dim=dim)
        if dim is not None:
            joint[dim] = str(found.dim)
    return replace(own, axes=axes, listed=part.listed), joint


def _over_joint(value: Labelled, joint: Mapping[str, str], dims: tuple[str, ...]) -> Labelled:
    named = [joint.get(d, d) for d in value.dims]
    ordered = tuple(d for d in (*dims, OP) if d in named)
    return Labelled(ordered, np.transpose(value.data, [named.index(d) for d in ordered]))


class _Builder:
    """Values and steps of the networks under their names, and then those of all."""

    def __init__(self, blend: Blend, part: Space) -> None:
        self.blend, self.part = blend, part
        self.values: Values = {}
        self.steps: dict[str, Record] = {}

    def take(self, member: Member, targets: tuple[str, ...]) -> None:
        """Everything that is computed of one network."""
        space, joint = projected(member.space, member.name, self.part)
        made = full_program(space, targets)
        for name, value in made.values.items():
            self.values[f"{member.name}.{name}"] = _over_joint(value, joint, self.part.dims)
        for step in made.steps:
            inputs = tuple(f"{member.name}.{i}" for i in step.inputs)
            own = replace(step, name=f"{member.name}.{step.name}", inputs=inputs)
            self.steps[own.name] = own

    def need(self, name: str) -> None:
        """Make sure that a metric, an axis or a figure is there."""
        if name in self.values or name in self.steps:
            return
        blend = self.blend
        if name == LOAD:
            for m in blend.members:
                self.values[f"{m.name}.rate"] = Labelled((), np.array(m.rate))
                self.need("batch")
                self._step(f"{m.name}.{LOAD}", busy, f"{m.name}.latency", "batch", f"{m.name}.rate")
            self.combine(name, SUM)
        elif name in blend.rules:
            self.combine(name, blend.rules[name])
        elif name not in registry.METRICS:
            self.values[name] = leaf(self.part, name)
        else:
            self._own_function(name)

    def combine(self, name: str, rule: Rule) -> None:
        """The steps of a rule, over the networks in turn."""
        function, weigh = rule
        terms = [f"{m.name}.{name}" for m in self.blend.members]
        if weigh:
            total = sum(m.weight for m in self.blend.members)
            for m, term in zip(self.blend.members, terms, strict=True):
                self.values[f"{m.name}.weight"] = Labelled((), np.array(m.weight / total))
                self._step(f"{term} × weight", weighted, term, f"{m.name}.weight")
            terms = [f"{term} × weight" for term in terms]
        left = terms[0]
        if len(terms) == 1:
            self._step(name, alone, left)
        for number, term in enumerate(terms[1:], start=2):
            done = name if number == len(terms) else f"{name} of {number}"
            self._step(done, function, left, term)
            left = done

    def _step(self, name: str, function: Callable[..., Any], *inputs: str) -> None:
        self.steps[name] = Record(name, "metric", "", function, inputs)

    def _own_function(self, name: str) -> None:
        record = registry.metric_record(name, None, self.blend._phase)
        if "scheme" in record.inputs:
            self.values[name] = self.values[f"{self.blend.members[0].name}.{name}"]
        elif not all(has_meaning(record, projected(m.space, m.name, self.part)[0]) for m in self.blend.members):
            self.values[name] = Labelled((), np.array(np.nan))
        else:
            for i in record.inputs:
                self.need(i)
            self.steps[name] = record
