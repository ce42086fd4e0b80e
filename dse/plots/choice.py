"""What of a frontier to show: which objectives on which axis, the staircase, and the points worth a label."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr

from dse.errors import InputError, unknown
from dse.plots.style import readable
from dse.units import format_quantity

# Above this rank correlation a second objective tells nothing that the first does not.
FOLLOWS = 0.99
_SHORT = {"width": "{:g}×", "resolution": "{:g} px"}
_MOST_PARTS = 4

Objective = Mapping[str, str]


def column(frontier: xr.Dataset, name: str) -> np.ndarray:
    """A variable or coordinate for every design, shape (n,), also where it has one value for all."""
    return np.broadcast_to(frontier[name].values, (frontier.sizes["design"],))


def follows_network(frontier: xr.Dataset, axis: str) -> bool:
    """Whether an axis is a number that the name of the network tells: one for each of several."""
    if axis == "network" or "network" not in frontier.coords or frontier[axis].dtype.kind not in "fi":
        return False
    networks, values = (frontier[n].values.astype(str) for n in ("network", axis))
    found = [set(values[networks == network].tolist()) for network in sorted(set(networks.tolist()))]
    return len(found) > 1 and all(len(own) == 1 for own in found) and len(set.union(*found)) > 1


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation, ties at their mean rank; NaN where one does not vary."""
    ranks = []
    for values in (a, b):
        _, place, number = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(number) - (number - 1) / 2)[place])
    deviations = [r - r.mean() for r in ranks]
    spread = np.sqrt(np.prod([(d**2).sum() for d in deviations]))
    return float((deviations[0] * deviations[1]).sum() / spread) if spread > 0 else float("nan")


def follows(frontier: xr.Dataset, first: Objective, second: Objective, groups: Sequence[np.ndarray]) -> bool:
    """Whether two objectives get better together in every group, so that showing both is showing one twice."""
    seen = []
    for rows in groups:
        a, b = (_cost(column(frontier, o["metric"])[rows], o) for o in (first, second))
        if len(rows) > 2 and not np.isnan(rank := rank_correlation(a, b)):
            seen.append(rank)
    return bool(seen) and min(seen) > FOLLOWS


def choose_axes(
    frontier: xr.Dataset, objectives: Sequence[Objective], groups: Sequence[np.ndarray]
) -> tuple[Objective, Objective, Objective | None]:
    """Objectives for x, y and colour: one to be minimised on x and one to be maximised on y where there are such.

    `groups` are the rows of each group. No objective stands for colour that follows the one on x or on y.
    """
    x = next((o for o in objectives if o["direction"] == "min"), objectives[0])
    others = [o for o in objectives if o is not x]
    telling = [o for o in others if not follows(frontier, x, o, groups)] or others
    y = next((o for o in telling if o["direction"] == "max"), telling[0])
    rest = [o for o in telling if o is not y and not follows(frontier, y, o, groups)]
    varied = [o for o in rest if len(np.unique(column(frontier, o["metric"]))) > 1]
    return x, y, varied[0] if varied else None


def named_axes(
    frontier: xr.Dataset, objectives: Sequence[Objective], groups: Sequence[np.ndarray], names: Sequence[str]
) -> tuple[Objective, Objective, Objective | None]:
    """Objectives for x, y and colour: those named, and where a name is "" what is chosen among the others."""
    known = {o["metric"]: o for o in objectives}
    if faults := [unknown("objective", n, known) for n in names if n and n not in known]:
        raise InputError(faults)
    given = [n for n in names if n]
    if len(set(given)) < len(given):
        raise InputError(f"an objective stands twice among x, y and colour: {', '.join(given)}")
    if not given:
        return choose_axes(frontier, objectives, groups)
    free = [o for o in objectives if o["metric"] not in given]
    x = known[names[0]] if names[0] else free.pop(0)
    y = known[names[1]] if names[1] else free.pop(0)
    rest = [o for o in free if not any(follows(frontier, o, shown, groups) for shown in (x, y))]
    return x, y, known[names[2]] if names[2] else next(iter(rest), None)


def _cost(values: np.ndarray, objective: Objective) -> np.ndarray:
    return values if objective["direction"] == "min" else -values


def staircase(x: np.ndarray, y: np.ndarray, x_direction: str, y_direction: str) -> tuple[np.ndarray, np.ndarray]:
    """The edge of what the points attain, by two of the objectives alone.

    Returns
    -------
    corners
        Vertices from the best x to the best y, shape (k, 2): each run keeps y until the next better y.
    rows
        Points on the edge, in that order.
    """
    cost_x, cost_y = (v if d == "min" else -v for v, d in ((x, x_direction), (y, y_direction)))
    rows: list[int] = []
    for row in np.lexsort((cost_y, cost_x)):
        if not rows or cost_y[row] < cost_y[rows[-1]]:
            rows.append(int(row))
    corners = [(x[row], y[row]) for row in rows[:1]]
    for before, after in itertools.pairwise(rows):
        corners += [(x[after], y[before]), (x[after], y[after])]
    return np.array(corners, dtype=float).reshape(-1, 2), np.array(rows, dtype=int)


def points_to_label(places: np.ndarray, wanted: int) -> list[int]:
    """Points of an edge, most telling first: both ends, the knee, then whatever is farthest from those chosen.

    `places` are points in the unit square of the plot, shape (n, 2), from one end to the other.
    """
    if len(places) == 0 or wanted < 1:
        return []
    chosen = list(dict.fromkeys([0, len(places) - 1]))
    if len(places) > 2:
        along = places[-1] - places[0]
        away = np.abs(along[0] * (places[:, 1] - places[0, 1]) - along[1] * (places[:, 0] - places[0, 0]))
        if (knee := int(np.argmax(away))) not in chosen:
            chosen.append(knee)
    while len(chosen) < min(wanted, len(places)):
        gaps = np.linalg.norm(places[:, None] - places[chosen][None], axis=2).min(axis=1)
        if gaps.max() == 0:
            break
        chosen.append(int(np.argmax(gaps)))
    return chosen[:wanted]


def varying(frontier: xr.Dataset, axes: Iterable[str], rows: np.ndarray) -> list[str]:
    """The axes along which the designs at `rows` differ, in the order given."""
    return [a for a in axes if len(set(map(str, column(frontier, a)[rows]))) > 1]


def telling(frontier: xr.Dataset, axes: Sequence[str], rows: np.ndarray) -> list[str]:
    """As many of the axes as a text names, those first by which most of the designs at `rows` are told apart."""
    values = {axis: list(map(str, column(frontier, axis)[rows])) for axis in axes}
    chosen: list[str] = []
    while len(chosen) < min(_MOST_PARTS, len(axes)):
        left = [a for a in axes if a not in chosen]
        chosen.append(max(left, key=lambda a: len(set(zip(*(values[b] for b in (*chosen, a)), strict=True)))))
    return [a for a in axes if a in chosen]


def design_text(frontier: xr.Dataset, axes: Sequence[str], row: int) -> str:
    """A design by its values along some axes: "0.5×, 160 px, int8".

    Of more than four axes the first four are told, and an ellipsis says that there are others.
    """
    parts = [_value_text(a, column(frontier, a)[row], frontier[a].attrs.get("units", "1")) for a in axes[:_MOST_PARTS]]
    parts += ["…"] if len(axes) > _MOST_PARTS else []
    return ", ".join(parts)


def _value_text(axis: str, value: object, unit: str) -> str:
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    if axis in _SHORT:
        return _SHORT[axis].format(number)
    return f"{readable(axis)} {format_quantity(number, unit)}"
