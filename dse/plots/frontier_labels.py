"""Words inside the panels of the frontier plot: designs and budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.frontier_data import FrontierData, Limit
from dse.plots.frontier_panels import Panel, Series
from dse.plots.labels import along, is_free, place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}


def draw_labels(axes: Axes, panel: Panel, data: FrontierData, unsaid: Sequence[Limit]) -> list[Limit]:
    """Label the designs of a panel, and budgets that no panel told yet; the layout must stand already.

    Returns the budgets for which there is no room here.
    """
    taken, left = [], []
    for limit in unsaid:
        text = _limit_text(axes, limit, panel, data)
        if text is None:
            left.append(limit)
        else:
            taken.append(text)
    for series in panel.series:
        chosen = list(series.labels)
        points = np.column_stack([data.x.show(series.x), data.y.show(series.y)])
        corners = np.column_stack([data.x.show(series.corners[:, 0]), data.y.show(series.corners[:, 1])])
        avoid = np.concatenate([points, *_along_bars(series, data), *_along_limits(axes, data)])
        size = style.points(8.0 if len(data.panels) == 1 else 7.0)
        texts = list(series.labels.values())
        place_labels(axes, points[chosen], texts, avoid, data.better, corners, taken, size)
    return left


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


def _limit_text(axes: Axes, limit: Limit, panel: Panel, data: FrontierData) -> Any:
    """The budget's words along its line, where they hide no design; None where there is no such place."""
    scale = data.x if limit.which == "x" else data.y
    value = limit.high if limit.high is not None else limit.low
    ends = sorted(axes.get_xlim() if limit.which == "x" else axes.get_ylim())
    if value is None or not ends[0] < value / scale.factor < ends[1]:
        return None
    figure = axes.get_figure(root=True)
    assert figure is not None
    renderer, pixel = figure.canvas.get_renderer(), figure.dpi / 72  # type: ignore[attr-defined]
    rim, crowd = np.array(axes.get_window_extent(renderer).extents), _crowd(axes, panel, data)
    words: dict[str, Any] = {"fontsize": style.points(7.5), "color": style.INK, "bbox": _WHITE, "zorder": 2.5}
    upright, upper = limit.which == "x", limit.high is not None
    # Fractions of the axes, so that it stands there at any resolution.
    place: dict[str, Any] = {"transform": axes.transAxes, "ha": "left", "va": "bottom"}
    text = axes.text(0, 0, limit.text, rotation=90 if upright else 0, **place, **words)
    bare = text.get_window_extent(renderer)
    size = np.array([bare.width, bare.height])
    across = 0 if upright else 1
    start = [axes.get_xlim()[0], axes.get_ylim()[0]]
    start[across] = value / scale.factor
    at = axes.transData.transform(start)
    for side in (-1.0, 1.0) if upper else (1.0, -1.0):
        for share in _along_line(data.better[1 - across] > 0):
            corner = np.empty(2)
            corner[across] = at[across] + side * 4 * pixel - (size[across] if side < 0 else 0)
            other = 1 - across
            corner[other] = rim[other] + 4 * pixel + share * (rim[other + 2] - rim[other] - size[other] - 8 * pixel)
            if is_free(np.array([*corner, *(corner + size)]), crowd, rim, (), 2.0 * pixel):
                x, y = axes.transAxes.inverted().transform(corner)
                text.set_position((float(x), float(y)))
                return text
    text.remove()
    return None


def _along_line(better_is_up: bool) -> np.ndarray:
    """Places tried along a line, from 0 to 1: first the end where designs are better, and so few."""
    return np.linspace(1.0, 0.0, 13) if better_is_up else np.linspace(0.0, 1.0, 13)


def _crowd(axes: Axes, panel: Panel, data: FrontierData) -> np.ndarray:
    """Points in pixels that words may not hide: designs with their bars, edges, and counted feasible designs."""
    found = [np.empty((0, 2))]
    for series in panel.series:
        points = np.column_stack([data.x.show(series.x), data.y.show(series.y)])
        corners = np.column_stack([data.x.show(series.corners[:, 0]), data.y.show(series.corners[:, 1])])
        found += [axes.transData.transform(p) for p in (points, *_along_bars(series, data)) if len(p)]
        found += [along(axes.transData.transform(corners), 4.0)] if len(corners) > 1 else []
    for cells in (panel.feasible, panel.excluded):
        if cells is not None and data.x_edges is not None and data.y_edges is not None:
            rows, columns = np.nonzero(cells)
            x, y = ((e[1:] + e[:-1]) / 2 for e in (data.x_edges, data.y_edges))
            shown = np.column_stack([data.x.show(x[columns]), data.y.show(y[rows])])
            found.append(axes.transData.transform(shown))
    return np.concatenate(found)
