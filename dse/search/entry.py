"""The search of the public interface: `dse.search(spec, ...)`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dse.jobs.ask import asked
from dse.jobs.replay import AssumptionsLike
from dse.jobs.spec import SpecLike
from dse.pareto.scanner import Progress
from dse.search.defaults import POPULATION, TRIALS
from dse.search.result import SearchResult
from dse.search.run import run
from dse.search.settings import Settings
from dse.search.warm import WarmLike, read_warm


def search(
    spec: SpecLike,
    *,
    trials: int = TRIALS,
    sampler: str = "nsga2",
    seed: int = 0,
    population: int = POPULATION,
    polish: bool = True,
    inner: str = "sample",
    storage: str | os.PathLike[str] | None = None,
    judge: bool = False,
    warm_start: WarmLike | None = None,
    formulas: Sequence[Callable[..., Any]] = (),
    settings: Mapping[str, Any] | None = None,
    assumptions: AssumptionsLike | None = None,
    out: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    plots: bool = True,
    progress: Progress | None = None,
) -> SearchResult:
    """Search a spec with Optuna for designs that no other beats under its budgets.

    Parameters
    ----------
    spec, formulas, settings, assumptions, out, fresh
        As of `explore`.
    trials
        Trials in all; a search that is asked for again with more of them goes on.
    sampler
        "nsga2", "nsga3", "tpe", "random", "qmc" (needs SciPy) or "gp" (needs PyTorch). The same seed gives the same
        study.
    population
        Trials that are evaluated together.
    polish
        Evaluate the neighbours of the frontier after every population, until none of them changes it.
    inner
        "sample": a trial is a design; "enumerate": a trial is an architecture, with every number format, deployment
        and device, of which Optuna is told the best value of each objective, each by itself.
    storage
        A URL of a database ("sqlite:///x.db", "postgresql://...") or a journal file, which several workers share.
        Each has random numbers of its own, and `trials` counts those of all: they may be one population more for each
        worker beyond the first.
    judge
        Find the exact frontier too, where that takes a reasonable time, and tell how much of it was found.
    warm_start
        Designs to start from: the folder of a result, a result, a frontier, or mappings from axis to value.

    Returns
    -------
    SearchResult
        A result as of `explore`, with `study` and with `search`, how it went.

    Raises
    ------
    InputError
        Every fault of the spec at once; settings that are not allowed; a sampler whose module is not installed.
    DseError
        When a folder or a storage cannot be used.
    """
    where = os.fspath(storage) if isinstance(storage, os.PathLike) else storage
    own = Settings(trials, sampler, seed, population, polish, inner, where, judge)
    own.check()
    job, folder = asked(spec, formulas, settings, assumptions, out)
    warm = read_warm(job, inner, warm_start)
    return run(job, own, folder, warm=warm, fresh=fresh, progress=progress, plots=plots)
