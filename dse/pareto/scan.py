"""The exact frontier of a space under budgets: evaluate, mask and filter tile by tile; nothing of the grid is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

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
    """The result of a scan: places of the frontier's designs, counts, cloud.

    A place is a flat index (row-major in the space's dims); those of the second block follow those of the first.
    """

    places: np.ndarray
    tally: Tally
    cloud: Cloud


Place = Mapping[str, slice]
# Values of columns for a part of a space: by evaluating them, or out of a grid that is kept.
Source = Callable[[Place, Space, tuple[str, ...]], Values]
Keep = Callable[[Place, Values], None]


@dataclass(frozen=True)
class Block:
    """A grid to be scanned, what is asked of it, and where its values come from (default: they are evaluated).

    `keep` is called with the place and the values of every tile, for those who store the grid, `extra` among them.
    """

    space: Space
    cut: Cut
    source: Source | None = None
    keep: Keep | None = None
    extra: tuple[str, ...] = ()


def scan(
    space: Space,
    cut: Cut,
    *,
    tile: int = TILE,
    progress: Callable[[int, int], None] | None = None,
    keep: Keep | None = None,
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
    keep, extra
        As of a `Block`.
    options
        Of `evaluate_values`: engine, threads.

    Raises
    ------
    InputError
        As `evaluate_values` does; for a space of which the designs cannot be numbered.
    """
    return scan_blocks([Block(space, cut, None, keep, extra)], tile=tile, progress=progress, **options)


def scan_blocks(
    blocks: Sequence[Block],
    *,
    tile: int = TILE,
    progress: Callable[[int, int], None] | None = None,
    **options: object,
) -> Scan:
    """Find the designs that no other of any block dominates; the blocks have the same objectives and groups.

    Parameters and errors are those of `scan`.
    """
    size = sum(block.space.size for block in blocks)
    if size > MOST:
        raise InputError(f"{size:.4g} designs are too many to enumerate; narrow the axes")
    options = {"designs": size, **options}
    objectives, per = blocks[0].cut.objectives, blocks[0].cut.per
    frontier, tally, cloud = StreamingFrontier(len(objectives)), Tally(), Cloud([o.metric for o in objectives])
    texts = group_texts([b.space for b in blocks], per)
    start = done = 0
    for block in blocks:
        for place, part in block.space.tiles(tile):
            wanted = (*block.cut.columns, WITNESS, *block.extra)
            values = (block.source or partial(_evaluated, options))(place, part, wanted)
            columns = {m: flat_column(part, values, m) for m in block.cut.columns}
            places = start + global_places(block.space, place, part)
            groups = group_codes(block.space, per, place, part, texts)
            valid = ~np.isnan(flat_column(part, values, WITNESS))
            feasible = apply(block.cut, columns, is_microcontroller(part), tally, valid)
            cloud.add(columns, groups, feasible)
            chosen = np.flatnonzero(feasible)
            points = np.column_stack([o.sign * columns[o.metric][chosen] for o in objectives])
            frontier.add(points, places[chosen], groups[chosen])
            if block.keep is not None:
                block.keep(place, values)
            done += part.size
            if progress is not None:
                progress(done, size)
        start += block.space.size
    found = frontier.places()
    tally.kept = len(found)
    tally.dominated = tally.feasible - tally.kept
    return Scan(found, tally, cloud)


def _evaluated(options: Mapping[str, Any], place: Place, part: Space, wanted: tuple[str, ...]) -> Values:
    return evaluate_values(part, wanted, **options)


def flat_column(space: Space, values: Values, name: str) -> np.ndarray:
    """A metric for every design of the space, row-major in its dims. Shape (n,)."""
    shape = tuple(space.sizes.values())
    return np.broadcast_to(values[name].over(space.dims), shape).reshape(-1)


def global_places(space: Space, place: Place, part: Space) -> np.ndarray:
    """Flat places in `space` of the designs of a part of it, in the part's own order."""
    flat = np.zeros((), dtype=np.int64)
    for dim in space.dims:
        start = place[dim].start if dim in place else 0
        own = np.arange(start, start + part.sizes[dim], dtype=np.int64)
        flat = flat[..., None] * space.sizes[dim] + own
    return flat.reshape(-1)


def group_texts(spaces: Sequence[Space], per: tuple[str, ...]) -> dict[str, list[str]]:
    """The values of each axis of `per` in any of the spaces, in order, as text; "" where a space lacks the axis."""
    return {name: sorted({text for space in spaces for text in _texts(space, name)}) for name in per}


def _texts(space: Space, name: str) -> list[str]:
    # A default of one network is no value of the axis: results do not have it either.
    return [str(v) for v in space.axes[name].values] if name in space.axes and space.axes[name].given else [""]


def group_codes(
    space: Space, per: tuple[str, ...], place: Place, part: Space, texts: Mapping[str, list[str]]
) -> np.ndarray:
    """A number for each combination of values of the axes `per`, for the designs of a part, in the part's order."""
    codes = np.zeros([1] * len(space.dims), dtype=np.int64)
    for name in per:
        dim = space.axes[name].dim if name in space.axes else None
        order = {text: i for i, text in enumerate(texts[name])}
        own = np.array([order[t] for t in _texts(space, name)])
        own = own[place.get(dim, slice(None))] if dim else own
        codes = codes * len(order) + own.reshape([-1 if d == dim else 1 for d in space.dims])
    return np.broadcast_to(codes, tuple(part.sizes.values())).reshape(-1)


def group_values(spaces: Sequence[Space], per: tuple[str, ...]) -> dict[str, list[str]]:
    """For each axis of `per` its value in every group, in the order of the codes of `group_codes`, as text."""
    groups = list(itertools.product(*group_texts(spaces, per).values()))
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
