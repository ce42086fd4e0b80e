"""Low-rank adapters that no design of a spec has matrices for: a mistake, told before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from dse.errors import Fault, InputError
from dse.grid.adapters import RANK, refusals
from dse.grid.program import setting_axes
from dse.grid.space import Space
from dse.pareto.regions import thinned

# Designs that are looked at.
MOST = 100_000


def adapter_faults(spaces: Iterable[Space], each: bool = False) -> list[Fault]:
    """Faults where none of the designs has the matrices that its adapters stand beside; where some have, none.

    `each` says that a design is made of all the networks: then one that has none is enough.
    """
    found = [list(_of_network(space)) for space in spaces]
    wrong = any(found) if each else all(found)
    return next(filter(None, found), []) if wrong else []


def _of_network(space: Space) -> Iterator[Fault]:
    """The fault of a network of which no design has such matrices, at both ends of its axes and between."""
    if not space.axes[RANK].numbers.all():
        return
    # What is stored does not depend on how it is used.
    for axis in setting_axes(space):
        space = space.isel(str(axis.dim), slice(0, 1))
    part = thinned(space, MOST).space
    try:
        told = list(refusals(part))
    except InputError:
        # What is wrong with a single network is told where it is evaluated.
        return
    refused = np.zeros(tuple(part.sizes.values()), dtype=bool)
    for _, mask in told:
        refused |= mask.over(part.dims)
    if refused.all():
        yield from (Fault(f"deployment.{RANK}", reason) for reason, _ in told)
