"""The command line: one thin module a command, each imported when it is used."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from dse import __version__
from dse.errors import DseError, InputError, unknown

COMMANDS = ("calc", "evaluate", "explore", "frontier", "import", "list", "plot", "show")
INTERRUPTED = 130


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
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise InputError(unknown("command", args[0], COMMANDS))
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dse")
def cli() -> None:
    """Explore networks x number formats x chips under budgets, exactly.

    \b
    dse explore sweeps/quickstart.toml        the main job: evaluate, filter, plot
    dse evaluate resnet50 --device a100-sxm-80gb --precision fp16
    dse calc kv_cache batch=1 layers=32 kv_heads=8 d_head=128 tokens=8192 bits=16
    dse show mobilenet_v2                     what is behind a name
    """


def main() -> None:
    """Run the command line; the process's exit status is that of the contract."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line; gives the exit status: 0 done, 2 wrong input, 3 infeasible, 130 interrupted, 1 else."""
    try:
        status = cli.main(arguments, prog_name="dse", standalone_mode=False)
    except DseError as error:
        click.echo(_told(str(error)), err=True)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return InputError.exit_code
    except click.ClickException as error:
        place = getattr(error, "ctx", None)
        click.echo(f"{place.command_path if place else 'dse'}: {error.format_message()}", err=True)
        return InputError.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the pipe has gone: nothing is left to say, nor to flush.
        sys.stdout = None
        return 0
    return status if isinstance(status, int) else 0


def _told(text: str) -> str:
    return "\n".join(f"dse: {line}" for line in text.splitlines())
