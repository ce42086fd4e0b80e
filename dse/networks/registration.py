"""The index of network families: axes and defaults come from the signature of the builder."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from dse import glossary
from dse.errors import Fault, InputError, unknown
from dse.networks.levers import LEVERS, OF_CACHE, STRUCTURAL
from dse.networks.tensors import Tensor

Builder = Callable[..., Tensor]

DOMAINS = ("vision", "language")


@dataclass(frozen=True)
class Family:
    """A network family.

    `defaults` maps each axis that has one to its default; None means that the builder derives it from the others.
    Axes in `structural` take one value a trace, since they change which ops there are; all others may be arrays.
    The axes of a network are those of its builder, and `LEVERS`; `divided` names, for each axis by which several
    devices share the work, the axis that it must divide.
    """

    name: str
    builder: Builder
    axes: tuple[str, ...]
    defaults: Mapping[str, Any]
    structural: tuple[str, ...]
    domain: str
    source: str
    divided: Mapping[str, str] = field(default_factory=dict)

    @property
    def own_axes(self) -> tuple[str, ...]:
        """Axes of the builder."""
        return tuple(axis for axis in self.axes if axis not in LEVERS)

    @property
    def required(self) -> tuple[str, ...]:
        """Axes that have no default."""
        return tuple(axis for axis in self.axes if axis not in self.defaults)

    @property
    def stages(self) -> Mapping[str, int]:
        """Names that stand for one axis a stage, and the number of stages: kernel for kernel_1 to kernel_6."""
        found: dict[str, int] = {}
        for of_stage in filter(None, map(glossary.stage_of, self.axes)):
            found[of_stage[0]] = max(of_stage[1], found.get(of_stage[0], 0))
        return found

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.builder) or "").split("\n", 1)[0].rstrip(".")


FAMILIES: dict[str, Family] = {}


def with_levers(family: Family) -> Family:
    """The family with the axes that every network has, and every one with a cache, beside those of its builder."""
    levers = {axis: value for axis, value in LEVERS.items() if axis != OF_CACHE or "context" in family.axes}
    axes, structural = (*family.axes, *levers), (*family.structural, *STRUCTURAL)
    return replace(family, axes=axes, defaults=MappingProxyType({**family.defaults, **levers}), structural=structural)


def family(
    *,
    structural: tuple[str, ...] = (),
    domain: str,
    source: str,
    towers: Mapping[str, str] = MappingProxyType({}),
    optional_towers: tuple[str, ...] = (),
    unused: tuple[str, ...] = (),
    divided: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[Builder], Builder]:
    """Record the builder of a family under its own name; the function itself is returned untouched.

    The first parameter of a builder is the `Net`; all others are axes, known to the glossary, but for those that take
    keywords only, which are for other builders.

    `towers` are networks inside the network: each key is a parameter that takes the axes of the family named, which
    become axes of this one with the name of the tower before them ("vision_layers"). Axes that the builder has itself
    are common to all towers. The axes of an optional tower need not be given, and
    `unused` axes of towers ("vision_classes") mean nothing here.

    `divided` says how several devices may share the network: which axis `tensor_parallel`, `pipeline_parallel` and
    `expert_parallel` must divide.
    """
    if domain not in DOMAINS:
        raise ValueError(f"domain {domain!r}; allowed: {', '.join(DOMAINS)}")

    def record(builder: Builder) -> Builder:
        name = builder.__name__
        if name in FAMILIES:
            raise ValueError(f"family {name!r} is defined twice")
        inside = {tower: FAMILIES[of] for tower, of in towers.items()}
        found, inner_structural = _axes_of(builder, inside, optional_towers, unused)
        for axis in found:
            kind = glossary.lookup(axis, f"axis of family {name!r}").kind
            if kind not in ("architecture", "deployment", "circumstance"):
                raise ValueError(f"axis {axis!r} of family {name!r} is of glossary kind {kind!r}")
        axes = tuple(found)
        for base, stages in Family(name, builder, axes, {}, (), domain, source).stages.items():
            if missing := {f"{base}_{number}" for number in range(1, stages + 1)} - set(axes):
                raise ValueError(f"family {name!r} has {stages} stages and lacks {sorted(missing)}")
        if extra := set(structural) - set(axes):
            raise ValueError(f"structural axes {sorted(extra)} are no parameters of family {name!r}")
        defaults = {axis: default for axis, default in found.items() if default is not inspect.Parameter.empty}
        of_axes = _gathering(builder, inside) if inside else builder
        every = (*structural, *inner_structural)
        made = Family(name, of_axes, axes, MappingProxyType(defaults), every, domain, source, divided)
        FAMILIES[name] = with_levers(made)
        return builder

    return record


def _axes_of(
    builder: Builder, towers: Mapping[str, Family], optional: tuple[str, ...], unused: tuple[str, ...]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The axes of a builder and its towers, each with its default; and the structural axes of the towers."""
    parameters = list(inspect.signature(builder).parameters.values())[1:]
    own = {p.name: p.default for p in parameters if p.kind is not p.KEYWORD_ONLY and p.name not in towers}
    axes, structural = dict(own), []
    for tower, inner in towers.items():
        kept = [axis for axis in inner.own_axes if axis not in own and f"{tower}_{axis}" not in unused]
        for axis in kept:
            default = inner.defaults.get(axis, inspect.Parameter.empty)
            axes[f"{tower}_{axis}"] = None if tower in optional else default
        structural += [f"{tower}_{axis}" for axis in inner.structural if axis in kept]
    return axes, tuple(structural)


def _gathering(builder: Builder, towers: Mapping[str, Family]) -> Builder:
    """The builder with the axes of its towers one by one."""

    @functools.wraps(builder)
    def gather(net: Any, **values: Any) -> Tensor:
        inner: dict[str, dict[str, Any]] = {}
        for tower, of in towers.items():
            given = {axis: values.pop(f"{tower}_{axis}") for axis in of.own_axes if f"{tower}_{axis}" in values}
            _check_all_or_none(tower, of, given)
            # What is left out of an optional tower.
            inner[tower] = {axis: of.defaults.get(axis) if v is None else v for axis, v in given.items()}
        return builder(net, **values, **inner)

    return gather


def _check_all_or_none(tower: str, of: Family, given: Mapping[str, Any]) -> None:
    """An optional tower has what it needs, or nothing at all."""
    missing = [axis for axis in of.required if axis in given and given[axis] is None]
    if missing and any(value is not None for value in given.values()):
        raise InputError([Fault(f"{tower}_{axis}", f"is missing: {glossary.lookup(axis).meaning}") for axis in missing])


def find_family(name: str, where: str = "") -> Family:
    """The family of a name; an unknown one raises InputError with the nearest."""
    try:
        return FAMILIES[name]
    except KeyError:
        raise InputError(unknown("family", name, FAMILIES, where)) from None
