"""Quantities as people read them. Expected values follow from the length of a Julian year, 365.25 days of 86,400 s."""

from __future__ import annotations

import pytest

from dse.units import format_quantity, quantity


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


def test_rates_are_no_durations():
    assert format_quantity(126_230_400.0, "1/s") == "126,230,400 1/s"
