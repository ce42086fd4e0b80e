"""Several networks as one workload: a mix with weights, or all together on one device.

A few metrics are combined over the networks by a rule; all others follow from these by their own functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np

from dse import registry
from dse.errors import InputError
from dse.grid.blocks import Alone
from dse.grid.evaluate import PHASE_AXIS, Values, has_meaning
from dse.grid.inputs import leaf
from dse.grid.labelled import Labelled
from dse.grid.space import DESIGN, Axis, Space
from dse.networks import Family

Arrays = Sequence[np.ndarray]
# Each takes the values of all networks, and their weights.
Rule = Callable[[Arrays, np.ndarray], np.ndarray]


def mean(values: Arrays, weights: np.ndarray) -> np.ndarray:
    """The mean by weight."""
    return add([v * w for v, w in zip(values, weights / weights.sum(), strict=True)], weights)


def add(values: Arrays, weights: np.ndarray) -> np.ndarray:
    """The sum."""
    return reduce(np.add, values)


def largest(values: Arrays, weights: np.ndarray) -> np.ndarray:
    """The largest."""
    return reduce(np.maximum, values)


_TRAFFIC = ("macs", "weights_read", "activation_traffic", "cache_traffic")
# What on-chip memory keeps is a matter of each network, not of their sum.
_MOVED = ("bytes_moved", "dram_bytes", "sram_bytes", "weight_time", "activation_time")
_TIMES = (*_MOVED, "latency", "time_to_first_token", "time_per_token", "request_latency")
_STORED = ("params", "active_params", "cache_elements", "activations")
_PEAKS = ("peak_activations", "peak_activations_in_place", "peak_activations_simple")
_ARENA = (*_PEAKS, "peak_activation_memory", "peak_sram")


def rules_of(combine: str, arena: str) -> dict[str, Rule]:
    """Metric -> rule. In a mix each network runs by itself; together all are stored, and run in turn.

    `arena` says whether networks together share the memory of their activations ("shared") or not ("separate").
    """
    if combine == "mix":
        own = dict.fromkeys((*_STORED, *_ARENA, "memory"), largest)
        return {**dict.fromkeys((*_TRAFFIC, *_TIMES), mean), **own}
    working = largest if arena == "shared" else add
    return {**dict.fromkeys((*_TRAFFIC, *_TIMES, *_STORED), add), **dict.fromkeys(_ARENA, working)}


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
        return replace(first, family=family, axes=axes, model=None, quality=None)

    def evaluate(self, part: Space, columns: Sequence[str], **options: Any) -> Values:
        """Columns for a part of the space."""
        wanted: dict[str, None] = {}
        for column in columns:
            if column == LOAD:
                wanted["latency"] = None
            elif not self._owner(column):
                wanted.update(dict.fromkeys(self.bases(column)))
        found = [self._of_member(m, part, columns, list(wanted), options) for m in self.members]
        values = {c: v for own in found for c, v in own.items() if self._owner(c)}
        builder = _Builder(self, part, found)
        return {**values, **{c: builder.value(c) for c in columns if c not in values}}

    def _owner(self, column: str) -> Member | None:
        return next((m for m in self.members if m.name == column.rpartition(".")[0]), None)

    def _of_member(
        self, member: Member, part: Space, columns: Sequence[str], bases: list[str], options: Mapping[str, Any]
    ) -> Values:
        """What is needed of one network, over the dimensions of the part."""
        space, joint = projected(member.space, member.name, part)
        own = [c for c in columns if self._owner(c) is member]
        values = Alone(space, member.name).evaluate(space, [*own, *bases], **options)
        return {n: _over_joint(values[n], joint, part.dims) for n in (*own, *bases)}

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
        dim = found.dim if found.dim in (None, DESIGN) else axis.name
        axes[axis.name] = replace(found, name=axis.name, dim=dim)
        if dim is not None:
            joint[dim] = str(found.dim)
    return replace(own, axes=axes), joint


def _over_joint(value: Labelled, joint: Mapping[str, str], dims: tuple[str, ...]) -> Labelled:
    named = [joint[d] for d in value.dims]
    ordered = tuple(d for d in dims if d in named)
    return Labelled(ordered, np.transpose(value.data, [named.index(d) for d in ordered]))


class _Builder:
    """Combined values for a part of a blend's space; `found` are those of each network."""

    def __init__(self, blend: Blend, part: Space, found: Sequence[Values]) -> None:
        self.blend, self.part, self.found = blend, part, found
        self.weights = np.array([m.weight for m in blend.members])
        self.done: Values = {}

    def value(self, name: str) -> Labelled:
        """The value of a metric, an axis or a figure."""
        if name not in self.done:
            self.done[name] = self._value(name)
        return self.done[name]

    def _value(self, name: str) -> Labelled:
        blend = self.blend
        if name == LOAD:
            times = [self._over([v["latency"], leaf(self.part, "batch")], np.divide) for v in self.found]
            return self._over(times, lambda *t: add([m.rate * x for m, x in zip(blend.members, t)], self.weights))
        if name in blend.rules:
            return self._over([v[name] for v in self.found], lambda *v: blend.rules[name](v, self.weights))
        if name not in registry.METRICS:
            return leaf(self.part, name)
        record = registry.metric_record(name, None, blend._phase)
        if "scheme" in record.inputs:
            return self.found[0][name]
        if not all(has_meaning(record, projected(m.space, m.name, self.part)[0]) for m in blend.members):
            return Labelled((), np.array(np.nan))
        return self._over([self.value(i) for i in record.inputs], record.function)

    def _over(self, values: Sequence[Labelled], function: Callable[..., Any]) -> Labelled:
        used = {d for v in values for d in v.dims}
        dims = tuple(d for d in self.part.dims if d in used)
        with np.errstate(all="ignore"):
            data = np.asarray(function(*(v.over(dims) for v in values)), dtype=np.float64)
        return Labelled(dims, np.broadcast_to(data, [self.part.sizes[d] for d in dims]))
