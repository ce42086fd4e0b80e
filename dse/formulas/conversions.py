"""Conversions, section 11 of the sheet: each does one step and says the unit of its result."""

from __future__ import annotations

from dse.formulas.computation import flops
from dse.formulas.memory import activation_memory, model_size
from dse.registry import formula


@formula(unit="FLOP")
def macs_to_flops(macs):
    """Floating-point operations of a number of multiply-accumulates: two each.

    References
    ----------
    .. [1] AI efficiency metrics sheet, conversions.

    Examples
    --------
    >>> macs_to_flops(300e6)
    600000000.0
    """
    return flops(macs)


@formula(unit="B")
def params_to_bytes(params, bits):
    """Bytes of parameters of the given width in bits.

    References
    ----------
    .. [1] AI efficiency metrics sheet, conversions.

    Examples
    --------
    >>> params_to_bytes(7e9, 4)
    3500000000.0
    """
    return model_size(params, bits)


@formula(unit="B")
def activations_to_bytes(activations, bits):
    """Bytes of activation elements of the given width in bits.

    References
    ----------
    .. [1] AI efficiency metrics sheet, conversions.

    Examples
    --------
    >>> activations_to_bytes(802816, 16)
    1605632.0
    """
    return activation_memory(activations, bits)


@formula(unit="1")
def tera_to_unit(value):
    """A number given in tera (TOPS, TFLOPS) in plain units.

    References
    ----------
    .. [1] AI efficiency metrics sheet, conversions.

    Examples
    --------
    >>> tera_to_unit(312)
    312000000000000.0
    """
    return value * 1e12


@formula(unit="kWh")
def wh_to_kwh(energy_wh):
    """Watt-hours in kilowatt-hours.

    References
    ----------
    .. [1] AI efficiency metrics sheet, conversions.

    Examples
    --------
    >>> wh_to_kwh(250)
    0.25
    """
    return energy_wh / 1000


@formula(unit="1/s")
def latency_to_throughput(seconds):
    """Inferences a second, one at a time, of a positive latency in seconds.

    References
    ----------
    .. [1] AI efficiency metrics sheet, conversions.

    Examples
    --------
    >>> latency_to_throughput(0.125)
    8.0
    """
    return 1 / seconds


@formula(unit="g")
def kwh_to_co2e(energy_kwh, carbon_intensity):
    """Grams of carbon dioxide equivalent of kilowatt-hours at g/kWh (`carbon` gives kilograms, of watt-hours).

    References
    ----------
    .. [1] AI efficiency metrics sheet, conversions.

    Examples
    --------
    >>> kwh_to_co2e(2.5, 400)
    1000.0
    """
    return energy_kwh * carbon_intensity


@formula(unit="USD")
def kwh_to_cost(energy_kwh, price):
    """Price of kilowatt-hours at USD/kWh (`electricity_cost` takes watt-hours).

    References
    ----------
    .. [1] AI efficiency metrics sheet, conversions.

    Examples
    --------
    >>> kwh_to_cost(2.5, 0.2)
    0.5
    """
    return energy_kwh * price
