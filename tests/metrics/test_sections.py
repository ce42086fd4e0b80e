"""Metrics are read below headings, none is lost."""

from __future__ import annotations

from dse.metrics import RECORDS, metric
from dse.metrics.sections import HEADINGS, sections


def test_every_metric_stands_below_one_heading_in_reading_order() -> None:
    found = sections(RECORDS)
    names = [name for inside in found.values() for name in inside]
    assert sorted(names) == sorted(RECORDS)
    assert [h for h in found if h in HEADINGS.values()] == list(HEADINGS.values())
    assert "latency" in found["time of a batch"]


def test_own_formulas_come_first() -> None:
    @metric(unit="J*s", direction="min")
    def sections_energy_delay(energy: float, latency: float) -> float:
        """Energy times delay."""
        return energy * latency

    try:
        assert next(iter(sections(["latency", "sections_energy_delay"]))) == "own formulas"
    finally:
        del RECORDS["sections_energy_delay"]
