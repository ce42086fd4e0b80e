"""The rate at which a device multiplies a format: its own, or that of the next wider format that it has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from dse.errors import InputError, unknown

# Each format and what stands in for it, best first. Every value of the narrow format is exact in the wider one,
# with one exception: fp16 and bf16 stand in for each other, since a network meant for one is run in the other
# on a device that lacks it. An integer format is not run at a float format of the same width, nor the reverse.
_WIDE = ("tf32", "fp32", "fp64")
FALLBACKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "fp64": ("fp64",),
        "fp32": ("fp32", "fp64"),
        "tf32": _WIDE,
        "fp16": ("fp16", "bf16", *_WIDE),
        "bf16": ("bf16", "fp16", *_WIDE),
        "fp8": ("fp8", "fp16", "bf16", *_WIDE),
        "int8": ("int8", "fp16", "bf16", *_WIDE),
        "fp4": ("fp4", "fp8", "fp16", "bf16", *_WIDE),
        "int4": ("int4", "int8", "fp16", "bf16", *_WIDE),
    }
)


def _chain(compute_format: str) -> tuple[str, ...]:
    if compute_format not in FALLBACKS:
        raise InputError(unknown("compute format", compute_format, FALLBACKS))
    return FALLBACKS[compute_format]


def compute_peak(figures: Mapping[str, float], compute_format: str) -> tuple[float, str]:
    """Peak rate [FLOP/s] of a device for one format, and the format that it really runs at.

    `figures` are those of a device; a missing or NaN peak means that the device lacks the format. Where it lacks
    every wider one too, the rate is NaN and the format "".
    """
    for candidate in _chain(compute_format):
        rate = figures.get(f"peak_{candidate}", math.nan)
        if not math.isnan(rate):
            return rate, candidate
    return math.nan, ""


def peak_table(figures: Mapping[str, np.ndarray], formats: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Peak rates [FLOP/s] and the formats really run at, for many devices and formats at once.

    Parameters
    ----------
    figures
        Arrays by figure name that broadcast against each other; NaN means that the device lacks the format.
    formats
        Compute formats.

    Returns
    -------
    rates, used
        Arrays of the figures' shape with a last dimension over `formats`: float64, NaN where a device has neither
        the format nor a wider one, and strings, "" there.
    """
    peaks = {name: np.asarray(value, np.float64) for name, value in figures.items() if name.startswith("peak_")}
    shape = np.broadcast_shapes(*(value.shape for value in peaks.values()))
    rates = np.full((*shape, len(formats)), np.nan)
    used = np.full(rates.shape, "", dtype="<U4")
    for position, compute_format in enumerate(formats):
        for candidate in (c for c in _chain(compute_format) if f"peak_{c}" in peaks):
            rate = np.broadcast_to(peaks[f"peak_{candidate}"], shape)
            taken = np.isnan(rates[..., position]) & ~np.isnan(rate)
            rates[..., position] = np.where(taken, rate, rates[..., position])
            used[..., position] = np.where(taken, candidate, used[..., position])
    return rates, used
