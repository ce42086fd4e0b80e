"""dse plot: a picture of a result."""

from __future__ import annotations

from pathlib import Path

import click

from dse.cli.completion import names


@click.command("plot", short_help="Draw a picture of a result.")
@click.argument("result", type=click.Path(path_type=Path))
@click.argument("kind", shell_complete=names("plots"))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File: .png, .svg or .pdf [KIND.png].")
def command(result: Path, kind: str, output: Path | None) -> None:
    """Draw KIND (see `dse list plots`) of RESULT.

    \b
    dse plot results/quickstart frontier -o frontier.svg
    """
    from dse import plots
    from dse.errors import InputError, unknown
    from dse.jobs.result import load

    if kind not in plots.KINDS:
        raise InputError(unknown("plot", kind, plots.KINDS))
    path = output or Path(f"{kind}.png")
    plots.save(plots.draw(kind, load(result)), path)
    click.echo(f"written to {path}")
