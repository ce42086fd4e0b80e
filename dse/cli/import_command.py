"""dse import: a network described by a file of somebody else, as a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dse.cli.common import echo, json_option, parse_settings, print_json
from dse.errors import Fault, InputError
from dse.files import write_whole


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where to write the model; default: print it.")
@click.option("--set", "settings", multiple=True, metavar="DIM=SIZE", help="Size of a dynamic dimension of an .onnx.")
@click.option("--force", is_flag=True, help="Replace the file that stands there.")
@json_option
def command(file: Path, out: Path | None, settings: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Turn FILE into a model that a spec names, as TOML that needs nothing but itself.

    A config.json of a language model, a .gguf of a decoder and a .safetensors with a config.json beside it become a
    family and its axes; an .onnx a table of its layers, in which dynamic dimensions have the sizes given; a
    .safetensors alone a table of its matrices. Of weights in several files FILE is any of them, or their index
    (model.safetensors.index.json); of a folder that holds such files it is the folder. A spec may name all these
    files as they are, too: then the dynamic dimensions of an .onnx are axes to sweep.

    \b
    dse import Llama-3.2-1B/config.json -o llama.toml
    dse import Llama-3.1-8B/ -o llama.toml
    dse import net.onnx --set dim_height=224 --set dim_width=224 -o net.toml
    """
    from dse.networks import load_model

    model = load_model(file)
    text, what = _written(model, parse_settings(settings), str(file))
    family = model.family if model.own_family is None else None
    facts = {"name": model.name, "family": family, "axes": dict(model.axes), "source": model.source, "note": model.note}
    if out is None:
        if as_json:
            print_json(facts)
        else:
            echo(text, nl=False)
        return
    if out.suffix != ".toml":
        raise InputError(Fault(str(out), "a model is written as .toml"))
    if out.exists() and not force:
        raise InputError(Fault(str(out), "exists already; choose another file with -o, or replace it with --force"))
    write_whole(out, text)
    if as_json:
        print_json({**facts, "path": str(out)})
        return
    echo(f"{out}: {model.name}, {what}" + (f" ({model.note})" if model.note else ""))


def _written(model: Any, settings: Mapping[str, Any], file: str) -> tuple[str, str]:
    """The model as TOML, and what it is in a few words."""
    from dse.cli.show_file import without_settings
    from dse.networks import model_toml

    if model.own_family is None:
        without_settings(settings, file)
        return model_toml(model), f"{model.family} with {len(model.axes)} axes"
    return _table(model, settings, file)


def _table(model: Any, settings: Mapping[str, Any], file: str) -> tuple[str, str]:
    from dse.cli.show_file import with_sizes
    from dse.networks import trace
    from dse.networks.ingest.table_file import rows_of, table_toml

    model, remarks = with_sizes(model, settings, file)
    rows = rows_of(trace(model.own_family, model.axes))
    sizes = ", ".join(f"{axis} = {value}" for axis, value in model.axes.items())
    return table_toml(rows, (f"{model.name}, from {model.source}", sizes, remarks)), f"a table of {len(rows)} layers"
