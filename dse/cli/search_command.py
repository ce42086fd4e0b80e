"""dse search: budgets and objectives of a spec, searched with Optuna."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dse.cli.common import job_options, parse_settings, print_json, print_text
from dse.cli.completion import samplers
from dse.errors import InfeasibleError
from dse.search.defaults import POPULATION, SAMPLERS, TRIALS

if TYPE_CHECKING:
    from dse.jobs.resolve import Job
    from dse.search.result import SearchResult


@click.command("search", short_help="Search a space that is too large to enumerate.")
@click.option(
    "--trials", type=click.IntRange(1), default=TRIALS, show_default=True, help="Trials in all, of all workers."
)
@click.option(
    "--sampler",
    default=SAMPLERS[0],
    metavar="NAME",
    shell_complete=samplers,
    help=f"{', '.join(SAMPLERS[:-1])} or {SAMPLERS[-1]}  [{SAMPLERS[0]}]",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same study.")
@click.option(
    "--population", type=click.IntRange(2), default=POPULATION, show_default=True, help="Trials evaluated together."
)
@click.option("--polish/--no-polish", default=True, help="Try all neighbours of the frontier too  [polish]")
@click.option(
    "--inner",
    default="sample",
    metavar="HOW",
    help="sample: a trial is a design; enumerate: an architecture, told by the best of each objective apart.",
)
@click.option("--warm-start", type=click.Path(path_type=Path), metavar="RESULT", help="Start from a result's frontier.")
@click.option("--storage", metavar="URL|FILE", help="Database or journal file that several workers share.")
@click.option("--judge", is_flag=True, help="Find the exact frontier too, and tell how much of it was found.")
@job_options
def command(
    spec: Path,
    trials: int,
    sampler: str,
    seed: int,
    population: int,
    polish: bool,
    inner: str,
    warm_start: Path | None,
    storage: str | None,
    judge: bool,
    settings: tuple[str, ...],
    out: Path | None,
    assumptions: Path | None,
    fresh: bool,
    no_plots: bool,
    as_json: bool,
) -> None:
    """Search SPEC with Optuna for designs that no other beats under its budgets, and plot them.

    \b
    dse search sweeps/search-tinyml.toml --trials 2000
    dse search sweeps/quickstart.toml --judge --out results/judged
    dse search sweeps/search-tinyml.toml --out results/worker-1 \\
        --storage postgresql://user@host/studies

    A search that was killed goes on with the same command, and so does a finished one with more trials. The exit
    status is 2 when something is wrong with the spec, and 3 when no design meets the budgets.
    """
    from dse.cli.progress import progress_bar
    from dse.jobs.resolve import read_job
    from dse.search.run import run
    from dse.search.settings import Settings
    from dse.search.warm import read_warm

    own = Settings(trials, sampler, seed, population, polish, inner, storage, judge)
    own.check()
    job = read_job(spec, parse_settings(settings), assumptions=assumptions)
    warm = read_warm(job, inner, warm_start)
    folder = out or Path("results") / job.spec.name
    with progress_bar(trials, as_json, "trials") as progress:
        result = run(job, own, folder, warm=warm, fresh=fresh, progress=progress, plots=not no_plots)
    if as_json:
        print_json({**result.manifest, "state": result.state, "path": str(result.path)})
    else:
        _print(result, job)
    if result.counts["kept"] == 0:
        from dse.report.summary import misses

        raise InfeasibleError("\n".join(misses(result.manifest)))


def _print(result: SearchResult, job: Job) -> None:
    from dse.cli.explore_command import print_counts, print_found
    from dse.report.summary import search_lines

    if result.state == "reused":
        print_text("this search is done: this is the standing result (--fresh searches again)")
    for line in search_lines(result.manifest):
        print_text(line)
    print_counts(result, job)
    print_found(result, job)
