"""Shell completion of names: whatever `dse list` knows is completed where a command asks for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click

VARIABLE = "_DSE_COMPLETE"

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def names(*kinds: str) -> Complete:
    """Completes the names of some kinds of `dse list`."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        found = dict.fromkeys(name for kind in kinds for name in _names(kind))
        return [name for name in found if name.startswith(incomplete)]

    return complete


def kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the kinds of `dse list`."""
    from dse.cli.list_command import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


def looks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the styles of pictures."""
    from dse.plots import LOOKS

    return [look for look in LOOKS if look.startswith(incomplete)]


def samplers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the samplers of searches."""
    from dse.search.defaults import SAMPLERS

    return [name for name in SAMPLERS if name.startswith(incomplete)]


def plot_options(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes what the kind of plot that stands before them can be asked for."""
    from dse.plots import KINDS

    # Where an option waits for its value, the words before it are not read as arguments yet.
    kind = next((KINDS[word] for word in (ctx.params.get("kind"), *ctx.args) if word in KINDS), None)
    return [f"{name}=" for name in (kind.options if kind else ()) if name.startswith(incomplete)]


def arguments(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the arguments of the formula that stands before them, without those that are given."""
    from dse.formulas import RECORDS

    record = RECORDS.get(ctx.params.get("formula") or "")
    given = {text.partition("=")[0] for text in ctx.params.get("arguments") or ()}
    wanted = [f"{name}=" for name in (record.inputs if record else ()) if name not in given]
    return [text for text in wanted if text.startswith(incomplete)]


def answer(cli: click.Command) -> None:
    """Answer the shell and end the process, where it is the shell that asks."""
    if instruction := os.environ.get(VARIABLE):
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(cli, {}, "dse", VARIABLE, instruction))


def _names(kind: str) -> Iterator[Any]:
    from dse.cli.list_command import KINDS

    return iter(KINDS[kind].entries())
