"""Axes of every stage of a network: `kernel = { each = [3, 5, 7] }` stands for kernel_1, kernel_2, and so on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dse.errors import Fault, few
from dse.grid.space import check_axis
from dse.jobs.axes import axis_values, collect
from dse.jobs.settings import network_axes
from dse.networks import Family

EACH = "each"


def spread_stages(given: Mapping[str, Any], family: Family | None, faults: list[Fault]) -> dict[str, Any]:
    """The axes of a network with those of every stage written out; one that is given by itself besides is a fault."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if family is not None and name in family.stages and name not in family.axes and not _is_each(value):
            faults.append(
                Fault(f"network.{name}", "is an axis of each stage: write { each = ... }, or name the stages")
            )
        elif not _is_each(value):
            found[name] = value
        elif family is not None:
            stages = _of_stages(name, value, family, faults)
            found |= dict.fromkeys(stages, value[EACH])
            faults += [
                Fault(f"network.{stage}", f"is given by {name} = {{ each = ... }} too; name every stage, or none")
                for stage in stages
                if stage in given
            ]
    return found


def _is_each(value: Any) -> bool:
    return isinstance(value, Mapping) and EACH in value


def _of_stages(name: str, value: Mapping[str, Any], family: Family, faults: list[Fault]) -> list[str]:
    """Names of the axes of all stages; none where the axis cannot be spread, or its values are wrong."""
    where, stages = f"network.{name}", family.stages
    if name not in stages:
        own = network_axes(family)
        which = f"those are {', '.join(sorted(stages))}" if stages else f"it has no stages; its axes are {few(own)}"
        faults.append(Fault(where, f"is not an axis of each stage of the family {family.name!r}: {which}"))
        return []
    if set(value) != {EACH}:
        faults.append(Fault(where, f"has the keys {', '.join(value)}; each stands alone, over a list or a range"))
        return []
    values = collect(faults, where, axis_values, name, value[EACH])
    wrong = [] if values is None else check_axis(name, values if isinstance(values, list) else [values], where)
    faults.extend(wrong)
    return [] if values is None or wrong else [f"{name}_{number}" for number in range(1, stages[name] + 1)]
