"""The interval face encloses every value: of each operation at its traps, and of each formula over random boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import InputError
from dse.faces import Interval, bounds
from tests.formulas.cases import SCALAR_CASES, SHEET, floats

INF = float("inf")


@pytest.mark.parametrize(
    ("function", "box", "expected"),
    [
        (lambda a, b: a + b, [(1, 2), (-5, 7)], (-4, 9)),
        (lambda a, b: a - b, [(1, 2), (-5, 7)], (-6, 7)),
        (lambda a, b: a - b, [(0, INF), (0, INF)], (-INF, INF)),
        (lambda a, b: a * b, [(-1, 2), (-5, 7)], (-10, 14)),
        (lambda a, b: a * b, [(0, 3), (0, INF)], (0, INF)),
        (lambda a, b: a * b, [(-1, 0), (2, INF)], (-INF, 0)),
        (lambda a, b: a * b, [(0, 0), (0, INF)], (0, 0)),
        (lambda a, b: a**b, [(0, 0), (-1, -1)], (-INF, INF)),
        (lambda a, b: a / b, [(1, 2), (4, 8)], (0.125, 0.5)),
        (lambda a, b: a / b, [(-1, 2), (4, 8)], (-0.25, 0.5)),
        (lambda a, b: a / b, [(1, 2), (0, 8)], (0.125, INF)),
        (lambda a, b: a / b, [(1, 2), (-8, 0)], (-INF, INF)),
        (lambda a, b: a / b, [(1, 2), (-0.0, 8)], (0.125, INF)),
        (lambda a, b: a / b, [(0, 2), (0, 8)], (0, INF)),
        (lambda a, b: a / b, [(1, 2), (-1, 8)], (-INF, INF)),
        (lambda a, b: a / b, [(1, 2), (0, 0)], (-INF, INF)),
        (lambda a, b: a / b, [(1, INF), (1, INF)], (0, INF)),
        (lambda a, b: a**2, [(-3, 2), (0, 0)], (0, 9)),
        (lambda a, b: a**2, [(-3, -2), (0, 0)], (4, 9)),
        (lambda a, b: a**1, [(-3, 2), (0, 0)], (-3, 2)),
        (lambda a, b: a**0, [(-3, 2), (0, 0)], (1, 1)),
        (lambda a, b: abs(a), [(-3, 2), (0, 0)], (0, 3)),
        (lambda a, b: abs(a), [(-3, -2), (0, 0)], (2, 3)),
        (lambda a, b: -a, [(-3, 2), (0, 0)], (-2, 3)),
        (lambda a, b: +a, [(-3, 2), (0, 0)], (-3, 2)),
        (lambda a, b: np.maximum(a, b), [(1, 5), (2, 3)], (2, 5)),
        (lambda a, b: np.minimum(a, b), [(1, 5), (2, 3)], (1, 3)),
        (lambda a, b: np.ceil(a) + np.floor(b), [(0.5, 1.5), (0.5, 1.5)], (1, 3)),
        (lambda a, b: np.sqrt(a), [(4, 9), (0, 0)], (2, 3)),
        (lambda a, b: np.sqrt(a), [(-4, 9), (0, 0)], (0, 3)),
        (lambda a, b: np.sqrt(a), [(-4, -1), (0, 0)], (-INF, INF)),
        (lambda a, b: np.greater_equal(a, b) * 1.0, [(1, 2), (2, 3)], (0, 1)),
        (lambda a, b: np.greater_equal(a, b) * 1.0, [(3, 4), (2, 3)], (1, 1)),
        (lambda a, b: np.greater_equal(a, b) * 1.0, [(1, 1.5), (2, 3)], (0, 0)),
    ],
)
def test_operation(function, box, expected):
    found = bounds(function, a=box[0], b=box[1])
    assert (found.low, found.high) == expected


@pytest.mark.parametrize(
    ("function", "box", "expected"),
    [
        (lambda a, b: a**-2, [(-2, 4), (0, 0)], (1 / 16, INF)),
        (lambda a, b: a**-1, [(-2, 4), (0, 0)], (-INF, INF)),
        (lambda a, b: a**3, [(-2, 4), (0, 0)], (-8, 64)),
        (lambda a, b: a**0.5, [(4, 9), (0, 0)], (2, 3)),
        (lambda a, b: a**0.5, [(-4, 9), (0, 0)], (-INF, INF)),
        (lambda a, b: a**b, [(0.5, 2), (-1, 3)], (0.125, 8)),
        (lambda a, b: 4.0**-a, [(1, 2), (0, 0)], (1 / 16, 1 / 4)),
        (lambda a, b: np.log10(a), [(10, 1000), (0, 0)], (1, 3)),
        (lambda a, b: np.log10(a), [(-1, 1000), (0, 0)], (-INF, 3)),
        (lambda a, b: np.exp(a), [(0, 1), (0, 0)], (1, np.e)),
        (lambda a, b: np.exp(a), [(-INF, 0), (0, 0)], (0, 1)),
    ],
)
def test_library_operation_is_widened_outward(function, box, expected):
    found = bounds(function, a=box[0], b=box[1])
    assert found.low <= expected[0] and found.high >= expected[1]
    np.testing.assert_allclose((found.low, found.high), expected, rtol=3e-15, atol=1e-300)


numbers = st.floats(-1e3, 1e3).map(lambda x: x + 0.0) | st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5])
pairs = st.tuples(numbers, numbers).map(sorted).map(tuple)
OPERATIONS = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    lambda a, b: a**2 - b**3,
    lambda a, b: a**-1,
    lambda a, b: a**-2,
    lambda a, b: abs(a) ** b,
    lambda a, b: np.exp(a / 100) + np.sqrt(abs(b)),
    lambda a, b: np.log10(abs(a)) * np.floor(b),
    lambda a, b: np.maximum(a, b) / np.minimum(a, b),
    lambda a, b: np.greater_equal(a, b) * a - np.ceil(b),
]


@settings(max_examples=300)
@given(pairs, pairs, st.floats(0, 1), st.floats(0, 1))
def test_operations_contain_every_sample(one, other, at_one, at_other):
    a = np.clip(one[0] + at_one * (one[1] - one[0]), *one) + 0.0
    b = np.clip(other[0] + at_other * (other[1] - other[0]), *other) + 0.0
    with np.errstate(all="ignore"):
        for function in OPERATIONS:
            value = function(np.float64(a), np.float64(b))
            found = bounds(function, a=one, b=other)
            assert np.isnan(value) or (found.low <= value <= found.high)


@pytest.mark.parametrize("name", [n for n, r in SHEET.items() if r.faces])
def test_formulas_contain_every_sample(name):
    """Boxes around the reference cases, wide and narrow, all samples and boxes at once."""
    random = np.random.default_rng(11)
    function = SHEET[name].function
    for case in (c for c in SCALAR_CASES if c["formula"] == name):
        box, samples = {}, {}
        for argument, value in floats(case).items():
            spread = random.choice([0.0, 1e-3, 0.5, 1.0], size=(40, 1))
            low, high = value * (1 - spread), value * (1 + 2 * spread)
            box[argument] = Interval(low, high)
            samples[argument] = np.clip(low + random.random((40, 50)) * (high - low), low, high)
        with np.errstate(all="ignore"):
            found = bounds(function, **box)
            values = function(**samples)
        assert np.all(found.contains(values) | np.isnan(values))


def test_arrays_of_bounds_broadcast():
    found = bounds(lambda a, b: a * b + 1, a=Interval([1, 2], [3, 4]), b=np.array([[1.0], [10.0]]))
    np.testing.assert_array_equal(found.low, [[2, 3], [11, 21]])
    np.testing.assert_array_equal(found.high, [[4, 5], [31, 41]])
    left = np.array([1.0, 2.0]) - Interval(0, 1)
    np.testing.assert_array_equal(left.low, [0, 1])


def test_scalar_and_array_bounds_agree():
    for function in OPERATIONS:
        single = bounds(function, a=(-2.0, 3.0), b=(0.0, 2.5))
        many = bounds(function, a=Interval([-2.0, 1.0], [3.0, 2.0]), b=Interval([0.0, 1.0], [2.5, 1.0]))
        np.testing.assert_allclose((many.low[0], many.high[0]), (single.low, single.high), rtol=1e-14)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"a": (2, 1), "b": 1}, "low at most high"),
        ({"a": (float("nan"), 1), "b": 1}, "NaN"),
        ({"a": float("nan"), "b": 1}, "NaN"),
        ({"a": 1}, "b: is missing"),
        ({"a": 1, "b": 1, "bb": 1}, "unknown argument 'bb'"),
    ],
)
def test_wrong_input(given, message):
    with pytest.raises(InputError, match=message):
        bounds(lambda a, b: a + b, **given)


def test_constant_function_has_bounds():
    assert bounds(lambda a: 3.0, a=(0, 1)).high == 3.0
