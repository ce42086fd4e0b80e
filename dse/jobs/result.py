"""The result of a job: what was found, how many designs were excluded by what, and the folder it is kept in."""

from __future__ import annotations

import json
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from dse.catalogue import read_at_most
from dse.errors import InputError
from dse.jobs import netcdf

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dse.jobs.design import Design

MANIFEST = "manifest.json"
FRONTIER = "frontier.nc"
CLOUD = "cloud.nc"
TABLE = "frontier.csv"
ASSUMPTIONS = "assumptions.toml"
GRID = "grid.zarr"
SUMS = "grid.sums"
REPORT = "report.html"
QUALITY = "quality.csv"
SEARCH = "search.nc"
JOURNAL = "study.journal"
# Files that a result is read from; the others are for people.
READ = (FRONTIER, CLOUD, SEARCH, ASSUMPTIONS)
_MOST_BYTES = 64 * 2**20
# What a manifest is known by, and everything that reads one relies on: keys, and the types of their values.
_KEYS: dict[str, type] = {
    **dict.fromkeys(("name", "key", "code"), str),
    **dict.fromkeys(("spec", "counts", "units"), dict),
    **dict.fromkeys(("metrics", "objectives", "budgets", "per", "files"), list),
    "plots": bool,
}


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

    @cached_property
    def grid(self) -> xr.Dataset | xr.DataTree:
        """All metrics of the job on the whole grid; of several networks a tree with one Dataset each.

        Opened and not loaded where the result keeps it (`[output] grid = true`), else evaluated when first asked for.
        """
        from dse.grid.dataset import label
        from dse.jobs.resolve import read_job
        from dse.jobs.store import open_grid

        if self.path is not None and (self.path / GRID).exists():
            return open_grid(self.path)
        self.check_formulas()
        job = read_job(self.manifest["spec"], table=self.table, assumptions=self.assumptions)
        found = {g.name: label(g.space, g.evaluate(g.space, job.metrics), g) for g in job.grids}
        return found[""] if "" in found else xr.DataTree.from_dict(found)

    @property
    def assumptions(self) -> Mapping[str, Any] | None:
        """Figures and defaults that the result rests on, as in assumptions.toml; None: those of today's catalogues."""
        kept = self.path is not None and (self.path / ASSUMPTIONS).exists()
        return _assumed(self.path) if kept and self.path is not None and self.assumed is None else self.assumed

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
        try:
            path.write_text(page(self, MOST if most is None else most), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None
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
        what = f"holds no finished result ({MANIFEST} is missing)" if folder.exists() else "no such folder"
        raise InputError(f"{folder}: {what}")
    if wrong := damaged(folder, manifest):
        raise InputError(
            f"{folder / wrong[0]}: is damaged, or of another result; compute the result again with --fresh"
        )
    try:
        frontier = netcdf.read(folder / FRONTIER)
        cloud = netcdf.read(folder / CLOUD)
        went = netcdf.read(folder / SEARCH) if "search" in manifest else None
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: cannot be read: {error}") from None
    assumed = _assumed(folder) if "replayed" in manifest else None
    return Result(frontier, cloud, manifest, folder, assumed=assumed, search=went)


def checksum(path: Path) -> str:
    """CRC-32 of a file, as manifests hold it."""
    total = 0
    with path.open("rb") as file:
        while part := file.read(2**20):
            total = zlib.crc32(part, total)
    return f"{total:08x}"


def damaged(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Names of the files of a result that are not what was written, of those that it is read from."""
    return [name for name, known in manifest.get("checksums", {}).items() if _sum_of(folder / name) not in ("", known)]


def _sum_of(path: Path) -> str:
    """The checksum of a file; "" of one that cannot be read, which is told where it is read."""
    try:
        return checksum(path) if path.is_file() else ""
    except OSError:
        return ""


def _assumed(folder: Path) -> dict[str, Any]:
    """The assumptions that a result keeps."""
    try:
        return tomllib.loads(_text(folder / ASSUMPTIONS))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / ASSUMPTIONS}: cannot be read: {error}") from None


def _text(path: Path) -> str:
    """The text of a file of a result: a few KiB, more where it holds what a network was read from."""
    return read_at_most(path, _MOST_BYTES).decode("utf-8")


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a finished result, None where there is none."""
    try:
        manifest = json.loads(_text(folder / MANIFEST))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / MANIFEST}: cannot be read: {error}") from None
    if not isinstance(manifest, dict) or any(not isinstance(manifest.get(k), t) for k, t in _KEYS.items()):
        raise InputError(
            f"{folder / MANIFEST}: is not the manifest of a result; remove the folder, or choose another with --out"
        )
    return manifest
