"""Run a job: find the frontier, and keep it in a folder."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dse.errors import DseError, InputError
from dse.grid.blocks import Grid
from dse.jobs import folder as folders
from dse.jobs.checksums import Sums
from dse.jobs.covered import UncoveredError, check_covered, kept
from dse.jobs.datasets import check_size, cloud_dataset, frontier_dataset, without_ties
from dse.jobs.files import GRID, SUMS
from dse.jobs.left import settle, tidy
from dse.jobs.manifest import code_key, job_key, make_manifest
from dse.jobs.possible import check_networks
from dse.jobs.purpose import EXPLORATION
from dse.jobs.resolve import Job
from dse.jobs.result import Result, load
from dse.jobs.reuse import Reuse, reusable
from dse.jobs.same_chunks import Standing
from dse.jobs.standing import damages, read_manifest
from dse.jobs.store import Store, check_disk, sums_of
from dse.jobs.work import Work, working
from dse.pareto.cut import WITNESS
from dse.pareto.partial import Partial
from dse.pareto.scan import Scan, finish
from dse.pareto.scanner import Checkpoint, Progress, Scanner
from dse.pareto.shares import Shares
from dse.pareto.ties import INTERVAL
from dse.pareto.units import Block, Source
from dse.units import counted, format_quantity

# A standing grid of at most so many bytes is read through before it is said to stand: 0.2 s.
READ_THROUGH = 2**28


@dataclass(frozen=True)
class Keeping:
    """What earlier runs of a job found, and what is told of what this one finds."""

    known: Partial | None = None
    checkpoint: Checkpoint | None = None


AnyScanner = Scanner | Shares
ScanUnits = Callable[[AnyScanner, Progress | None, Keeping], Partial]


def scanner_of(job: Job, blocks: Sequence[Block]) -> AnyScanner:
    """What scans a job: unit by unit, or by bounds."""
    return Shares(blocks) if job.by_bounds else Scanner(blocks)


def scan_here(scanner: AnyScanner, progress: Progress | None, keeping: Keeping) -> Partial:
    """Scan all units of a job in this process."""
    return scanner.scan(progress, known=keeping.known, checkpoint=keeping.checkpoint)


def run(
    job: Job,
    folder: Path | None = None,
    *,
    fresh: bool = False,
    progress: Progress | None = None,
    plots: bool = True,
    scan: ScanUnits = scan_here,
) -> Result:
    """Run a job, or give the finished result that already stands in its folder.

    A result of the same spec is computed again where formulas or catalogues have changed since.

    Parameters
    ----------
    folder
        Where to keep the result; None keeps it in memory only.
    fresh
        Compute it again, and replace whatever result the folder holds; what a grid that has grown has in common with
        it is taken over.
    progress
        Called with designs done and designs in all.
    scan
        What scans the units of the job: in this process, or elsewhere.

    Raises
    ------
    InputError
        When the folder holds the result of another spec (unless `fresh`), is no result, or another run is at work on
        it.
    DseError
        When the folder cannot be written.
    """
    if folder is None:
        return compute(job, progress, scan=scan)
    manifest = check_free(job, folder, fresh)
    damage = damage_of(folder, manifest)
    if _is_current(manifest, fresh) and not damage:
        tidy(folder, EXPLORATION, job_key(job))
        return _reuse(job, folder, plots)
    # Where nothing can be written is told before the work, not after it.
    stores = [Store(grid, grid_columns(job, grid)) for grid in job.grids] if job.spec.output.grid else []
    check_disk(stores, folder)
    with working(folder, stamp(job), names=folders.names_of(job, plots), fresh=fresh) as work:
        # Another run may have finished in between.
        manifest = check_free(job, folder, fresh)
        if _is_current(manifest, fresh) and not damage:
            return _reuse(job, folder, False)
        known = kept(work, scanner_of(job, blocks_of(job, stores)))
        if known is not None and stores and (wrong := sums_of(work.path).wrong()):
            work.forget(f"{_told(wrong)} of the interrupted run's grid: all is computed again")
            known = None
        work.messages += [f"{damage} of the standing result: it is computed again"] if damage else []
        keeping = Keeping(known, work.checkpoint)
        sources = reusable(job, folder) if stores and not _is_same(job, manifest) else {}
        created = _created(job, stores, work.path, known)
        work.messages += _take_over(created, sources, folder) if known is None else []
        sources = {name: source for name, source in sources.items() if source.reads}
        work.before_checkpoint = [store.sync for store in created]
        try:
            result = compute(job, progress, created, sources, scan=scan, keeping=keeping)
        except UncoveredError:
            work.forget("")
            raise
        work.messages += [f"{told}: evaluated instead" for s in sources.values() for told in s.damaged]
        result = replace(result, manifest={**result.manifest, "seconds": round(work.seconds, 3)})
        _hand_over(created, work, folder)
        written = folders.write(result, job, work.part, folder, plots)
    outdated = manifest is not None and not fresh and not _is_current(manifest, fresh)
    state: Any = "continued" if known else "recomputed" if outdated else "computed"
    return replace(written, state=state, messages=tuple(work.messages))


def stamp(job: Job) -> dict[str, Any]:
    """What tells jobs apart: what is asked for, and what computes it."""
    return {"key": job_key(job), "code": code_key()}


def _is_same(job: Job, manifest: Mapping[str, Any] | None) -> bool:
    """Whether a standing result is of this very spec: it is computed again as a whole."""
    return manifest is not None and manifest["key"] == job_key(job)


def _is_current(manifest: Mapping[str, Any] | None, fresh: bool) -> bool:
    return manifest is not None and not fresh and manifest.get("code") == code_key()


def check_free(job: Job, folder: Path, fresh: bool, beside: str = "", key: str | None = None) -> dict[str, Any] | None:
    """The manifest of the result in the folder, if there is one that may be used or replaced.

    Raises InputError where the folder is something else; it may hold what is called `beside`. `key` is what results of
    this job are known by, where that is not the job alone.
    """
    allowed = {beside, settle(folder)}
    manifest = read_manifest(folder)
    if manifest is None:
        if folder.is_symlink() or (
            folder.exists() and (not folder.is_dir() or any(p.name not in allowed for p in folder.iterdir()))
        ):
            raise InputError(f"{folder}: exists and is not a result; choose another folder with --out")
    elif manifest["key"] != (key or job_key(job)) and not fresh:
        other = "another spec" if key is None else "another spec, or of a search with other options"
        raise InputError(f"{folder}: holds the result of {other}; replace it with --fresh, or choose another --out")
    return manifest


def _reuse(job: Job, folder: Path, plots: bool) -> Result:
    result = load(folder)
    if plots and not result.manifest["plots"]:
        with working(folder, stamp(job), names=folders.names_of(job, plots)) as work:
            work.known()
            if (folder / GRID).exists():
                shutil.copytree(folder / GRID, work.part / GRID)
            if (folder / SUMS).exists():
                shutil.copyfile(folder / SUMS, work.part / SUMS)
            result = folders.write(result, job, work.part, folder, plots)
    return replace(result, state="reused", messages=_unread(folder))


def _hand_over(stores: Sequence[Store], work: Work, folder: Path) -> None:
    """Complete the stores, and move the grid into the folder that becomes the result."""
    try:
        for store in stores:
            store.explain()
            store.close()
        work.hand_over()
    except OSError as error:
        raise DseError(f"{folder}: cannot be written: {error.strerror or error}") from None


def damage_of(folder: Path, manifest: Mapping[str, Any] | None) -> str:
    """What of a standing result is not as it was written, in words; "" where nothing is known of any."""
    if manifest is None:
        return ""
    sums, tables = sums_of(folder), [name for name, _ in damages(folder, manifest)]
    chunks = sums.wrong(thorough=_is_read_through(sums)) if GRID in manifest["files"] else []
    return _told(list(dict.fromkeys([*chunks, *tables])))


def _is_read_through(sums: Sums) -> bool:
    return sums.bytes <= READ_THROUGH


def _unread(folder: Path) -> tuple[str, ...]:
    """What is told of a standing grid that is too large to be read before it is said to stand."""
    sums = sums_of(folder)
    if _is_read_through(sums):
        return ()
    size = format_quantity(float(sums.bytes), "B")
    return (f"of the grid's files ({size}) lengths were compared; their content is checked whenever it is read",)


def _told(wrong: Sequence[str]) -> str:
    return f"{counted(len(wrong), 'damaged file')} ({wrong[0]}{', ...' if wrong[1:] else ''})" if wrong else ""


def grid_columns(job: Job, grid: Grid) -> tuple[str, ...]:
    """What is kept of the whole grid: metrics of the job, and what a cut needs."""
    return tuple(dict.fromkeys([*job.metrics, *job.cut_of(grid).columns, WITNESS]))


def _created(job: Job, stores: Sequence[Store], path: Path, known: Partial | None) -> list[Store]:
    """The stores of the grids in a folder: those of an interrupted run where it found anything, else new ones."""
    try:
        for store in stores:
            (store.create if known is None else store.open)(path)
    except OSError as error:
        raise DseError(f"{path}: cannot be written: {error.strerror or error}") from None
    return list(stores)


def _take_over(stores: Sequence[Store], sources: Mapping[str, Reuse], folder: Path) -> list[str]:
    """Take over files of the grids that stand in the folder; what is told of what is taken from them."""
    told = []
    try:
        for store in (s for s in stores if s.name in sources):
            source, name = sources[store.name], store.name or "grid"
            chunks = store.take_over(Standing(folder / GRID / store.name, sums_of(folder), source.rows), source.data)
            if source.reads:
                told.append(f"{name}: {source.known:,} designs are taken from the standing grid")
            elif chunks:
                told.append(f"{name}: files of {chunks:,} chunks are taken over from the standing grid")
    except OSError as error:
        raise DseError(f"{folder}: the grid cannot be taken over: {error.strerror or error}") from None
    return told


def compute(
    job: Job,
    progress: Progress | None = None,
    stores: Sequence[Store] = (),
    sources: Mapping[str, Source] | None = None,
    *,
    scan: ScanUnits = scan_here,
    keeping: Keeping | None = None,
) -> Result:
    """Run a job in memory.

    Parameters
    ----------
    stores
        One a grid of the job, to keep the grids in.
    sources
        By name of the grid where its values come from; what is not there is evaluated.
    scan
        What scans the units of the job.
    keeping
        What was found before, and what is told of what is found.
    """
    started = time.perf_counter()
    with told(job):
        keeping, blocks = keeping or Keeping(), blocks_of(job, stores, sources or {})
        part = scan(scanner_of(job, blocks), progress, keeping)
        check_covered(blocks, part)
        found = finish(blocks, part)
    return result_of(job, found, time.perf_counter() - started)


@contextmanager
def told(job: Job) -> Iterator[None]:
    """Errors of a scan, as they are told of the job."""
    try:
        yield
    except InputError as error:
        # Axes that are right one by one, and make no network together.
        raise error.at(job.origin) if job.origin else error from None
    except OSError as error:
        raise DseError(f"the grid cannot be written: {error.strerror or error}") from None


def result_of(job: Job, found: Scan, seconds: float) -> Result:
    """The result of a job from what a scan of all its units found."""
    check_size(job, len(found.places))
    frontier = frontier_dataset(job, found)
    if job.cut.ties == INTERVAL and len(found.places):
        frontier, found = without_ties(job, frontier, found)
    units = {str(n): str(v.attrs["units"]) for n, v in frontier.data_vars.items()}
    manifest = make_manifest(job, found, units, seconds)
    lacking = [name.rpartition(": ")[2] for name in manifest["undefined_because"]]
    if found.tally.feasible == 0 and "network" in lacking:
        check_networks(job)
    return Result(frontier, cloud_dataset(job, found), manifest, assumed=job.catalogues.document)


def blocks_of(job: Job, stores: Sequence[Store] = (), sources: Mapping[str, Source] | None = None) -> list[Block]:
    """What is to be scanned."""
    blocks = []
    for grid, store in itertools.zip_longest(job.grids, stores):
        keep, extra = (store.keep, grid_columns(job, grid)) if store else (None, ())
        blocks.append(Block(grid, job.cut_of(grid), (sources or {}).get(grid.name), keep, extra))
    return blocks
