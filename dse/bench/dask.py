"""Two local Dask workers of one thread each beside one, and beside this process alone.

Clusters are started, and have loaded or compiled everything, before anything is timed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from dse.bench.figures import Case, Figure, Missing, check, in_turns
from dse.bench.machine import cores
from dse.bench.sheet import job

GROUP = "dask"


def cases(full: bool) -> list[Case]:
    """One job on both: a small one, of which most of the time is not the scan, and one where it is."""
    return [_case(size) for size in ((1e8, 1e9) if full else (2e5,))]


def _case(size: float) -> Case:
    what = f"two local Dask workers, {size:.0e} designs"
    return Case(GROUP, what, lambda: _shared(what, size))


def _shared(what: str, size: float) -> Iterator[Figure]:
    if find_spec("distributed") is None:
        raise Missing("pip install 'dse[cluster]'")
    from distributed import LocalCluster

    from dse.jobs.distribute import scan_on
    from dse.jobs.run import compute

    asked, found = job(size), dict[str, Any]()
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0", "silence_logs": logging.ERROR}
    with ExitStack() as stack:
        scans = {"this process": scan_on(None)}
        for workers in (1, 2):
            cluster = stack.enter_context(LocalCluster(n_workers=workers, **options))
            scans[f"{workers} workers"] = scan_on(cluster.scheduler_address)

        def way(name: str) -> Any:
            return lambda: found.update({name: compute(asked, scan=scans[name])})

        turns = in_turns({name: way(name) for name in scans}, room=30)
    for name in scans:
        check(found[name].frontier.identical(found["this process"].frontier), f"{what}: {name}")
    note = f"{asked.size:,} designs; same frontier of {found['2 workers'].counts['kept']:,}; {cores()} cores"
    yield Figure(GROUP, what, turns.ratio("1 workers", "2 workers"), "× one worker", 1.6, None, turns.medians(), note)
