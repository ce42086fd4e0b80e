"""What became of the designs, in words: from the manifest of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dse.units import constraint_text, counted, format_quantity


def count_rows(manifest: Mapping[str, Any]) -> list[list[str]]:
    """Rows of what, designs, and designs that break it at all; the second column adds up to all designs."""
    counts, totals = manifest["counts"], manifest["broken_totals"]
    skipped = manifest.get("bounds", {"skipped": {}})["skipped"]
    least = "at least " if skipped else ""
    rows = [[f"skipped by bounds: {_skipped(n)}", f"{c:,}", ""] for n, c in skipped.items()]
    rows += [["undefined", f"{counts['undefined']:,}", ""]] if counts["undefined"] else []
    rows += [
        [f"excluded by {constraint_text(n)}", f"{c:,}", f"{least}{totals[n]:,}"]
        for n, c in counts["excluded"].items()
        if (c if skipped else totals[n])
    ]
    rows.append(["dominated", f"{counts['dominated']:,}", ""])
    rows += [["tied: a lead within the interval", f"{counts['tied']:,}", ""]] if "tied" in counts else []
    rows.append(["kept: the frontier", f"{counts['kept']:,}", ""])
    return rows


def _skipped(reason: str) -> str:
    return reason if reason in ("undefined", "dominated") else f"outside {constraint_text(reason)}"


def rate_text(manifest: Mapping[str, Any]) -> str:
    """How many designs were evaluated in which time, on one line."""
    number, seconds = manifest["counts"]["enumerated"], manifest["seconds"]
    rate = number / max(seconds, 1e-9)
    return f"{counted(number, 'design')} of a closed-form model in {seconds:.2f} s ({rate:,.0f} designs/s)"


def bounds_text(manifest: Mapping[str, Any]) -> str:
    """How few designs a search by bounds evaluated, on one line."""
    counts, work = manifest["counts"], manifest["bounds"]
    seen = work["modelled"] + work["probed"]
    return (
        f"{counts['enumerated']:,} designs of a closed-form model in {manifest['seconds']:.2f} s by bounds: "
        f"{seen:,} evaluated ({100 * seen / counts['enumerated']:.3g} %), {work['boxes']:,} boxes bounded, "
        "all others skipped unseen; the frontier is exact"
    )


def search_lines(manifest: Mapping[str, Any]) -> list[str]:
    """How a search went and how good its frontier is, a sentence a line."""
    went, seconds = manifest["search"], manifest["seconds"]
    lines = [
        f"{went['trials']:,} trial{'s' * (went['trials'] != 1)} of {went['sampler']} (seed {went['seed']}), "
        f"{went['feasible']:,} within the budgets, {went['duplicates']:,} of designs that were known; {seconds:.2f} s",
        f"{went['designs']:,} designs of a closed-form model evaluated in {went['evaluation_seconds']:.2f} s, "
        f"{went['polished']:,} of them neighbours of the frontier; the space has {went['space']:,}",
    ]
    if went["polish"] and not went["settled"]:
        lines.append("neighbours of the frontier were left untried: it may be moved further by more trials")
    return [*lines, *_goodness(went)]


def _goodness(went: Mapping[str, Any]) -> list[str]:
    verdict = went.get("judge", {})
    lines = []
    if "hypervolume_share" in verdict:
        lines.append(_judged(went, verdict))
    elif verdict:
        lines.append(f"not judged: {verdict['reason']}")
    if "plateau" in went and "hypervolume_share" not in verdict:
        gain = f"the last quarter of the trials added {100 * went['last_quarter']:.3g} % to the hypervolume"
        lines.append(f"{gain}: {'a plateau' if went['plateau'] else 'no plateau yet, more trials may help'}")
    return lines


def _judged(went: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    told = f"judged by enumerating {went['space']:,} designs in {verdict['seconds']:.2f} s"
    if not verdict["frontier"]:
        return f"{told}: none is within the budgets"
    return (
        f"{told}: {verdict['hypervolume_share']:.5f} of the exact hypervolume, "
        f"{100 * verdict['frontier_share']:.4g} % of the {verdict['frontier']:,} designs of the exact frontier, "
        f"by evaluating {100 * went['designs'] / went['space']:.3g} % of the space"
    )


def misses(manifest: Mapping[str, Any]) -> list[str]:
    """Why no design is left, one line a constraint, the one that excludes most first; with the nearest miss."""
    searched = "search" in manifest
    lines = ["none of the designs that were tried meets the budgets" if searched else "no design meets the budgets"]
    counts, nearest = manifest["counts"], manifest["nearest_misses"]
    least, where = ("at least ", " on a coarse grid") if "bounds" in manifest else ("", "")
    own = [b for network in manifest.get("networks", {}).values() for b in network["budgets"]]
    if not (own or manifest["budgets"] or any(manifest["broken_totals"].values())):
        lines = ["no design has a value of every objective"]
    units = {b["text"]: b["unit"] for b in own}
    units |= {b["text"]: manifest["units"][b["metric"]] for b in manifest["budgets"]}
    for name, number in sorted(manifest["broken_totals"].items(), key=lambda item: -item[1]):
        if number:
            miss = ""
            if unfit := manifest.get("nearest_unfit", {}).get(name.removeprefix("fit: ")):
                miss = _lacking(unfit)
            elif name in nearest:
                miss = f"; the nearest miss{where} is {_beside(name, nearest[name], units.get(name, '1'))}"
            share = f"{least}{number:,} of {counts['enumerated']:,} designs"
            lines.append(f"{constraint_text(name)}: excludes {share}{miss}")
    if undefined := counts["undefined"] + manifest.get("bounds", {"skipped": {}})["skipped"].get("undefined", 0):
        lines.append(f"undefined: {least}{undefined:,} of {counts['enumerated']:,} designs")
        lines += undefined_lines(manifest)
    return lines


def _lacking(unfit: Mapping[str, Any]) -> str:
    """What the design that comes nearest to fitting needs, and what there is of it."""
    where = " of a coarse grid" if unfit.get("of_a_coarse_grid") else ""
    needs, has, lacks = (
        format_quantity(value, unfit["unit"]) for value in (unfit["needs"], unfit["has"], unfit["needs"] - unfit["has"])
    )
    return f"; the nearest{where} needs {needs} and has {has}: {lacks} too little"


def _beside(budget: str, value: float, unit: str) -> str:
    """A value with as many digits as tell it from the limit at the end of the text of a budget."""
    texts = [format_quantity(value, unit, digits) for digits in range(4, 13)]
    return next((text for text in texts if not budget.endswith(f" {text}")), texts[-1])


def undefined_lines(manifest: Mapping[str, Any]) -> list[str]:
    """Why designs are undefined, a line for each metric and reason: the most designs first."""
    found = [(number, name, why) for name, own in manifest["undefined_because"].items() for why, number in own.items()]
    return [f"{name}: {why} ({counted(number, 'design')})" for number, name, why in sorted(found, key=lambda f: -f[0])]


def unmatched(manifest: Mapping[str, Any]) -> str:
    """What is told of rows of the user's table of quality values that match no design; "" where there are none."""
    quality = manifest.get("quality", {"unmatched": 0})
    if not quality["unmatched"]:
        return ""
    return f"{quality['table']}: {quality['unmatched']:,} of {quality['rows']:,} rows match no design"


def lacking(figures: Mapping[str, list[str]]) -> str:
    """Devices with what they lack, on one line: "rp2040 (tdp), gap8 (bandwidth, tdp)"."""
    return ", ".join(f"{device} ({', '.join(names)})" for device, names in figures.items())
