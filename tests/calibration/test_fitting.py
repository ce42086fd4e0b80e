"""Synthetic measurements made from known constants are recovered."""

from __future__ import annotations

import numpy as np
import pytest

from dse.calibration.calibrate import spread_of
from dse.calibration.fitting import Problem, fit, held_out

KNOWN = np.array([1.5, 0.7, 2e-5])


def made(noise: float = 0.0, outlier: float = 1.0, pairs=(), pull=0.01) -> Problem:
    random = np.random.default_rng(3)
    terms = np.exp(random.normal(-7, 1.5, (60, 3)))
    terms[:, 2] = random.integers(5, 60, 60)
    problem = Problem(terms, np.ones(60), np.array([1.0, 1.0, 5e-6]), np.arange(60), pairs)
    seconds = problem.predict(KNOWN) * np.exp(random.normal(0, noise, 60))
    seconds[:3] *= outlier
    return Problem(terms, seconds, problem.prior, problem.row_of, pairs, pull=pull)


def test_constants_are_recovered_from_times_made_with_them():
    np.testing.assert_allclose(fit(made(pull=1e-9)), KNOWN, rtol=1e-4)


def test_constants_are_recovered_where_only_the_longer_of_two_counts():
    np.testing.assert_allclose(fit(made(pairs=[(0, 1)], pull=1e-9)), KNOWN, rtol=1e-3)


def test_a_few_wrong_measurements_hardly_matter():
    np.testing.assert_allclose(fit(made(noise=0.02, outlier=5.0, pull=1e-6)), KNOWN, rtol=0.15)


def test_what_no_measurement_tells_of_stays_as_believed_and_constants_are_never_negative():
    whole = made()
    silent = Problem(whole.terms * [1, 1, 0], whole.seconds, whole.prior, whole.row_of)
    found = fit(silent)
    assert found[2] == pytest.approx(whole.prior[2])
    assert (found >= 0).all()


def test_what_is_hidden_behind_longer_work_in_every_row_stays_as_believed():
    """Products of many columns tell nothing of how fast their weights are read: that is not for nothing."""
    terms = np.column_stack([np.full(8, 3e-3), np.full(8, 1e-3)])
    found = fit(Problem(terms, 1.4 * terms[:, 0], np.array([1.0, 1.2]), np.arange(8), [(0, 1)], pull=1e-9))
    np.testing.assert_allclose(found, [1.4, 1.2], rtol=1e-4)


def test_what_is_believed_in_proportion_follows_the_scale_of_the_rest():
    whole = made()
    seconds = (whole.terms * [1, 1, 0]) @ [3.0, 3.0, 0.0]
    found = fit(Problem(whole.terms * [1, 1, 0], seconds, np.ones(3), whole.row_of, to_scale=True))
    np.testing.assert_allclose(found, 3.0, rtol=1e-3)


def test_time_that_no_constant_scales_is_not_fitted():
    whole = made()
    seconds = whole.terms @ KNOWN + 0.5
    found = fit(Problem(whole.terms, seconds, whole.prior, whole.row_of, fixed=np.full(60, 0.5), pull=1e-9))
    np.testing.assert_allclose(found, KNOWN, rtol=1e-3)


def test_rows_that_are_sums_of_parts():
    whole = made()
    of = np.repeat(np.arange(30), 2)
    seconds = (whole.terms @ KNOWN).reshape(30, 2).sum(axis=1)
    found = fit(Problem(whole.terms, seconds, whole.prior, of, pull=1e-9))
    np.testing.assert_allclose(found, KNOWN, rtol=1e-3)


def test_a_group_is_predicted_without_its_own_rows():
    problem = made()
    groups = ["odd" if row < 20 else str(row % 3) for row in range(60)]
    times = problem.seconds.copy()
    times[:20] *= 2
    out = held_out(Problem(problem.terms, times, problem.prior, problem.row_of, pull=1e-6), groups)
    # The others know nothing of what is odd.
    assert np.exp(out[:20]) == pytest.approx(0.5, rel=0.05)


def test_one_group_alone_is_not_predicted():
    assert np.isnan(held_out(made(), ["same"] * 60)).all()


# Student's t where 90 % lie below, over the normal 1.2816, from printed tables; the errors themselves are all 0.1.
@pytest.mark.parametrize(("groups", "t"), [(2, 3.0777), (3, 1.8856), (5, 1.5332), (11, 1.3722)])
def test_intervals_of_few_groups_are_as_wide_as_student_s(groups, t):
    labels = [str(row % groups) for row in range(10 * groups)]
    found = spread_of(np.tile([0.1, -0.1], 5 * groups), labels)
    assert np.log(found) == pytest.approx(0.1 * t / 1.2816, rel=5e-3)
