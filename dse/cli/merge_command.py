"""dse merge: put the shards of a job together."""

from __future__ import annotations

from pathlib import Path

import click

from dse.cli.common import json_option, plots_option


@click.command("merge", short_help="Put the shards of a job together.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RESULT...")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the result [RESULT, where it is one folder].")
@click.option("--fresh", is_flag=True, help="Replace the result that the folder holds.")
@plots_option
@json_option
def command(results: tuple[Path, ...], out: Path | None, fresh: bool, no_plots: bool, as_json: bool) -> None:
    """Put together what `dse explore --shard I/N` left in RESULT (folders, or the files of single shards).

    The result is the one that a single process finds. All N shards must be there, each once.

    \b
    dse merge results/quickstart
    dse merge here/quickstart there/quickstart --out results/quickstart
    """
    from dse.cli.explore_command import show_result
    from dse.jobs.resolve import read_job
    from dse.jobs.shards import find_shards, merge

    shards = find_shards(results)
    folder = out or (results[0] if len(results) == 1 and results[0].is_dir() else Path("results") / shards[0].job_name)
    result = merge(shards, folder, fresh=fresh, plots=not no_plots)
    show_result(result, read_job(shards[0].spec, assumptions=shards[0].assumptions), as_json)
