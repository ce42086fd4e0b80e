"""Arrays with named dimensions, bare: what the engines work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# The trailing dimension of a vector over the ops of a network; never a dimension of a space.
OP = "op"


@dataclass(frozen=True)
class Labelled:
    """An array and the names of its dimensions; a trailing "op" holds a vector over the ops of the network."""

    dims: tuple[str, ...]
    data: np.ndarray

    def over(self, dims: tuple[str, ...]) -> np.ndarray:
        """The array with a length-1 axis for each of `dims` (in their order) that it lacks."""
        shape = [self.data.shape[self.dims.index(d)] if d in self.dims else 1 for d in dims]
        return self.data.reshape(shape)


def along(dim: str | None, values: np.ndarray) -> Labelled:
    """Values along one dimension, or the single one where `dim` is None."""
    return Labelled((), values.reshape(())) if dim is None else Labelled((dim,), values)


def places(dim: str | None, values: Sequence[Any]) -> tuple[list[Any], Labelled]:
    """The different values along a dimension, and the place of each of its values among them."""
    place = {name: i for i, name in enumerate(dict.fromkeys(values))}
    return list(place), along(dim, np.array([place[name] for name in values]))
