"""dse init: a spec to start from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dse.cli.common import json_option, parse_settings, print_json, print_text
from dse.cli.completion import names
from dse.errors import DseError, InputError, unknown

if TYPE_CHECKING:
    from dse.cli.starter import Answers


@click.command("init", short_help="Write a commented spec to start from.")
@click.option(
    "--network", "networks", multiple=True, shell_complete=names("models", "families"), help="Model, family or file."
)
@click.option("--device", "devices", multiple=True, shell_complete=names("devices"), help='Name, "class:mcu", or "*".')
@click.option("--precision", "precisions", multiple=True, shell_complete=names("precisions"), help="Number format.")
@click.option(
    "--minimize", multiple=True, metavar="M,..", shell_complete=names("metrics"), help="Metrics, with commas."
)
@click.option(
    "--maximize", multiple=True, metavar="M,..", shell_complete=names("metrics"), help="Metrics, with commas."
)
@click.option("--per", multiple=True, metavar="AXIS,..", help="One frontier for each value of these axes.")
@click.option("--budget", "budgets", multiple=True, metavar="'M<=LIMIT'", help="A limit: 'peak_sram<=320 KiB'.")
@click.option("--set", "settings", multiple=True, metavar="AXIS=VALUE", help="An axis, or a setting of the deployment.")
@click.option("--name", default="", help="Name of the result  [that of the file]")
@click.option("--ask/--no-ask", default=None, help="Ask for what is not given  [on a terminal, without options]")
@click.option("-o", "--output", type=click.Path(path_type=Path), default="spec.toml", show_default=True)
@json_option
def command(
    networks: tuple[str, ...],
    devices: tuple[str, ...],
    precisions: tuple[str, ...],
    minimize: tuple[str, ...],
    maximize: tuple[str, ...],
    per: tuple[str, ...],
    budgets: tuple[str, ...],
    settings: tuple[str, ...],
    name: str,
    ask: bool | None,
    output: Path,
    as_json: bool,
) -> None:
    """Write a spec with comments, ready to be explored; a file that stands there already is left alone.

    On a terminal it asks a few questions; options answer them beforehand. What is not said is chosen to suit the
    network.

    \b
    dse init
    dse init -o detector.toml --network mobilenet_v2 --device class:mcu \\
        --set 'width=[0.35, 0.5]' --budget 'peak_sram<=320 KiB'
    dse init -o serving.toml --network llama-3.1-8b --network qwen2.5-14b \\
        --device h100-sxm --budget 'time_per_token<=50 ms'
    """
    from dse.cli.frontier_command import parse_budgets
    from dse.cli.starter import Answers, completed, spec_text

    if output.exists():
        raise InputError(f"{output}: exists already; choose another file with -o")
    given = Answers(
        networks, devices, precisions, _listed(minimize), _listed(maximize), _listed(per),
        {m: _limit(m, limit) for m, limit in parse_budgets(budgets).items()}, parse_settings(settings),
    )  # fmt: skip
    if ask or (ask is None and given == Answers() and sys.stdin.isatty() and sys.stdout.isatty()):
        given = _asked(given)
    name = name or ("" if output.stem == "spec" else output.stem)
    answers = completed(replace(given, name=name))
    _write(output, spec_text(answers))
    if as_json:
        print_json({"path": str(output), "networks": answers.networks, "devices": answers.devices})
        return
    print_text(f"written to {output}; explore it with: dse explore {output}")


def _listed(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(n.strip() for text in texts for n in text.split(",") if n.strip())


def _limit(metric: str, limit: dict[str, Any]) -> Any:
    """A limit as short as a spec takes it: the value alone on the side that the metric asks for."""
    from dse import registry

    side = "max" if registry.metric_record(metric).direction == "min" else "min"
    return limit[side] if list(limit) == [side] and registry.metric_record(metric).direction else limit


def _asked(given: Answers) -> Answers:
    """The answers, with those that a person gives; each is asked for again until it is right."""
    from dse import registry
    from dse.cli.frontier_command import parse_budgets
    from dse.cli.starter import completed
    from dse.hardware import DEVICES
    from dse.networks import FAMILIES, MODELS
    from dse.precision import PRECISIONS

    classes = sorted({f"class:{d.device_class}" for d in DEVICES.values()})
    given = replace(
        given,
        networks=_ask("Networks (models or families)", completed(given).networks, "network", (*MODELS, *FAMILIES)),
    )
    given = replace(
        given,
        devices=_ask("Devices, or classes of them", completed(given).devices, "device", (*DEVICES, *classes, "*")),
    )
    given = replace(
        given, precisions=_ask("Number formats", completed(given).precisions, "number format", (*PRECISIONS, "*"))
    )
    usual = completed(given)
    given = replace(given, minimize=_ask("Minimize", usual.minimize, "metric", registry.METRICS))
    given = replace(
        given, maximize=_ask("Maximize (- for nothing)", usual.maximize or ("-",), "metric", (*registry.METRICS, "-"))
    )
    given = replace(given, maximize=tuple(m for m in given.maximize if m != "-"), per=given.per or usual.per)
    limits = click.prompt("Budgets, with commas (peak_sram<=320 KiB)", default=" ", value_proc=_right(lambda text: {
        m: _limit(m, limit) for m, limit in parse_budgets(_listed([text])).items()
    }), show_default=False)  # fmt: skip
    return replace(given, budgets={**given.budgets, **limits})


def _ask(what: str, default: Iterable[str], kind: str, known: Iterable[str]) -> tuple[str, ...]:
    """Names with commas between, each of them known."""
    allowed = tuple(known)

    def read(text: str) -> tuple[str, ...]:
        found = _listed([text])
        if faults := [unknown(kind, name, allowed) for name in found if name not in allowed and "." not in name]:
            raise InputError(faults)
        return found

    answer: tuple[str, ...] = click.prompt(what, default=", ".join(default), value_proc=_right(read))
    return answer


def _right(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """A reader whose complaint makes click ask again."""

    def process(text: str) -> Any:
        try:
            return read(text)
        except InputError as error:
            raise click.UsageError(str(error)) from None

    return process


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{output}: exists already; choose another file with -o") from None
    except FileNotFoundError:
        raise InputError(f"{output}: no such folder") from None
    except OSError as error:
        # What was begun on a full disk.
        with suppress(OSError):
            output.unlink()
        raise DseError(f"{output}: cannot be written: {error.strerror or error}") from None
