"""dse plot: a picture of a result, or of one design."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dse.cli.common import echo, json_option, parse_settings, print_json
from dse.cli.completion import looks, names, plot_options, shown


@click.command("plot", short_help="Draw a picture of a result or of one network.")
@click.argument("shown", metavar="RESULT|NETWORK|MEASURED", shell_complete=shown)
@click.argument("kind", shell_complete=names("plots"))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File: .png, .svg or .pdf [KIND.png].")
@click.option(
    "--style",
    default="screen",
    show_default=True,
    shell_complete=looks,
    help="Or paper: a column wide, without title and notes.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=plot_options,
    help="What the kind can be asked for.",
)
@click.option(
    "--design",
    metavar="ROW|METRIC",
    shell_complete=names("metrics"),
    help="Of a RESULT: a row of its frontier, or the best by a metric.",
)
@click.option(
    "--device", shell_complete=names("devices"), help="Of a NETWORK: the device it runs on; of times: its only."
)
@click.option("--precision", shell_complete=names("precisions"), help="Of a NETWORK: the number format [fp32].")
@click.option("--set", "settings", multiple=True, metavar="AXIS=VALUE", help="Of a NETWORK: an axis or a setting.")
@click.option("--budget", "budgets", multiple=True, metavar="'M<=LIMIT'", help="Of a NETWORK: a limit in the heat map.")
@json_option
def command(
    shown: str,
    kind: str,
    output: Path | None,
    style: str,
    options: tuple[str, ...],
    design: str | None,
    device: str | None,
    precision: str | None,
    settings: tuple[str, ...],
    budgets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Draw KIND (see `dse list plots`) of a RESULT, of one NETWORK on a device, or of MEASURED times.

    \b
    dse plot results/quickstart frontier -o frontier.svg
    dse plot results/quickstart families --option by=precision
    dse plot results/quickstart frontier --style paper -o frontier.pdf
    dse plot results/quickstart heatmap --design accuracy --option x=width
    dse plot mobilenet_v2 timeline --device stm32h743 --precision int8 \\
        --set width=0.35 --set resolution=160
    dse plot llama-3.1-8b scaling --device h100-nvl --precision fp8 \\
        --set phase=decode --set context=4096
    dse plot catalogue validation
    dse plot mine.csv validation --device rtx-3090

    Kinds of one design (breakdown, heatmap, op_roofline, scaling, sensitivity, timeline) show a NETWORK, or a design
    of a RESULT: the best by its first objective, or that of --design. The kind validation shows a CSV file of measured
    times (see `dse calibrate --help`), or catalogue: those that the predictions of the catalogue were fitted to.
    """
    from dse import plot
    from dse.cli.frontier_command import parse_budgets

    asked: dict[str, Any] = {**parse_settings(options, "--option"), **parse_settings(settings)}
    asked |= {n: v for n, v in (("device", device), ("precision", precision)) if v is not None}
    if design is not None:
        asked["design"] = int(design) if design.isascii() and design.isdigit() else design
    if budgets:
        asked["budgets"] = parse_budgets(budgets)
    picture = plot.draw(kind, shown, style=style, **asked)
    path = output or Path(f"{kind}.png")
    plot.save(picture, path)
    if as_json:
        print_json({"path": str(path), "plot": kind})
    else:
        echo(f"written to {path}")
