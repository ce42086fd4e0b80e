"""The index of network families: axes and defaults come from the signature of the builder."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from dse import glossary
from dse.errors import InputError, unknown
from dse.networks.tensors import Tensor

Builder = Callable[..., Tensor]

DOMAINS = ("vision", "language")


@dataclass(frozen=True)
class Family:
    """A network family.

    `defaults` maps each axis that has one to its default; None means that the builder derives it from the others.
    Axes in `structural` take one value a trace, since they change which ops there are; all others may be arrays.
    """

    name: str
    builder: Builder
    axes: tuple[str, ...]
    defaults: Mapping[str, Any]
    structural: tuple[str, ...]
    domain: str
    source: str

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


def family(*, structural: tuple[str, ...] = (), domain: str, source: str) -> Callable[[Builder], Builder]:
    """Record the builder of a family under its own name; the function itself is returned untouched.

    The first parameter of a builder is the `Net`; all others are axes, known to the glossary.
    """
    if domain not in DOMAINS:
        raise ValueError(f"domain {domain!r}; allowed: {', '.join(DOMAINS)}")

    def record(builder: Builder) -> Builder:
        name = builder.__name__
        if name in FAMILIES:
            raise ValueError(f"family {name!r} is defined twice")
        parameters = list(inspect.signature(builder).parameters.values())[1:]
        for parameter in parameters:
            entry = glossary.lookup(parameter.name, f"axis of family {name!r}")
            if entry.kind not in ("architecture", "deployment", "circumstance"):
                raise ValueError(f"axis {parameter.name!r} of family {name!r} is of glossary kind {entry.kind!r}")
        axes = tuple(parameter.name for parameter in parameters)
        for base, stages in Family(name, builder, axes, {}, (), domain, source).stages.items():
            if missing := {f"{base}_{number}" for number in range(1, stages + 1)} - set(axes):
                raise ValueError(f"family {name!r} has {stages} stages and lacks {sorted(missing)}")
        if extra := set(structural) - set(axes):
            raise ValueError(f"structural axes {sorted(extra)} are no parameters of family {name!r}")
        defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
        FAMILIES[name] = Family(name, builder, axes, MappingProxyType(defaults), structural, domain, source)
        return builder

    return record


def find_family(name: str, where: str = "") -> Family:
    """The family of a name; an unknown one raises InputError with the nearest."""
    try:
        return FAMILIES[name]
    except KeyError:
        raise InputError(unknown("family", name, FAMILIES, where)) from None
