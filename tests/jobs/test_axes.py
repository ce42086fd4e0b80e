"""Forms in which a spec gives the values of an axis."""

from __future__ import annotations

import pytest

from dse.jobs.axes import axis_values


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("width", 0.5, 0.5),
        ("width", [0.35, 1], [0.35, 1.0]),
        ("width", {"start": 0.35, "stop": 0.5, "step": 0.05}, [0.35, 0.4, 0.45, 0.5]),
        ("width", {"start": 1.0, "stop": 0.5, "step": -0.25}, [1.0, 0.75, 0.5]),
        ("width", {"start": 0.5, "stop": 1, "num": 3}, [0.5, 0.75, 1.0]),
        ("resolution", {"start": 96, "stop": 130, "step": 16}, [96, 112, 128]),
        ("batch", {"start": 1, "stop": 64, "num": 7, "scale": "log"}, [1, 2, 4, 8, 16, 32, 64]),
        # 1, 1.8, 3.2, 5.6, 10 rounded, each once.
        ("batch", {"start": 1, "stop": 4, "num": 9, "scale": "log"}, [1, 2, 3, 4]),
        ("carbon_intensity", ["400 g/kWh", "0.4 kg/kWh"], [400.0, 400.0]),
        ("electricity_price", "0.25 USD/kWh", 0.25),
        ("utilization", "70 %", 0.7),
        ("gated", [True, False], [1, 0]),
        ("phase", ["prefill", "decode"], ["prefill", "decode"]),
    ],
)
def test_values(name, given, expected):
    found = axis_values(name, given)
    assert found == pytest.approx(expected, rel=1e-15) if name != "phase" else found == expected
    assert type(found) is type(expected)


def test_counts_are_integers():
    assert all(type(v) is int for v in axis_values("resolution", {"start": 96, "stop": 224, "step": 32}))
