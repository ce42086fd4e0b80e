"""The command line: one thin module a command, each imported when it is used."""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
from typing import Any

import click

from dse import __version__, interrupts
from dse.cli.common import echo
from dse.cli.completion import answer
from dse.errors import DseError, InputError, unknown
from dse.interrupts import INTERRUPTED

COMMANDS = (
    "explore", "search", "evaluate", "calc", "frontier", "merge", "plot", "report", "list", "show", "init", "import",
    "calibrate", "validate", "bench",
)  # fmt: skip


class Commands(click.Group):
    """The group of all commands; a command's module is imported when its name is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of a name, None for an unknown one."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"dse.cli.{name}_command")
        return module.command  # type: ignore[no-any-return]

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does, but an unknown command is answered with the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise InputError(unknown("command", args[0], COMMANDS))
        found = super().resolve_command(ctx, args)
        # The command is imported: an interrupt in the midst of an import may be lost.
        interrupts.end_the_command()
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, prog_name="dse")
def cli() -> None:
    """Explore networks x number formats x chips under budgets, exactly.

    \b
    dse explore sweeps/quickstart.toml
    dse evaluate resnet50 --device a100-sxm-80gb --precision fp16
    dse calc power_draw tdp="300 W" utilization=0.7
    dse list devices
    dse show mobilenet_v2
    """


def main() -> None:
    """Run the command line; the process's exit status is that of the contract."""
    # A stream that was closed before the start is None.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 (open until the process ends)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without "≤" shows "?": no reason to fail.
            stream.reconfigure(errors="replace")
    # Without a home that can be written it keeps its fonts in a temporary folder, which is nobody's concern.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    answer(cli)
    status = run(sys.argv[1:])
    interrupts.end_the_process()
    try:
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            status = _unwritable(error)
        # Nothing more can be said there: the interpreter must not try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if status == INTERRUPTED:
        # An interrupt that reached code run by an extension would end the interpreter by the signal instead.
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _unwritable(error: OSError) -> int:
    echo(f"dse: cannot write: {error.strerror or error}", err=True)
    return DseError.exit_code


def run(arguments: list[str]) -> int:
    """Run the command line; gives the exit status: 0 done, 2 wrong input, 3 infeasible, 130 interrupted, 1 else."""
    try:
        # Not `cli.main`, which ends the process when a pipe is closed.
        with cli.make_context("dse", list(arguments)) as context:
            cli.invoke(context)
    except click.exceptions.Exit as error:
        return error.exit_code
    except DseError as error:
        echo("\n".join(f"dse: {line}" for line in str(error).splitlines()), err=True)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        echo(error.format_message(), err=True)
        return InputError.exit_code
    except click.ClickException as error:
        place = getattr(error, "ctx", None)
        echo(f"{place.command_path if place else 'dse'}: {error.format_message()}", err=True)
        return InputError.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt) as error:
        echo(str(error) or "interrupted", err=True)
        return INTERRUPTED
    except MemoryError:
        echo("dse: not enough memory; narrow the axes", err=True)
        return DseError.exit_code
    except BrokenPipeError:
        # The reader of the pipe has seen enough.
        return 0
    except OSError as error:
        return _unwritable(error)
    return 0
