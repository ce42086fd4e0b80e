"""Texts beside points, placed where they touch neither each other, nor points, nor the rim of the plot."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots.style import INK, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Distances tried, in typographic points; a label this far or farther gets a line to its point.
_NEAR, _FAR = (6.0, 11.0), (18.0, 27.0, 38.0, 52.0)
_LINE_FROM = 9.0
# Degrees from the direction of better designs, where the plot is empty.
_AHEAD, _BEHIND = (0, 25, -25, 45, -45), (65, -65, 90, -90, 135, -135, 180)
_TRIED = ((_AHEAD, _NEAR), (_BEHIND, _NEAR), (_AHEAD, _FAR), (_BEHIND, _FAR[:2]))


def place_labels(
    axes: Axes,
    points: np.ndarray,
    texts: Sequence[str],
    avoid: np.ndarray,
    better: tuple[float, float],
    line: np.ndarray | None = None,
    taken: Sequence[Any] = (),
    size: float = 8.0,
) -> list[str]:
    """Write texts beside points, the first ones first; a text for which there is no room is left out.

    Parameters
    ----------
    points
        Where the texts belong, in data coordinates, shape (n, 2).
    avoid
        Points that no text may cover, shape (m, 2).
    better
        Signs of the direction in which designs would be better: there the plot is empty, and texts go there first.
    line
        Vertices of a line that no text may cross, shape (k, 2).
    taken
        Artists that no text may cover.

    Returns
    -------
    list of str
        The texts that were written.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    pixel = figure.dpi / 72
    anchors = axes.transData.transform(np.asarray(points, dtype=float).reshape(-1, 2))
    crowd = axes.transData.transform(np.asarray(avoid, dtype=float).reshape(-1, 2))
    if line is not None and len(line) > 1:
        crowd = np.concatenate([crowd, along(axes.transData.transform(line), 4.0 * pixel)])
    rim = np.array(axes.get_window_extent(renderer).extents)
    boxes = [np.array(artist.get_window_extent(renderer).extents) for artist in taken]
    written = []
    for (x, y), anchor, text in zip(points, anchors, texts, strict=True):
        note = axes.annotate(text, (x, y), textcoords="offset points", xytext=(0, 0), fontsize=size, color=INK)
        extent = np.array(note.get_window_extent(renderer).extents)
        shape = extent[2:] - extent[:2]
        offset = _free_offset(anchor, shape, crowd, rim, boxes, better, pixel)
        note.remove()
        if offset is None:
            continue
        corner = anchor + offset
        boxes.append(np.array([*corner, *(corner + shape)]))
        end = np.clip(anchor, corner, corner + shape)
        if np.hypot(*(end - anchor)) >= _LINE_FROM * pixel:
            # No later text stands on the line from this one to its point.
            crowd = np.concatenate([crowd, np.linspace(end, anchor, 24)])
        _write(axes, (x, y), text, offset / pixel, shape / pixel, size)
        written.append(text)
    return written


def _free_offset(
    anchor: np.ndarray,
    shape: np.ndarray,
    crowd: np.ndarray,
    rim: np.ndarray,
    boxes: Sequence[np.ndarray],
    better: tuple[float, float],
    pixel: float,
) -> np.ndarray | None:
    """Offset in pixels of the text's lower left corner from its point, None when no place is free."""
    ahead = np.arctan2(better[1], better[0])
    for turns, distances in _TRIED:
        angles = ahead + np.radians(turns)
        for distance, way in itertools.product(distances, np.column_stack([np.cos(angles), np.sin(angles)])):
            # The text's near corner, or the middle of its near side, sits at the distance from the point.
            side = np.where(np.abs(way) < 0.3, -0.5, np.where(way > 0, 0.0, -1.0))
            offset = way * distance * pixel + side * shape
            box = np.array([*(anchor + offset), *(anchor + offset + shape)])
            line = np.linspace(anchor, np.clip(anchor, box[:2], box[2:]), 12)
            if is_free(box, crowd, rim, boxes, 2.0 * pixel) and not any(inside(line, b).any() for b in boxes):
                return np.asarray(offset)
    return None


def is_free(box: np.ndarray, crowd: np.ndarray, rim: np.ndarray, boxes: Sequence[np.ndarray], gap: float) -> bool:
    """Whether a box lies inside a rim, and touches no point of a crowd and no other box; all in pixels."""
    if (box[:2] < rim[:2]).any() or (box[2:] > rim[2:]).any():
        return False
    if inside(crowd, box, gap).any():
        return False
    return not any((box[:2] < b[2:] + gap).all() and (box[2:] > b[:2] - gap).all() for b in boxes)


def along(corners: np.ndarray, step: float) -> np.ndarray:
    """Points along a line, no farther apart than a step."""
    parts = []
    for start, stop in itertools.pairwise(corners):
        number = 2 + int(np.hypot(*(stop - start)) / step)
        parts.append(np.linspace(start, stop, number))
    return np.concatenate(parts)


def inside(points: np.ndarray, box: np.ndarray, gap: float = 0.0) -> np.ndarray:
    """Which of the points [point, 2] lie in the box (left, bottom, right, top) or less than `gap` pixels from it."""
    return np.asarray((points > box[:2] - gap).all(axis=1) & (points < box[2:] + gap).all(axis=1))


def _write(
    axes: Axes, point: tuple[float, float], text: str, offset: np.ndarray, shape: np.ndarray, size: float
) -> None:
    from matplotlib.patheffects import withStroke

    near = np.clip(0.0, offset, offset + shape)
    far = np.hypot(*near) >= _LINE_FROM
    line: dict[str, Any] = {
        "arrowstyle": "-",
        "color": QUIET,
        "linewidth": 0.6,
        "shrinkA": 1,
        "shrinkB": 3,
        "relpos": (0, 0),
    }
    if far:
        line["relpos"] = tuple(np.clip(-offset / shape, 0.0, 1.0))
    note = axes.annotate(
        text,
        point,
        xytext=(float(offset[0]), float(offset[1])),
        textcoords="offset points",
        ha="left",
        va="bottom",
        fontsize=size,
        color=INK,
        zorder=6,
        arrowprops=line if far else None,
    )
    note.set_path_effects([withStroke(linewidth=2.2, foreground="white")])
