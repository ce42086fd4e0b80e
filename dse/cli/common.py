"""What several commands share: settings, JSON, tables, paragraphs."""

from __future__ import annotations

import json
import math
import shutil
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from dse.errors import InputError, harmless

Command = Callable[..., Any]

json_option = click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
plots_option = click.option("--no-plots", is_flag=True, help="Write no pictures.")
# Of a command that runs a spec, in the order of its help.
_JOB_OPTIONS = (
    click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Replace a value of the spec (dotted key)."
    ),
    click.option("--out", type=click.Path(path_type=Path), help="Folder of the result [results/NAME]."),
    click.option(
        "--assumptions",
        type=click.Path(path_type=Path),
        help="The assumptions.toml of a result: its figures and defaults in place of today's catalogues.",
    ),
    click.option("--fresh", is_flag=True, help="Compute again, and replace the folder's result, of whichever spec."),
    plots_option,
    json_option,
)


def job_options(command: Command) -> Command:
    """The argument SPEC of a command, and the options of all that run one."""
    for option in reversed(_JOB_OPTIONS):
        command = option(command)
    return click.argument("spec", type=click.Path(path_type=Path))(command)


def parse_settings(settings: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """Values from "key=value" texts; a value is TOML where it can be read so, else text."""
    found: dict[str, Any] = {}
    for text in settings:
        key, separator, value = text.partition("=")
        if not separator or not key.strip():
            raise InputError(f"{option} {text}: write key=value")
        if key.strip() in found:
            raise InputError(f"{option} {key.strip()}: is given twice; several values are a list: [1, 2]")
        found[key.strip()] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return document["value"] if set(document) == {"value"} else text


def echo(text: str = "", nl: bool = True, err: bool = False) -> None:
    """Print a text; whatever names and files hold, it does not act on the terminal."""
    click.echo(harmless(text), nl=nl, err=err)


def print_json(facts: Any) -> None:
    """Print facts as JSON; an undefined number is null."""
    echo(json.dumps(_finite(facts), indent=2, ensure_ascii=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def terminal_width() -> int | None:
    """Characters of a line of the terminal; None in a pipe, where lines are as long as they need to be."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = (), prose: Sequence[str] = ()
) -> None:
    """Print a table that fits the terminal: prose is broken into lines, and what does not fit is named below."""
    from dse.report.tables import format_table

    lines, left_out = format_table(columns, rows, right=right, prose=prose, width=terminal_width())
    echo("\n".join(lines))
    if left_out:
        print_text(f"(too wide for this terminal: {', '.join(left_out)})")


def print_text(text: str, indent: str = "") -> None:
    """Print a paragraph, broken into lines on a terminal; all lines but the first begin with `indent`."""
    width = terminal_width()
    if width is not None:
        text = textwrap.fill(
            text, max(width, 20), subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True
        )
    echo(text)


def print_document(text: str) -> None:
    """Print paragraphs, each broken into lines on a terminal; lines with a form of their own are broken singly."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            echo()
        lines = paragraph.split("\n")
        formed = any(line != line.lstrip() or line.startswith((">>>", "..", "--")) for line in lines)
        for line in lines if formed or terminal_width() is None else [" ".join(lines)]:
            indent = line[: len(line) - len(line.lstrip())]
            print_text(line, indent=indent + "    " * formed)
