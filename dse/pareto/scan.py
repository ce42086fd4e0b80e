"""The exact frontier of a space under budgets: evaluate, mask and filter tile by tile; nothing of the grid is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dse.errors import InputError
from dse.grid.evaluate import Values, evaluate_values
from dse.grid.space import Space
from dse.pareto.cloud import Cloud
from dse.pareto.cut import Cut, Tally, apply
from dse.pareto.streaming import StreamingFrontier

TILE = 1_000_000
MCU = "mcu"
# A metric that is undefined exactly where the axes make no network.
WITNESS = "params"
# Places of designs are 64-bit integers.
MOST = 2**62


@dataclass(frozen=True)
class Scan:
    """The result of a scan: flat places of the frontier's designs (row-major in the space's dims), counts, cloud."""

    places: np.ndarray
    tally: Tally
    cloud: Cloud


def scan(
    space: Space,
    cut: Cut,
    *,
    tile: int = TILE,
    progress: Callable[[int, int], None] | None = None,
    keep: Callable[[Mapping[str, slice], Values], None] | None = None,
    extra: tuple[str, ...] = (),
    **options: object,
) -> Scan:
    """Find the designs of a space that no other dominates, under budgets.

    Parameters
    ----------
    tile
        Designs evaluated at a time. The result does not depend on it.
    progress
        Called with designs done and designs in all.
    keep
        Called with the place and the values of every tile, for those who store the grid.
    extra
        Metrics to evaluate beside those of the cut, for `keep`.
    options
        Of `evaluate_values`: engine, threads.

    Raises
    ------
    InputError
        As `evaluate_values` does; for a space of which the designs cannot be numbered.
    """
    if space.size > MOST:
        raise InputError(f"{space.size:.4g} designs are too many to enumerate; narrow the axes")
    options = {"designs": space.size, **options}
    frontier, tally, cloud = StreamingFrontier(len(cut.objectives)), Tally(), Cloud([o.metric for o in cut.objectives])
    done = 0
    for place, part in space.tiles(tile):
        values = evaluate_values(part, (*cut.metrics, WITNESS, *extra), **options)  # type: ignore[arg-type]
        columns = {m: flat_column(part, values, m) for m in cut.metrics}
        places = global_places(space, place, part)
        groups = group_codes(space, cut.per, place, part)
        valid = ~np.isnan(flat_column(part, values, WITNESS))
        feasible = apply(cut, columns, is_microcontroller(part), tally, valid)
        cloud.add(columns, groups, feasible)
        chosen = np.flatnonzero(feasible)
        points = np.column_stack([o.sign * columns[o.metric][chosen] for o in cut.objectives])
        frontier.add(points, places[chosen], groups[chosen])
        if keep is not None:
            keep(place, values)
        done += part.size
        if progress is not None:
            progress(done, space.size)
    found = frontier.places()
    tally.kept = len(found)
    tally.dominated = tally.feasible - tally.kept
    return Scan(found, tally, cloud)


def flat_column(space: Space, values: Values, name: str) -> np.ndarray:
    """A metric for every design of the space, row-major in its dims. Shape (n,)."""
    shape = tuple(space.sizes.values())
    return np.broadcast_to(values[name].over(space.dims), shape).reshape(-1)


def global_places(space: Space, place: Mapping[str, slice], part: Space) -> np.ndarray:
    """Flat places in `space` of the designs of a part of it, in the part's own order."""
    flat = np.zeros((), dtype=np.int64)
    for dim in space.dims:
        start = place[dim].start if dim in place else 0
        own = np.arange(start, start + part.sizes[dim], dtype=np.int64)
        flat = flat[..., None] * space.sizes[dim] + own
    return flat.reshape(-1)


def group_codes(space: Space, per: tuple[str, ...], place: Mapping[str, slice], part: Space) -> np.ndarray:
    """A number for each combination of values of the axes `per`, for the designs of a part, in the part's order."""
    codes = np.zeros([1] * len(space.dims), dtype=np.int64)
    for name in per:
        axis = space.axes[name]
        if axis.dim is not None:
            order = {text: i for i, text in enumerate(sorted({str(v) for v in axis.values}))}
            own = np.array([order[str(v)] for v in axis.values[place.get(axis.dim, slice(None))]])
            codes = codes * len(order) + own.reshape([-1 if d == axis.dim else 1 for d in space.dims])
    return np.broadcast_to(codes, tuple(part.sizes.values())).reshape(-1)


def group_values(space: Space, per: tuple[str, ...]) -> dict[str, list[str]]:
    """For each axis of `per` its value in every group, in the order of the codes of `group_codes`, as text."""
    own = [sorted({str(v) for v in space.axes[name].values}) for name in per]
    groups = list(itertools.product(*own))
    return {name: [group[i] for group in groups] for i, name in enumerate(per)}


def is_microcontroller(space: Space) -> np.ndarray:
    """Whether each design's device is a microcontroller. Shape (n,)."""
    shape = tuple(space.sizes.values())
    if "device" not in space.axes:
        return np.zeros(space.size, dtype=bool)
    axis = space.axes["device"]
    own = np.array([space.devices[d].device_class == MCU for d in axis.values])
    index = [len(own) if d == axis.dim else 1 for d in space.dims]
    return np.broadcast_to(own.reshape(index), shape).reshape(-1)
