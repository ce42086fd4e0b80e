"""The result of a job: what was found, how many designs were excluded by what, and the folder it is kept in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from dse.errors import InputError
from dse.files import write_whole
from dse.jobs import netcdf
from dse.jobs.files import ASSUMPTIONS, CLOUD, FRONTIER, GRID, JOURNAL, MANIFEST, QUALITY, SEARCH
from dse.jobs.standing import damages, read_assumptions, read_manifest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dse.jobs.design import Design
    from dse.jobs.resolve import Job


@dataclass(frozen=True)
class Result:
    """A finished exploration.

    Attributes
    ----------
    frontier
        Designs that no other dominates along the dimension `design`; every axis is a coordinate.
    cloud
        Histograms of all designs, for the plots.
    manifest
        Spec, versions, counts and units, as in manifest.json.
    assumed
        The assumptions of an earlier result that this one was computed under, None for today's catalogues.
    path
        The folder of the result, None while it is in memory only.
    state
        "computed"; "recomputed" where formulas or catalogues had changed under an unchanged spec; "reused" where the
        result stood in its folder already; "continued" where an interrupted run had done a part.
    messages
        What the user should know of how it came about.
    search
        How a search went, step by step and trial by trial; None where every design was evaluated.
    """

    frontier: xr.Dataset
    cloud: xr.Dataset
    manifest: Mapping[str, Any]
    path: Path | None = None
    assumed: Mapping[str, Any] | None = None
    state: Literal["computed", "recomputed", "reused", "continued"] = "computed"
    messages: tuple[str, ...] = ()
    search: xr.Dataset | None = None

    @property
    def name(self) -> str:
        """Name of the job."""
        return str(self.manifest["name"])

    @property
    def counts(self) -> dict[str, Any]:
        """Designs enumerated, undefined, excluded by fit and by each budget, dominated and kept: they add up."""
        return dict(self.manifest["counts"])

    @property
    def table(self) -> Path | None:
        """The copy of the user's table of quality values that the result keeps, where there is one."""
        path = None if self.path is None else self.path / QUALITY
        return path if path is not None and path.exists() else None

    def check_formulas(self) -> None:
        """Raise InputError where the result rests on own formulas that this process does not know."""
        from dse import metrics

        own = self.manifest.get("own_formulas", {})
        lacking = ", ".join(f"{name} = {equation}" for name, equation in own.items() if name not in metrics.RECORDS)
        if lacking:
            told = f"rests on own formulas that are not defined here: {lacking}"
            raise InputError(
                f"{self.path or self.name}: {told}; in Python define them again (@dse.metric), then dse.load the result"
            )

    def job(self) -> Job:
        """The job that the result is of, under the assumptions that it keeps.

        Raises InputError where own formulas that it rests on are not known, a file that its spec names is gone, or the
        spec is none that its designs were found by.
        """
        from dse.jobs.resolve import read_job

        self.check_formulas()
        job = read_job(self.manifest["spec"], table=self.table, assumptions=self.assumptions)
        found = {*self.manifest["metrics"], *(o["metric"] for o in self.manifest["objectives"])}
        if other := sorted(found - set(job.metrics)):
            where = self.path or self.name
            raise InputError(f"{where}: its spec does not ask for {other[0]}, which its designs have; compute it again")
        return job

    @cached_property
    def grid(self) -> xr.Dataset | xr.DataTree:
        """All metrics of the job on the whole grid; of several networks a tree with one Dataset each.

        Opened and not loaded where the result keeps it (`[output] grid = true`), else evaluated when first asked for.
        """
        from dse.grid.dataset import label
        from dse.jobs.store import open_grid

        if self.path is not None and (self.path / GRID).exists():
            return open_grid(self.path)
        job = self.job()
        found = {g.name: label(g.space, g.evaluate(g.space, job.metrics), g) for g in job.grids}
        return found[""] if "" in found else xr.DataTree.from_dict(found)

    @property
    def assumptions(self) -> Mapping[str, Any] | None:
        """Figures and defaults that the result rests on, as in assumptions.toml; None: those of today's catalogues."""
        kept = self.path is not None and (self.path / ASSUMPTIONS).exists()
        return read_assumptions(self.path) if kept and self.path is not None and self.assumed is None else self.assumed

    def _repr_html_(self) -> str:
        """What a notebook shows of the result."""
        from dse.report.notebook import summary

        return summary(self)

    def per(self, *axes: str) -> Result:
        """The frontiers of the same space, one for each value of axes besides those that it has already."""
        from dse.jobs.recut import recut

        wanted = dict.fromkeys([*self.manifest["per"], *axes])
        return self if list(wanted) == self.manifest["per"] else recut(self, per=list(wanted))

    def design(self, which: int | str | None = None) -> Design:
        """A design on the frontier: by its row, or the best by a metric; by default the best by the first objective."""
        from dse.jobs.design import design_of

        return design_of(self, which)

    def sample(self, most: int, seed: int = 0) -> tuple[xr.Dataset, list[dict[str, Any]], int]:
        """Designs of the whole space, what they are held to, and how many there are; see `dse.jobs.sample`."""
        from dse.jobs.sample import sample

        return sample(self, most, seed)

    def report(self, path: str | Path, most: int | None = None) -> Path:
        """Write the interactive report: one file that needs no network; see `dse.report.html.page`."""
        from dse.report.html import MOST, page

        path = Path(path)
        write_whole(path, page(self, MOST if most is None else most))
        return path

    def plot(self, kind: str = "frontier", *, style: str = "screen", **options: Any) -> Figure:
        """A plot of the result; `dse list plots` names the kinds, and `options` are those of the kind.

        Kinds of one design show that of `design=`: a row of the frontier, or a metric that it is best by.
        """
        from dse.plots import DESIGN, KINDS, draw

        if kind in KINDS and KINDS[kind].of == DESIGN:
            return draw(kind, self.design(options.pop("design", None)), style=style, **options)
        return draw(kind, self, style=style, **options)


def load(path: str | Path) -> Result:
    """The result in a folder.

    Raises
    ------
    InputError
        When there is no finished result.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError(f"{folder}: {_what_stands(folder)}")
    # The journal is not read here, and may be written to: a study of Optuna's like any other.
    for name, what in (d for d in damages(folder, manifest) if d[0] != JOURNAL):
        if read_manifest(folder) != manifest:
            # Another run has replaced it in between.
            return load(folder)
        raise InputError(f"{folder / name}: {what}; the command that made the result makes it again")
    went = None
    try:
        frontier = netcdf.read(folder / FRONTIER)
        cloud = netcdf.read(folder / CLOUD)
        if "search" in manifest:
            went = netcdf.read(folder / SEARCH)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: cannot be read: {error}") from None
    wanted = (*manifest["metrics"], *(o["metric"] for o in manifest["objectives"]))
    if lacking := [metric for metric in wanted if metric not in frontier.data_vars]:
        raise InputError(f"{folder / FRONTIER}: has no {lacking[0]}; compute the result again with --fresh")
    assumed = read_assumptions(folder) if "replayed" in manifest else None
    return Result(frontier, cloud, manifest, folder, assumed=assumed, search=went)


def _what_stands(folder: Path) -> str:
    """What is told of a folder without a result."""
    from dse.jobs.left import is_cut_short

    if not folder.exists():
        return "no such folder"
    if is_cut_short(folder):
        return "a run puts a new result in place of the old one, or was ended meanwhile: its command puts that right"
    return f"holds no finished result ({MANIFEST} is missing)"
