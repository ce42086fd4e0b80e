"""Designs that compete with each other: one group for each combination of values of the axes `per`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from dse.grid.program import Values
from dse.grid.space import Space
from dse.units import value_text


def flat_column(space: Space, values: Values, name: str) -> np.ndarray:
    """A metric for every design of the space, row-major in its dims. Shape (n,)."""
    shape = tuple(space.sizes.values())
    return np.broadcast_to(values[name].over(space.dims), shape).reshape(-1)


def group_texts(spaces: Sequence[Space], per: tuple[str, ...]) -> dict[str, list[str]]:
    """The values of each axis of `per` in any of the spaces, in order, as text; "" where a space lacks the axis."""
    return {name: sorted({text for space in spaces for text in texts_of(space, name)}) for name in per}


def texts_of(space: Space, name: str) -> list[str]:
    """The values of an axis of a space as text; one "" where the space lacks it."""
    # A default of one network is no value of the axis: results do not have it either.
    return [value_text(v) for v in space.keys[name].values] if name in space.keys and space.keys[name].given else [""]


def group_codes(space: Space, per: tuple[str, ...], texts: Mapping[str, list[str]]) -> np.ndarray:
    """A number for each combination of values of the axes `per`; length 1 along all other dimensions."""
    codes = np.zeros([1] * len(space.dims), dtype=np.int64)
    for name in per:
        dim = space.keys[name].dim if name in space.keys else None
        order = {text: i for i, text in enumerate(texts[name])}
        own = np.array([order[t] for t in texts_of(space, name)])
        codes = codes * len(order) + own.reshape([-1 if d == dim else 1 for d in space.dims])
    return codes


def group_values(spaces: Sequence[Space], per: tuple[str, ...]) -> dict[str, list[str]]:
    """For each axis of `per` its value in every group, in the order of the codes of `group_codes`, as text."""
    groups = list(itertools.product(*group_texts(spaces, per).values()))
    return {name: [group[i] for group in groups] for i, name in enumerate(per)}
