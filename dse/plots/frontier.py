"""The frontier over two objectives, before the cloud of all designs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.frontier_data import FrontierData, Limit, prepare
from dse.plots.frontier_labels import draw_labels, series_errors
from dse.plots.frontier_panels import Panel, Series
from dse.plots.kinds import plot
from dse.plots.layout import colour_bar, colour_norm, legend_columns, legend_names
from dse.plots.names import fitted, inches, longest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 3, 10: 4, 11: 4, 12: 4}
# Groups of one panel that get a colour and a marker of their own.
MOST_COLOURED = 21
# Entries of the legend, in their order; other entries are groups.
_ONE, _RANGE = "frontier", "range of the estimate"
_FEASIBLE, _EXCLUDED = "feasible (darker: more)", "excluded by fit or budget"
_BEYOND = "beyond a budget"
_GENERAL = (_ONE, _RANGE, _FEASIBLE, _EXCLUDED, _BEYOND)
_BAR = "#8a8a8a"
# Designs of one frontier whose marks would merge at full size.
_CROWDED = 60
# Inches: left of the panels, between them, and below them for ticks, label and legend.
_LEFT, _GAP_X, _GAP_Y, _BELOW = 0.88, 0.16, 0.34, 0.85
# Inches of a further line of a panel's title, and of the legend.
_LINE, _LEGEND_LINE = 0.17, 0.21
# Inches of the layout of a column that a page has room for.
_TALLEST = 12.0
# Inches of what stands before the words of the legend beside the panels, and the most of the width that it takes.
_KEY, _MOST_BESIDE = 0.72, 0.36


@plot("frontier", prepare)
def draw(figure: Figure, data: FrontierData) -> None:
    """The Pareto frontier over two objectives, with the cloud of all designs, budgets and labelled designs."""
    draw_frontier(figure, data)


def draw_frontier(figure: Figure, data: FrontierData) -> None:
    """Panels with frontiers, before what clouds and budgets there are."""
    grid = _make_axes(figure, data)
    marks: dict[str, Any] = {}
    for axes, panel in zip(grid, data.panels, strict=True):
        style.set_axis(axes, "x", panel.x or data.x, 8 if len(grid) == 1 and not style.current().narrow else 4)
        style.set_axis(axes, "y", data.y, 8 if len(grid) == 1 else 5)
        _draw_cloud(axes, panel, data, marks)
        for limit in data.limits:
            _draw_limit(axes, limit, data, marks)
        for number, series in enumerate(panel.series):
            _draw_series(axes, series, number if len(panel.series) > 1 else None, data, marks)
    if data.colour is not None:
        colour_bar(figure, grid, data.colour)
    figure.draw_without_rendering()
    _fit_titles(grid)
    unsaid = list(data.limits)
    for axes, panel in zip(grid, data.panels, strict=True):
        unsaid = draw_labels(axes, panel, data, unsaid)
    if unsaid:
        # Where every place beside the line holds designs, the legend says which budget it is.
        marks[f"beyond {', '.join(limit.text for limit in unsaid)}"] = marks.pop(_BEYOND)
    _draw_legend(figure, grid, data, marks)


def _fit_titles(grid: list[Axes]) -> None:
    """Make the titles of panels a little smaller where a word alone is longer than its panel."""
    share = max(a._left_title.get_window_extent().width / a.get_window_extent().width for a in grid)  # type: ignore[attr-defined]
    if share > 1:
        for axes in grid:
            axes.set_title(axes.get_title(loc="left"), loc="left", pad=4, fontsize=style.points(9.5) / share)


def _make_axes(figure: Figure, data: FrontierData) -> list[Axes]:
    """Axes of all panels, over ends and labels that they share."""
    number = len(data.panels)
    columns = style.current().columns(_COLUMNS[number])
    rows = math.ceil(number / columns)
    inner = (
        3.4
        if style.current().narrow and number == 1
        else 5.2
        if rows == 1 and columns == 1
        else 3.6
        if rows == 1
        else 2.5
        if columns < 4
        else 2.15
    )
    top, bottom = style.frame_heights(data.subtitle, data.footer)
    names = [s.name for s in data.panels[0].series] if len(data.panels[0].series) > 1 else []
    right = 1.0 if data.colour else _KEY + longest(_beside(names), style.LEGEND) if names else 0.2
    width = (style.width() - _LEFT - right - (columns - 1) * _GAP_X) / columns
    titles = style.wrapped_titles([panel.title for panel in data.panels], width)
    # Room for the further lines of long titles.
    more = _LINE * max(title.count("\n") for title in titles)
    apart = any(panel.x for panel in data.panels)
    head, gap = top + (0.3 if data.panels[0].title else 0.1) + more, _GAP_Y + more + 0.18 * apart
    if style.current().narrow:
        # All panels together are no taller than a page.
        inner = min(inner, (_TALLEST - head - bottom - _BELOW - (rows - 1) * gap) / rows)
    height = head + rows * inner + (rows - 1) * gap + _BELOW + bottom + _LEGEND_LINE * (_legend_lines() - 1)
    style.frame(figure, height, data.title, data.subtitle, data.footer)
    found = []
    for place, title in enumerate(titles):
        row, column = divmod(place, columns)
        left = _LEFT + column * (width + _GAP_X)
        low = height - head - (row + 1) * inner - row * gap
        axes = figure.add_axes((left / style.width(), low / height, width / style.width(), inner / height))
        axes.set_title(title, loc="left", pad=4)
        axes.tick_params(labelleft=column == 0, labelbottom=apart or place + columns >= number)
        found.append(axes)
    middle = (_LEFT + (style.width() - right - _LEFT) / 2) / style.width()
    last = height - head - rows * inner - (rows - 1) * gap
    figure.text(
        middle,
        (last - 0.30) / height,
        style.wrapped(data.x.label, style.width() - 0.6),
        ha="center",
        va="top",
        fontsize=style.points(10),
    )
    centre = (last + (height - head - last) / 2) / height
    figure.text(
        0.1 / style.width(), centre, data.y.label, rotation=90, ha="left", va="center", fontsize=style.points(10)
    )
    return found


def _draw_cloud(axes: Axes, panel: Panel, data: FrontierData, marks: dict[str, Any]) -> None:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm
    from matplotlib.patches import Patch

    if data.x_edges is None or data.y_edges is None:
        return
    counts = [c for p in data.panels for c in (p.feasible, p.excluded) if c is not None]
    most = max((int(c.max()) for c in counts), default=1)
    for name, cells, colours in (
        (_EXCLUDED, panel.excluded, style.EXCLUDED),
        (_FEASIBLE, panel.feasible, style.FEASIBLE),
    ):
        if cells is None or not cells.any():
            continue
        shades = LinearSegmentedColormap.from_list(name, colours)
        axes.pcolormesh(
            data.x.show(data.x_edges),
            data.y.show(data.y_edges),
            np.ma.masked_equal(cells, 0),
            cmap=shades,
            norm=LogNorm(1, max(most, 2)),
            rasterized=True,
            zorder=1,
        )
        marks[name] = Patch(facecolor=shades(0.6))


def _draw_limit(axes: Axes, limit: Limit, data: FrontierData, marks: dict[str, Any]) -> None:
    from matplotlib.patches import Patch

    scale = data.x if limit.which == "x" else data.y
    line, span = (axes.axvline, axes.axvspan) if limit.which == "x" else (axes.axhline, axes.axhspan)
    ends = axes.get_xlim() if limit.which == "x" else axes.get_ylim()
    hatch: dict[str, Any] = {
        "facecolor": "none",
        "edgecolor": "#9a9a9a",
        "hatch": "////",
        "linewidth": 0,
        "zorder": 1.5,
    }
    for value, far in ((limit.low, ends[0]), (limit.high, ends[1])):
        if value is not None:
            shown = value / scale.factor
            span(min(shown, far), max(shown, far), **hatch)
            line(shown, color=style.INK, linewidth=1.0, linestyle=(0, (4, 2)), zorder=2)
    marks[_BEYOND] = Patch(facecolor="none", edgecolor="#9a9a9a", hatch="////", linewidth=0)


def _draw_series(axes: Axes, series: Series, number: int | None, data: FrontierData, marks: dict[str, Any]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    colour, marker, name = style.FRONTIER, "o", _ONE
    if number is not None:
        coloured = number < MOST_COLOURED
        colour = style.PALETTE[number % 7] if coloured else "#b5b5b5"
        marker = style.MARKERS[number // 7] if coloured else "."
        name = series.name if coloured else f"{len(data.panels[0].series) - MOST_COLOURED} others"
    x, y = data.x.show(series.x), data.y.show(series.y)
    corners = np.column_stack([data.x.show(series.corners[:, 0]), data.y.show(series.corners[:, 1])])
    line = colour if data.colour is None else style.QUIET
    # Earlier series lie on later ones.
    level = 3 if number is None else 4 - number / len(data.panels[0].series)
    axes.plot(*corners.T, color=line, linewidth=1.3, zorder=level, solid_joinstyle="miter")
    bars: dict[str, Any] = {
        n: None if e is None else data_scale.show(e) for n, e, data_scale in series_errors(series, data)
    }
    if number is not None and bars["xerr"] is None and bars["yerr"] is not None:
        # Bars of several frontiers in one panel would hide each other.
        row = np.argsort(x, kind="stable")
        below, above = (y + sign * e for sign, e in zip((-1, 1), bars["yerr"], strict=True))
        axes.fill_between(x[row], below[row], above[row], color=colour, alpha=0.13, linewidth=0, zorder=2)
        marks[_RANGE] = Patch(facecolor=_BAR, alpha=0.3)
    elif any(e is not None for e in bars.values()):
        cap = 1.8 if len(data.panels) == 1 else 0.0
        axes.errorbar(
            x,
            y,
            **bars,
            fmt="none",
            rasterized=len(x) > style.MANY,
            ecolor=_BAR,
            elinewidth=0.7,
            capsize=cap,
            zorder=2.8,
        )
        marks[_RANGE] = Line2D([], [], color=_BAR, linestyle="", marker="|", markersize=9)
    size = 26 if len(data.panels) == 1 and number is None else 14
    size = min(size, 12) if len(x) > _CROWDED else size
    rim: dict[str, Any] = {
        "edgecolors": "white" if data.colour is None else style.INK,
        # Rims of very many marks would hide what these are coloured by.
        "linewidths": 0.5 if len(x) <= 400 else 0.0,
        "zorder": level + 0.5,
        "rasterized": len(x) > style.MANY,
    }
    if data.colour is None or series.colour is None:
        axes.scatter(x, y, s=size, color=colour, marker=marker, **rim)
    else:
        axes.scatter(
            x, y, s=size, c=data.colour.show(series.colour), cmap="viridis", norm=colour_norm(data.colour), **rim
        )
    marks[name] = Line2D([], [], color=line, marker=marker, markersize=5, linewidth=1.3)


def _beside(names: Sequence[str]) -> list[str]:
    """Entries of the legend beside the panels, which leaves those most of the width."""
    return fitted(names, _MOST_BESIDE * style.width() - _KEY, style.LEGEND)


def _legend_columns(names: Sequence[str]) -> int:
    """All entries of a legend side by side where there is room, else as many as have the room of the longest."""
    fits = sum(0.62 + inches(name, style.LEGEND) for name in names) < style.width()
    return len(names) if fits else legend_columns(names)


def _legend_lines() -> int:
    """Lines of the longest legend."""
    return math.ceil(len(_GENERAL) / _legend_columns(_GENERAL))


def _draw_legend(figure: Figure, grid: list[Axes], data: FrontierData, marks: dict[str, Any]) -> None:
    height = figure.get_size_inches()[1]
    general = {n: m for n, m in marks.items() if n in _GENERAL or n.startswith("beyond ")}
    general = dict(sorted(general.items(), key=lambda entry: (*_GENERAL, entry[0]).index(entry[0])))
    groups = {n: m for n, m in marks.items() if n not in general}
    _, bottom = style.frame_heights(data.subtitle, data.footer)
    place = (0.12 / style.width(), (bottom + 0.02) / height)
    figure.legend(
        general.values(),
        legend_names(list(general)),
        loc="lower left",
        bbox_to_anchor=place,
        ncols=_legend_columns(list(general)),
        borderaxespad=0,
        handlelength=1.8,
        columnspacing=1.8,
    )
    box = grid[0].get_position()
    if groups:
        anchor = (max(a.get_position().x1 for a in grid) + 0.1 / style.width(), box.y1)
        names = _beside(list(groups))
        figure.legend(groups.values(), names, loc="upper left", bbox_to_anchor=anchor, borderaxespad=0)
