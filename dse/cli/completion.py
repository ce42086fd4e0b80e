"""Shell completion of names: whatever `dse list` knows is completed where a command asks for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
from click.shell_completion import CompletionItem

VARIABLE = "_DSE_COMPLETE"

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def names(*kinds: str) -> Complete:
    """Completes the names of some kinds of `dse list`."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        found = dict.fromkeys(name for kind in kinds for name in _names(kind))
        return [name for name in found if name.startswith(incomplete)]

    return complete


def shown(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes what can be drawn: files and folders, networks, and the measured times of the catalogue."""
    from dse.plot import CATALOGUE

    found = names("models", "families")(ctx, param, incomplete)
    found += [CATALOGUE] if CATALOGUE.startswith(incomplete) else []
    # Files first: bash forgets what stood before them, and offers them where nothing else is left.
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, found)]


def groups(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the groups of `dse bench`, without those that are given."""
    from dse.bench import GROUPS

    given = ctx.params.get("groups") or ()
    return [name for name in GROUPS if name.startswith(incomplete) and name not in given]


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
