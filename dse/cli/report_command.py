"""dse report: the interactive page of a result."""

from __future__ import annotations

from pathlib import Path

import click

from dse.cli.common import echo, json_option, print_json


@click.command("report", short_help="Write the interactive page of a result.")
@click.argument("result", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File [RESULT/report.html].")
@click.option("--designs", type=click.IntRange(min=0), help="Designs in the page beside the frontier [100000].")
@json_option
def command(result: Path, output: Path | None, designs: int | None, as_json: bool) -> None:
    """Write the page of RESULT: frontier and parallel coordinates to select in, budgets to move, a table to save.

    \b
    dse report results/quickstart
    dse report results/quickstart -o quickstart.html --designs 20000

    It is one file, opens without a network, and asks for nothing. `dse explore` writes it unless --no-plots is given.
    """
    from dse.jobs.files import REPORT
    from dse.jobs.result import load

    path = load(result).report(output or result / REPORT, designs)
    if as_json:
        print_json({"path": str(path), "bytes": path.stat().st_size})
        return
    echo(f"written to {path} ({path.stat().st_size / 1e6:.1f} MB)")
