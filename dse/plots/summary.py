"""Sentences about a result, from its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dse.plots.style import readable


def objectives_text(
    objectives: Sequence[Mapping[str, str]], drawn: Sequence[Mapping[str, str]], per: Sequence[str]
) -> str:
    """What the frontier is of: "Designs that no other beats in latency (min) and accuracy (max), for each device."."""
    names = [f"{readable(o['metric'])} ({o['direction']})" for o in objectives]
    text = f"Designs that no other beats in {_joined(names)}"
    text += f", for each {_joined([readable(p) for p in per])}." if per else "."
    left = [readable(o["metric"]) for o in objectives if o not in drawn]
    return text + (f" Not drawn: {_joined(left)}." if left else "")


def counts_text(manifest: Mapping[str, Any]) -> str:
    """How many designs there were, and what became of them; the parts add up."""
    counts = manifest["counts"]
    parts = [f"{counts['kept']:,} kept", f"{counts['dominated']:,} dominated"]
    parts += [f"{number:,} excluded by {_reason(name)}" for name, number in counts["excluded"].items() if number]
    if counts["undefined"]:
        parts.append(f"{counts['undefined']:,} undefined")
    if counts.get("skipped_by_bounds"):
        parts.append(f"{counts['skipped_by_bounds']:,} skipped by bounds")
    text = f"{counts['enumerated']:,} designs: {', '.join(parts)}."
    if left := manifest.get("left_out_devices"):
        text += f" {len(left)} devices left out for want of a figure."
    return text


def budget_limits(budget: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Lower and upper limit of a budget, None where it has none."""
    return budget.get("min"), budget.get("max")


def _reason(name: str) -> str:
    kind, _, metric = name.partition(": ")
    return f"fit ({readable(metric.removesuffix('_free'))})" if kind == "fit" and metric else name


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
