"""The optimal clip against tabulated values, numerical integration and real quantisers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dse.errors import InputError
from dse.formulas import optimal_clip, sqnr_db, uniform_quantization_mse
from dse.formulas.quantization import moments, optimal_sqnr_db, variance

DENSITIES = {
    "gaussian": lambda x: 2 * np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    "laplace": lambda x: np.exp(-x),
}


# Tabulated: distribution, bits, signal-to-noise ratio at the fixed point of Sakr et al. 2022.
@pytest.mark.parametrize(
    ("distribution", "bits", "decibels"),
    [
        ("gaussian", 2, 10.86),
        ("gaussian", 3, 15.13),
        ("gaussian", 4, 19.83),
        ("gaussian", 8, 40.60),
        ("laplace", 2, 8.61),
        ("laplace", 3, 12.29),
        ("laplace", 4, 16.40),
        ("laplace", 8, 35.24),
    ],
)
def test_published_ratio(distribution, bits, decibels):
    assert optimal_sqnr_db(distribution, bits) == pytest.approx(decibels, abs=0.005)


@pytest.mark.parametrize("distribution", DENSITIES)
@pytest.mark.parametrize("clip", [0.5, 1.7388, 4.0])
def test_moments_by_numerical_integration(distribution, clip):
    def integral(values, x):
        return float(np.sum((values[1:] + values[:-1]) / 2 * np.diff(x)))

    inner, outer = np.linspace(0, clip, 20001), np.linspace(clip, clip + 40, 400001)
    density = DENSITIES[distribution]
    expected = (
        integral(density(inner), inner),
        integral(density(outer), outer),
        integral(outer * density(outer), outer),
        integral((outer - clip) ** 2 * density(outer), outer),
    )
    np.testing.assert_allclose(moments(distribution, clip), expected, rtol=1e-6)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("distribution", ["gaussian", "laplace"])
def test_no_other_clip_is_better(distribution, bits, signed):
    def error(clip):
        found = moments(distribution, clip)
        return uniform_quantization_mse(clip, bits, found.inside, found.excess, 3 if signed else 12)

    best = optimal_clip(distribution, bits, signed)
    # The rounding noise of the values that the moving clip takes in is left out by the method: 2 % of slack.
    others = [error(best * factor) for factor in np.linspace(0.3, 2.5, 200)]
    assert error(best) <= min(others) * 1.02


def test_tensor_agrees_with_its_distribution():
    tensor = np.random.default_rng(7).normal(scale=0.02, size=(512, 512))
    assert optimal_clip(tensor, 4) == pytest.approx(2.5621 * 0.02, rel=0.01)
    assert optimal_sqnr_db(tensor, 4) == pytest.approx(19.83, abs=0.1)
    assert variance(tensor) == pytest.approx(4e-4, rel=0.01)


@pytest.mark.parametrize("signed", [True, False])
def test_predicted_error_is_that_of_a_real_quantiser(signed):
    tensor = np.random.default_rng(3).laplace(size=200_000)
    tensor = tensor if signed else np.abs(tensor)
    bits, clip = 5, optimal_clip(tensor, 5, signed)
    step = (2 if signed else 1) * clip / 2**bits
    # Mid-rise levels fill [-clip, clip] and [0, clip] alike.
    quantised = np.clip((np.floor(tensor / step) + 0.5) * step, -clip + step / 2, clip - step / 2)
    found = moments(tensor, clip)
    predicted = uniform_quantization_mse(clip, bits, found.inside, found.excess, 3 if signed else 12)
    assert np.mean((tensor - quantised) ** 2) == pytest.approx(predicted, rel=0.06)


def test_scale_and_sign_do_not_matter():
    tensor = np.random.default_rng(5).normal(size=1000)
    assert optimal_clip(1e6 * tensor, 3) == pytest.approx(1e6 * optimal_clip(tensor, 3), rel=1e-12)
    assert optimal_clip(-tensor, 3) == optimal_clip(tensor, 3)


@pytest.mark.parametrize("tensor", [[1.0], np.ones(9), [0.0, 0.0, 5.0], np.arange(1, 4)])
@pytest.mark.parametrize("bits", [1, 4, 64])
def test_small_tensors_end(tensor, bits):
    clip = optimal_clip(tensor, bits)
    assert 0 < clip <= np.max(tensor) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gausian", 4), "did you mean 'gaussian'"),
        (("gaussian", 0), "bits: 0 is not allowed"),
        (("gaussian", math.nan), "bits: nan"),
        (("gaussian", 65), "at most 64"),
        (("gaussian", "4"), "bits: '4'"),
        (([], 4), "tensor"),
        (([0.0, 0.0], 4), "not all zero"),
        (([1.0, math.inf], 4), "finite"),
        (([-1.0, 1.0], 4, False), "negative values"),
    ],
)
def test_wrong_input(arguments, message):
    with pytest.raises(InputError, match=message):
        optimal_clip(*arguments)


def test_half_the_range_is_one_bit():
    """Unsigned values get by with one bit less for the same noise."""
    assert uniform_quantization_mse(1.0, 7, 1.0, 0.0, 12) == uniform_quantization_mse(1.0, 8, 1.0, 0.0, 3)
    assert sqnr_db(4.0, 1.0) - sqnr_db(1.0, 1.0) == pytest.approx(6.0206, abs=1e-4)
