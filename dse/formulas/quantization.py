"""Quantisation noise, section 7 of the sheet: uniform quantiser with clipping, and the clip that is best for it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from dse.errors import InputError, unknown
from dse.formulas.clipping import clip_kernel
from dse.registry import formula
from dse.weights import is_weight_file, matrices, one_tensor

SIGNED_LEVELS = 3
UNSIGNED_LEVELS = 12
# Below it compiling takes longer than NumPy.
KERNEL_SIZE = 200_000
MAX_BITS = 64  # beyond it the noise of rounding is lost against float64


class Moments(NamedTuple):
    """What clipping at a level does to the magnitudes of a tensor or distribution.

    inside: P(|x| <= clip); outside: P(|x| > clip); tail: E[|x|; |x| > clip];
    excess: E[(|x| - clip)²; |x| > clip], in squared units of the tensor.
    """

    inside: float
    outside: float
    tail: float
    excess: float


@formula(unit="1", plain="bits")
def uniform_quantization_mse(clip, bits, inside, excess, levels):
    """Mean squared error of a uniform quantiser that clips: rounding noise inside, lost excess outside.

    `clip` in units of the tensor, `inside` and `excess` as `moments` gives them at that clip, `levels` 3 for
    signed values and 12 for unsigned ones (half the range, so half the step).

    References
    ----------
    .. [1] Sakr et al., "Optimal clipping and magnitude-aware differentiation", ICML 2022, sec. 3.
    .. [2] AI efficiency metrics sheet, quantisation.

    Examples
    --------
    Uniform values in [-1, 1] at 8 bits: a twelfth of the squared step 2/256:

    >>> uniform_quantization_mse(1.0, 8, 1.0, 0.0, 3) == (2 / 256) ** 2 / 12
    True
    """
    return 4.0**-bits / levels * clip**2 * inside + excess


@formula(unit="dB")
def sqnr_db(variance, mse):
    """Signal-to-quantisation-noise ratio in decibels.

    Variance of the tensor and mean squared error in the same squared unit, both positive.

    References
    ----------
    .. [1] AI efficiency metrics sheet, quantisation.

    Examples
    --------
    >>> float(sqnr_db(1.0, 0.01))
    20.0
    """
    return 10 * np.log10(variance / mse)


@formula(unit="1", faces=False)
def optimal_clip(tensor_or_distribution, bits, signed=True):
    """Clipping level at which a uniform quantiser has the least mean squared error.

    Parameters
    ----------
    tensor_or_distribution
        "gaussian" (sigma 1), "laplace" (scale b = 1), an array of values of any shape, or the file of one: "w.npy",
        "model.safetensors:layer.weight".
    bits
        Width of the quantised values, above 0 and at most 64.
    signed
        False for values without sign: the range is then [0, clip]. A named distribution stands for its magnitudes.

    Returns
    -------
    float
        The level, in units of the tensor.

    Raises
    ------
    InputError
        For an unknown distribution, bits out of range, and tensors that are empty, zero everywhere,
        not finite, or negative somewhere though `signed` is False.

    Notes
    -----
    Newton-Raphson from the mean magnitude. The residual falls with the level, so the root is bracketed; a step
    that leaves the bracket (between two values of a small tensor) is replaced by its middle.

    References
    ----------
    .. [1] Sakr et al., "Optimal clipping and magnitude-aware differentiation", ICML 2022, algorithm 1.

    Examples
    --------
    >>> round(optimal_clip("gaussian", 4), 4)
    2.5621
    """
    if not (isinstance(bits, (int, float, np.integer, np.floating)) and 0 < bits <= MAX_BITS):
        raise InputError(f"bits: {bits!r} is not allowed; allowed: a number above 0 and at most {MAX_BITS}")
    source = _checked(tensor_or_distribution, signed)
    noise = 4.0**-bits / (SIGNED_LEVELS if signed else UNSIGNED_LEVELS)
    if not isinstance(source, str) and source.size >= KERNEL_SIZE:
        return clip_kernel()(source.ravel(), float(noise), 0)[0]
    clip, low, high = _mean_magnitude(source), 0.0, math.inf
    while True:
        found = moments(source, clip)
        target = float(found.tail / (noise * found.inside + found.outside))
        if target > clip:
            low = clip
        else:
            high = clip
        if not low < target < high:
            target = (low + high) / 2
        if abs(target - clip) <= 1e-14 * clip or target in (low, high):
            return target
        clip = target


def moments(tensor_or_distribution: Any, clip: float) -> Moments:
    """Moments of the magnitudes at a clipping level, for `uniform_quantization_mse`.

    "gaussian" has sigma 1, "laplace" the scale b = 1 (variance 2); arrays are taken as they are.

    >>> moments("laplace", 0.0)
    Moments(inside=0.0, outside=1.0, tail=1.0, excess=2.0)
    """
    source = _checked(tensor_or_distribution, signed=True)
    if isinstance(source, str):
        return _CLOSED_FORMS[source][0](clip)
    magnitudes = np.abs(source).astype(np.float64, copy=False)
    beyond = magnitudes[magnitudes > clip]
    outside = beyond.size / magnitudes.size
    tail = float(beyond.sum()) / magnitudes.size
    excess = float(((beyond - clip) ** 2).sum()) / magnitudes.size
    return Moments(1.0 - outside, outside, tail, excess)


def variance(tensor_or_distribution: Any) -> float:
    """Variance of a named distribution or of the values of an array.

    >>> variance("laplace")
    2.0
    """
    source = _checked(tensor_or_distribution, signed=True)
    return _CLOSED_FORMS[source][2] if isinstance(source, str) else float(np.var(source, dtype=np.float64))


def optimal_sqnr_db(tensor_or_distribution: Any, bits: float, signed: bool = True) -> float:
    """Signal-to-quantisation-noise ratio at the optimal clip, in decibels.

    Arguments and errors as in `optimal_clip`.

    >>> round(optimal_sqnr_db("gaussian", 8), 2)
    40.6
    """
    source = _checked(tensor_or_distribution, signed)
    clip = optimal_clip(source, bits, signed)
    found = moments(source, clip)
    levels = SIGNED_LEVELS if signed else UNSIGNED_LEVELS
    mse = uniform_quantization_mse(clip, bits, found.inside, found.excess, levels)
    return float(sqnr_db(variance(source), mse))


def file_sqnr_db(file: str, bits: int, group_size: int = 0) -> float:
    """Signal-to-quantisation-noise ratio of the matrices of a file, in decibels, each at its best clipping levels.

    Parameters
    ----------
    file
        A .npy or .safetensors file, or one tensor of the latter ("FILE:NAME"); see `dse.weights.matrices`.
    group_size
        Consecutive values that share one level; 0: all of a tensor.

    Notes
    -----
    Squares of all values over squared errors of all tensors together: for weights around zero the same as variance
    over mean squared error. Levels are stored exactly.

    Raises InputError as `optimal_clip` does, and for a file that is not right.
    """
    error = squares = 0.0
    for _, tensor in matrices(file):
        of_tensor = clip_kernel()(_checked(tensor, True).ravel(), 4.0**-bits / SIGNED_LEVELS, group_size)
        error, squares = error + of_tensor[1], squares + of_tensor[2]
    return float(sqnr_db(squares, error))


def _gaussian(clip: float) -> Moments:
    density = math.exp(-clip * clip / 2) / math.sqrt(2 * math.pi)
    one_tail = math.erfc(clip / math.sqrt(2)) / 2
    excess = 2 * ((1 + clip * clip) * one_tail - clip * density)
    return Moments(1 - 2 * one_tail, 2 * one_tail, 2 * density, excess)


def _laplace(clip: float) -> Moments:
    outside = math.exp(-clip)
    return Moments(1 - outside, outside, (clip + 1) * outside, 2 * outside)


# Moments at a clip, mean magnitude, variance.
_CLOSED_FORMS = {
    "gaussian": (_gaussian, math.sqrt(2 / math.pi), 1.0),
    "laplace": (_laplace, 1.0, 2.0),
}


def _mean_magnitude(source: Any) -> float:
    return _CLOSED_FORMS[source][1] if isinstance(source, str) else float(np.abs(source).mean(dtype=np.float64))


def _checked(tensor_or_distribution: Any, signed: bool) -> Any:
    """The name of a known distribution, or the tensor as an array of float32 or float64."""
    if is_weight_file(tensor_or_distribution):
        tensor_or_distribution = one_tensor(tensor_or_distribution)
    if isinstance(tensor_or_distribution, str):
        if tensor_or_distribution not in _CLOSED_FORMS:
            raise InputError(unknown("distribution", tensor_or_distribution, _CLOSED_FORMS))
        return tensor_or_distribution
    tensor = np.asarray(tensor_or_distribution)
    if tensor.dtype not in (np.float32, np.float64):
        tensor = tensor.astype(np.float32 if tensor.dtype == np.float16 else np.float64)
    if tensor.size == 0 or not np.isfinite(tensor).all() or not tensor.any():
        raise InputError("tensor: allowed: an array of finite values that are not all zero")
    if not signed and (tensor < 0).any():
        raise InputError("tensor: negative values, though signed is False; allowed: values of at least 0")
    return tensor
