"""The exact frontier of a space by branch and bound.

Boxes of the grid that cannot hold a design of the frontier are skipped whole; all others are divided until few
designs are left, which are evaluated (the method is that of A. H. Land and A. G. Doig, Econometrica 28(3), 1960).
Nothing is lost on plateaus: bounds are moved outward, and a box is dominated only where a design that was evaluated
is strictly better than its bounds after the rounding that designs are compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from dse.pareto import boxes as blocks
from dse.pareto.descent import Descent
from dse.pareto.field import NETWORKS, Field, Plot, plots
from dse.pareto.partial import Partial
from dse.pareto.regions import thinned
from dse.pareto.scan import Scan, finish, scan_blocks
from dse.pareto.scanner import Progress
from dse.pareto.suspended import Note
from dse.pareto.units import Block

# Designs of a box that is evaluated; boxes bounded at a time; designs of the coarse grid.
LEAF, CHUNK, COARSE = 4, 2**13, 2**17


def branch(
    fields: Sequence[Field],
    *,
    leaf: int = LEAF,
    chunk: int = CHUNK,
    coarse: int = COARSE,
    networks: int = NETWORKS,
    order: Sequence[str] = (),
    trends: bool = True,
    progress: Progress | None = None,
) -> Scan:
    """Find the designs that no other of any field dominates; the fields have the same objectives and groups.

    Parameters
    ----------
    leaf
        Designs of a box that is evaluated rather than divided. The frontier depends on none of these options.
    chunk
        Boxes bounded at a time.
    coarse
        Designs of the coarse grid that is evaluated first: its frontier is what boxes are compared with, and it gives
        the cloud.
    networks
        Architectures of which counts are held at a time.
    order
        Dimensions in the order in which they are divided; default: by what a sample of boxes gains.
    trends
        Whether bounds use trends, where they are known, or intervals alone.
    progress
        Called with designs done and designs in all.

    Raises
    ------
    InputError
        As `evaluate_values` does; for a metric that cannot be bounded.
    """
    first = coarse_scan(fields, coarse)
    search = Descent(fields, leaf, chunk, order, progress)
    found = search.found(fields, first, plots(fields, networks, trends))
    return finish([Block(f.grid, f.cut) for f in fields], found)


def search_share(
    fields: Sequence[Field],
    first: Scan,
    parts: Iterable[Plot],
    share: blocks.Share,
    known: Partial | None = None,
    progress: Progress | None = None,
    note: Note | None = None,
) -> Partial:
    """Search one of several shares of fields, whose number is that of its unit; all shares add up to `branch`.

    Parameters
    ----------
    first
        What `coarse_scan` gives of the fields.
    parts
        What `plots` gives of them.
    share
        Which share of how many, from 0.
    known
        What other shares found: it is compared with from the start. Of what it holds of this very share, suspended, the
        search goes on, and ends as if it had never been.
    note
        Called after every batch of boxes with a function that gives where the search stands.
    """
    search = Descent(fields, LEAF, CHUNK, (), progress, share, note)
    suspended = known.suspended if known is not None else None
    if suspended is not None and suspended.share == share:
        search.resume(suspended)
    elif known is not None and len(known.points):
        search.rivals.add(known.points, known.groups)
    return search.found(fields, first, parts)


def coarse_scan(fields: Sequence[Field], limit: int = COARSE) -> Scan:
    """The scan of coarse grids, with places of designs in the whole grids."""
    each = max(1, limit // len(fields))
    thin = [thinned(f.grid.space, each) for f in fields]
    found = scan_blocks([Block(f.grid, f.cut, part=t.space) for t, f in zip(thin, fields, strict=True)], engine="plain")
    places, start, begin = [], 0, 0
    for region, field in zip(thin, fields, strict=True):
        size = region.space.size
        own = found.places[(found.places >= start) & (found.places < start + size)] - start
        sizes = region.space.sizes
        index = dict(zip(sizes, np.unravel_index(own, tuple(sizes.values())) if sizes else (), strict=True))
        flat = begin + region.places(index, field.grid.space.sizes)
        places.append(np.broadcast_to(flat, len(own)))
        start, begin = start + size, begin + field.grid.space.size
    return Scan(np.concatenate(places), found.tally, found.cloud)
