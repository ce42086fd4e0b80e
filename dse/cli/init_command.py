"""dse init: a spec to start from."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import click

from dse.errors import DseError, InputError


@click.command("init", short_help="Write a commented spec to start from.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default="spec.toml", show_default=True)
def command(output: Path) -> None:
    """Write a spec with comments, ready to be explored; a file that stands there already is left alone.

    \b
    dse init -o detector.toml
    dse explore detector.toml --dry-run
    """
    text = files("dse.cli").joinpath("template.toml").read_text(encoding="utf-8")
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
    click.echo(f"written to {output}; explore it with: dse explore {output}")
