"""How good a frontier is beside another one: share of its hypervolume, and share of its designs."""

from __future__ import annotations

from dataclasses import dataclass

import moocore
import numpy as np

# The reference point lies this share of the frontier's extent beyond its worst values.
MARGIN = 0.1


@dataclass(frozen=True)
class Points:
    """Designs by objectives to be minimised, shape (n, m), with the group that each competes in and its place."""

    values: np.ndarray
    groups: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Frame:
    """Of each group its best and worst values on a frontier: what hypervolumes are measured in."""

    low: dict[int, np.ndarray]
    extent: dict[int, np.ndarray]
    volume: dict[int, float]

    def share(self, points: Points) -> float:
        """Mean over the groups of the hypervolume of points, as a share of that of the frame's own frontier.

        Notes
        -----
        Each objective is scaled by the extent of the frontier, so that it goes from 0 to 1, and the reference point is
        1.1 in each. A group without any point counts 0.
        """
        if not self.volume:
            return float("nan")
        shares = [
            _volume(points.values[points.groups == g], self.low[g], self.extent[g]) / self.volume[g]
            for g in self.volume
        ]
        return float(np.mean(shares))


def frame(points: Points) -> Frame:
    """The frame of a frontier."""
    low, extent, volume = {}, {}, {}
    for group in np.unique(points.groups).tolist():
        own = points.values[points.groups == group]
        low[group] = own.min(axis=0)
        spread = own.max(axis=0) - low[group]
        # An objective that is the same everywhere: what is any worse is outside.
        least = 1e-12 * np.maximum(np.abs(low[group]), np.finfo(float).tiny)
        extent[group] = np.maximum(spread, least)
        volume[group] = _volume(own, low[group], extent[group])
    return Frame(low, extent, volume)


def _volume(values: np.ndarray, low: np.ndarray, extent: np.ndarray) -> float:
    if not len(values):
        return 0.0
    scaled = (values - low) / extent
    inside = scaled[(scaled < 1 + MARGIN).all(axis=1)]
    if not len(inside):
        return 0.0
    return float(moocore.hypervolume(inside, ref=np.full(values.shape[1], 1 + MARGIN)))


def found(exact: Points, points: Points) -> np.ndarray:
    """Mask of the designs of an exact frontier that are among others. Shape (n,)."""
    return np.isin(exact.places, points.places)
