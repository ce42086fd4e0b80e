"""What several commands share: settings, JSON, tables."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

import click

from dse.errors import InputError

json_option = click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")


def parse_settings(settings: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """Values from "key=value" texts; a value is TOML where it can be read so, else text."""
    found: dict[str, Any] = {}
    for text in settings:
        key, separator, value = text.partition("=")
        if not separator or not key.strip():
            raise InputError(f"{option} {text}: write key=value")
        try:
            found[key.strip()] = tomllib.loads(f"value = {value.strip()}")["value"]
        except (tomllib.TOMLDecodeError, RecursionError):
            found[key.strip()] = value.strip()
    return found


def print_json(facts: Any) -> None:
    """Print facts as JSON; an undefined number is null."""
    click.echo(json.dumps(_finite(facts), indent=2, ensure_ascii=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print a table that fits the terminal, or a pipe."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
