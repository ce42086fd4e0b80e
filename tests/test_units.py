"""Quantities as people read them. Expected values follow from the length of a Julian year, 365.25 days of 86,400 s."""

from __future__ import annotations

import pytest

from dse.errors import InputError
from dse.units import format_quantity, parse_unit, quantity


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3e-3, "3 ms"),
        (90, "90 s"),
        (600, "10 min"),
        (7200, "2 h"),
        (36 * 3600, "36 h"),
        (2 * 86400, "2 days"),
        (1e9, "31.69 years"),
        (126_230_400, "4 years"),
        (0, "0 s"),
    ],
)
def test_durations(seconds, text):
    assert format_quantity(seconds, "s") == text


def test_a_duration_can_be_given_as_it_is_shown():
    assert quantity(format_quantity(126_230_400.0, "s"), "s") == 126_230_400.0
    assert quantity("2 days", "s") == 172_800.0


@pytest.mark.parametrize(
    ("grouped", "flat"),
    [
        ("mW/(GB/s)", "mW·s/GB"),
        ("W/(GB·s)", "W/GB/s"),
        ("W/(GB s)", "W/GB/s"),
        ("(W)·(s/B)", "W·s/B"),
        ("mW/((GB)/(s))", "mW·s/GB"),
        ("J/(mm2·s**2)", "J/mm2/s^2"),
        ("J/(B*s)", "J/B/s"),
    ],
)
def test_units_in_parentheses(grouped, flat):
    assert parse_unit(grouped) == parse_unit(flat)


@pytest.mark.parametrize("text", ["mW/(GB/s", "mW)/GB", "mW/()", "mW/(GB/s)^2", "(GB/s)B", "mW/(/s)"])
def test_wrong_parentheses_are_told(text):
    with pytest.raises(InputError, match="cannot read the unit"):
        parse_unit(text)


def test_20_mw_for_each_gb_per_second():
    assert quantity("20 mW/(GB/s)", "W·s/B") == pytest.approx(20e-12, rel=1e-15)


def test_rates_are_no_durations():
    assert format_quantity(126_230_400.0, "1/s") == "126,230,400 1/s"


@pytest.mark.parametrize(
    ("given", "unit", "problem"),
    [
        ("2", "1", "'2' is text without a unit; give a number"),
        ("2", "s", "'2' is text without a unit; give a number in s or a string such as '100 ms'"),
        ("5 EUR", "W", "write an amount in USD: no rates of exchange are held; energy/time is needed, such as '300 W'"),
        ("5 Wt", "W", "unknown unit 'Wt'"),
        ("5 Wt", "W", "energy/time is needed, such as '300 W'"),
        ("20,50", "s", "cannot read the unit ',50'; numbers have no commas, and several are a list: [1, 2]"),
        ("3 €/h", "USD/h", "an amount in USD"),
        ("1__0 s", "s", "cannot read the unit '__0 s'"),
    ],
)
def test_wrong_text_is_told_with_what_is_allowed(given, unit, problem):
    with pytest.raises(InputError) as told:
        quantity(given, unit)
    assert problem in str(told.value)


def test_energies_of_single_operations_have_prefixes():
    assert format_quantity(3e-13, "J") == "300 fJ"
    assert quantity("300 fJ", "J") == pytest.approx(3e-13, rel=1e-15)
