"""Words inside the panels of the frontier plot: designs and budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.frontier_data import FrontierData, Limit
from dse.plots.frontier_panels import Panel, Series
from dse.plots.labels import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}


def draw_labels(axes: Axes, panel: Panel, data: FrontierData, *, first: bool) -> None:
    """Label the designs of a panel, and the budgets in the first one; the layout must stand already."""
    taken = [_limit_text(axes, limit, data) for limit in data.limits if first]
    for series in panel.series:
        chosen = list(series.labels)
        points = np.column_stack([data.x.show(series.x), data.y.show(series.y)])
        corners = np.column_stack([data.x.show(series.corners[:, 0]), data.y.show(series.corners[:, 1])])
        avoid = np.concatenate([points, *_along_bars(series, data), *_along_limits(axes, data)])
        size = style.points(8.0 if len(data.panels) == 1 else 7.0)
        texts = list(series.labels.values())
        place_labels(axes, points[chosen], texts, avoid, data.better, corners, [t for t in taken if t], size)


def series_errors(series: Series, data: FrontierData) -> tuple[tuple[str, np.ndarray | None, style.Scale], ...]:
    """Error bars along x and y: the name that matplotlib gives them, their lengths and their scale."""
    return ("xerr", series.x_error, data.x), ("yerr", series.y_error, data.y)


def _along_bars(series: Series, data: FrontierData) -> list[np.ndarray]:
    """Points along the error bars, for labels to keep clear of."""
    found = []
    for share in np.linspace(0.25, 1.0, 4):
        for _, lengths, scale in series_errors(series, data):
            for sign, length in zip((-1.0, 1.0), () if lengths is None else lengths):
                x = series.x + (sign * share * length if scale is data.x else 0.0)
                y = series.y + (sign * share * length if scale is data.y else 0.0)
                found.append(np.column_stack([data.x.show(x), data.y.show(y)]))
    return found


def _along_limits(axes: Axes, data: FrontierData) -> list[np.ndarray]:
    """Points along the lines of the budgets, in data coordinates."""
    found = []
    share = np.linspace(0.0, 1.0, 150)
    to_data = axes.transAxes + axes.transData.inverted()
    for limit in data.limits:
        scale = data.x if limit.which == "x" else data.y
        for value in (v for v in (limit.low, limit.high) if v is not None):
            points = to_data.transform(np.column_stack([share, share]))
            points[:, 0 if limit.which == "x" else 1] = value / scale.factor
            found.append(points)
    return found


def _limit_text(axes: Axes, limit: Limit, data: FrontierData) -> Any:
    """The budget's words along its line, on the side that is allowed."""
    scale = data.x if limit.which == "x" else data.y
    value = limit.high if limit.high is not None else limit.low
    if value is None:
        return None
    shown, upper = value / scale.factor, limit.high is not None
    words: dict[str, Any] = {
        "textcoords": "offset points",
        "fontsize": style.points(7.5),
        "color": style.INK,
        "bbox": _WHITE,
        "zorder": 5,
    }
    if limit.which == "x":
        end, below = axes.get_ylim()[data.better[1] > 0], data.better[1] > 0
        side: dict[str, Any] = {"ha": "right" if upper else "left", "va": "top" if below else "bottom", "rotation": 90}
        return axes.annotate(limit.text, (shown, end), xytext=(-3 if upper else 3, -4 if below else 4), **words, **side)
    end, left = axes.get_xlim()[data.better[0] < 0], data.better[0] < 0
    side = {"ha": "right" if left else "left", "va": "top" if upper else "bottom"}
    return axes.annotate(limit.text, (end, shown), xytext=(-4 if left else 4, -3 if upper else 3), **words, **side)
