"""What a search is told beside the spec."""

from __future__ import annotations

import hashlib
import json
import numbers
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dse.errors import InputError, unknown
from dse.search.defaults import INNER, POPULATION, TRIALS
from dse.search.samplers import check_sampler


@dataclass(frozen=True)
class Settings:
    """Settings of a search.

    Attributes
    ----------
    trials
        Trials in all, those of earlier runs and other workers among them.
    sampler
        "nsga2", "nsga3", "tpe", "random", "qmc" or "gp".
    population
        Trials that are asked for and evaluated at once.
    polish
        Whether neighbours of the frontier are evaluated after each population.
    inner
        "sample": a trial is one design. "enumerate": a trial is an architecture, of which every number format,
        deployment and device is evaluated.
    storage
        URL of a database, or a journal file, that several workers share.
    judge
        Whether to find the exact frontier too, and say how much of it was found.
    """

    trials: int = TRIALS
    sampler: str = "nsga2"
    seed: int = 0
    population: int = POPULATION
    polish: bool = True
    inner: str = "sample"
    storage: str | None = None
    judge: bool = False

    def __post_init__(self) -> None:
        """Integers of NumPy are integers."""
        for name in ("trials", "population", "seed"):
            value = getattr(self, name)
            if not isinstance(value, bool) and isinstance(value, numbers.Integral):
                object.__setattr__(self, name, int(value))

    def check(self) -> None:
        """Raise InputError for what is not allowed."""
        check_sampler(self.sampler)
        if self.storage is not None and not isinstance(self.storage, str):
            raise InputError(f"storage = {self.storage!r}; allowed: a URL of a database, or a journal file")
        for name in ("polish", "judge"):
            if not isinstance(value := getattr(self, name), bool):
                raise InputError(f"{name} = {value!r}; allowed: true or false")
        if self.inner not in INNER:
            raise InputError(unknown("value of inner", self.inner, INNER))
        for name, least in (("trials", 1), ("population", 2), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InputError(f"{name} = {value!r}; allowed: an integer from {least}")

    def stream(self, number: int, worker: int = 0) -> int:
        """The seed of a part of the search that begins after so many trials: each worker of a study has its own."""
        return int(np.random.SeedSequence([self.seed, number, worker]).generate_state(1)[0])

    def study(self) -> dict[str, Any]:
        """What makes studies differ: two with other numbers of trials are the same one."""
        return {k: v for k, v in asdict(self).items() if k not in ("trials", "storage", "judge")}


def digest(stamp: Mapping[str, Any]) -> str:
    """One text for plain data."""
    return hashlib.sha256(json.dumps(stamp, sort_keys=True).encode()).hexdigest()
