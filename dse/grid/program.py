"""What every engine runs: arrays of inputs over their natural dimensions, and steps that compute the rest from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from dse import registry
from dse.errors import Fault, InputError
from dse.grid.adapters import RANK, rank_of
from dse.grid.counting import count
from dse.grid.inputs import leaf, tables
from dse.grid.labelled import OP, Labelled
from dse.grid.plan import Plan, chosen_variants, make_plan, settings_of
from dse.grid.quality import SOURCES
from dse.grid.space import Axis, Space
from dse.registry import Record

Values = dict[str, Labelled]
# Axes that choose formulas: each combination of their values has a plan of its own.
MODEL_AXIS = "latency_model"
PHASE_AXIS = "phase"
REUSE_AXIS = "on_chip_reuse"
SETTINGS = (MODEL_AXIS, PHASE_AXIS, REUSE_AXIS)


@dataclass(frozen=True)
class Group:
    """Steps that vary along the same dimensions, in order; `alone` says that compiled code of its own computes it."""

    dims: tuple[str, ...]
    steps: tuple[Record, ...]
    alone: bool = False


@dataclass(frozen=True)
class Program:
    """Inputs and ordered steps that give the targets for every design of a space.

    `values` are known from the start; of every other name a step tells how it is computed, or `aliases` which other
    name has the same values.
    """

    space: Space
    values: Values
    steps: tuple[Record, ...]
    targets: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def named(self, target: str) -> str:
        """The name that the values of a target stand under."""
        return self.aliases.get(target, target)

    @cached_property
    def dims(self) -> dict[str, tuple[str, ...]]:
        """The dimensions of every value: of a step those of all that it is computed from."""
        found = {n: tuple(d for d in v.dims if d != OP) for n, v in self.values.items()}
        for step in self.steps:
            used = {d for i in step.inputs for d in found[i]}
            found[step.name] = tuple(d for d in self.space.dims if d in used)
        return found

    def groups(self, alone: Callable[[Record], bool] = lambda step: False) -> list[Group]:
        """Steps by the dimensions with several values, fewer first: each needs only what comes before it."""
        found: dict[tuple[str, ...], list[Record]] = {}
        for step in self.steps:
            own = tuple(d for d in self.dims[step.name] if self.space.sizes[d] > 1)
            found.setdefault(own, []).append(step)
        ordered = sorted(found.items(), key=lambda item: len(item[0]))
        return [group for dims, steps in ordered for group in _divided(dims, steps, alone)]

    def kept(self, group: Group) -> tuple[str, ...]:
        """Names of a group's results that are asked for or used outside of it."""
        used = self.used_outside(group) | set(map(self.named, self.targets))
        return tuple(s.name for s in group.steps if s.name in used)

    def used_outside(self, group: Group) -> set[str]:
        """Names that steps outside of a group take."""
        inside = {s.name for s in group.steps}
        return {i for s in self.steps if s.name not in inside for i in s.inputs}

    def size(self, dims: Iterable[str]) -> int:
        """Number of values along dimensions."""
        return math.prod(self.space.sizes[d] for d in dims)

    def results(self, values: Mapping[str, Labelled]) -> Values:
        """The targets over their natural dimensions, from values without the dimensions of one value."""
        found = {}
        for target in (*self.targets, *(n for n in self.values if n in SOURCES.values())):
            name = self.named(target)
            known = self.values.get(name)
            found[target] = known if known else Labelled(self.dims[name], values[name].over(self.dims[name]))
        return found

    def part(self, space: Space, rows: Mapping[str, np.ndarray]) -> Program:
        """The program of a part of the space: the one at places along dimensions."""
        return replace(self, space=space, values={n: _at(v, rows) for n, v in self.values.items()})

    def squeezed(self) -> Values:
        """The inputs without dimensions of one value, contiguous."""
        return {n: squeeze(v) for n, v in self.values.items()}


def _divided(dims: tuple[str, ...], steps: list[Record], alone: Callable[[Record], bool]) -> Iterator[Group]:
    """A group, divided where a step stands alone."""
    run: list[Record] = []
    for step in steps:
        if alone(step):
            if run:
                yield Group(dims, tuple(run))
            yield Group(dims, (step,), alone=True)
            run = []
        else:
            run.append(step)
    if run:
        yield Group(dims, tuple(run))


def _at(value: Labelled, rows: Mapping[str, np.ndarray]) -> Labelled:
    data = value.data
    for axis, dim in enumerate(value.dims):
        if dim in rows and len(rows[dim]) < data.shape[axis]:
            data = data.take(rows[dim], axis)
    return Labelled(value.dims, data)


def squeeze(value: Labelled) -> Labelled:
    """A value without its dimensions of length 1, contiguous."""
    keep = tuple(d for d, n in zip(value.dims, value.data.shape, strict=True) if n > 1 or d == OP)
    shape = [n for d, n in zip(value.dims, value.data.shape, strict=True) if d in keep]
    return Labelled(keep, np.ascontiguousarray(value.data).reshape(shape))


def program(space: Space, targets: Sequence[str]) -> Program:
    """The program of a space that has one value of each axis that chooses formulas.

    Raises
    ------
    InputError
        For unknown metrics, one that needs a device where the space has none, and a single network that cannot be
        built.
    """
    return simplified(full_program(space, targets))


def full_program(space: Space, targets: Sequence[str]) -> Program:
    """The program with a value or a step for every name of the plan."""
    plan = plan_of(space, targets)
    _check_devices(space, plan)
    needed = plan.only(lambda record: has_meaning(record, space))
    values: Values = {**count(space, needed), **tables(space, needed)}
    for name in needed.leaves:
        if name not in values:
            values[name] = rank_of(space, values) if name == RANK else leaf(space, name)
    values.update({s.name: Labelled((), np.array(np.nan)) for s in plan.steps if not has_meaning(s, space)})
    return Program(space, values, needed.steps, plan.targets)


def simplified(whole: Program) -> Program:
    """The program with nothing computed twice: outside of a request all parts of the work are the same network."""
    aliases: dict[str, str] = {}
    known: dict[tuple[Any, ...], str] = {}
    for name in [n for n in whole.values if registry.scoped(n)[0]]:
        base = registry.scoped(name)[1]
        if base in whole.values and _same(whole.values[name], whole.values[base]):
            aliases[name] = base
    steps = []
    for step in whole.steps:
        inputs = tuple(aliases.get(i, i) for i in step.inputs)
        first = known.setdefault((step.function, inputs), step.name)
        if first != step.name:
            aliases[step.name] = first
        else:
            steps.append(replace(step, inputs=inputs))
    values = {n: v for n, v in whole.values.items() if n not in aliases}
    return Program(whole.space, values, tuple(steps), whole.targets, aliases)


def _same(a: Labelled, b: Labelled) -> bool:
    return a.dims == b.dims and np.array_equal(a.data, b.data, equal_nan=True)


def plan_of(space: Space, targets: Iterable[str]) -> Plan:
    """The plan of metrics for the one model of latency, the one phase and the one use of on-chip memory of a space."""
    model, phase, reuse = (space.axes[n].values[0] if n in space.axes else None for n in SETTINGS)
    return make_plan(targets, chosen_variants(model, reuse), phase, settings_of(space))


def setting_axes(space: Space) -> list[Axis]:
    """Axes of the space that choose formulas and have several different values."""
    axes = [space.axes[n] for n in SETTINGS if n in space.axes]
    return [a for a in axes if len(dict.fromkeys(a.values)) > 1]


def _check_devices(space: Space, plan: Plan) -> None:
    if "device" in space.axes or not plan.device_figures:
        return
    needing = dict.fromkeys(t for targets in plan.device_figures.values() for t in targets)
    raise InputError([Fault("device", f"is missing; the metric {target!r} needs one") for target in needing])


def has_meaning(record: Record, space: Space) -> bool:
    """Whether a metric has a meaning for the network, in the phase of the work."""
    return not meaningless(record, space)


def meaningless(record: Record, space: Space) -> str:
    """Why a metric has no meaning for the network, in the one phase of the work; "" where it has one."""
    phase = str(space.axes[PHASE_AXIS].values[0]) if PHASE_AXIS in space.axes else ""
    if phase in record.undefined_in.split():
        return f"undefined in the phase {phase} with the model {record.variant!r}"
    if record.domain is None:
        return ""
    if space.family.domain != "language":
        return f"undefined: {space.family.name} is not a language model"
    if record.domain == "language" or phase in record.domain.split():
        return ""
    return f"undefined outside the phase {' or '.join(record.domain.split())}"
