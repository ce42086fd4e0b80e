"""How a search went, as a Dataset: steps, trials, importances, and the exact frontier where it is known."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
import xarray as xr
from optuna.trial import FrozenTrial, TrialState

from dse.grid.space import NETWORK
from dse.pareto.dominance import nondominated
from dse.pareto.groups import texts_of
from dse.search.driver import STEPS, Driver, directions, quiet
from dse.search.indicators import Frame, found, frame
from dse.search.judge import Verdict
from dse.search.samplers import GROUP, in_order

# Feasible trials that importances need to mean anything.
LEAST_TRIALS = 50
# Importances are those of so many of them at most: the time they take grows with the square of their number.
MOST_TRIALS = 4000
# Designs evaluated that are kept by their places, for the report.
MOST_EVALUATED = 100_000
OVERALL = "frontier"


def record(driver: Driver, verdict: Verdict) -> xr.Dataset:
    """The whole record.

    Returns
    -------
    xr.Dataset
        Along "step": trials, designs evaluated, those of them by polishing, seconds and `hypervolume`, the mean share
        over all groups of that of the exact frontier, or of the final one where the exact one is not known. Along
        "trial": objectives, whether it is feasible, whether no other of its group beats it, and the number of its value
        among those of each "parameter", NaN where it has none. `importance` of each parameter for each objective, and
        for reaching the frontier of a trial's group, from `trials` feasible ones, evenly chosen; NaN for a parameter
        that groups differ by. Along "seen": `evaluated`, the places in the grids, laid end to end, of the designs that
        were evaluated, a random part of more than MOST_EVALUATED. Along "exact": the exact frontier, and which of it
        was found.
    """
    names = [o.metric for o in driver.job.cut.objectives]
    measured = frame(verdict.exact or driver.steps[-1].points)
    data = xr.Dataset(attrs={"judged": int(verdict.exact is not None), "directions": " ".join(directions(driver.job))})
    data = data.merge(_steps(driver, measured))
    data = data.merge(_trials(driver, names))
    data["evaluated"] = ("seen", driver.evaluator.evaluated(MOST_EVALUATED))
    if verdict.exact is not None:
        signs = np.array([o.sign for o in driver.job.cut.objectives])
        last = driver.steps[-1].points
        data["exact_values"] = (("exact", "objective"), verdict.exact.values * signs)
        data["exact_group"] = ("exact", verdict.exact.groups)
        data["exact_found"] = ("exact", found(verdict.exact, last).astype(np.int8))
        data["found_values"] = (("found", "objective"), last.values * signs)
        data["found_group"] = ("found", last.groups)
    return data


def _steps(driver: Driver, measured: Frame) -> xr.Dataset:
    steps = driver.steps
    if len(steps) > STEPS:
        marks = np.linspace(steps[0].trials, steps[-1].trials, STEPS)
        chosen = np.unique(np.searchsorted([s.trials for s in steps], marks))
        # The last is that of the last polish.
        steps = [steps[i] for i in sorted({*chosen.tolist(), len(steps) - 1})]
    columns = {name: [getattr(s, name) for s in steps] for name in ("trials", "designs", "polished", "seconds")}
    columns["hypervolume"] = [measured.share(s.points) for s in steps]
    return xr.Dataset({name: ("step", np.array(values)) for name, values in columns.items()})


def _trials(driver: Driver, names: Sequence[str]) -> xr.Dataset:
    trials = [t for t in driver.study.get_trials(deepcopy=False) if t.state == TrialState.COMPLETE]
    parameters = list(driver.space.distributions)
    # Also without trials, or without parameters.
    places = np.array([[_place(driver, t, p) for p in parameters] for t in trials])
    places = places.reshape(len(trials), len(parameters))
    feasible = np.array([is_feasible(t) for t in trials], dtype=np.int8)
    groups = groups_of(trials)
    values = np.array([t.values for t in trials]).reshape(-1, len(names))
    ends = [_ends(driver, p) for p in parameters]
    variables: dict[str, Any] = {
        "number": ("trial", np.array([t.number for t in trials], dtype=np.int64)),
        "values": (("trial", "objective"), values),
        "feasible": ("trial", feasible),
        "best": ("trial", _best(driver, values, feasible, groups)),
        "place": (("trial", "parameter"), places),
        "first_value": ("parameter", np.array([e[0] for e in ends], dtype=object)),
        "last_value": ("parameter", np.array([e[1] for e in ends], dtype=object)),
        "size": ("parameter", np.array([e[2] for e in ends], dtype=np.int64)),
    }
    if len(parameters) > 1 and feasible.sum() >= LEAST_TRIALS:
        chosen = np.flatnonzero(feasible)
        if len(chosen) > MOST_TRIALS:
            chosen = chosen[np.linspace(0, len(chosen) - 1, MOST_TRIALS).astype(np.int64)]
        rows = importances(driver, [trials[i] for i in chosen])
        outer = _outer(driver)
        told = [
            [np.nan if t == OVERALL and p in outer else row.get(p, 0.0) for p in parameters] for t, row in rows.items()
        ]
        variables["importance"] = (("target", "parameter"), np.array(told), {"trials": len(chosen)})
        variables["target"] = ("target", np.array(list(rows), dtype=object))
    coordinates = {"objective": np.array(names, dtype=object), "parameter": np.array(parameters, dtype=object)}
    return xr.Dataset(variables, coordinates)


def groups_of(trials: Sequence[FrozenTrial]) -> np.ndarray:
    """The group that each trial competes in. Shape (trials,)."""
    return np.array([t.user_attrs.get(GROUP, 0) for t in trials], dtype=np.int64)


def _best(driver: Driver, values: np.ndarray, feasible: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Which trials are feasible, and beaten by no other of their group in all objectives. Shape (trials,)."""
    best, signs = np.zeros(len(values), dtype=np.int8), np.array([o.sign for o in driver.job.cut.objectives])
    for group in np.unique(groups):
        rows = np.flatnonzero((feasible == 1) & (groups == group))
        best[rows[nondominated(values[rows] * signs)]] = 1
    return best


def _outer(driver: Driver) -> set[str]:
    """Parameters that say what group a trial is in, and so nothing of reaching the frontier of it."""
    per = driver.job.cut.per
    found = {NETWORK} if driver.space.network is not None and NETWORK in per else set()
    for part in driver.space.parts:
        keys = part.grid.space.keys
        texts = {keys[n].dim: texts_of(part.grid.space, n) for n in per if n in keys}
        # An axis that groups differ by in part, as two formats of as many bits do not, tells of the frontier too.
        found |= {p.name for p in part.parameters if len(set(texts.get(p.axis.name, ()))) == p.size}
    return found


def _standing(driver: Driver, trials: Sequence[FrozenTrial]) -> list[float]:
    """For each trial the share of its group that is better, from 0 to 1."""
    points = np.array([t.values for t in trials]) * np.array([o.sign for o in driver.job.cut.objectives])
    groups, found = groups_of(trials), np.empty(len(trials))
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        found[rows[in_order(points[rows], np.zeros(len(rows)))]] = (np.arange(len(rows)) + 0.5) / len(rows)
    return found.tolist()


def is_feasible(trial: FrozenTrial) -> bool:
    """Whether a trial keeps every constraint."""
    return all(v <= 0 for v in trial.constraints.values())


def _place(driver: Driver, trial: FrozenTrial, name: str) -> float:
    if name not in trial.params:
        return float("nan")
    if name == NETWORK and driver.space.network is not None:
        return float(driver.space.network.choices.index(trial.params[name]))
    return float(driver.space.parameters[name].number(trial.params[name]))


def _ends(driver: Driver, name: str) -> tuple[str, str, int]:
    if name == NETWORK and driver.space.network is not None:
        choices = driver.space.network.choices
        return str(choices[0]), str(choices[-1]), len(choices)
    p = driver.space.parameters[name]
    return f"{_short(p.values[0])}", f"{_short(p.values[-1])}", p.size


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def importances(driver: Driver, trials: Sequence[FrozenTrial]) -> dict[str, dict[str, float]]:
    """What each parameter tells of reaching the frontier, and of each objective: PED-ANOVA of feasible trials.

    No frontier is drawn across groups: the trials that reach it are the best tenth of each.
    """
    own = directions(driver.job)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(directions=own)
        # Trials are numbered anew in a study that they are added to.
        standing = dict(enumerate(_standing(driver, trials)))
        study.add_trials(trials)
        inside = [n for n in dict.fromkeys(n for t in trials for n in t.params) if n not in _outer(driver)]
        told = optuna.importance.get_param_importances(study, params=inside, target=lambda t: standing[t.number])
        found = {OVERALL: told}
        for number, (objective, direction) in enumerate(zip(driver.job.cut.objectives, own, strict=True)):
            target = _target(number, 1.0 if direction == "minimize" else -1.0)
            if len(own) > 1:
                found[objective.metric] = optuna.importance.get_param_importances(study, target=target)
    return found


def _target(number: int, sign: float) -> Callable[[FrozenTrial], float]:
    return lambda trial: sign * trial.values[number]
