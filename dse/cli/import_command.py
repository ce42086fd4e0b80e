"""dse import: a network described by a file of somebody else, as a model."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from dse.cli.common import json_option, print_json
from dse.errors import Fault, InputError


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where to write the model; default: print it.")
@click.option("--force", is_flag=True, help="Replace the file that stands there.")
@json_option
def command(file: Path, out: Path | None, force: bool, as_json: bool) -> None:
    """Turn FILE, a config.json of a language model or a .gguf file of a decoder, into a model: a family and its axes,
    as TOML.

    An .onnx file needs no import: a spec names it as it is (model = "net.onnx"), and `dse show net.onnx` counts it.

    \b
    dse import Llama-3.2-1B/config.json -o llama.toml
    """
    from dse.networks import load_model, model_toml

    model = load_model(file)
    if model.own_family is not None:
        raise InputError(Fault(str(file), f'is no point of a family; name it as it is: model = "{file}"'))
    text = model_toml(model)
    facts = {"name": model.name, "family": model.family, "axes": dict(model.axes), "source": model.source}
    if out is None:
        if as_json:
            print_json(facts)
        else:
            click.echo(text, nl=False)
        return
    if out.suffix != ".toml":
        raise InputError(Fault(str(out), "a model is written as .toml"))
    if out.exists() and not force:
        raise InputError(Fault(str(out), "exists already; choose another file with -o, or replace it with --force"))
    _write(text, out)
    if as_json:
        print_json({**facts, "path": str(out)})
        return
    click.echo(f"{out}: {model.name}, {model.family} with {len(model.axes)} axes")


def _write(text: str, path: Path) -> None:
    """Write under a temporary name beside the file, then rename: never a half-written one."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise InputError(Fault(str(path), f"cannot be written: {error.strerror}")) from None
    finally:
        with suppress(OSError):
            part.unlink()
