"""Panels of one plot over parts of one axis, where what they show lies far apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dse.plots.style import Scale

# A window is so many times as long as the longest frontier in it, and is used where it is a small enough part of all.
_ROOM, _WORTH = 2.2, 0.6
# Of the room, more lies on the left, where labels of quick and small designs stand.
_LEFT = 0.55
# Relative spread below which all values are one point, and how far the axis then reaches to both sides of it.
_POINT, _AROUND = 0.02, 0.25


def window_length(scale: Scale, parts: Sequence[np.ndarray]) -> float:
    """How long the windows of some parts of an axis are, all the same; 0 where one axis for all does as well.

    Lengths are natural logarithms of ratios on a logarithmic axis.
    """
    spans = [np.ptp(_placed(scale, values)) for values in parts if len(values)]
    whole = float(np.ptp(_placed(scale, np.array([scale.low, scale.high]))))
    length = _ROOM * float(max(spans, default=0.0))
    return length if len(spans) > 1 and 0 < length < _WORTH * whole else 0.0


def window(scale: Scale, values: np.ndarray, length: float) -> Scale:
    """The part of the axis around some values."""
    places = _placed(scale, values)
    start = float(places.min() + places.max()) / 2 - _LEFT * length
    low, high = (math.exp(v) if scale.log else v for v in (start, start + length))
    return replace(scale, low=low, high=high)


def opened(scale: Scale) -> Scale:
    """The scale, wider where all its values are practically one: there a single mark would fill the plot."""
    if scale.high - scale.low > _POINT * max(abs(scale.high), abs(scale.low)):
        return scale
    room = _AROUND * max(abs(scale.high), abs(scale.low))
    return replace(scale, low=scale.low - room, high=scale.high + room)


def _placed(scale: Scale, values: np.ndarray) -> np.ndarray:
    return np.log(values) if scale.log else np.asarray(values, dtype=float)
