"""Several devices, section 8 of the sheet."""

from __future__ import annotations

import numpy as np

from dse.registry import formula


@formula(unit="1")
def scalability_ratio(throughput_n, throughput_1):
    """Throughput of several devices against that of one.

    Both in the same unit of work a second, positive; ideal is the number of devices.

    References
    ----------
    .. [1] AI efficiency metrics sheet, distributed.

    Examples
    --------
    >>> scalability_ratio(700, 100)
    7.0
    """
    return throughput_n / throughput_1


@formula(unit="1")
def parallel_efficiency(throughput_n, throughput_1, devices):
    """Share of the ideal speed-up that is reached.

    Throughputs in the same unit, `devices` a positive count; 1 is ideal.

    References
    ----------
    .. [1] AI efficiency metrics sheet, distributed.

    Examples
    --------
    >>> parallel_efficiency(700, 100, 8)
    0.875
    """
    return scalability_ratio(throughput_n, throughput_1) / devices


@formula(unit="1")
def communication_overhead(transfer_time, compute_time):
    """Share of the time that is spent on communication, when nothing overlaps.

    Both in seconds, not both 0.

    References
    ----------
    .. [1] AI efficiency metrics sheet, distributed.

    Examples
    --------
    >>> communication_overhead(1, 3)
    0.25
    """
    return transfer_time / (compute_time + transfer_time)


@formula(unit="s")
def all_reduce_time(bytes, devices, link_bandwidth, link_latency):
    """Time of a ring all-reduce.

    `bytes` on each device, `devices` in the ring, `link_bandwidth` of one direction in B/s, `link_latency`
    of one message in seconds. One device takes no time.

    Notes
    -----
    The share (n − 1)/n is written 1 − 1/n, in which n stands once, so that the growth with n shows.

    References
    ----------
    .. [1] Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms", J. Parallel Distrib. Comput. 69(2), 2009.
    .. [2] AI efficiency metrics sheet, distributed.

    Examples
    --------
    1 GB among 8 devices over 300 GB/s and 1 µs a message, in milliseconds:

    >>> round(all_reduce_time(1e9, 8, 300e9, 1e-6) * 1e3, 4)
    5.8473
    """
    return 2 * (1 - 1 / devices) * bytes / link_bandwidth + 2 * (devices - 1) * link_latency


@formula(unit="s")
def all_to_all_time(bytes, devices, link_bandwidth, link_latency):
    """Time in which each device sends every other one its part of what it holds.

    `bytes` on each device, of which the n-th part stays; `link_bandwidth` of one direction in B/s, `link_latency` of
    one message in seconds. One device takes no time.

    References
    ----------
    .. [1] Thakur, Rabenseifner and Gropp, "Optimization of collective communication operations in MPICH",
       Int. J. High Performance Computing Applications 19(1), 2005, sec. 5.

    Examples
    --------
    1 GB a device among 4 devices over 300 GB/s and 1 µs a message, in milliseconds:

    >>> round(all_to_all_time(1e9, 4, 300e9, 1e-6) * 1e3, 3)
    2.503
    """
    return (1 - 1 / devices) * bytes / link_bandwidth + (devices - 1) * link_latency


@formula(unit="s")
def point_to_point_time(bytes, link_bandwidth, link_latency):
    """Time of one message by the alpha-beta model.

    Bytes, B/s of one direction, seconds.

    References
    ----------
    .. [1] Hockney, "The communication challenge for MPP", Parallel Computing 20(3), 1994.

    Examples
    --------
    >>> round(point_to_point_time(3e6, 300e9, 1e-6) * 1e6, 9)
    11.0
    """
    return bytes / link_bandwidth + link_latency


@formula(unit="1")
def pipeline_fill(pipeline_parallel, micro_batches, pipeline_chunks):
    """Time of a pass through a pipeline over the time that one of its stages works: 1 plus the bubble.

    Stages, micro-batches that follow each other, and parts that each stage is cut into (interleaved schedule).

    References
    ----------
    .. [1] Narayanan et al., "Efficient large-scale language model training on GPU clusters using Megatron-LM",
       SC 2021, sec. 2.2.

    Examples
    --------
    >>> pipeline_fill(8, 64, 1), pipeline_fill(4, 1, 1)
    (1.109375, 4.0)
    """
    return 1 + (pipeline_parallel - 1) / (micro_batches * pipeline_chunks)


@formula(unit="1")
def steady_pipeline_fill(pipeline_parallel, micro_batches):
    """The same where passes follow each other without end, as tokens do: no bubble with a micro-batch for each stage.

    Stages, and micro-batches that go round.

    References
    ----------
    .. [1] Pope et al., "Efficiently scaling transformer inference", MLSys 2023, sec. 3.

    Examples
    --------
    >>> float(steady_pipeline_fill(4, 1)), float(steady_pipeline_fill(4, 4)), float(steady_pipeline_fill(4, 8))
    (4.0, 1.0, 1.0)
    """
    return np.maximum(pipeline_parallel / micro_batches, 1.0)


@formula(unit="1")
def expected_tokens(acceptance, draft_tokens):
    r"""Tokens that one pass gives when it checks drafted ones: those accepted before the first that is not, and one.

    `acceptance` is the probability that a drafted token is accepted, each independent of the others, below 1.

    References
    ----------
    .. [1] Leviathan, Kalman and Matias, "Fast inference from transformers via speculative decoding", ICML 2023, eq. 1.

    Examples
    --------
    >>> expected_tokens(0.5, 1), round(expected_tokens(0.8, 4), 4)
    (1.5, 3.3616)
    """
    return (1 - acceptance ** (draft_tokens + 1)) / (1 - acceptance)


@formula(unit="B")
def sharded_training_memory(params, trainable_params, weight_bits, grad_bits, optimizer_bits, shards, zero_stage):
    """Bytes of weights, gradients and optimizer state on one of several devices that each train the same parameters.

    Stage 1 shares out the optimizer state, 2 the gradients too, 3 the weights too; 0 nothing.

    References
    ----------
    .. [1] Rajbhandari et al., "ZeRO", SC 2020, sec. 5.

    Examples
    --------
    7.5 billion parameters on 64 devices with 16 bytes each, in GB (figure 1 of the paper: 120, 31.4, 16.6, 1.9):

    >>> [round(float(sharded_training_memory(7.5e9, 7.5e9, 16, 16, 96, 64, z)) / 1e9, 1) for z in (0, 1, 2, 3)]
    [120.0, 31.4, 16.6, 1.9]
    """
    optimizer = trainable_params * optimizer_bits / (1 + (shards - 1) * (1.0 * np.greater_equal(zero_stage, 1)))
    gradients = trainable_params * grad_bits / (1 + (shards - 1) * (1.0 * np.greater_equal(zero_stage, 2)))
    weights = params * weight_bits / (1 + (shards - 1) * (1.0 * np.greater_equal(zero_stage, 3)))
    return (weights + gradients + optimizer) / 8
