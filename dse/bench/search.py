"""Searches of spaces whose exact frontier is known, beside NSGA-II as Optuna has it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import optuna

from dse.bench.figures import Case, Figure
from dse.bench.search_spaces import SPACES
from dse.jobs.resolve import Job, read_job
from dse.jobs.run import blocks_of
from dse.pareto.scanner import Scanner
from dse.search.driver import Driver, quiet
from dse.search.indicators import Frame, Points, frame
from dse.search.settings import Settings
from dse.search.storage import Nowhere

GROUP = "search"
SEEDS = range(5)
# Share of the exact hypervolume that the default search is to reach in so many trials, and a polished one.
AIMS = {500: 0.99, 2000: 0.999}
# Evaluation: seconds of a polished search, and share of all seconds of one without.
SECONDS, SHARE = 1.0, 0.05
PLAIN_POPULATION = 50


def cases(full: bool) -> list[Case]:
    """Every reference space, with medians of five seeds; small: of one seed and few trials."""
    aims, seeds = (AIMS, SEEDS) if full else ({100: None}, range(1))
    return [_case(spec, trials, aim, seeds) for spec in SPACES for trials, aim in aims.items()]


def _case(spec: Mapping[str, Any], trials: int, aim: float | None, seeds: range) -> Case:
    what = f"{spec['name']}, {trials:,} trials"
    return Case(GROUP, what, lambda: _measured(what, spec, trials, aim, seeds))


def _measured(what: str, spec: Mapping[str, Any], trials: int, aim: float | None, seeds: range) -> Iterator[Figure]:
    job = read_job(dict(spec))
    exact = exact_frontier(job)
    measured = frame(exact)
    # Once before: what is loaded and compiled is no part of a search.
    polished(job, measured, exact, 20, 0)
    middle = medians(job, measured, exact, trials, seeds)
    default, alone, plain = (middle[name] for name in WAYS)
    seconds = {name: own["seconds"] for name, own in middle.items()}
    told = f"{job.size:,} designs, {len(exact.places):,} on the frontier"
    yield Figure(
        GROUP, f"{what}: hypervolume", default["share"], "of the exact one", aim, None, seconds,
        f"{told}; {default['frontier']:.3f} of the frontier; least of the seeds {default['least']:.5f}; "
        f"{default['designs']:,.0f} designs evaluated",
    )  # fmt: skip
    yield Figure(
        GROUP, f"{what}: evaluation", default["evaluation"], "s", None, SECONDS, {}, f"of {default['seconds']:.2f} s"
    )
    yield Figure(
        GROUP, f"{what}: hypervolume without polish less that of plain NSGA-II", alone["share"] - plain["share"],
        "of the exact one", 0.0, None, {},
        f"{alone['share']:.4f} beside {plain['share']:.4f}; both evaluate trials alone",
    )  # fmt: skip
    for name, own in (("without polish", alone), ("with polish", default)):
        kernel, all_of_it = own["kernel"] / own["seconds"], own["evaluation"] / own["seconds"]
        yield Figure(
            GROUP, f"{what}: computing metrics, {name}", kernel, "of the time", None, SHARE, {},
            f"with counts, cloud and frontier {all_of_it:.3f}",
        )  # fmt: skip


def medians(job: Job, measured: Frame, exact: Points, trials: int, seeds: Iterable[int]) -> dict[str, dict[str, float]]:
    """By way of searching how it does, medians of the seeds; "least" is the least share of the hypervolume."""
    middle = {}
    for name, way in WAYS.items():
        found = [way(job, measured, exact, trials, seed) for seed in seeds]
        middle[name] = {k: statistics.median(own[k] for own in found) for k in found[0]}
        middle[name]["least"] = min(own["share"] for own in found)
    return middle


def exact_frontier(job: Job) -> Points:
    """The frontier by enumeration."""
    found = Scanner(blocks_of(job)).scan()
    return Points(found.points, found.groups, found.places)


def polished(job: Job, measured: Frame, exact: Points, trials: int, seed: int, polish: bool = True) -> dict[str, float]:
    """How a search of this project does."""
    driver = Driver(job, Settings(trials, seed=seed, polish=polish), Nowhere(), np.empty(0, dtype=np.int64))
    driver.run()
    return _told(driver, driver.steps[-1].points, measured, exact, driver.steps[-1].seconds)


def alone(job: Job, measured: Frame, exact: Points, trials: int, seed: int) -> dict[str, float]:
    """How a search does without neighbours of the frontier."""
    return polished(job, measured, exact, trials, seed, polish=False)


def plain(job: Job, measured: Frame, exact: Points, trials: int, seed: int) -> dict[str, float]:
    """How NSGA-II does as Optuna has it, with the same parameters and constraints, and its own settings."""
    driver = Driver(job, Settings(trials=trials, seed=seed, polish=False), Nowhere(), np.empty(0, dtype=np.int64))
    began = time.perf_counter()
    with quiet():
        study = driver.study
        study.sampler = optuna.samplers.NSGAIISampler(population_size=PLAIN_POPULATION, seed=seed)
        for start in range(0, trials, PLAIN_POPULATION):
            asked = [driver.suggested(study.ask()) for _ in range(min(PLAIN_POPULATION, trials - start))]
            cells = [driver.space.encode(t.params) for t in asked]
            for trial, outcome in zip(asked, driver.evaluator.trials(cells), strict=True):
                driver.tell(trial, outcome)
    points, places, groups = driver.evaluator.archive.parts()
    return _told(driver, Points(points, groups, places), measured, exact, time.perf_counter() - began)


def _told(driver: Driver, points: Points, measured: Frame, exact: Points, seconds: float) -> dict[str, float]:
    evaluator = driver.evaluator
    return {
        "share": measured.share(points),
        "frontier": float(np.isin(exact.places, points.places).mean()),
        "designs": evaluator.designs,
        "evaluation": evaluator.seconds,
        "kernel": evaluator.kernel_seconds,
        "seconds": seconds,
    }


WAYS = {"default": polished, "sampler alone": alone, "plain NSGA-II": plain}
