"""Power, energy, carbon and cost of a design."""

from __future__ import annotations

from dse import formulas
from dse.registry import metric


@metric(unit="W", direction="min")
def power(tdp, utilization, device_count):
    """Power drawn by the devices of one replica."""
    return formulas.power_draw(tdp, utilization) * device_count


@metric(unit="W", direction="min")
def total_power(power, pue):
    """Power with the overhead of the site."""
    return formulas.total_power(power, pue)


@metric(unit="J", direction="min")
def energy(total_power, latency, batch):
    """Energy of one sample, prompt or token."""
    return formulas.energy_per_inference(total_power, latency) / batch


@metric(unit="J", direction="min")
def system_energy(active_power, latency, batch):
    """Energy of one sample by the power of the measured system while it runs: chip, memory and board as measured."""
    return formulas.energy_per_inference(active_power, latency) / batch


@metric(unit="Wh", direction="min")
def energy_wh(total_power, latency, batch):
    """Energy of one sample, prompt or token, in watt-hours."""
    return formulas.energy_per_inference_wh(total_power, latency) / batch


@metric(unit="J", direction="min")
def operation_energy(macs, saved_macs, batch, sram_bytes, dram_bytes, mac_energy, sram_energy, dram_energy):
    """Energy of counted operations and bytes alone, of one sample, prompt or token: no control, clock or leakage.

    By the energy profile; of microcontrollers it is a small part of what was measured (`dse validate`).
    """
    on_chip, off_chip = sram_bytes / batch, dram_bytes / batch
    return formulas.operation_energy(macs - saved_macs, on_chip, off_chip, mac_energy, sram_energy, dram_energy)


@metric(unit="kg", direction="min")
def carbon(energy_wh, carbon_intensity):
    """Carbon dioxide equivalent of the electricity for one sample, prompt or token."""
    return formulas.carbon(energy_wh, carbon_intensity)


@metric(unit="kg", direction="min")
def amortised_carbon(embodied_carbon, device_count, latency, lifetime, busy_share, batch):
    """Carbon dioxide equivalent of the devices' making, the share that falls on one sample, prompt or token."""
    return formulas.amortised_carbon(embodied_carbon * device_count, latency, lifetime, busy_share) / batch


@metric(unit="kg", direction="min")
def total_carbon(carbon, amortised_carbon):
    """Carbon dioxide equivalent of electricity and devices for one sample, prompt or token."""
    return carbon + amortised_carbon


@metric(unit="USD", direction="min")
def electricity_cost(energy_wh, electricity_price):
    """Price of the electricity for one sample, prompt or token."""
    return formulas.electricity_cost(energy_wh, electricity_price)


@metric(unit="FLOP/J", direction="max")
def ops_per_watt(flops, batch, latency, total_power):
    """Operations a second that are reached, for each watt."""
    return formulas.ops_per_watt(formulas.achieved_ops_per_second(flops * batch, latency), total_power)


@metric(unit="FLOP/Wh", direction="max")
def ops_per_wh(flops, energy_wh):
    """Operations for each watt-hour."""
    return formulas.ops_per_wh(flops, energy_wh)


@metric(unit="1/J", direction="max")
def inferences_per_second_per_watt(throughput, total_power):
    """Samples, prompts or tokens a second, for each watt."""
    return formulas.inferences_per_second_per_watt(throughput, total_power)


@metric(unit="USD", direction="min")
def device_cost(device_price, device_count):
    """Price of the devices of one replica."""
    return device_price * device_count


@metric(unit="mm2", direction="min")
def area(die_area, device_count):
    """Die area of the devices of one replica."""
    return die_area * device_count
