"""How far a job is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(total: int, quiet: bool, what: str = "designs") -> Iterator[Callable[[int, int], None] | None]:
    """A function of how many are done and how many there are, that shows the rate; None where stderr is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.table import Column
    from rich.text import Text

    class Rate(ProgressColumn):
        """How many a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f} {what}/s" if speed else "")

    # The bar takes what the words leave: these are never broken over two lines.
    count = TextColumn("{task.completed:,.0f} of {task.total:,.0f} " + what, table_column=Column(no_wrap=True))
    filled = BarColumn(bar_width=None, table_column=Column(ratio=1))
    rate, left = Rate(table_column=Column(no_wrap=True)), TimeRemainingColumn(table_column=Column(no_wrap=True))
    columns = (count, filled, rate, left)
    with Progress(*columns, console=Console(stderr=True), transient=True, expand=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, _: bar.update(task, completed=done)
