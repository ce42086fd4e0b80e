"""Sentences about a result, from its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dse.plots.style import readable, tick_text
from dse.units import constraint_text


def objectives_text(
    objectives: Sequence[Mapping[str, str]],
    per: Sequence[str],
    left: Mapping[str, Sequence[str]],
    *,
    searched: bool = False,
) -> str:
    """What the frontier is of: "Designs that no other beats in latency (min) and accuracy (max), for each device."

    `left` holds the objectives that are not drawn, each with the drawn one that it follows, if any; of a space that
    was `searched` no others are known than those that were tried.
    """
    names = [f"{readable(o['metric'])} ({o['direction']})" for o in objectives]
    text = f"Designs that no other{' of those tried' if searched else ''} beats in {_joined(names)}"
    text += f", for each {_joined([readable(p) for p in per])}." if per else "."
    reasons = [readable(m) + (f" (it follows {readable(f[0])})" if f else "") for m, f in left.items()]
    return text + (f" Not drawn: {_joined(reasons)}." if reasons else "")


def counts_text(manifest: Mapping[str, Any]) -> str:
    """How many designs there were, and what became of them; the parts add up."""
    counts = manifest["counts"]
    parts = [f"{counts['kept']:,} kept", f"{counts['dominated']:,} dominated"]
    if excluded := [f"{number:,} by {_reason(name)}" for name, number in counts["excluded"].items() if number]:
        parts.append(f"excluded {unbroken(excluded)}")
    if counts["undefined"]:
        parts.append(f"{counts['undefined']:,} undefined")
    if counts.get("skipped_by_bounds"):
        parts.append(f"{counts['skipped_by_bounds']:,} skipped by bounds")
    text = f"{counts['enumerated']:,} design{'' if counts['enumerated'] == 1 else 's'}: {'; '.join(parts)}."
    if left := manifest.get("left_out_devices"):
        text += f" Left out for want of a figure: {len(left)} device{'s' if len(left) > 1 else ''}."
    return " ".join([text, *search_notes(manifest)])


def search_notes(manifest: Mapping[str, Any]) -> list[str]:
    """What every picture of a frontier that a search found says of it; nothing where all designs were enumerated."""
    went = manifest.get("search")
    if not went:
        return []
    found = f"The frontier was found by a search of {tick_text(went['designs'])} of {tick_text(went['space'])} designs"
    verdict = went.get("judge", {})
    if not verdict.get("frontier"):
        return [f"{found}, not proven to be the best."]
    return [f"{found}: {100 * verdict['frontier_share']:.4g} % of the exact one."]


def none_left(manifest: Mapping[str, Any]) -> str:
    """Why no design is left, in a few words."""
    own = any(network["budgets"] for network in manifest.get("networks", {}).values())
    tried = " that was tried" if "search" in manifest else ""
    if own or manifest["budgets"]:
        return f"no design{tried} meets the budgets"
    if any(name.startswith("fit") and number for name, number in manifest.get("broken_totals", {}).items()):
        return f"no design{tried} fits in memory"
    return f"no design{tried} has a value of every objective"


def budget_text(text: str) -> str:
    """A budget for people: "peak_sram ≤ 320 KiB" is "peak SRAM ≤ 320 KiB", and "us" is "µs"."""
    metric, space, limit = text.partition(" ")
    return readable(metric) + space + limit.replace(" u", " µ")


def budget_limits(budget: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Lower and upper limit of a budget, None where it has none."""
    return budget.get("min"), budget.get("max")


def unbroken(phrases: Sequence[str]) -> str:
    """Phrases in a row, none of which is broken at the end of a line."""
    return ", ".join(phrase.replace(" ", "\u00a0") for phrase in phrases)


def _reason(name: str) -> str:
    return budget_text(constraint_text(name))


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
