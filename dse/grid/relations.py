"""Figures of a device that are linear in others, as steps of a program.

An engine takes them as arrays over all the axes that they follow from. Bounds take the rule itself: those arrays grow
with the product of the axes, and a bound of a sum is as tight as that of the array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dse.grid.blend import Blend
from dse.grid.blocks import Grid
from dse.grid.inputs import leaf
from dse.grid.labelled import Labelled
from dse.grid.program import Program
from dse.grid.space import Space
from dse.hardware import Device, Linear
from dse.registry import Record


def program_by_rules(grid: Grid, part: Space, columns: tuple[str, ...]) -> Program:
    """The program of columns for a part of a grid, with a step for each figure that is linear in others."""
    relations = _relations(part)
    if not relations:
        return grid.program(part, columns)
    bare: Any = grid
    if isinstance(grid, Blend):
        bare = replace(grid, members=tuple(replace(m, space=_without(m.space)) for m in grid.members))
    made: Program = bare.program(_without(part), columns)
    values, steps = dict(made.values), dict[str, Record]()
    for name in made.values:
        figure = name.rpartition(".")[2]
        if figure in relations and figure not in part.axes:
            del values[name]
            _add(name, relations[figure], relations, part, values, steps)
    return replace(made, values=values, steps=(*steps.values(), *made.steps))


def _relations(space: Space) -> Mapping[str, Linear]:
    """What follows from other figures: only those of a single device are axes."""
    axis = space.axes.get("device")
    return space.devices[axis.values[0]].linear if axis else {}


def _without(space: Space) -> Space:
    """The space without relations: figures that follow from others are NaN."""
    devices: dict[str, Device] = {n: replace(space.devices[n], linear={}) for n in space.axes["device"].values}
    return replace(space, devices={**space.devices, **devices})


def _add(
    name: str,
    relation: Linear,
    relations: Mapping[str, Linear],
    part: Space,
    values: dict[str, Labelled],
    steps: dict[str, Record],
) -> None:
    """The step of a relation, after those of the figures that it follows from."""
    inputs = []
    for figure in relation.rates:
        own = f"figure: {figure}"
        inputs.append(own)
        if own in values or own in steps:
            continue
        if figure in relations and figure not in part.axes:
            _add(own, relations[figure], relations, part, values, steps)
        else:
            values[own] = leaf(part, figure)
    steps[name] = Record(name, "metric", "", _rule(relation), tuple(inputs))


def _rule(relation: Linear) -> Callable[..., Any]:
    return lambda *figures: relation.value(dict(zip(relation.rates, figures, strict=True)))
