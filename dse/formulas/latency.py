"""Latency and throughput, family III of the sheet. Seconds, bytes, FLOP; batch is explicit in the counts."""

from __future__ import annotations

import numpy as np

from dse.registry import formula


@formula(unit="s")
def compute_time(ops, peak_ops):
    """Time to compute at the given rate.

    `ops` are FLOP (two a MAC), `peak_ops` is positive, FLOP/s, at the format of the kernel.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family III.

    Examples
    --------
    ResNet-50 on 100 TOPS, in microseconds:

    >>> compute_time(8178368512, 100e12) * 1e6
    81.78368512
    """
    return ops / peak_ops


@formula(unit="s")
def weight_time(model_size, bandwidth):
    """Time to read the weights once.

    Bytes over B/s; `bandwidth` is positive.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family III.

    Examples
    --------
    Llama-2-7B at 16 bits from 900 GB/s, in milliseconds:

    >>> round(weight_time(13476831232, 900e9) * 1e3, 3)
    14.974
    """
    return model_size / bandwidth


@formula(unit="s")
def activation_time(activation_bytes, bandwidth):
    """Time to move the activations: inputs and outputs of every layer, cache reads included.

    Bytes over B/s; `bandwidth` is positive.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family III.

    Examples
    --------
    >>> activation_time(1.8e9, 900e9)
    0.002
    """
    return activation_bytes / bandwidth


@formula(unit="s")
def memory_time(weight_time, activation_time):
    """Time to move weights and activations.

    Both in seconds.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family III.

    Examples
    --------
    >>> memory_time(0.0625, 0.125)
    0.1875
    """
    return weight_time + activation_time


@formula(unit="s")
def roofline_latency(compute_time, memory_time):
    """Latency when computing and moving overlap perfectly: a lower bound.

    Both in seconds.

    References
    ----------
    .. [1] Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009.
    .. [2] AI efficiency metrics sheet, family III.

    Examples
    --------
    >>> float(roofline_latency(0.25, 0.5))
    0.5
    """
    return np.maximum(compute_time, memory_time)


@formula(unit="1/s")
def throughput(units, seconds):
    """Samples, tokens or requests a second.

    `units` finished together (the batch) in `seconds`, positive.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family III.

    Examples
    --------
    >>> throughput(8, 0.5)
    16.0
    """
    return units / seconds


@formula(unit="1/s")
def tokens_per_second_compute_bound(peak_ops, utilization, flops_per_token):
    """The sheet's tokens a second: what the arithmetic alone would allow, over the whole batch.

    `peak_ops` in FLOP/s, `utilization` the share of it that is reached, `flops_per_token` positive, FLOP.

    Notes
    -----
    An upper bound, kept for comparison. Decoding one sequence is bound by memory: where this says 15,900 for
    Llama-2-7B on an A100, its bandwidth allows about 150. The metric `tokens_per_second` is one over the time
    per token.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family III.

    Examples
    --------
    >>> round(tokens_per_second_compute_bound(312e12, 0.7, 13751558144))
    15882
    """
    return peak_ops * utilization / flops_per_token


@formula(unit="FLOP/B")
def arithmetic_intensity(ops, bytes_moved):
    """Operations for each byte moved.

    `ops` are FLOP (two a MAC), `bytes_moved` is positive.

    References
    ----------
    .. [1] Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009.
    .. [2] AI efficiency metrics sheet, family III.

    Examples
    --------
    A matrix-vector product at 16 bits does one FLOP a byte:

    >>> arithmetic_intensity(2 * 4096 * 4096, 2 * 4096 * 4096)
    1.0
    """
    return ops / bytes_moved


@formula(unit="FLOP/B")
def ridge_point(peak_ops, bandwidth):
    """Arithmetic intensity at which compute and memory time are equal.

    FLOP/s over B/s; `bandwidth` is positive.

    References
    ----------
    .. [1] Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009.
    .. [2] AI efficiency metrics sheet, family III.

    Examples
    --------
    >>> ridge_point(312e12, 2e12)
    156.0
    """
    return peak_ops / bandwidth


@formula(unit="FLOP/s")
def attainable_ops(intensity, peak_ops, bandwidth):
    """Operations a second that the roofline allows.

    `intensity` in FLOP/B, `peak_ops` in FLOP/s, `bandwidth` in B/s.

    References
    ----------
    .. [1] Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009.
    .. [2] AI efficiency metrics sheet, family III.

    Examples
    --------
    >>> float(attainable_ops(16, 100e12, 900e9))
    14400000000000.0
    """
    return np.minimum(peak_ops, intensity * bandwidth)


@formula(unit="1")
def compute_bound(intensity, ridge_point):
    """1 where the arithmetic intensity reaches the ridge point, so that compute is the limit; else 0.

    Both in FLOP/B.

    Notes
    -----
    Deviates from the sheet, whose table has the two regimes exchanged: above the ridge a kernel waits for
    arithmetic, below it for memory.

    References
    ----------
    .. [1] Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009.

    Examples
    --------
    >>> float(compute_bound(200, 156)), float(compute_bound(1, 156))
    (1.0, 0.0)
    """
    return np.greater_equal(intensity, ridge_point) * 1.0


@formula(unit="s")
def diffusion_latency(step_latency, steps, guidance, fixed_latency):
    """Latency of a diffusion sampler: linear in the steps.

    `step_latency` is the time of one network call, `guidance` the calls a step (2 with classifier-free
    guidance, else 1), `fixed_latency` that of text encoder and decoder; seconds.

    References
    ----------
    .. [1] Ho and Salimans, "Classifier-free diffusion guidance", arXiv:2207.12598.
    .. [2] AI efficiency metrics sheet, family III.

    Examples
    --------
    >>> diffusion_latency(0.03125, 20, 2, 0.25)
    1.5
    """
    return step_latency * steps * guidance + fixed_latency


@formula(unit="FLOP")
def diffusion_flops(step_flops, steps, guidance, fixed_flops):
    """Operations of a diffusion sampler: linear in the steps.

    `step_flops` are those of one network call, `guidance` the calls a step (2 with classifier-free
    guidance, else 1), `fixed_flops` those of text encoder and decoder; FLOP.

    References
    ----------
    .. [1] Ho and Salimans, "Classifier-free diffusion guidance", arXiv:2207.12598.
    .. [2] AI efficiency metrics sheet, family III.

    Examples
    --------
    DiT-XL/2 at 256 pixels, 118.6 GMAC a call, in TFLOP:

    >>> round(diffusion_flops(2 * 118621421568, 250, 2, 0) / 1e12, 1)
    118.6
    """
    return step_flops * steps * guidance + fixed_flops


@formula(unit="FLOP/s")
def achieved_ops_per_second(ops, seconds):
    """Operations a second that are really done: the numerator of operations per watt.

    `ops` are FLOP (two a MAC), `seconds` is positive.

    References
    ----------
    .. [1] AI efficiency metrics sheet, families III and IV.

    Examples
    --------
    >>> achieved_ops_per_second(8e9, 0.002) / 1e12
    4.0
    """
    return ops / seconds


@formula(unit="B")
def dram_bytes(model_size, activation_bytes, live_bytes, sram):
    """Bytes moved to and from off-chip memory when on-chip memory keeps what fits.

    `live_bytes` is the largest live set of activations, `sram` the on-chip capacity; bytes.

    Notes
    -----
    Activations stay on chip while the live set fits; weights too when they fit beside it. What does not
    stay is moved: `dram_bytes` and `sram_bytes` add up to weights plus activation traffic.

    References
    ----------
    .. [1] Sze et al., "Efficient processing of deep neural networks", Proc. IEEE 105(12), 2017, sec. V.
    .. [2] AI efficiency metrics sheet, families III and IV.

    Examples
    --------
    Activations stay, weights do not:

    >>> float(dram_bytes(2000, 500, 100, 320))
    2000.0
    """
    activations_stay = np.greater_equal(sram, live_bytes) * 1.0
    weights_stay = np.greater_equal(sram, model_size + live_bytes) * 1.0
    return model_size * (1 - weights_stay) + activation_bytes * (1 - activations_stay)


@formula(unit="B")
def sram_bytes(model_size, activation_bytes, live_bytes, sram):
    """Bytes served by on-chip memory when it keeps what fits.

    `live_bytes` is the largest live set of activations, `sram` the on-chip capacity; bytes.

    Notes
    -----
    The counterpart of `dram_bytes`: each byte is counted at the level that holds it.

    References
    ----------
    .. [1] Sze et al., "Efficient processing of deep neural networks", Proc. IEEE 105(12), 2017, sec. V.
    .. [2] AI efficiency metrics sheet, families III and IV.

    Examples
    --------
    >>> float(sram_bytes(2000, 500, 100, 320)), float(sram_bytes(200, 500, 100, 320))
    (500.0, 700.0)
    """
    activations_stay = np.greater_equal(sram, live_bytes) * 1.0
    weights_stay = np.greater_equal(sram, model_size + live_bytes) * 1.0
    return model_size * weights_stay + activation_bytes * activations_stay
