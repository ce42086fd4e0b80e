"""Energy, carbon and cost, family IV of the sheet.

Carbon intensity is in g/kWh and price in USD/kWh, as the field quotes them.
"""

from __future__ import annotations

from dse.registry import formula


@formula(unit="W")
def power_draw(tdp, utilization):
    """Power that a device draws.

    `tdp` in watts, `utilization` the share of it that is drawn, 0 to 1.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family IV.

    Examples
    --------
    >>> power_draw(300, 0.75)
    225.0
    """
    return tdp * utilization


@formula(unit="W")
def total_power(power_draw, pue):
    """Power with the overhead of the site: cooling and distribution.

    `power_draw` in watts, `pue` at least 1.

    References
    ----------
    .. [1] Patterson et al., "Carbon emissions and large neural network training", arXiv:2104.10350, sec. 2.
    .. [2] AI efficiency metrics sheet, family IV.

    Examples
    --------
    >>> total_power(200, 1.25)
    250.0
    """
    return power_draw * pue


@formula(unit="Wh")
def energy_per_inference_wh(total_power, seconds):
    """Energy of one inference in watt-hours.

    Watts and seconds.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family IV.

    Examples
    --------
    >>> energy_per_inference_wh(250, 14.4)
    1.0
    """
    return total_power * seconds / 3600


@formula(unit="J")
def energy_per_inference(total_power, seconds):
    """Energy of one inference in joules.

    Watts and seconds.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family IV.

    Examples
    --------
    >>> energy_per_inference(250, 0.5)
    125.0
    """
    return total_power * seconds


@formula(unit="FLOP/s/W")
def ops_per_watt(ops_per_second, total_power):
    """Operations a second for each watt.

    `ops_per_second` are achieved FLOP/s, not the peak; `total_power` is positive, watts.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family IV.

    Examples
    --------
    >>> ops_per_watt(100e12, 250) / 1e9
    400.0
    """
    return ops_per_second / total_power


@formula(unit="FLOP/Wh")
def ops_per_wh(ops_per_inference, energy_wh):
    """Operations for each watt-hour: 3600 times the operations per watt of the same run.

    FLOP of one inference over its energy in watt-hours, positive.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family IV.

    Examples
    --------
    >>> ops_per_wh(8e9, 0.002) / 1e12
    4.0
    """
    return ops_per_inference / energy_wh


@formula(unit="1/s/W")
def inferences_per_second_per_watt(inferences_per_second, total_power):
    """Inferences a second for each watt: inferences per joule.

    Rate in 1/s, `total_power` positive, watts.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family IV.

    Examples
    --------
    >>> inferences_per_second_per_watt(1000, 250)
    4.0
    """
    return inferences_per_second / total_power


@formula(unit="token/s/W")
def tokens_per_second_per_watt(tokens_per_second, batch, total_power):
    """Tokens a second of the whole batch for each watt.

    `tokens_per_second` of one sequence, `batch` sequences, `total_power` positive, watts.

    Notes
    -----
    The sheet multiplies its tokens a second by the batch without saying whose they are: with the throughput
    of the whole batch in their place the batch would count twice.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family IV.

    Examples
    --------
    >>> tokens_per_second_per_watt(50, 8, 250)
    1.6
    """
    return tokens_per_second * batch / total_power


@formula(unit="kg")
def carbon(energy_wh, carbon_intensity):
    """Carbon dioxide equivalent of an energy, in kilograms.

    Watt-hours (not kilowatt-hours) and g/kWh; one factor 1000 for each.

    References
    ----------
    .. [1] Patterson et al., "Carbon emissions and large neural network training", arXiv:2104.10350, sec. 2.
    .. [2] AI efficiency metrics sheet, family IV.

    Examples
    --------
    One kilowatt-hour at 400 g:

    >>> carbon(1000, 400)
    0.4
    """
    return energy_wh / 1000 * carbon_intensity / 1000


@formula(unit="USD")
def electricity_cost(energy_wh, price):
    """Price of an energy.

    Watt-hours (not kilowatt-hours) and USD/kWh.

    References
    ----------
    .. [1] AI efficiency metrics sheet, family IV.

    Examples
    --------
    >>> electricity_cost(500, 0.2)
    0.1
    """
    return energy_wh / 1000 * price


@formula(unit="J")
def operation_energy(macs, sram_bytes, dram_bytes, mac_energy, sram_energy, dram_energy):
    """Energy from counted operations and bytes moved.

    Joules for one MAC and for one byte of each memory: profiles of one technology node, never mixed.

    References
    ----------
    .. [1] Horowitz, "Computing's energy problem", ISSCC 2014.
    .. [2] AI efficiency metrics sheet, family IV.

    Examples
    --------
    At 45 nm an fp16 MAC takes 2 pJ, a byte of an 8 KiB SRAM 1.25 pJ, a byte of DRAM at least 162.5 pJ:

    >>> round(operation_energy(1e9, 4e6, 1e6, 2e-12, 1.25e-12, 162.5e-12) * 1e3, 4)
    2.1675
    """
    return macs * mac_energy + sram_bytes * sram_energy + dram_bytes * dram_energy


@formula(unit="kg")
def amortised_carbon(embodied_carbon, seconds, lifetime, busy_share):
    """Share of the carbon of a device's making that falls on a time of its work.

    kg CO2e of one device, seconds of its work and of its lifetime, share of these in which it works.

    References
    ----------
    .. [1] Green Software Foundation, "Software Carbon Intensity specification", ISO/IEC 21031:2024, sec. 7.5.
    .. [2] Gupta et al., "ACT: Designing sustainable computer systems with an architectural carbon modeling tool",
       ISCA 2022.

    Examples
    --------
    150 kg over four years at half load, for an hour, in grams:

    >>> round(amortised_carbon(150, 3600, 4 * 8766 * 3600, 0.5) * 1000, 2)
    8.56
    """
    return embodied_carbon * seconds / (lifetime * busy_share)
