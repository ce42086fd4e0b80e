"""Where trials are kept: searched in memory, written down after every population.

A population is written as a whole when it has been told, so that a kill loses at most the one being asked. The file of
a result is a journal of Optuna (`dse.search.journal`); a database or journal that workers share is given what each of
them found, and gives them what the others found (`dse.search.shared`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import optuna
from optuna.trial import FrozenTrial

from dse.errors import DseError, InputError

Direction = Literal["minimize", "maximize"]
_DAMAGES = (AssertionError, AttributeError, KeyError, IndexError, OverflowError, TypeError)
# What a study is of.
STAMP = "dse:stamp"
# The list of violations that Optuna had before constraints had names.
WORST = "constraints"


class Mirror(Protocol):
    """Where a search writes its populations.

    Attributes
    ----------
    worker
        The number of this worker among all that ever searched in the study: each has random numbers of its own.
    """

    worker: int

    def earlier(self) -> list[list[FrozenTrial]]:
        """The populations that an earlier run wrote."""

    def others(self) -> list[FrozenTrial]:
        """Trials of other workers since the last call."""

    def push(self, population: Sequence[FrozenTrial]) -> None:
        """Write a population."""


class Nowhere:
    """A search that is kept in memory only."""

    worker = 0

    def earlier(self) -> list[list[FrozenTrial]]:
        """None."""
        return []

    def others(self) -> list[FrozenTrial]:
        """None."""
        return []

    def push(self, population: Sequence[FrozenTrial]) -> None:
        """Nothing is written."""


def written(trial: FrozenTrial) -> FrozenTrial:
    """A trial as it is written down: with its worst violation beside the named ones, which the dashboard knows not."""
    if not trial.constraints:
        return trial
    worst = [max(trial.constraints.values())]
    return _with_attributes(trial, {**trial.system_attrs, WORST: worst})


def read(trial: FrozenTrial) -> FrozenTrial:
    """A trial as it was before it was written down: Optuna would count the worst violation as a constraint more."""
    return _with_attributes(trial, {n: v for n, v in trial.system_attrs.items() if n != WORST})


def _with_attributes(trial: FrozenTrial, attributes: dict[str, Any]) -> FrozenTrial:
    found = copy.copy(trial)
    found.system_attrs = attributes
    return found


def check_stamp(study: optuna.Study, stamp: str, where: str) -> None:
    """Note what a study is of; raise InputError where it is of something else."""
    # In this order: whoever wrote a trial has noted before what it is of.
    trials = study.get_trials(deepcopy=False)
    known = study.user_attrs.get(STAMP)
    if known is None and not trials:
        study.set_user_attr(STAMP, stamp)
    elif known != stamp:
        problem = "of another spec, or other formulas; choose another storage, or another name in the spec"
        raise InputError(f"{where}: holds a study {study.study_name!r} {problem}")


@contextmanager
def told(where: str, then: str = "", allowed: str = "") -> Iterator[None]:
    """Errors of a storage, as they are told.

    `then` is what to do where it goes away; `allowed`, given while one that the user named is opened, is what else to
    name: what is wrong with the name itself is then an InputError.
    """
    from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

    named = InputError if allowed else DseError
    try:
        yield
    except DseError:
        raise
    except (ImportError, ArgumentError) as error:
        raise InputError(f"storage {safe(where)}: cannot be opened: {_first_line(error)}{allowed}") from None
    except OSError as error:
        raise DseError(f"storage {safe(where)}: cannot be used: {error.strerror or error}") from None
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, RuntimeError) as error:
        # A server that does not answer, or a file that another worker holds, may do so later.
        away = any(isinstance(e, OperationalError) for e in (error, error.__cause__))
        told_of = f"storage {safe(where)}: cannot be used: {_first_line(error.__cause__ or error)}"
        raise (DseError(told_of + then) if away else named(told_of + then + allowed)) from None
    except (ValueError, *_DAMAGES) as error:
        # Optuna takes entries of a journal as they come.
        kind = f"{type(error).__name__} {_first_line(error)}".strip()
        problem = f"is damaged, or holds no study of Optuna: {kind}"
        raise named(f"storage {safe(where)}: {problem}{allowed}") from None


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]


def safe(url: str) -> str:
    """A URL without its password."""
    head, at, tail = url.rpartition("@")
    scheme, colon, account = head.partition(":")
    if not at or not colon:
        return url
    slashes = "//" if account.startswith("//") else ""
    user, password, _ = account.removeprefix("//").partition(":")
    return f"{scheme}:{slashes}{user if slashes or password else '...'}@{tail}"
