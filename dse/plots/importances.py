"""Which parameters of a search its objectives depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dse.plots import style
from dse.plots.kinds import NotInResult, plot
from dse.plots.names import fitted
from dse.plots.search_history import searched

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Where panels stand below each other, all of them together are no taller than a page.
MOST_PARAMETERS, _MOST_BELOW = 30, 8


@dataclass(frozen=True)
class ImportanceData:
    """Importance of each parameter (rows, most important first) for each target (columns): each column adds up to 1.

    It is NaN where a parameter is what frontiers differ by.
    """

    title: str
    subtitle: str
    footer: str
    parameters: tuple[str, ...]
    targets: tuple[str, ...]
    shares: np.ndarray


def prepare(result: Any) -> ImportanceData:
    """Parameters by their importance for reaching the frontier.

    Raises
    ------
    NotInResult
        When the result is of no search, or too few trials were feasible.
    """
    data = searched("importances", result)
    if "importance" not in data:
        raise NotInResult("importances", "needs two parameters and 50 feasible trials")
    shares = data["importance"].values.T
    most = _MOST_BELOW if style.current().narrow else MOST_PARAMETERS
    order = np.argsort(-shares[:, 0], kind="stable")[:most]
    feasible = int(data["feasible"].values.sum())
    trials = int(data["importance"].attrs.get("trials", feasible))
    chosen_from = f", evenly chosen of {feasible:,}" if trials < feasible else ""
    per = " and ".join(map(style.readable, result.manifest["per"]))
    each = f" for each {per}," if per else ""
    subtitle = (
        f"How much each parameter tells of the best tenth{each} of {trials:,} feasible trials{chosen_from} (PED-ANOVA)."
    )
    footer = "Each column adds up to 1. Importances are of the trials of this search, not of the whole space."
    if len(shares) > most:
        footer += f" The {most} most important of {len(shares)} parameters."
    if np.isnan(shares[:, 0]).any():
        footer += f" There is a frontier for each {per}: that tells nothing of reaching it."
    names = [str(n) for n in data["parameter"].values]
    targets = ["reaching the frontier", *(style.readable(str(t)) for t in data["target"].values[1:])]
    chosen = tuple(style.readable(names[i]) for i in order)
    return ImportanceData(
        str(result.manifest["name"]), subtitle, footer, chosen, tuple(targets), np.asarray(shares[order])
    )


@plot("importances", prepare)
def draw(figure: Figure, data: ImportanceData) -> None:
    """Importance of each parameter of a search for each objective."""
    rows, columns = data.shares.shape
    top, bottom = style.frame_heights(data.subtitle, data.footer)
    inner = 0.24 * rows + 0.1
    # Where panels have no room beside each other, they stand below each other.
    across = min(columns, 1 if style.current().narrow else columns)
    panel = 0.4 + inner + 0.35
    height = top + panel * (columns // across) + bottom
    style.frame(figure, height, data.title, data.subtitle, data.footer)
    left, gap = 1.9, 0.2
    wide = (style.width() - left - 0.3 - gap * (across - 1)) / across
    reach = float(max(np.nan_to_num(data.shares).max(), 0.05)) * 1.22
    for column, target in enumerate(data.targets):
        line, place = divmod(column, across)
        low = height - top - panel * (line + 1) + 0.35
        box = ((left + place * (wide + gap)) / style.width(), low / height, wide / style.width(), inner / height)
        axes = figure.add_axes(box)
        places = np.arange(rows)[::-1]
        colour = style.FRONTIER if column == 0 else style.PALETTE[0]
        axes.barh(places, data.shares[:, column], height=0.68, color=colour)
        for place, share in zip(places, data.shares[:, column], strict=True):
            text, beside = ("–", 0.0) if np.isnan(share) else (f"{share:.2f}", share)
            axes.text(beside + reach * 0.015, place, text, va="center", fontsize=style.points(7.5), color=style.QUIET)
        axes.set_xlim(0, reach)
        axes.set_ylim(-0.6, rows - 0.4)
        axes.set_title(target, loc="left")
        names = fitted(data.parameters, left - 0.2, style.PLAIN)
        axes.set_yticks(places, names if column % across == 0 else [""] * rows)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=4)
