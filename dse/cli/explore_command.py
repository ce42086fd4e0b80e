"""dse explore: the main job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dse.cli.common import json_option, parse_settings, print_json, print_table
from dse.errors import InfeasibleError, InputError

if TYPE_CHECKING:
    from dse.jobs.resolve import Job
    from dse.jobs.result import Result

SHOWN = 20


@click.command("explore")
@click.argument("spec", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Replace a value of the spec (dotted key).")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the result [results/NAME].")
@click.option("--dry-run", is_flag=True, help="Print axes, designs, bytes and expected time; compute nothing.")
@click.option("--fresh", is_flag=True, help="Recompute, and replace what the folder holds.")
@click.option("--no-plots", is_flag=True, help="Write no pictures.")
@json_option
def command(
    spec: Path, settings: tuple[str, ...], out: Path | None, dry_run: bool, fresh: bool, no_plots: bool, as_json: bool
) -> None:
    """Evaluate every design of SPEC, keep the exact frontier under its budgets, and plot it.

    \b
    dse explore sweeps/quickstart.toml
    dse explore sweeps/quickstart.toml --set 'budgets.peak_sram="256 KiB"' --out results/small
    """
    from dse.jobs.resolve import resolve
    from dse.jobs.run import run
    from dse.jobs.spec import read_spec

    job = resolve(read_spec(spec, parse_settings(settings)), str(spec))
    if "device" not in job.space.axes:
        raise InputError(f"{spec}: hardware.device: is missing; `dse list devices` names the catalogue")
    if dry_run:
        _print_plan(job, as_json)
        return
    folder = out or Path("results") / job.spec.name
    with _progress(job.space.size, quiet=as_json) as progress:
        result = run(job, folder, fresh=fresh, progress=progress, plots=not no_plots)
    if as_json:
        print_json({**result.manifest, "path": str(folder)})
    else:
        _print_result(result, job)
    if result.counts["kept"] == 0:
        raise InfeasibleError("\n".join(misses(result)))


class _progress:
    """Rate and time left on a terminal; nothing in a pipe."""

    def __init__(self, total: int, quiet: bool) -> None:
        import sys

        self._on = sys.stderr.isatty() and not quiet
        self._total = total

    def __enter__(self) -> Callable[[int, int], None] | None:
        if not self._on:
            return None
        from rich.console import Console
        from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
        from rich.text import Text

        class Rate(ProgressColumn):
            """Designs a second."""

            def render(self, task: Task) -> Text:
                speed = task.finished_speed or task.speed
                return Text(f"{speed:,.0f} designs/s" if speed else "")

        columns = (
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} designs"),
            BarColumn(),
            Rate(),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        task = self._bar.add_task("", total=self._total)
        self._bar.start()
        return lambda done, total: self._bar.update(task, completed=done)

    def __exit__(self, *_: object) -> None:
        if self._on:
            self._bar.stop()


def _print_plan(job: Job, as_json: bool) -> None:
    from dse.jobs.estimate import estimate

    plan = estimate(job)
    if as_json:
        print_json(plan)
        return
    rows = [[a["name"], a["role"], f"{a['values']:,}", a["first_to_last"]] for a in plan["axes"]]
    print_table(["axis", "role", "values", "from - to"], rows, right=["values"])
    click.echo()
    click.echo(f"{plan['designs']:,} designs; {plan['bytes_text']} if the whole grid were kept")
    click.echo(f"about {plan['seconds_text']} at {plan['rate']:,.0f} designs/s measured on a part of it")
    for device, figures in plan["left_out_devices"].items():
        click.echo(f"left out: {device} lacks {', '.join(figures)}")


def _print_result(result: Result, job: Job) -> None:
    counts = result.counts
    if result.reused:
        click.echo("unchanged since it was computed: the standing result is shown (--fresh recomputes)")
    seconds = result.manifest["seconds"]
    rate = counts["enumerated"] / max(seconds, 1e-9)
    click.echo(f"{counts['enumerated']:,} designs of a closed-form model in {seconds:.2f} s ({rate:,.0f} designs/s)")
    rows = [["undefined", f"{counts['undefined']:,}", ""]]
    totals = result.manifest["broken_totals"]
    rows += [[f"excluded by {n}", f"{c:,}", f"{totals[n]:,}"] for n, c in counts["excluded"].items()]
    rows += [["dominated", f"{counts['dominated']:,}", ""], ["kept: the frontier", f"{counts['kept']:,}", ""]]
    print_table(["designs", "number", "broken in all"], rows, right=["number", "broken in all"])
    for device, figures in job.left_out.items():
        click.echo(f"left out: {device} lacks {', '.join(figures)}")
    click.echo()
    if counts["kept"]:
        _print_frontier(result, job)
    click.echo(f"written to {result.path}")


def _print_frontier(result: Result, job: Job) -> None:
    from dse.report.tables import frontier_rows

    columns, rows = frontier_rows(result.frontier, list(job.metrics), SHOWN)
    print_table(columns, rows, right=[c for c in columns if c in job.metrics])
    rest = result.frontier.sizes["design"] - SHOWN
    if rest > 0:
        click.echo(f"... and {rest:,} more in {result.path}/frontier.csv")
    click.echo()


def misses(result: Result) -> list[str]:
    """One line a budget: how many designs it excluded, and the nearest miss."""
    from dse.units import format_quantity

    lines = ["no design meets the budgets"]
    totals, nearest = result.manifest["broken_totals"], result.manifest["nearest_misses"]
    units = {b["text"]: result.manifest["units"][b["metric"]] for b in result.manifest["budgets"]}
    for name, count in totals.items():
        if count:
            miss = f"; the nearest miss has {format_quantity(nearest[name], units[name])}" if name in nearest else ""
            lines.append(f"{name}: broken by {count:,} designs{miss}")
    if result.counts["undefined"]:
        lines.append(f"undefined: {result.counts['undefined']:,} designs")
    return lines
