"""Parts of a grid that one program computes: designs with the same formulas, few enough to prepare at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from dse.grid.program import setting_axes
from dse.grid.space import Space


@dataclass(frozen=True)
class Region:
    """A part of a grid, and for each dimension the places of its values in the whole grid."""

    space: Space
    rows: Mapping[str, np.ndarray]

    def part(self, dim: str, index: np.ndarray) -> Region:
        """The region at places along one dimension."""
        return Region(self.space.isel(dim, index), {**self.rows, dim: self.rows[dim][index]})

    def places(self, index: Mapping[str, np.ndarray], whole: Mapping[str, int]) -> np.ndarray:
        """Flat places in the whole grid, of sizes `whole`, of designs of the region given by their place along each
        of its dimensions (0 where none is given)."""
        flat = np.zeros((), dtype=np.int64)
        for dim, size in whole.items():
            own = self.rows[dim]
            flat = flat * size + (own[index[dim]] if dim in index else own[0])
        return flat

    def all_places(self, whole: Mapping[str, int]) -> np.ndarray:
        """Flat places in the whole grid of all designs of the region, row-major."""
        flat = np.zeros((), dtype=np.int64)
        for dim, size in whole.items():
            flat = flat[..., None] * size + self.rows[dim]
        return flat.reshape(-1)

    def holds(self, places: np.ndarray, whole: Mapping[str, int]) -> np.ndarray:
        """Mask of flat places in the whole grid, of sizes `whole`: those of designs of the region."""
        inside = (places >= 0) & (places < math.prod(whole.values()))
        rest = np.where(inside, places, 0)
        for dim, size in reversed(list(whole.items())):
            rest, own = np.divmod(rest, size)
            known = np.zeros(size, dtype=bool)
            known[self.rows[dim]] = True
            inside &= known[own]
        return inside


def regions(space: Space, limit: int) -> Iterator[Region]:
    """A grid, divided by the settings that choose formulas, and into parts of at most about `limit` designs."""
    whole = Region(space, {d: np.arange(n) for d, n in space.sizes.items()})
    for region in _by_settings(whole):
        for place, _ in region.space.tiles(limit):
            part = region
            for dim, index in place.items():
                part = part.part(dim, np.arange(index.start, index.stop))
            yield part


def _by_settings(region: Region) -> Iterator[Region]:
    axes = setting_axes(region.space)
    if not axes:
        yield region
        return
    axis = axes[0]
    for value in dict.fromkeys(axis.values):
        rows = np.flatnonzero([v == value for v in axis.values])
        yield from _by_settings(region.part(str(axis.dim), rows))


def thinned(space: Space, limit: int, keep_names: bool = False) -> Region:
    """A coarse grid of at most about `limit` designs: both ends of every axis, and values evenly between them.

    The axis that has most values left loses half of them, until there are few enough designs. With `keep_names` axes of
    names (devices, formats), of which none stands between two others, lose some only where those of numbers have no
    more to lose.
    """
    sizes = dict(space.sizes)
    named = {str(a.dim) for a in space.axes.values() if keep_names and isinstance(a.values[0], str)}
    while math.prod(sizes.values()) > limit and max(sizes.values()) > 2:
        longest = max(sizes, key=lambda d: (sizes[d] > 2, d not in named, sizes[d]))
        sizes[longest] = max(2, (sizes[longest] + 1) // 2)
    region = Region(space, {d: np.arange(n) for d, n in space.sizes.items()})
    for dim, n in sizes.items():
        if n < space.sizes[dim]:
            region = region.part(dim, np.unique(np.linspace(0, space.sizes[dim] - 1, n).round().astype(int)))
    return region
