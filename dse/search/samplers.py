"""The samplers of Optuna, by name, each with settings that were measured on spaces of designs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.samplers import BaseSampler, NSGAIIISampler, NSGAIISampler
from optuna.trial import FrozenTrial, TrialState

from dse.errors import InputError, unknown
from dse.pareto.dominance import nondominated
from dse.search.defaults import POPULATION, SAMPLERS
from dse.search.space import SearchSpace

# What stands here was chosen by tests/benchmarks/tune_search.py.
# So often a value is that of the other parent; so often ordered values move by a share, from the least on, of the
# difference of two other parents instead (differential evolution: Storn and Price, 1997).
SWAP, DIFFERENCE, LEAST = 0.5, 0.5, 0.3
# Parents that compete to be one, and values of a child that change besides.
CONTEST, CHANGES = 2, 0.7
# A step of a mutation is longer than k with this probability to the power of k.
LONGER = 0.5
# So often an ordered value changes into any other, not into one that is near.
ANY = 0.5
# So often a child is drawn again that a trial was of before.
DRAWS = 10
# The group of a trial, where there are several frontiers.
GROUP = "group"
# Modules that a sampler of Optuna needs and Optuna does not bring.
NEEDED = {"qmc": ("scipy",), "gp": ("scipy", "torch")}
# The extra of the package that brings them.
EXTRAS = {"qmc": "search", "gp": "gp"}
# Samplers that go on where they were, by one seed.
SEQUENCES = ("qmc",)


@dataclass
class Breeding:
    """What generations are bred by, and from.

    Attributes
    ----------
    space, groups, is_told
        The space, the number of frontiers, and whether a trial was of some parameters before.
    parents
        Trials to breed from, the best first.
    latest
        Trials since these were chosen.
    drawn
        Trials of this worker that a sampler drew.
    """

    space: SearchSpace
    groups: int
    is_told: Callable[[Mapping[str, Any]], bool]
    parents: list[FrozenTrial] = field(default_factory=list)
    latest: list[FrozenTrial] = field(default_factory=list)
    drawn: int = 0

    def note_drawn(self, population: Sequence[FrozenTrial]) -> None:
        """Count the trials of this worker that a sampler had to draw: all but those that were given as a whole."""
        self.drawn += sum(not self.is_given(trial) for trial in population)

    def is_given(self, trial: FrozenTrial) -> bool:
        """Whether a trial was asked for with all its parameters, so that nothing of it is drawn."""
        return self.space.is_whole(trial.system_attrs.get("fixed_params", {}))

    def add(self, population: Sequence[FrozenTrial]) -> None:
        """Take note of trials; those that are undefined breed nothing."""
        self.latest += [t for t in population if t.state == TrialState.COMPLETE]


def check_sampler(name: str) -> None:
    """Raise InputError for an unknown sampler, or one that needs what is not installed."""
    if name not in SAMPLERS:
        raise InputError(unknown("sampler", name, SAMPLERS))
    missing = [module for module in NEEDED.get(name, ()) if find_spec(module) is None]
    if missing:
        raise InputError(f"sampler {name}: needs {' and '.join(missing)}: pip install 'dse[{EXTRAS[name]}]'")


def make_sampler(name: str, breeding: Breeding, population: int, seed: int) -> BaseSampler:
    """A sampler for the next generation. The same name, seed and study give the same trials."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "nsga2":
            return BredNSGAII(breeding, population, seed)
        if name == "nsga3":
            return BredNSGAIII(breeding, population, seed)
        if name == "tpe":
            conditional = len(breeding.space.parts) > 1
            return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=conditional, constant_liar=True)
        if name == "qmc":
            return OneSequence(breeding, seed)
        if name == "gp":
            return optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False)
        return optuna.samplers.RandomSampler(seed=seed)


class OneSequence(optuna.samplers.QMCSampler):
    """Quasi-Monte Carlo along one scrambled sequence, whose next point is known by how many trials were drawn.

    Optuna's own draws trials at random until the first is finished, knows no parameters but those of that one, and
    spends a point of the sequence on a trial that is given.
    """

    def __init__(self, breeding: Breeding, seed: int) -> None:
        super().__init__(seed=seed, scramble=True, warn_independent_sampling=False)
        self._breeding, self._next = breeding, breeding.drawn

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
        """All parameters: which of them a trial has follows from its network."""
        return self._breeding.space.distributions

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        """The next point of the sequence; none for a trial that is given."""
        return {} if self._breeding.is_given(trial) else super().sample_relative(study, trial, search_space)

    def _find_sample_id(self, study: Any, search_space: Any) -> int:
        self._next += 1
        return self._next - 1


class Bred:
    """Children of two parents of one network, often moved along with others, and not such as a trial was of before.

    Optuna's own breeding leaves out parameters that not all trials have, changes a value into any other, repeats 20 to
    60 % of the trials where values are few, and looks through all trials for every new one.
    """

    select_parent: Callable[[optuna.Study, int], list[FrozenTrial]]

    def _prepare(self, breeding: Breeding, seed: int) -> None:
        self._breeding, self._random = breeding, np.random.default_rng(seed)

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
        """All parameters: which of them a trial has follows from its network."""
        return self._breeding.space.distributions

    def get_population(self, study: Any, generation: int) -> list[FrozenTrial]:
        """Trials that are not among the parents yet."""
        return self._breeding.latest

    def get_parent_population(self, study: Any, generation: int) -> list[FrozenTrial]:
        """The parents so far."""
        return self._breeding.parents

    def renew(self, study: optuna.Study) -> None:
        """Choose the parents again, after a population was told."""
        if self._breeding.latest:
            self._breeding.parents, self._breeding.latest = self.select_parent(study, 1), []

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        """The parameters of a child; none in the first generation."""
        breeding = self._breeding
        if not breeding.parents:
            return {}
        child = self._child(breeding.parents)
        for _ in range(DRAWS):
            if len(child) and breeding.space.is_whole(child) and breeding.is_told(child):
                child = self._child(breeding.parents)
        return child

    def _child(self, parents: Sequence[FrozenTrial]) -> dict[str, Any]:
        draw = self._random
        first = self._one(parents).params
        alike = [p for p in parents if p.params.keys() == first.keys()]
        other, swapped = self._one(alike).params, draw.random(len(first)) < SWAP
        child = {n: other[n] if s else v for (n, v), s in zip(first.items(), swapped, strict=True)}
        if draw.random() < DIFFERENCE:
            child |= self._moved(first, alike)
        changed = draw.random(len(first)) < CHANGES / max(1, len(first))
        for name, change in zip(tuple(child), changed, strict=True):
            if change:
                child[name] = self._changed(name, child[name])
        return child

    def _one(self, parents: Sequence[FrozenTrial]) -> FrozenTrial:
        """The best of a few parents."""
        return parents[int(self._random.integers(len(parents), size=CONTEST).min())]

    def _moved(self, first: Mapping[str, Any], alike: Sequence[FrozenTrial]) -> dict[str, Any]:
        """The ordered values of a parent, moved as two others differ: along what budgets tie together."""
        a, b = (alike[i].params for i in self._random.integers(len(alike), size=2))
        share, found = self._random.uniform(LEAST, 1.0), {}
        for name, value in first.items():
            distribution = self._breeding.space.distributions[name]
            if isinstance(distribution, IntDistribution):
                found[name] = min(max(value + round(share * (a[name] - b[name])), 0), distribution.high)
        return found

    def _changed(self, name: str, value: Any) -> Any:
        distribution: Any = self._breeding.space.distributions[name]
        if not isinstance(distribution, IntDistribution):
            others = [c for c in distribution.choices if c != value]
            return others[self._random.integers(len(others))]
        if self._random.random() < ANY:
            return int(self._random.integers(distribution.high + 1))
        step = int(self._random.geometric(1 - LONGER)) * (1 if self._random.random() < 0.5 else -1)
        there = value + step if 0 <= value + step <= distribution.high else value - step
        return min(max(there, 0), distribution.high)


class BredNSGAII(Bred, NSGAIISampler):
    """NSGA-II; of several frontiers each keeps its share of the parents, whatever the others attain."""

    def __init__(self, breeding: Breeding, population: int, seed: int) -> None:
        super().__init__(population_size=population, seed=seed)
        self._prepare(breeding, seed)

    def select_parent(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        """The parents of a generation, the best first."""
        trials = {self._breeding.space.encode(t.params): t for t in (*self._breeding.parents, *self._breeding.latest)}
        signs = [1.0 if d == optuna.study.StudyDirection.MINIMIZE else -1.0 for d in study.directions]
        return _selected(list(trials.values()), np.array(signs), int(self.population_size or POPULATION))


class BredNSGAIII(Bred, NSGAIIISampler):
    """NSGA-III."""

    def __init__(self, breeding: Breeding, population: int, seed: int) -> None:
        super().__init__(population_size=population, seed=seed)
        self._prepare(breeding, seed)


def _selected(trials: Sequence[FrozenTrial], signs: np.ndarray, wanted: int) -> list[FrozenTrial]:
    """The best of every group in turn: feasible before infeasible, by rank, then by distance to others."""
    points = np.array([t.values for t in trials]) * signs
    violations = np.array([sum(max(v, 0.0) for v in t.constraints.values()) for t in trials])
    groups = np.array([t.user_attrs.get(GROUP, 0) for t in trials])
    turn = np.empty(len(trials))
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        turn[rows[in_order(points[rows], violations[rows])]] = np.arange(len(rows))
    return [trials[i] for i in np.argsort(turn, kind="stable")[:wanted]]


def in_order(points: np.ndarray, violations: np.ndarray) -> np.ndarray:
    """Rows from the best to the worst: feasible ones by rank, then by distance to others."""
    ranks, left, rank = np.full(len(points), len(points)), np.flatnonzero(violations == 0), 0
    while len(left):
        front = nondominated(points[left])
        ranks[left[front]], left, rank = rank, left[~front], rank + 1
    return np.lexsort((-_distances(points, ranks), violations, ranks))


def _distances(points: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The crowding distance of each point among those of its rank."""
    found = np.zeros(len(points))
    for rank in np.unique(ranks):
        rows = np.flatnonzero(ranks == rank)
        for column in points[rows].T:
            order = np.argsort(column, kind="stable")
            padded = np.concatenate([[-np.inf], column[order], [np.inf]])
            spread = float(column.max() - column.min())
            if spread > 0:
                found[rows[order]] += (padded[2:] - padded[:-2]) / spread
    return found
