"""dse evaluate: one design, every metric."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from dse.cli.common import echo, json_option, parse_settings, print_json, print_table, print_text
from dse.cli.completion import names
from dse.errors import InputError

# "20,50": what is meant as a list, and is none. "1,000" is no number either.
_LISTED = re.compile(r"\s*[-+.\d][^,]*(,\s*[-+.\d][^,]*)+")


@click.command("evaluate", short_help="Evaluate one design: every metric, or one explained.")
@click.argument("network", shell_complete=names("models", "families"))
@click.option("--device", required=True, shell_complete=names("devices"), help="A device: `dse list devices`.")
@click.option(
    "--precision",
    default="fp32",
    show_default=True,
    shell_complete=names("precisions"),
    help="A number format: `dse list precisions`.",
)
@click.option("--set", "settings", multiple=True, metavar="AXIS=VALUE", help="An axis or a deployment setting.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    shell_complete=names("metrics"),
    help="Only this metric (may be given several times).",
)
@click.option("--counting", default="trainable", show_default=True, help="Or weights, or statistics.")
@click.option(
    "--explain",
    metavar="METRIC",
    shell_complete=names("metrics"),
    help="The formulas behind a metric, with the numbers put in.",
)
@click.option(
    "--calibration", type=click.Path(path_type=Path), help="Own calibrations to use: what `dse calibrate -o` wrote."
)
@json_option
def command(
    network: str,
    device: str,
    precision: str,
    settings: tuple[str, ...],
    metrics: tuple[str, ...],
    counting: str,
    explain: str | None,
    calibration: Path | None,
    as_json: bool,
) -> None:
    """Evaluate one design: NETWORK (a model or a family) on a device.

    \b
    dse evaluate resnet50 --device a100-sxm-80gb --precision fp16
    dse evaluate llama-2-7b --device a100-sxm-80gb --precision fp16 \\
        --set phase=decode --set context=1024
    dse evaluate mobilenet_v2 --device stm32u575 --precision int8 \\
        --set width=0.35 --explain latency
    """
    from dse.api import applicable, design_space
    from dse.grid.dataset import evaluate, with_ends
    from dse.grid.explain import chain, describe
    from dse.grid.quality import with_sources
    from dse.jobs.calibrated import notes_of

    wanted = with_sources([*metrics, *([explain] if explain else [])])
    given = parse_settings(settings)
    _check_single([n for n, value in given.items() if _is_several(value)])
    space = design_space(network, device, precision, wanted or None, counting, given, calibration)
    _check_single(space.dims)
    lines = chain(space, explain) if explain else []
    if explain and not as_json:
        for line in lines:
            print_text(line, indent=" " * (len(line) - len(line.lstrip()) + 4))
        _print_notes(notes_of(space))
        return
    facts = describe(evaluate(space, with_ends(wanted or applicable(space), space)), space)
    for metric in facts["metrics"].values():
        if math.isinf(metric["value"]):
            metric["reason"] = "beyond what a double can hold"
    facts["notes"] = notes_of(space)
    if as_json:
        print_json({**facts, **({"explain": lines} if explain else {})})
    else:
        _print(facts)


def _is_several(value: Any) -> bool:
    """Whether a setting is a list, or numbers with commas between them."""
    return isinstance(value, list) or (isinstance(value, str) and _LISTED.fullmatch(value) is not None)


def _check_single(several: Sequence[str]) -> None:
    if several:
        how = f"`dse explore`, and dse.evaluate in Python, take lists: {several[0]} = [1, 2]"
        raise InputError(f"one design has one value of each axis; {', '.join(several)} got several: {how}")


def _print(facts: dict[str, Any]) -> None:
    from dse.metrics.sections import sections

    print_text(", ".join(f"{k} {v}" for k, v in facts["design"].items()), indent="  ")
    echo()
    rows = []
    metrics = facts["metrics"]
    beside = {f"{n}_{end}" for n in metrics if _interval(n, metrics) for end in ("low", "high")}
    for heading, inside in sections(n for n in metrics if n not in beside).items():
        rows += [["", "", ""], [heading.upper(), "", ""]] if len(metrics) - len(beside) > 1 else []
        rows += [[name, *_value(metrics[name], _interval(name, metrics))] for name in inside]
    print_table(["metric", "value", "what"], rows, right=["value"], prose=["what"])
    echo()
    assumed = ", ".join(f"{k} {_shown(v)}" for k, v in facts["assumptions"].items())
    print_text(f"assumed: {assumed}", indent="  ")
    _print_notes(facts["notes"])


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        print_text(f"note: {note}", indent="  ")


def _interval(name: str, metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Both ends of a metric's interval, where they are known."""
    ends = [metrics[e] for e in (f"{name}_low", f"{name}_high") if e in metrics]
    return ends if len(ends) == 2 and all(math.isfinite(e["value"]) for e in ends) else []


def _value(metric: dict[str, Any], interval: list[dict[str, Any]]) -> tuple[str, str]:
    """A metric's value with its unit and interval, and what it is; or why it has none."""
    from dse.units import format_quantity

    if not math.isfinite(metric["value"]):
        return "-", metric["reason"]
    told = [format_quantity(m["value"], m["measure"]) for m in (metric, *interval)]
    return told[0] + (f" ({told[1]} to {told[2]})" if interval else ""), metric["what"]


def _shown(assumption: Any) -> str:
    from dse.units import format_quantity

    if isinstance(assumption, dict):
        return format_quantity(assumption["value"], assumption["unit"])
    return str(assumption)
