"""Several devices, section 8 of the sheet."""

from __future__ import annotations

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
