"""The loop of a search: ask a population, evaluate it in one call, tell, polish the frontier, write it down."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from dse.jobs.resolve import Job
from dse.pareto.scanner import Progress
from dse.search.check import cells_of, check
from dse.search.evaluator import Evaluator, Outcome
from dse.search.indicators import Points
from dse.search.memory import Memory
from dse.search.polish import BETWEEN, LAST, Polish
from dse.search.samplers import GROUP, SEQUENCES, Bred, Breeding, make_sampler
from dse.search.settings import Settings
from dse.search.space import SearchSpace
from dse.search.storage import Direction, Mirror

# Of the frontier so many designs are trials of the next generation, as a share of it: the sampler breeds from them.
INJECTED = 0.2
UNDEFINED = "undefined"
# At least so many steps of a long search are remembered.
STEPS = 200


@dataclass(frozen=True)
class Step:
    """How far a search was after a population."""

    trials: int
    designs: int
    polished: int
    seconds: float
    points: Points


class Driver:
    """A search while it runs."""

    def __init__(self, job: Job, settings: Settings, mirror: Mirror, warm: np.ndarray) -> None:
        self.job, self.settings, self.mirror = job, settings, mirror
        self.space = SearchSpace(job, settings.inner)
        self.evaluator = Evaluator(job, self.space)
        self.polish = Polish(self.evaluator)
        self.steps: list[Step] = []
        self.duplicates = self.replayed = self.own = 0
        groups = self.evaluator.archive.groups
        self._breeding = Breeding(self.space, groups, lambda given: self.evaluator.is_told(self.space.encode(given)))
        self._storage = Memory()
        with quiet():
            self.study = optuna.create_study(
                storage=self._storage, study_name=job.spec.name, directions=directions(job)
            )
        self._id = self._storage.get_study_id_from_name(job.spec.name)
        self._turns = self.space.turns(job.cut.per) if settings.sampler != "nsga2" and groups > 1 else []
        self._warm = warm
        # With nothing to choose the first trial tells all.
        self._wanted = settings.trials if self.space.cells > 1 else 1
        self._next: list[int] = []
        self._count = 0
        self._breed([])
        self.began = time.perf_counter()

    def run(self, progress: Progress | None = None) -> None:
        """Search until there are as many trials as asked for."""
        with quiet():
            self._start()
            for population in self.mirror.earlier():
                self._replay(population)
            self.replayed = self._count
            while self._count < self._wanted:
                self._generation()
                if progress is not None:
                    progress(min(self._count, self._wanted), self._wanted)
            if self.settings.polish:
                self.polish.run(LAST, np.random.default_rng(self._stream(self._count)))
                self._note()

    def _start(self) -> None:
        """Evaluate the designs to start from, and make some of them the first trials."""
        if len(self._warm):
            self.evaluator.polish(self._warm)
            self._choose_next()

    def _generation(self) -> None:
        others = self.mirror.others()
        if others:
            self._add(others)
        size = min(self.settings.population, self._wanted - self._count)
        if size <= 0:
            return
        trials = self._ask(size)
        cells = [self.space.encode(t.params) for t in trials]
        self._count_duplicates(cells)
        outcomes = self.evaluator.trials(cells)
        told = [self.tell(trial, outcome) for trial, outcome in zip(trials, outcomes, strict=True)]
        self._count += size
        self.own += size
        self._breeding.note_drawn(told)
        self.mirror.push(told)
        self._breed(told)
        self._between()

    def _count_duplicates(self, cells: Sequence[int]) -> None:
        self.duplicates += len(cells) - len({c for c in cells if not self.evaluator.is_told(c)})

    def _ask(self, size: int) -> list[Trial]:
        """The next population. What it will be follows from the seed and the trials so far."""
        for number in range(size):
            if number < len(self._next):
                self.study.enqueue_trial(self.space.decode(self._next[number]))
            elif self._turns:
                self.study.enqueue_trial(self._turns[(self._count + number) % len(self._turns)])
        return [self.suggested(self.study.ask()) for _ in range(size)]

    def _breed(self, population: Sequence[FrozenTrial]) -> None:
        """Choose the sampler of the next population, and the parents that it breeds from."""
        settings = self.settings
        self._breeding.add(population)
        # The points of a sequence are those of one seed, whatever the population.
        seed = self._stream(0 if settings.sampler in SEQUENCES else self._count)
        sampler = make_sampler(settings.sampler, self._breeding, settings.population, seed)
        if isinstance(sampler, Bred):
            sampler.renew(self.study)
        self.study.sampler = sampler

    def _stream(self, number: int) -> int:
        return self.settings.stream(number, self.mirror.worker)

    def suggested(self, trial: Trial) -> Trial:
        """A trial with all its parameters: those of its network where there are several."""
        network = None
        if self.space.network is not None:
            network = trial.suggest_categorical("network", self.space.network.choices)
        for p in self.space.part_of(None if network is None else str(network)).parameters:
            if p.ordered:
                trial.suggest_int(p.name, 0, p.size - 1)
            else:
                trial.suggest_categorical(p.name, p.names)
        return trial

    def tell(self, trial: Trial, outcome: Outcome) -> FrozenTrial:
        """Tell the study what a trial came to; gives the finished trial."""
        if self._breeding.groups > 1:
            trial.set_user_attr(GROUP, outcome.group)
        if outcome.values is None:
            trial.set_user_attr(UNDEFINED, True)
            return self.study.tell(trial, state=TrialState.FAIL)
        for name, violation in outcome.violations.items():
            trial.set_constraint(name, violation)
        return self.study.tell(trial, list(outcome.values))

    def _add(self, population: Sequence[FrozenTrial]) -> None:
        """Take over trials that were evaluated elsewhere: their designs are evaluated here too."""
        cells = cells_of(self.space, population)
        self._count_duplicates(cells)
        check(population, self.evaluator.trials(cells))
        for trial in population:
            self._storage.create_new_trial(self._id, trial)
        self._count += len(population)
        self._breed(population)

    def _replay(self, population: Sequence[FrozenTrial]) -> None:
        """A population of an earlier run, and what followed from it."""
        self._breeding.note_drawn(population)
        self._add(population)
        self._between()

    def _between(self) -> None:
        """After a population: polish, choose the first trials of the next one, note how far the search is."""
        if self.settings.polish:
            self.polish.run(BETWEEN)
            self._choose_next()
        else:
            self._next = []
        self._note()

    def _choose_next(self) -> None:
        """Designs of the frontier that no trial was of, evenly over it."""
        cells = np.array([c for c in self.evaluator.frontier_cells().tolist() if not self.evaluator.is_told(c)])
        wanted = min(len(cells), int(INJECTED * self.settings.population))
        draw = np.random.default_rng(self._stream(self._count))
        self._next = draw.choice(cells, wanted, replace=False).tolist() if wanted else []

    def _note(self) -> None:
        evaluator = self.evaluator
        points, places, groups = evaluator.archive.parts()
        seconds = time.perf_counter() - self.began
        found = Points(points, groups, places)
        self.steps.append(Step(self._count, evaluator.designs, self.polish.designs, seconds, found))
        if len(self.steps) > 2 * STEPS:
            # Every second one, and the last: of a long search the frontiers of all steps would fill the memory.
            self.steps = [*self.steps[:-1:2], self.steps[-1]]


def directions(job: Job) -> list[Direction]:
    """The directions of a study."""
    return ["minimize" if o.direction == "min" else "maximize" for o in job.cut.objectives]


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna says nothing of every trial, and nothing of what others changed in a journal: that is refused."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module=r"optuna\.")
            yield
    finally:
        optuna.logging.set_verbosity(before)
