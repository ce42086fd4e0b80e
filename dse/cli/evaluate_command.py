"""dse evaluate: one design, every metric."""

from __future__ import annotations

import math
from typing import Any

import click

from dse.cli.common import json_option, parse_settings, print_json, print_table
from dse.errors import InputError


@click.command("evaluate")
@click.argument("network")
@click.option("--device", required=True, help="A device of the catalogue.")
@click.option("--precision", default="fp32", show_default=True, help="A number format.")
@click.option("--set", "settings", multiple=True, metavar="AXIS=VALUE", help="An axis or a deployment setting.")
@click.option("--metric", "metrics", multiple=True, help="Only this metric (may be given several times).")
@click.option("--counting", default="trainable", show_default=True, help="trainable, weights or statistics.")
@click.option("--explain", metavar="METRIC", help="Print the chain of formulas behind a metric, numbers put in.")
@json_option
def command(
    network: str,
    device: str,
    precision: str,
    settings: tuple[str, ...],
    metrics: tuple[str, ...],
    counting: str,
    explain: str | None,
    as_json: bool,
) -> None:
    """Evaluate one design: NETWORK (a model or a family) on a device.

    \b
    dse evaluate resnet50 --device a100-sxm-80gb --precision fp16
    dse evaluate llama-2-7b --device a100-sxm-80gb --precision fp16 --set phase=decode --set context=1024
    dse evaluate mobilenet_v2 --device stm32u575 --precision int8 --set width=0.35 --explain latency
    """
    from dse.api import applicable, design_space
    from dse.grid.dataset import evaluate
    from dse.grid.explain import chain, describe

    wanted = [*metrics, *([explain] if explain else [])]
    space = design_space(network, device, precision, wanted or None, counting, parse_settings(settings))
    if space.size != 1 or space.dims:
        several = ", ".join(n for n, a in space.axes.items() if a.dim)
        raise InputError(f"one design has one value of each axis; several were given for {several}: use `dse explore`")
    if explain:
        lines = chain(space, explain)
        print_json({"metric": explain, "chain": lines}) if as_json else click.echo("\n".join(lines))
        return
    facts = describe(evaluate(space, metrics or applicable(space)), space)
    print_json(facts) if as_json else _print(facts)


def _print(facts: dict[str, Any]) -> None:
    from dse.units import format_quantity

    click.echo(", ".join(f"{k} {v}" for k, v in facts["design"].items()))
    click.echo()
    rows = []
    for name, metric in facts["metrics"].items():
        defined = math.isfinite(metric["value"])
        shown = format_quantity(metric["value"], metric["measure"]) if defined else "-"
        rows.append([name, shown, metric["what"] if defined else metric.get("reason", "undefined")])
    print_table(["metric", "value", "what"], rows, right=["value"])
    click.echo()
    click.echo("assumed: " + ", ".join(f"{k} {_shown(v)}" for k, v in facts["assumptions"].items()))


def _shown(assumption: Any) -> str:
    from dse.units import format_quantity

    if isinstance(assumption, dict):
        return format_quantity(assumption["value"], assumption["unit"])
    return str(assumption)
