"""dse frontier: cut a result again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from dse.cli.common import json_option, print_json, print_table
from dse.errors import InfeasibleError, InputError

BUDGET = re.compile(r"^\s*([A-Za-z_][A-Za-z0-9_]*)\s*(<=|>=|≤|≥)\s*(.+)$")


@click.command("frontier")
@click.argument("result", type=click.Path(path_type=Path))
@click.option("--minimize", default="", metavar="M,..", help="Metrics to minimise, with commas.")
@click.option("--maximize", default="", metavar="M,..", help="Metrics to maximise, with commas.")
@click.option("--budget", "budgets", multiple=True, metavar="'M<=LIMIT'", help="A limit: 'peak_sram<=320 KiB'.")
@click.option("--per", default="", metavar="AXIS,..", help="One frontier per value of these axes.")
@json_option
def command(result: Path, minimize: str, maximize: str, budgets: tuple[str, ...], per: str, as_json: bool) -> None:
    """Cut RESULT again: other objectives, other budgets, over the whole grid of its spec.

    \b
    dse frontier results/quickstart --minimize latency --maximize accuracy --budget 'peak_sram<=128 KiB'
    """
    from dse.jobs.recut import recut
    from dse.jobs.result import load
    from dse.report.tables import frontier_rows

    found = recut(load(result), _names(minimize), _names(maximize), [_budget(b) for b in budgets], _names(per))
    frontier, metrics = found.frontier, list(found.manifest["units"])
    if as_json:
        rows = [dict(zip(table, values, strict=True)) for table, values in _records(frontier)]
        print_json({"counts": found.counts, "units": found.manifest["units"], "frontier": rows})
    elif frontier.sizes["design"]:
        size = frontier.sizes["design"]
        columns, shown = frontier_rows(frontier, metrics, size)
        print_table(columns, shown, right=[c for c in columns if c in metrics])
        click.echo(f"{size:,} of {found.counts['enumerated']:,} designs")
    if not frontier.sizes["design"]:
        raise InfeasibleError("no design meets the budgets")


def _names(text: str) -> list[str]:
    return [n.strip() for n in text.split(",") if n.strip()]


def _budget(text: str) -> tuple[str, dict[str, Any]]:
    match = BUDGET.match(text)
    if match is None:
        raise InputError(f"--budget {text}: write METRIC<=LIMIT or METRIC>=LIMIT, such as 'peak_sram<=320 KiB'")
    return match[1], {"max" if match[2] in ("<=", "≤") else "min": match[3].strip()}


def _records(frontier: Any) -> list[tuple[list[str], list[Any]]]:
    table = frontier.to_dataframe().reset_index(drop=True)
    return [(list(table.columns), list(row)) for row in table.itertuples(index=False)]
