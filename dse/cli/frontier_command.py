"""dse frontier: cut a result again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from dse.cli.common import echo, json_option, print_json, print_table, print_text
from dse.cli.completion import names
from dse.errors import Fault, InfeasibleError, InputError

_BUDGET = re.compile(r"^\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*(<=|>=|≤|≥)\s*(.+)$")


@click.command("frontier", short_help="Cut a result again: other objectives or budgets.")
@click.argument("result", type=click.Path(path_type=Path))
@click.option(
    "--minimize",
    multiple=True,
    metavar="M,..",
    shell_complete=names("metrics"),
    help="Metrics to minimise, with commas.",
)
@click.option(
    "--maximize",
    multiple=True,
    metavar="M,..",
    shell_complete=names("metrics"),
    help="Metrics to maximise, with commas.",
)
@click.option("--budget", "budgets", multiple=True, metavar="'M<=LIMIT'", help="A limit: 'peak_sram<=320 KiB'.")
@click.option("--per", multiple=True, metavar="AXIS,..", help="One frontier per value of these axes.")
@click.option("--ties", default="", metavar="KIND", help="What a lead within an interval is: exact (a lead), interval.")
@json_option
def command(
    result: Path,
    minimize: tuple[str, ...],
    maximize: tuple[str, ...],
    budgets: tuple[str, ...],
    per: tuple[str, ...],
    ties: str,
    as_json: bool,
) -> None:
    """Cut RESULT again, over the whole space of its spec; what is not given stays as the spec has it.

    Objectives that are given replace all of the spec's, and so do budgets.

    \b
    dse frontier results/quickstart --minimize energy --maximize accuracy
    dse frontier results/quickstart --budget 'peak_sram<=128 KiB' --per precision
    """
    from dse.cli.explore_command import print_left_out
    from dse.jobs.recut import recut
    from dse.jobs.result import load
    from dse.report.summary import misses
    from dse.report.tables import frontier_rows

    names = {"minimize": _names(minimize), "maximize": _names(maximize), "per": _names(per)}
    found = recut(load(result), **names, budgets=parse_budgets(budgets), ties=ties)
    frontier, metrics = found.frontier, found.manifest["metrics"]
    size = frontier.sizes["design"]
    for message in () if as_json else found.messages:
        print_text(message)
    if as_json:
        rows = frontier.to_dataframe().reset_index(drop=True).to_dict("records")
        facts = {k: found.manifest[k] for k in ("counts", "units", "left_out_devices", "notes", "undefined_because")}
        facts["frontier"] = rows
        print_json({**facts, **({"messages": list(found.messages)} if found.messages else {})})
    elif size:
        columns, shown = frontier_rows(frontier, found.manifest["axes"], metrics, size)
        print_table(columns, shown, right=[c for c in columns if c in metrics])
        echo(f"{size:,} of {found.counts['enumerated']:,} designs")
    if not as_json:
        print_left_out(found.manifest)
    if not size:
        raise InfeasibleError("\n".join(misses(found.manifest)))


def _names(texts: Iterable[str]) -> list[str]:
    return [n.strip() for text in texts for n in text.split(",") if n.strip()]


def parse_budgets(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Limits by metric from texts such as "peak_sram<=320 KiB"; two texts may bound one metric from both sides."""
    limits: dict[str, dict[str, Any]] = {}
    faults = []
    for text in texts:
        match = _BUDGET.match(text)
        if match is None:
            problem = f"{text!r} is no limit; write METRIC<=LIMIT or METRIC>=LIMIT, such as 'peak_sram<=320 KiB'"
            faults.append(Fault("--budget", problem))
            continue
        side = "max" if match[2] in ("<=", "≤") else "min"
        if side in limits.setdefault(match[1], {}):
            faults.append(Fault("--budget", f"{match[1]} has two limits on the same side"))
        limits[match[1]][side] = _limit(match[3].strip())
    if faults:
        raise InputError(faults)
    return limits


def _limit(text: str) -> float | str:
    """A bare number is in the metric's own unit."""
    try:
        return float(text)
    except ValueError:
        return text
