"""Constants that explain measured times: non-negative, robust, with the datasheet as what is believed beforehand.

A time is a sum of terms, each linear in one constant; some terms come in pairs of which only the longer counts. The
loss is Huber's, on log(predicted / measured). Constants are fitted as logarithms, and drawn a little towards their
prior: where measurements say nothing of one, it stays there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# Errors beyond this pull in proportion no more than their sign.
HUBER = 0.1
# Weight of the prior: a factor e away from it costs as much as an error of 10 % at one row.
PULL = 0.01
# A constant whose term is nowhere a larger share of the time than this is no part of it.
LEAST_SHARE = 1e-4
STEPS = 200


@dataclass(frozen=True)
class Problem:
    """Terms of shape (parts, constants) per unit of each constant, measured seconds (rows,), and the prior.

    A row is the sum of its parts: `row_of` says which each belongs to. Of the terms of each pair the smaller one takes
    no time. Of a prior that is `to_scale` only proportions are believed. `fixed` are seconds of each part that no
    constant scales, such as communication.
    """

    terms: Array
    seconds: Array
    prior: Array
    row_of: npt.NDArray[np.int64]
    pairs: Sequence[tuple[int, int]] = ()
    to_scale: bool = False
    fixed: Array | float = 0.0
    pull: float = PULL

    def rows(self, chosen: npt.NDArray[np.bool_]) -> Problem:
        """The problem of some rows."""
        kept, place = chosen[self.row_of], np.cumsum(chosen) - 1
        fixed = np.broadcast_to(self.fixed, len(kept))[kept]
        row_of = place[self.row_of[kept]]
        return replace(self, terms=self.terms[kept], seconds=self.seconds[chosen], row_of=row_of, fixed=fixed)

    def shares(self, constants: Array) -> Array:
        """Seconds of each term. Shape (rows, constants)."""
        found = self.terms * constants
        for a, b in self.pairs:
            longer = found[:, a] >= found[:, b]
            found[:, a] *= longer
            found[:, b] *= ~longer
        whole = np.zeros((len(self.seconds), len(constants)))
        np.add.at(whole, self.row_of, found)
        return whole

    def predict(self, constants: Array) -> Array:
        """Seconds of each row."""
        found = self.shares(constants).sum(axis=1)
        np.add.at(found, self.row_of, np.broadcast_to(self.fixed, len(self.row_of)))
        return np.asarray(found)

    def residuals(self, constants: Array) -> Array:
        """log(predicted / measured) of each row."""
        return np.asarray(np.log(self.predict(constants) / self.seconds))


def joined(problems: Sequence[Problem]) -> Problem:
    """Several problems of the same form as one, as if all rows were of one device."""
    starts = np.cumsum([0, *(len(p.seconds) for p in problems)])
    fixed = [np.broadcast_to(p.fixed, len(p.row_of)) for p in problems]
    return replace(
        problems[0],
        terms=np.concatenate([p.terms for p in problems]),
        seconds=np.concatenate([p.seconds for p in problems]),
        row_of=np.concatenate([p.row_of + start for p, start in zip(problems, starts, strict=False)]),
        fixed=np.concatenate(fixed),
    )


def fit(problem: Problem) -> Array:
    """The constants of least loss, by damped Gauss-Newton steps (Levenberg and Marquardt) from the prior.

    A constant of work that no row has, or that is hidden behind longer work in every row, stays at its prior, in the
    scale of the others where only proportions are believed; one whose work takes no time to speak of is 0.
    """
    pull = problem.pull
    origin = np.log(problem.prior)
    if problem.to_scale:
        origin -= np.median(problem.residuals(problem.prior))
    logs, damping = origin.copy(), 1e-2
    loss = _loss(problem, logs, origin, pull)
    for _ in range(STEPS):
        step = _step(problem, logs, origin, pull, damping)
        further = _loss(problem, logs + step, origin, pull)
        if further < loss:
            done = loss - further < 1e-12
            logs, loss, damping = logs + step, further, max(damping / 3, 1e-9)
            if done:
                break
        elif damping > 1e6:
            break
        else:
            damping *= 4
    constants = np.exp(logs)
    shares = problem.shares(constants)
    counts = (shares / problem.predict(constants)[:, None]).max(axis=0) > LEAST_SHARE
    return np.where(counts | (shares == 0).all(axis=0), constants, 0.0)


def _loss(problem: Problem, logs: Array, origin: Array, pull: float) -> float:
    size = np.abs(problem.residuals(np.exp(logs)))
    huber = np.where(size < HUBER, size**2 / 2, HUBER * (size - HUBER / 2))
    return float(huber.sum() + pull * ((logs - origin) ** 2).sum() / 2)


def _step(problem: Problem, logs: Array, origin: Array, pull: float, damping: float) -> Array:
    shares = problem.shares(np.exp(logs))
    seconds = problem.predict(np.exp(logs))[:, None]
    slopes, residuals = shares / seconds, np.log(seconds[:, 0] / problem.seconds)
    weights = HUBER / np.maximum(np.abs(residuals), HUBER)
    curvature = slopes.T @ (weights[:, None] * slopes) + pull * np.eye(len(logs))
    gradient = slopes.T @ (weights * residuals) + pull * (logs - origin)
    damped = curvature + damping * max(curvature.diagonal().max(), 1e-9) * np.eye(len(logs))
    return np.clip(np.linalg.solve(damped, -gradient), -2.0, 2.0)


def held_out(problem: Problem, groups: Sequence[str]) -> Array:
    """log(predicted / measured) of each row by a fit without the rows of its group; NaN where there is one group."""
    labels = np.asarray(groups)
    found = np.full(len(labels), np.nan)
    for group in dict.fromkeys(groups):
        own = labels == group
        if not own.all():
            found[own] = problem.rows(own).residuals(fit(problem.rows(~own)))
    return found
