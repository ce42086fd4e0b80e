"""dse bench: measure how fast the program is here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dse.cli.common import echo, json_option, print_json, print_table, print_text
from dse.cli.completion import groups as group_names
from dse.errors import DseError, InputError

if TYPE_CHECKING:
    from dse.bench.figures import Figure

SIZES = ("small", "full")


@click.command("bench", short_help="Measure how fast the program is here.")
@click.argument("groups", nargs=-1, metavar="[GROUP]...", shell_complete=group_names)
@click.option("--size", type=click.Choice(SIZES), default="full", show_default=True, help="Small: each once, quickly.")
@click.option("--only", default="", metavar="WORDS", help="Cases with these words in their name.")
@click.option("--list", "listed", is_flag=True, help="Name the groups and their cases; measure nothing.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the JSON to a file too, after every case.")
@json_option
def command(groups: tuple[str, ...], size: str, only: str, listed: bool, output: Path | None, as_json: bool) -> None:
    """Measure GROUPs of figures (default: all), each beside what it is to be compared with.

    Two ways are timed in turns, in one process, and the figure is the median of the ratios; their results must be
    equal. What is compared with and not installed is named.

    \b
    dse bench --list
    dse bench store streams
    dse bench filter --only 'log-normal, 1,000,000' --json
    """
    from dse.bench import GROUPS, cases_of
    from dse.bench.figures import Figure, Unequal
    from dse.bench.machine import machine

    cases = cases_of(groups, size == "full", only)
    if listed:
        _print_cases({g: [c.what for c in cases if c.group == g] for g in GROUPS}, as_json)
        return
    facts, found = machine(), list[Figure]()

    def report() -> dict[str, object]:
        """What was measured so far; `cases` tells of how many it is."""
        return {
            "machine": facts,
            "size": size,
            "cases": len(cases),
            "figures": [figure.facts() for figure in found],
        }

    # A file that cannot be written is told before anything is measured.
    _write(output, report())
    try:
        for case in cases:
            for figure in case.figures():
                found.append(figure)
                if not as_json:
                    print_text(_line(figure), indent="    ")
            _write(output, report())
    except Unequal as error:
        raise DseError(str(error)) from None
    if as_json:
        print_json(report())
        return
    echo()
    print_table(["what", "measured", "aim", "reached"], [_row(figure) for figure in found], right=["measured"])
    packages = ", ".join(f"{name} {version or 'missing'}" for name, version in facts["packages"].items())
    echo()
    print_text(f"{facts['processor']}; {facts['cores']} cores; load {facts['load']}; {packages}")


def _print_cases(cases: dict[str, list[str]], as_json: bool) -> None:
    from dse.bench import GROUPS

    named = {group: own for group, own in cases.items() if own}
    if as_json:
        print_json(named)
        return
    for group, own in named.items():
        print_text(f"{group}: {GROUPS[group]}")
        for what in own:
            print_text(f"  {what}", indent="    ")


def _line(figure: Figure) -> str:
    return "; ".join(part for part in (f"{figure.what}: {_value(figure)}", figure.note) if part)


def _value(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value:.3g} {figure.unit}"


def _row(figure: Figure) -> list[str]:
    limits = {"≥": figure.least, "≤": figure.most}
    aims = [f"{sign} {limit:g}" for sign, limit in limits.items() if limit is not None]
    reached = {None: "", True: "yes", False: "no"}[figure.reached]
    return [figure.what, _value(figure), ", ".join(aims), reached]


def _write(path: Path | None, report: Mapping[str, object]) -> None:
    """Write a report, whole or not at all."""
    import json

    from dse.files import write_whole

    if path is None:
        return
    try:
        write_whole(path, json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    except InputError as error:
        # The words of the command were right, and hours of measurement may lie behind it.
        raise DseError(str(error)) from None
