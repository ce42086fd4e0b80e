"""The non-dominated filter against every pair of points."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dse.pareto import dominance
from dse.pareto.dominance import canonical, nondominated
from tests.pareto import oracle

finite = st.floats(allow_nan=False, allow_infinity=False)


def point_set(rng):
    """Points of 1 to 5 columns: ties, duplicates, constants, infinities, values that are equal to 12 digits."""
    n, m = int(rng.integers(0, 25)), int(rng.integers(1, 6))
    points = rng.choice([rng.random((n, m)), rng.integers(0, 4, (n, m)), rng.integers(-2, 2, (n, m)) * 1e-20])
    points = points.astype(float)
    if n and rng.random() < 0.3:
        points[:, rng.integers(m)] = rng.choice([0.0, 3.25, -math.inf])
    if n and rng.random() < 0.3:
        points[rng.integers(0, n, 5), rng.integers(0, m, 5)] = rng.choice([math.inf, -math.inf])
    if n and rng.random() < 0.3:
        points[rng.integers(0, n, 3)] = points[rng.integers(0, n, 3)]
    noise = 1 + rng.choice([0.0, 1e-14, -1e-14, 3e-12], (n, m))
    return points * noise if rng.random() < 0.5 else points


@pytest.mark.parametrize("seed", range(20))
def test_against_every_pair(seed):
    rng = np.random.default_rng(seed)
    for _ in range(100):
        points = point_set(rng)
        np.testing.assert_array_equal(nondominated(points), oracle.nondominated(points), str(points.tolist()))


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["uniform", "front", "ties", "infinite", "noise"])
def test_elimination_loses_nothing(m, kind, monkeypatch):
    """Sets large enough for the eliminators, against the exact algorithm alone."""
    rng = np.random.default_rng(m)
    points = rng.random((3000, m))
    if kind == "front":
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    if kind == "ties":
        points = np.floor(points * 6)
    if kind == "infinite":
        points[rng.integers(0, 3000, 50), rng.integers(0, m, 50)] = -math.inf
        points[rng.integers(0, 3000, 50), rng.integers(0, m, 50)] = math.inf
    if kind == "noise":
        points = np.floor(points * 6) * (1 + rng.choice([0.0, 1e-15, -1e-15], points.shape))
    monkeypatch.setattr(dominance, "COMPILED", 1)
    monkeypatch.setattr(dominance, "FEW", 50)
    monkeypatch.setattr(dominance, "MOST_OF_A_SAMPLE", 1.0)
    found = nondominated(points)
    monkeypatch.setattr(dominance, "COMPILED", 10**9)
    np.testing.assert_array_equal(found, nondominated(points))
    sample = rng.choice(3000, 300, replace=False)
    rows = canonical(points)
    for i in sample:
        beaten = ((rows <= rows[i]).all(axis=1) & (rows < rows[i]).any(axis=1)).any()
        assert found[i] == (not beaten)


def test_none_and_one():
    assert nondominated(np.empty((0, 3))).shape == (0,)
    assert nondominated(np.array([[math.inf, -1.0]])).tolist() == [True]
    assert nondominated(np.empty((4, 0))).all()


def test_equal_points_all_stay():
    assert nondominated(np.array([[1.0, 2.0], [1.0, 2.0], [1.0 + 1e-15, 2.0], [1.0, 2.1]])).tolist() == [True] * 3 + [
        False
    ]


@pytest.mark.parametrize("points", [np.zeros(3), np.array([[1.0, math.nan]])])
def test_what_is_refused(points):
    with pytest.raises(ValueError, match="points must"):
        nondominated(points)


@settings(max_examples=400, deadline=None)
@given(finite)
@example(9.9999999999999e-21)
@example(1e-20)
@example(5e-324)
@example(1.7976931348623157e308)
@example(0.1 + 0.2)
@example(6.645566366254999e16)  # beside a half of the last digit that is kept
def test_canonical_is_what_text_gives(value):
    (found,) = canonical(np.array([value]))
    # Text gives the nearest double, two factors one that is a few units in the last place away; so they may take a
    # value so near to a rounding boundary for one on its other side.
    near = [value, *(np.nextafter(value, end) for end in (-np.inf, np.inf))]
    expected = [oracle.rounded(float(v)) for v in near if np.isfinite(v)]
    assert any(found == pytest.approx(e, rel=1e-15, abs=5e-324) for e in expected)
    assert canonical(np.array([found]))[0] == found


@settings(max_examples=400, deadline=None)
@given(finite.filter(lambda v: abs(v) < 1e300), st.integers(-3, 3))
@example(1e-20, -1)
@example(1e22, -1)
@example(0.1, -1)
def test_noise_in_the_last_digits_makes_no_difference(value, steps):
    """Values some units in the last place apart give the same double unless a rounding boundary lies between."""
    other = value
    for _ in range(abs(steps)):
        other = math.nextafter(other, math.copysign(math.inf, steps))
    a, b = canonical(np.array([value, other]))
    # Close to the middle between two of its values the rounding may go either way: scaling by a power of ten rounds.
    near = [abs(float(oracle.scaled(v)) % 1 - 0.5) < 1e-3 for v in (value, other)]
    if oracle.rounded(value) == oracle.rounded(other) and abs(value) > 1e-290 and not any(near):
        assert a == b
    low, high = sorted([value, other])
    assert canonical(np.array([low]))[0] <= canonical(np.array([high]))[0]


def test_canonical_leaves_what_has_no_digits():
    values = np.array([[0.0, -0.0, math.inf], [-math.inf, math.nan, 1.0]])
    np.testing.assert_array_equal(canonical(values), values)
    assert canonical(values).shape == (2, 3)


def test_compiled_rounding_is_the_plain_one_bit_for_bit(monkeypatch):
    rng = np.random.default_rng(0)
    bits = rng.integers(-(2**63), 2**63 - 1, 100_000).view(np.float64)
    powers = np.array([float(f"1e{e}") for e in range(-323, 309)])
    around = np.concatenate([np.nextafter(powers, 0), powers, np.nextafter(powers, np.inf), powers * (1 - 1e-13)])
    decimals = np.round(rng.random(50_000), 11) * 10.0 ** rng.integers(-20, 20, 50_000) + 5e-12
    values = np.concatenate([bits, around, -around, decimals, [0.0, -0.0, math.inf, -math.inf, math.nan]])
    compiled = canonical(values)
    monkeypatch.setattr(dominance, "COMPILED", 10**9)
    np.testing.assert_array_equal(compiled, canonical(values))


def test_nan_is_refused_among_many_points():
    points = np.random.default_rng(0).random((3 * dominance.COMPILED, 3))
    points[-1, 1] = math.nan
    with pytest.raises(ValueError, match="NaN"):
        nondominated(points)


def test_order_is_kept_across_powers_of_ten():
    for exponent in range(-300, 301, 7):
        around = np.array([0.9999999999996, 0.99999999999949, 1.0, 1.0000000000004, 1.000000000006]) * 10.0**exponent
        rounded = canonical(around)
        assert rounded[0] == rounded[2] == rounded[3]
        assert rounded[1] < rounded[2] < rounded[4]


def test_plateaus_of_many_points_keep_what_is_equal_to_twelve_digits():
    """Enough points for the elimination pass, on few levels that noise below the twelfth digit blurs."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        levels = rng.integers(1, 5, (2 * dominance.COMPILED, 3)) + 0.1
        points = levels * (1 + rng.choice([0.0, 1e-14, -1e-14, 3e-14], levels.shape))
        # Without the noise there are at most 64 different points: each is compared with every other.
        different = np.unique(levels, axis=0)
        best = {tuple(p) for p, keep in zip(different, oracle.nondominated(different)) if keep}
        expected = np.array([tuple(p) in best for p in levels])
        np.testing.assert_array_equal(nondominated(points), expected)


def test_few_points_need_no_compiler():
    program = f"""
import sys, numpy
from dse.pareto.dominance import nondominated
nondominated(numpy.random.default_rng(0).random(({dominance.COMPILED - 1}, 5)))
print("numba" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
