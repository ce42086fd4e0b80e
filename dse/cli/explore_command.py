"""dse explore: the main job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dse.cli.common import echo, job_options, parse_settings, print_json, print_table, print_text
from dse.errors import InfeasibleError, InputError

if TYPE_CHECKING:
    from dse.jobs.resolve import Job
    from dse.jobs.result import Result

SHOWN = 20


@click.command("explore", short_help="Evaluate every design of a spec; keep the frontier.")
@job_options
@click.option("--dry-run", is_flag=True, help="Print axes, designs, bytes and expected time; write nothing.")
@click.option("--scheduler", metavar="ADDRESS|local", help="Share the work out over a Dask cluster.")
@click.option("--shard", metavar="I/N", help="Scan the I-th of N shards only (I from 1); see `dse merge`.")
def command(
    spec: Path,
    settings: tuple[str, ...],
    out: Path | None,
    assumptions: Path | None,
    dry_run: bool,
    fresh: bool,
    scheduler: str | None,
    shard: str | None,
    no_plots: bool,
    as_json: bool,
) -> None:
    """Evaluate every design of SPEC, keep the exact frontier under its budgets, and plot it.

    \b
    dse explore sweeps/quickstart.toml
    dse explore sweeps/quickstart.toml --dry-run
    dse explore sweeps/quickstart.toml --out results/small \\
        --set 'budgets.peak_sram=256 KiB' --set 'network.width=[0.35, 0.5]'

    The exit status is 2 when something is wrong with the spec, and 3 when no design meets the budgets.
    """
    from dse.cli.progress import progress_bar
    from dse.jobs.distribute import scan_on
    from dse.jobs.resolve import read_job
    from dse.jobs.run import run
    from dse.jobs.shards import parse_shard

    part = None if shard is None else parse_shard(shard, "--shard")
    if part is not None and scheduler is not None:
        raise InputError("--shard and --scheduler are both given; give one of them")
    job = read_job(spec, parse_settings(settings), assumptions=assumptions)
    if dry_run:
        _print_plan(job, as_json)
        return
    folder = out or Path("results") / job.spec.name
    if part is not None:
        _run_shard(job, part, folder, fresh, as_json)
        return
    with progress_bar(job.size, quiet=as_json) as progress:
        result = run(job, folder, fresh=fresh, progress=progress, plots=not no_plots, scan=scan_on(scheduler))
    show_result(result, job, as_json)


def show_result(result: Result, job: Job, as_json: bool) -> None:
    """Print a result, and raise InfeasibleError where no design meets the budgets."""
    from dse.report.summary import misses

    if as_json:
        print_json({**result.manifest, "state": result.state, "path": str(result.path)})
    else:
        _print_result(result, job)
    if result.counts["kept"] == 0:
        raise InfeasibleError("\n".join(misses(result.manifest)))


def _run_shard(job: Job, part: tuple[int, int], folder: Path, fresh: bool, as_json: bool) -> None:
    from dse.cli.progress import progress_bar
    from dse.jobs.shards import run_shard

    with progress_bar(job.size // part[1], quiet=as_json) as progress:
        found = run_shard(job, part, folder, fresh=fresh, progress=progress)
    number, of = part
    if as_json:
        print_json({"shard": [number, of], "designs": found.found.tally.enumerated, "path": str(found.path)})
        return
    print_text(f"shard {number} of {of}: {found.found.tally.enumerated:,} designs in {found.seconds:.2f} s")
    echo(f"written to {found.path}; when all {of} are there: dse merge {folder}")


def _print_plan(job: Job, as_json: bool) -> None:
    from dse.jobs.estimate import estimate

    plan = estimate(job)
    if as_json:
        print_json(plan)
        return
    rows = [[a["name"], a["role"], f"{a['values']:,}", a["first_to_last"]] for a in plan["axes"]]
    print_table(["axis", "role", "values", "from - to"], rows, right=["values"], prose=["from - to"])
    echo()
    objectives = ", ".join(f"{o['direction']} {o['metric']}" for o in plan["objectives"])
    print_text(f"objectives: {objectives}; budgets: {', '.join(plan['budgets']) or 'none'}")
    echo(f"{plan['designs']:,} designs; {plan['bytes_text']} if the whole grid were kept")
    if plan["mode"] == "bounds":
        print_text("by bounds: boxes of designs are skipped unseen; the time follows the frontier, not the designs")
    else:
        echo(f"about {plan['seconds_text']} at {plan['rate']:,.0f} designs/s measured on a part of it")
    for note in plan["notes"]:
        print_text(f"note: {note}")
    print_devices(plan["left_out_devices"], plan["fit_not_checked"])


def print_devices(left_out: dict[str, list[str]], unchecked: dict[str, list[str]]) -> None:
    """Print the devices that were left out, and those whose capacities are not known."""
    from dse.report.summary import lacking

    if left_out:
        print_text(f"left out, for want of figures: {lacking(left_out)}", indent="  ")
    if unchecked:
        print_text(f"fit not checked, for want of capacities: {lacking(unchecked)}", indent="  ")


_STATES = {
    "reused": "unchanged since it was computed: this is the standing result (--fresh computes it again)",
    "recomputed": "formulas or catalogues have changed since the standing result: computed again",
}


def _print_result(result: Result, job: Job) -> None:
    from dse.report.summary import bounds_text, rate_text

    if result.state in _STATES:
        print_text(_STATES[result.state])
    print_text(bounds_text(result.manifest) if "bounds" in result.manifest else rate_text(result.manifest))
    print_counts(result, job)
    print_found(result, job)


def print_counts(result: Result, job: Job) -> None:
    """Print what became of the designs of a result, and what is to be known of them."""
    from dse.report.summary import count_rows

    if job.catalogues.replayed:
        print_text(f"figures and defaults are those of {job.catalogues.source}")
    for message in result.messages:
        print_text(message)
    rows = count_rows(result.manifest)
    print_table(["designs", "number", "break it"], rows, right=["number", "break it"], prose=["designs"])
    print_left_out(result.manifest)


def print_left_out(manifest: Mapping[str, Any]) -> None:
    """Print what is not among the designs of a result and why, and what else is to be known of them."""
    from dse.report.summary import undefined_lines, unmatched

    if manifest["counts"]["kept"]:
        for line in undefined_lines(manifest):
            print_text(f"undefined: {line}", indent="  ")
    for note in manifest.get("notes", ()):
        print_text(f"note: {note}")
    if told := unmatched(manifest):
        print_text(told)
    print_devices(manifest["left_out_devices"], manifest.get("fit_not_checked", {}))


def print_found(result: Result, job: Job) -> None:
    """Print the frontier of a result, and where it is kept."""
    echo()
    if result.counts["kept"]:
        _print_frontier(result, job)
    echo(f"written to {result.path}")


def _print_frontier(result: Result, job: Job) -> None:
    from dse.report.tables import frontier_rows

    columns, rows = frontier_rows(result.frontier, result.manifest["axes"], job.metrics, SHOWN)
    print_table(columns, rows, right=[c for c in columns if c in job.metrics])
    rest = result.frontier.sizes["design"] - len(rows)
    if rest > 0:
        echo(f"... and {rest:,} more in {result.path}/frontier.csv")
    echo()
