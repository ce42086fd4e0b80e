"""A search by bounds between two batches of boxes: all that it goes on from as if nothing had happened."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dse.grid.pyramid import Level
from dse.pareto.boxes import PLACE, Share
from dse.pareto.tally import Bounded, Tally, is_count

# Points, shape (n, m), and the group of each, shape (n,).
Points = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Suspended:
    """A search where it stands.

    What bounds skip depends on which good designs are known when, and so do the counts: they are those of a search
    that was never interrupted, since nothing of its state is left out here.

    Attributes
    ----------
    share
        Which share of how many it searches, from 0.
    plot, root
        Numbers of the part and of the batch of boxes to begin with that it is at; all before these are done.
    choice
        The dimension that boxes of a level are divided along, of this part.
    waiting
        Boxes still to be looked at, in the order of the queue: level, and places of shape (dims, n).
    points, places, groups
        Designs that may be on the frontier, as `Archive.add` takes them.
    known, fresh
        Good designs: those that stand in trees, and those that are not in them yet.
    tally, done
        What became of designs so far, and what was done for it.
    """

    share: Share
    plot: int
    root: int
    choice: Mapping[Level, int]
    waiting: Sequence[tuple[Level, np.ndarray]]
    points: np.ndarray
    places: np.ndarray
    groups: np.ndarray
    known: Points
    fresh: Points
    tally: Tally
    done: Bounded

    def facts(self) -> dict[str, Any]:
        """All but the arrays, as plain data."""
        return {
            "share": list(self.share),
            "at": [self.plot, self.root],
            "choice": [[*level, dim] for level, dim in self.choice.items()],
            "waiting": [[*level, boxes.shape[1]] for level, boxes in self.waiting],
            "tally": asdict(self.tally),
            "done": asdict(self.done),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        boxes = [own for _, own in self.waiting]
        return {
            "boxes": np.concatenate(boxes, axis=1) if boxes else np.empty((0, 0), PLACE),
            "points": self.points,
            "places": self.places,
            "groups": self.groups,
            "known": self.known[0],
            "known_groups": self.known[1],
            "fresh": self.fresh[0],
            "fresh_groups": self.fresh[1],
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Suspended:
        """What `facts` and `arrays` were made of. Raises ValueError for what no search can be."""
        (number, of), (plot, root) = facts["share"], facts["at"]
        levels = [(tuple(level), n) for *level, n in facts["waiting"]]
        edges = list(itertools.accumulate(n for _, n in levels))[:-1]
        parts = np.split(arrays["boxes"], edges, axis=1) if levels else []
        found = cls(
            (number, of),
            plot,
            root,
            {tuple(level): dim for *level, dim in facts["choice"]},
            [(level, own) for (level, _), own in zip(levels, parts, strict=True)],
            arrays["points"],
            arrays["places"],
            arrays["groups"],
            (arrays["known"], arrays["known_groups"]),
            (arrays["fresh"], arrays["fresh_groups"]),
            Tally(**facts["tally"]),
            Bounded(**facts["done"]),
        )
        found._check([n for _, n in levels])
        return found

    def _check(self, numbers: Sequence[int]) -> None:
        """Raise ValueError unless it can be a search: a file may hold anything."""
        counts = [*self.share, self.plot, self.root, *self.choice.values(), *numbers]
        if not all(map(is_count, counts)) or [own.shape[1] for _, own in self.waiting] != list(numbers):
            raise ValueError("its boxes are not of a search")
        for points, *whole in ((self.points, self.places, self.groups), self.known, self.fresh):
            if points.ndim != 2 or points.dtype != np.float64 or np.isnan(points).any():
                raise ValueError("its points are no numbers")
            if any(a.shape != (len(points),) or a.dtype != np.int64 or a.min(initial=0) < 0 for a in whole):
                raise ValueError("its numbers are not whole")
        if not self.tally.is_sound or not self.done.is_sound:
            raise ValueError("its counts do not add up")


# Takes note of where a search stands, if it is time to: what gives that is called at once or never.
Note = Callable[[Callable[[], Suspended]], None]
