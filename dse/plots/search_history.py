"""How the hypervolume of a search grew with its trials, beside the exact value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from dse.plots import style
from dse.plots.kinds import NotInResult, plot
from dse.plots.summary import none_left

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class HistoryData:
    """Share of the hypervolume after so many trials, and designs evaluated by then. All of shape (steps,)."""

    title: str
    subtitle: str
    footer: str
    trials: np.ndarray
    designs: np.ndarray
    volume: np.ndarray
    judged: bool


def searched(kind: str, result: Any) -> xr.Dataset:
    """The record of a search; raises NotInResult where the result is of none."""
    data = getattr(result, "search", None)
    if data is None:
        raise NotInResult(kind, "is of a search; this result is an exploration")
    return data  # type: ignore[no-any-return]


def prepare(result: Any) -> HistoryData:
    """The steps of a search, from no trial on.

    Raises
    ------
    NotInResult
        When the result is of no search, or no design was feasible.
    """
    data, went = searched("hypervolume", result), result.manifest["search"]
    if not np.isfinite(data["hypervolume"].values).any():
        raise NotInResult("hypervolume", none_left(result.manifest))
    judged = bool(data.attrs["judged"])
    of = "that of the exact frontier" if judged else "that of the final frontier: the exact one is not known"
    how = f"{went['sampler']}, seed {went['seed']}" + (", with neighbours of the frontier" if went["polish"] else "")
    subtitle = f"Hypervolume of the frontier ({how}) as a share of {of}."
    footer = f"{went['designs']:,} of {went['space']:,} designs were evaluated"
    footer += f", {went['polished']:,} of them neighbours of the frontier." if went["polished"] else "."
    footer += " Mean over all frontiers; objectives scaled by the frontier's extent, reference point 10 % beyond."
    trials, designs, volume = (np.concatenate([[0], data[n].values]) for n in ("trials", "designs", "hypervolume"))
    return HistoryData(str(result.manifest["name"]), subtitle, footer, trials, designs, volume, judged)


@plot("hypervolume", prepare)
def draw(figure: Figure, data: HistoryData) -> None:
    """Hypervolume of a search over its trials, beside the exact value."""
    top, bottom = style.frame_heights(data.subtitle, data.footer)
    narrow = style.current().narrow
    inner, right = (2.8, 1.15) if narrow else (4.2, 1.2)
    height = top + 0.15 + inner + 0.6 + bottom
    style.frame(figure, height, data.title, data.subtitle, data.footer)
    wide = style.width() - 0.8 - right
    box = (0.8 / style.width(), (bottom + 0.6) / height, wide / style.width(), inner / height)
    axes = figure.add_axes(box)
    axes.axhline(1, color=style.QUIET, linewidth=1, linestyle=(0, (5, 2)))
    axes.text(0, 1.01, "exact" if data.judged else "final", color=style.QUIET, fontsize=style.points(8.5), va="bottom")
    axes.step(data.trials, data.volume, where="post", color=style.FRONTIER, linewidth=1.8)
    axes.plot(data.trials[-1], data.volume[-1], "o", color=style.FRONTIER, markersize=5, clip_on=False)
    axes.annotate(
        f"{100 * data.volume[-1]:.5g} %\n{data.designs[-1]:,} designs",
        (data.trials[-1], data.volume[-1]),
        xytext=(8, -2),
        textcoords="offset points",
        va="top",
        fontsize=style.points(8.5),
        annotation_clip=False,
    )
    axes.set_xlim(0, max(data.trials[-1], 1))
    axes.set_ylim(0, 1.09)
    axes.set_xlabel("trials")
    axes.set_ylabel("share of the hypervolume")
    axes.xaxis.set_major_formatter(lambda value, _: style.tick_text(value))
