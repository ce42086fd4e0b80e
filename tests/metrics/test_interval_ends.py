"""Ends of intervals: everything that follows from a calibrated latency has them, by its own formula."""

from __future__ import annotations

import pytest

import dse
from dse import registry

ON = {"device": "a100-sxm-80gb", "precision": "fp16", "latency_model": "calibrated"}
REQUEST = {"phase": "request", "prompt_tokens": 512, "output_tokens": 64, "batch": 4}
TOLD = (
    "time_to_first_token", "time_per_token", "request_latency", "throughput", "token_throughput", "energy", "carbon",
    "cost_per_million_tokens", "energy_per_million_tokens", "carbon_per_million_tokens", "electricity_cost", "latency",
)  # fmt: skip


def test_ends_of_all_that_a_request_costs():
    names = [f"{n}{end}" for n in TOLD for end in ("", "_low", "_high")]
    found = {n: float(v) for n, v in dse.evaluate("llama-2-7b", metrics=names, **ON, **REQUEST)[names].items()}
    spread = found["latency_high"] / found["latency"]
    assert spread > 1.05
    for name in TOLD:
        # Of what is proportional to time, or to its inverse, the ends are as far away as those of the time.
        assert found[f"{name}_low"] == pytest.approx(found[name] / spread), name
        assert found[f"{name}_high"] == pytest.approx(found[name] * spread), name
    ends = [found[f"request_latency_{end}"] for end in ("low", "high")]
    assert [4 / t for t in reversed(ends)] == pytest.approx([found["throughput_low"], found["throughput_high"]])


def test_ratios_of_latencies_have_none():
    assert "latency_low" in registry.METRICS
    assert not {"parallel_efficiency_low", "scalability_ratio_low"} & set(registry.METRICS)


def test_a_metric_has_both_ends_or_none():
    ends = [n for n in registry.METRICS if registry.metric_record(n).end]
    assert len(ends) >= 40
    for name in ends:
        base, _, end = name.rpartition("_")
        assert {f"{base}_low", f"{base}_high", base} <= set(registry.METRICS)
        assert registry.metric_record(name).unit == registry.metric_record(base).unit
        assert registry.metric_record(name).end == end


def test_a_lower_bound_has_no_interval():
    found = dse.evaluate("resnet18", device="rtx-3090", precision="fp16", metrics=["energy", "energy_high"])
    assert float(found.energy) > 0
    assert str(float(found.energy_high)) == "nan"
