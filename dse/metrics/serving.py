"""Time, energy, carbon and cost of a token. These have a meaning for language models only."""

from __future__ import annotations

from dse import formulas
from dse.registry import metric


@metric(unit="s", direction="min", domain="prefill")
def time_to_first_token(latency):
    """Time of the prompt: the latency of prefill."""
    return latency * 1.0


@metric(unit="s", direction="min", domain="decode")
def time_per_token(latency):
    """Time between two tokens of one sequence: the latency of decoding one token for the whole batch."""
    return latency * 1.0


@metric(unit="1/s", direction="max", domain="decode")
def tokens_per_second(time_per_token):
    """Tokens a second of one sequence; over the batch it is throughput."""
    return formulas.latency_to_throughput(time_per_token)


@metric(unit="1/J", direction="max", domain="decode")
def tokens_per_second_per_watt(tokens_per_second, batch, total_power):
    """Tokens a second of the whole batch, for each watt."""
    return formulas.tokens_per_second_per_watt(tokens_per_second, batch, total_power)


@metric(unit="J", direction="min", domain="decode")
def energy_per_token(energy):
    """Energy of one generated token."""
    return energy * 1.0


@metric(unit="kg", direction="min", domain="decode")
def carbon_per_million_tokens(carbon):
    """Carbon dioxide equivalent of the electricity for a million generated tokens."""
    return carbon * 1e6


@metric(unit="USD", direction="min", domain="decode")
def cost_per_million_tokens(device_count, price_per_hour, throughput):
    """Rent of the devices for a million generated tokens."""
    return device_count * price_per_hour / 3600 / throughput * 1e6
