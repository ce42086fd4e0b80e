"""Run a search, and keep it in a folder as an exploration is kept."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from dse.errors import DseError, Fault, InputError
from dse.jobs import folder as folders
from dse.jobs.files import JOURNAL
from dse.jobs.left import tidy
from dse.jobs.manifest import code_key, job_key
from dse.jobs.purpose import SEARCH
from dse.jobs.resolve import Job
from dse.jobs.result import load
from dse.jobs.run import check_free, damage_of, result_of
from dse.jobs.work import working
from dse.pareto.scanner import Progress
from dse.search.driver import Driver, directions, quiet
from dse.search.journal import Journal, stamp_of
from dse.search.judge import Verdict, judge
from dse.search.record import record
from dse.search.result import SearchResult
from dse.search.settings import Settings, digest
from dse.search.shared import Shared
from dse.search.storage import Mirror, Nowhere, told
from dse.search.warm import NOTHING, Warm

# Where the last quarter of the trials adds less than this share, more trials of the same kind add little.
PLATEAU = 0.001


def run(
    job: Job,
    settings: Settings,
    folder: Path | None = None,
    *,
    warm: Warm = NOTHING,
    fresh: bool = False,
    progress: Progress | None = None,
    plots: bool = True,
) -> SearchResult:
    """Search a job, or give the finished result that already stands in its folder.

    Parameters
    ----------
    folder
        Where to keep the result; None keeps it in memory only.
    warm
        Designs to start from.
    fresh
        Search again from the start, and replace whatever result the folder holds.
    progress
        Called with trials done and trials in all.

    Raises
    ------
    InputError
        For settings that are not allowed, and as `dse.jobs.run.run`.
    DseError
        When the folder cannot be written, or the storage not be used.
    """
    settings.check()
    if job.spec.output.grid:
        raise InputError(Fault("output.grid", "a search evaluates no grid as a whole; leave it out"))
    asked = {**settings.study(), "warm": warm.digest}
    key, stamp = digest({"job": job_key(job), **asked}), digest({"job": job_key(job), "code": code_key(), **asked})
    if settings.storage is not None:
        shared = digest({"job": job_key(job), "code": code_key(), "inner": settings.inner})
        with quiet():
            shared_by = Shared(settings.storage, job.spec.name, directions(job), shared)
        return _kept(job, settings, folder, key, shared_by, warm, fresh, progress, plots)
    if folder is None:
        return search(job, settings, Nowhere(), warm, key, progress)
    manifest = check_free(job, folder, fresh, key=key)
    damage = damage_of(folder, manifest)
    stands = (folder / JOURNAL).exists() and not fresh
    if manifest is not None and stands and not damage and _is_enough(manifest, settings):
        tidy(folder, SEARCH, key, JOURNAL)
        return _reused(folder)
    names = folders.names_of(job, plots, search=True)
    with working(folder, {"key": key}, JOURNAL, kind=SEARCH, names=names, fresh=fresh) as work:
        journal = work.path / JOURNAL
        own = not fresh and stamp_of(journal) == stamp
        if journal.exists() and not own:
            of = "" if fresh else " of another spec, or other formulas,"
            work.messages.append(f"what an interrupted search{of} had left was removed")
        work.begin(own)
        if damage and not fresh:
            told_of = "it is made again of the trials that its journal holds"
            work.messages.append(f"{damage} of the standing result: {told_of}")
        if not own and stands and stamp_of(folder / JOURNAL) == stamp:
            _copy(folder / JOURNAL, journal)
        with quiet():
            mirror = Journal(journal, job.spec.name, directions(job), stamp)
        result = search(job, settings, mirror, warm, key, progress)
        _copy(journal, work.part / JOURNAL)
        written = folders.write(result, job, work.part, folder, plots)
    state: Any = "continued" if result.manifest["search"]["replayed"] else result.state
    return replace(written, state=state, messages=(*work.messages, *result.messages))


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise DseError(f"{target}: cannot be written: {error.strerror}") from None


def _kept(
    job: Job,
    settings: Settings,
    folder: Path | None,
    key: str,
    mirror: Mirror,
    warm: Warm,
    fresh: bool,
    progress: Progress | None,
    plots: bool,
) -> SearchResult:
    """Search in a storage that others share, which is what is continued; the folder holds what was found."""
    if folder is None:
        return search(job, settings, mirror, warm, key, progress)
    check_free(job, folder, fresh, key=key)
    names = folders.names_of(job, plots, search=True)
    with working(folder, {"key": key}, kind=SEARCH, names=names, fresh=fresh) as work:
        work.begin(False)
        result = search(job, settings, mirror, warm, key, progress)
        written = folders.write(result, job, work.part, folder, plots)
    return replace(written, messages=result.messages)


def _is_enough(manifest: Mapping[str, Any], settings: Settings) -> bool:
    """Whether a standing result of the same search has as many trials, and is judged if it is to be."""
    known = manifest.get("search", {})
    judged = not settings.judge or "judge" in known
    whole = known.get("cells") == 1 or known.get("trials", 0) >= settings.trials
    return manifest.get("code") == code_key() and whole and judged


def _nothing_to_choose(went: Mapping[str, Any]) -> tuple[str, ...]:
    """What is told where Optuna has nothing to choose."""
    if went["cells"] > 1:
        return ()
    inside = "the only design" if went["space"] == 1 else f"all {went['space']:,} designs"
    return (f"nothing is left for the sampler to choose: one trial has {inside} of the space",)


def _reused(folder: Path) -> SearchResult:
    known = load(folder)
    found = {**vars(known), "state": "reused", "messages": _nothing_to_choose(known.manifest["search"])}
    return SearchResult(**found, study=load_study(folder, known.name))


def load_study(folder: Path, name: str) -> optuna.Study:
    """The study of a result that stands in a folder."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    with quiet(), told(str(folder / JOURNAL)):
        return optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(folder / JOURNAL))))


def search(
    job: Job, settings: Settings, mirror: Mirror, warm: Warm, key: str, progress: Progress | None
) -> SearchResult:
    """Search a job, and gather what was found and how good it is."""
    began = time.perf_counter()
    driver = Driver(job, settings, mirror, warm.cells)
    driver.run(progress)
    seconds = time.perf_counter() - began
    verdict = judge(job) if settings.judge else Verdict(None)
    data = record(driver, verdict)
    result = result_of(job, driver.evaluator.scan(), seconds)
    told = {**_told(driver), **_goodness(data, verdict, driver)}
    manifest = {**result.manifest, "key": key, "search": told}
    manifest["versions"] = {**manifest["versions"], "optuna": version("optuna")}
    # Reasons are counted over the whole space, of which a search sees a part.
    reasons = manifest["undefined_because"]
    whole = f" (of all {job.size:,} designs of the space)"
    manifest["undefined_because"] = {
        m: {r if "coarse grid" in r else r + whole: n for r, n in own.items()} for m, own in reasons.items()
    }
    parts = {
        **vars(result),
        "manifest": manifest,
        "search": data,
        "messages": (*_nothing_to_choose(told), *warm.messages),
    }
    return SearchResult(**parts, study=driver.study)


def _told(driver: Driver) -> dict[str, Any]:
    settings, evaluator = driver.settings, driver.evaluator
    last = driver.steps[-1]
    feasible = [t for t in driver.study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    return {
        **settings.study(),
        "trials": last.trials,
        "replayed": driver.replayed,
        "own": driver.own,
        "duplicates": driver.duplicates,
        "feasible": sum(all(v <= 0 for v in t.constraints.values()) for t in feasible),
        "space": driver.job.size,
        "cells": driver.space.cells,
        "designs": evaluator.designs,
        "polished": driver.polish.designs,
        "settled": bool(driver.polish.settled),
        "evaluation_seconds": round(evaluator.seconds, 3),
        "search_seconds": round(last.seconds, 3),
    }


def _goodness(data: Any, verdict: Verdict, driver: Driver) -> dict[str, Any]:
    """How good the frontier is: beside the exact one, or how much the last trials added to it."""
    volume, trials = data["hypervolume"].values, data["trials"].values
    found: dict[str, Any] = {}
    before = np.flatnonzero(trials <= 0.75 * trials[-1])
    if len(before) and np.isfinite(volume[-1]) and volume[-1] > 0:
        gain = float(1 - volume[before[-1]] / volume[-1])
        found["last_quarter"] = gain
        found["plateau"] = gain < PLATEAU
    if verdict.exact is not None:
        share = float(volume[-1]) if len(verdict.exact.places) else 1.0
        hit = float(data["exact_found"].mean()) if len(verdict.exact.places) else 1.0
        exact = {"frontier": len(verdict.exact.places), "seconds": round(verdict.seconds, 3)}
        found["judge"] = {"hypervolume_share": share, "frontier_share": hit, **exact}
    elif driver.settings.judge:
        found["judge"] = {"reason": verdict.reason}
    return found
