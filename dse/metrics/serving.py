"""Time, energy, carbon and cost of a token. These have a meaning for language models only."""

from __future__ import annotations

from dse import formulas
from dse.registry import metric


@metric(unit="s", direction="min", domain="prefill request mixed")
def time_to_first_token(prefill_latency):
    """Time of the prompt: the latency of prefill."""
    return prefill_latency * 1.0


@metric(unit="s", direction="min", domain="decode request mixed")
def time_per_token(decode_latency):
    """Time between two tokens of one sequence: the latency of decoding one token for the whole batch."""
    return decode_latency * 1.0


@metric(unit="s", direction="min", domain="request mixed")
def request_latency(time_to_first_token, time_per_token, output_tokens):
    """Time of a whole request: the prompt, then every token after the first, at the mean context.

    That is prompt_tokens + output_tokens / 2, in whole tokens: for an odd number of output tokens half a token less
    than the mean of their contexts.
    """
    return time_to_first_token + (output_tokens - 1) * time_per_token


@metric(unit="1/s", direction="max", domain="decode request mixed")
def tokens_per_second(time_per_token):
    """Tokens a second of one sequence; over the batch it is token_throughput."""
    return formulas.latency_to_throughput(time_per_token)


@metric(unit="1/s", direction="max", domain="decode request mixed")
def token_throughput(throughput):
    """Generated tokens a second, over the whole batch."""
    return throughput * 1.0


@metric(unit="1/s", direction="max", domain="decode request mixed")
def token_throughput_per_device(token_throughput, device_count):
    """Generated tokens a second over the whole batch, for each device of a replica."""
    return token_throughput / device_count


@metric("tokens_per_second_per_watt", phase="request", unit="1/J", direction="max", domain="decode request mixed")
@metric("tokens_per_second_per_watt", phase="mixed", unit="1/J", direction="max", domain="decode request mixed")
def tokens_with_prompts_per_watt(token_throughput, batch, total_power):
    """Tokens a second of the whole batch, for each watt, prompts included in the time: 1 / energy_per_token."""
    return formulas.tokens_per_second_per_watt(token_throughput / batch, batch, total_power)


@metric(unit="1/J", direction="max", domain="decode request mixed")
def tokens_per_second_per_watt(tokens_per_second, batch, total_power):
    """Tokens a second of the whole batch, for each watt."""
    return formulas.tokens_per_second_per_watt(tokens_per_second, batch, total_power)


@metric(unit="J", direction="min", domain="decode request mixed")
def energy_per_token(energy):
    """Energy of one generated token."""
    return energy * 1.0


@metric(unit="kWh", direction="min", domain="decode request mixed")
def energy_per_million_tokens(energy_per_token):
    """Electricity for a million generated tokens."""
    return formulas.wh_to_kwh(energy_per_token / 3600) * 1e6


@metric(unit="kg", direction="min", domain="decode request mixed")
def carbon_per_million_tokens(carbon):
    """Carbon dioxide equivalent of the electricity for a million generated tokens."""
    return carbon * 1e6


@metric(unit="kg", direction="min", domain="decode request mixed")
def total_carbon_per_million_tokens(total_carbon):
    """Carbon dioxide equivalent of electricity and devices for a million generated tokens."""
    return total_carbon * 1e6


@metric(
    unit="USD",
    direction="min",
    domain="decode request mixed",
    label="rent; of owned devices amortised price and electricity",
)
def cost_per_million_tokens(
    device_count, hourly_cost, owned_tdp, utilization, pue, electricity_price, token_throughput
):
    """Cost of the devices for a million generated tokens."""
    owned_power = formulas.total_power(formulas.power_draw(owned_tdp, utilization), pue)
    electricity = formulas.electricity_cost(owned_power, electricity_price)
    return device_count * (hourly_cost + electricity) / 3600 / token_throughput * 1e6
