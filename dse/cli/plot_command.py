"""dse plot: a picture of a result."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("plot")
@click.argument("result", type=click.Path(path_type=Path))
@click.argument("kind")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File: .png, .svg or .pdf.")
def command(result: Path, kind: str, output: Path | None) -> None:
    """Draw KIND (see `dse list plots`) of RESULT.

    \b
    dse plot results/quickstart frontier -o frontier.svg
    """
    from dse import plots
    from dse.jobs.result import load

    path = output or Path(f"{kind}.png")
    figure = plots.draw(kind, load(result))
    plots.save(figure, path)
    click.echo(f"written to {path}")
