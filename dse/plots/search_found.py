"""The frontier that a search found over the exact one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.kinds import NotInResult, plot
from dse.plots.search_history import searched
from dse.plots.style import Scale, make_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class FoundData:
    """Points of the exact frontier, found or missed, and points found beside it, by two objectives. Shape (n, 2)."""

    title: str
    subtitle: str
    footer: str
    x: Scale
    y: Scale
    hit: np.ndarray
    missed: np.ndarray
    beside: np.ndarray


def prepare(result: Any) -> FoundData:
    """Both frontiers by the first two objectives, one to be minimised on x where there is one.

    Raises
    ------
    NotInResult
        When the result is of no search, was not judged, or has one objective.
    """
    data = searched("found", result)
    if not data.attrs["judged"] or not data.sizes["exact"]:
        raise NotInResult("found", "the exact frontier is not known; search with --judge")
    directions = str(data.attrs["directions"]).split()
    if len(directions) < 2:
        raise NotInResult("found", "needs two objectives")
    columns = _columns(directions)
    exact, hit = data["exact_values"].values, data["exact_found"].values.astype(bool)
    found = data["found_values"].values
    names = [str(data["objective"].values[c]) for c in columns]
    attrs = [result.frontier[n].attrs for n in names]
    spread = np.concatenate([exact, found])[:, columns]
    x, y = (make_scale(n, a, spread[:, i]) for i, (n, a) in enumerate(zip(names, attrs, strict=True)))
    verdict = result.manifest["search"]["judge"]
    subtitle = f"{int(hit.sum()):,} of the {len(hit):,} designs of the exact frontier were found"
    subtitle += f" ({100 * verdict['hypervolume_share']:.5g} % of its hypervolume)."
    # Of two frontiers one may have the values of a design that the other has not.
    known = {(group, *row) for group, row in zip(data["exact_group"].values.tolist(), exact.tolist(), strict=True)}
    groups = data["found_group"].values.tolist()
    mask = [(group, *row) not in known for group, row in zip(groups, found.tolist(), strict=True)]
    beside = found[np.array(mask, dtype=bool)]
    per = result.manifest["per"]
    why = [*(["are better in an objective that is not drawn"] if len(directions) > 2 else [])]
    why += [f"are of another {' and '.join(style.readable(p) for p in per)}"] if per else []
    footer = f"Points that others seem to beat here {' or '.join(why)}." if why else ""
    took = f"{result.manifest['search']['designs']:,} of {result.manifest['search']['space']:,} designs evaluated."
    at = exact[:, columns]
    return FoundData(
        str(result.manifest["name"]),
        subtitle,
        f"{took} {footer}".strip(),
        x,
        y,
        at[hit],
        at[~hit],
        beside[:, columns],
    )


def _columns(directions: list[str]) -> list[int]:
    first = directions.index("minimize") if "minimize" in directions else 0
    others = [i for i in range(len(directions)) if i != first]
    return [first, next((i for i in others if directions[i] == "maximize"), others[0])]


@plot("found", prepare)
def draw(figure: Figure, data: FoundData) -> None:
    """The frontier that a search found over the exact one."""
    top, bottom = style.frame_heights(data.subtitle, data.footer)
    narrow = style.current().narrow
    left, right, legend = 0.9, (0.15 if narrow else 2.2), (0.75 if narrow else 0.0)
    inner = 3.2 if narrow else 4.6
    height = top + 0.15 + inner + 0.6 + legend + bottom
    style.frame(figure, height, data.title, data.subtitle, data.footer)
    wide = style.width() - left - right
    low = bottom + legend + 0.6
    axes = figure.add_axes((left / style.width(), low / height, wide / style.width(), inner / height))
    many = len(data.hit) + len(data.missed) > style.MANY
    looks: tuple[tuple[str, np.ndarray, dict[str, Any]], ...] = (
        ("exact, found", data.hit, {"marker": "o", "s": 16, "color": style.FRONTIER, "linewidths": 0, "alpha": 0.75}),
        ("exact, missed", data.missed, {"marker": "x", "s": 30, "color": style.INK, "linewidths": 1.1}),
        (
            "found, not exact",
            data.beside,
            {"marker": "s", "s": 18, "facecolors": "none", "edgecolors": style.PALETTE[0]},
        ),
    )
    for label, points, look in looks:
        if len(points):
            x, y = data.x.show(points[:, 0]), data.y.show(points[:, 1])
            axes.scatter(x, y, label=f"{label} ({len(points):,})", rasterized=many, **look)
    style.set_axis(axes, "x", data.x, 4 if narrow else 7)
    style.set_axis(axes, "y", data.y, 6)
    axes.set_xlabel(style.wrapped(data.x.label, wide))
    axes.set_ylabel(style.wrapped(data.y.label, inner))
    if narrow:
        figure.legend(loc="lower center", bbox_to_anchor=(0.5, bottom / height), ncols=2, columnspacing=1.2)
    else:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
