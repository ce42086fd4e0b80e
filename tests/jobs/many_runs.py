"""Many explorations in one process: neither memory, nor open files, nor threads may grow.

python tests/jobs/many_runs.py [--runs 200]

Specs of every kind take turns: streamed and kept grids, several networks, bounds, shards, language models, wrong ones.
After a tenth of the runs, when all that is kept once is there, the memory of the process is noted, and again at the
end. It ends with 1 where it has grown by more than a tenth of a MiB a run.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

# For the modules beside this file, and for the package.
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

from long_run import LONG  # noqa: E402
from specs import INFEASIBLE, LANGUAGE, SMALL, changed  # noqa: E402

import dse  # noqa: E402
from dse.errors import InputError  # noqa: E402

MOST_A_RUN = 0.1
SEVERAL = changed(SMALL, hardware__device="stm32u575", objectives={"minimize": ["latency"]}, budgets={})
SEVERAL["network"] = [{**SMALL["network"], "name": "one"}, {**SMALL["network"], "name": "two", "classes": 10}]


def resident() -> float:
    """MiB of the process that are in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def one(number: int, folder: Path) -> None:
    """One exploration; each of a kind differs from the one before."""
    batch = [1, 2 + number]
    kind = number % 8
    if kind == 0:
        dse.explore(changed(LONG, deployment__batch=batch), out=folder, plots=False)
    elif kind == 1:
        grid = dse.explore(changed(SMALL, output__grid=True, deployment__batch=batch), out=folder, plots=False).grid
        grid.latency.load()
    elif kind == 2:
        dse.explore(changed(SEVERAL, deployment__batch=batch))
    elif kind == 3:
        dse.explore(changed(LONG, bounds=True, deployment__batch=batch))
    elif kind == 4:
        dse.merge([dse.explore(changed(SMALL, deployment__batch=batch), shard=(n, 2)) for n in (1, 2)])
    elif kind == 5:
        dse.explore(changed(LANGUAGE, deployment__batch=batch))
    elif kind == 6:
        dse.explore(INFEASIBLE, out=folder, plots=number % 48 == 6)
    else:
        with suppress(InputError):
            dse.explore(changed(SMALL, network__width=-number))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--trace", action="store_true", help="show where memory has grown most")
    options = parser.parse_args()
    warm = max(16, options.runs // 10)
    before = (0.0, 0, 0)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        for number in range(options.runs):
            if number == warm:
                gc.collect()
                before = resident(), len(os.listdir("/proc/self/fd")), threading.active_count()
                if options.trace:
                    tracemalloc.start(10)
                    first = tracemalloc.take_snapshot()
            one(number, Path(place) / str(number))
    gc.collect()
    after = resident(), len(os.listdir("/proc/self/fd")), threading.active_count()
    if options.trace:
        for line in tracemalloc.take_snapshot().compare_to(first, "lineno")[:12]:
            print(line)
    grown = (after[0] - before[0]) / (options.runs - warm)
    print(
        f"{options.runs} explorations in {time.monotonic() - started:.0f} s: memory {before[0]:.0f} MiB after {warm}, "
        f"{after[0]:.0f} MiB at the end ({1024 * grown:.0f} KiB a run); open files {before[1]} and {after[1]}, "
        f"threads {before[2]} and {after[2]}"
    )
    sys.exit(grown > MOST_A_RUN or after[1] > before[1] or after[2] > before[2])


if __name__ == "__main__":
    main()
