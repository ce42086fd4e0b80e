"""Many explorations in one process: neither memory, nor open files, nor threads may grow.

python tests/jobs/many_runs.py [--runs 200]

Specs of every kind take turns: streamed and kept grids, several networks, bounds, shards, language models, wrong ones.
The memory of the process is noted whenever each kind had its turn, first after a tenth of the runs, when all that is
kept once is there. It ends with 1 where it grows by more than a tenth of a MiB a run: by the median of the slopes
between any two of these moments, so that one step (a library's pool, a cache that is full from then on) is no growth.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import threading
import time
import tracemalloc
from contextlib import suppress
from itertools import combinations
from pathlib import Path

# For the modules beside this file, and for the package.
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

from long_run import LONG  # noqa: E402
from specs import INFEASIBLE, LANGUAGE, SMALL, changed  # noqa: E402

import dse  # noqa: E402
from dse.errors import InputError  # noqa: E402

MOST_A_RUN, KINDS, LEAST = 0.1, 8, 32
SEVERAL = changed(SMALL, hardware__device="stm32u575", objectives={"minimize": ["latency"]}, budgets={})
SEVERAL["network"] = [{**SMALL["network"], "name": "one"}, {**SMALL["network"], "name": "two", "classes": 10}]


def resident() -> float:
    """MiB of the process that are in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def one(number: int, folder: Path) -> None:
    """One exploration; each of a kind differs from the one before."""
    batch = [1, 2 + number]
    kind = number % KINDS
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


def held() -> tuple[float, int, int]:
    """Memory in MiB, open files and threads of the process."""
    gc.collect()
    return resident(), len(os.listdir("/proc/self/fd")), threading.active_count()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--trace", action="store_true", help="show where memory has grown most")
    options = parser.parse_args()
    if options.runs < LEAST:
        parser.error(f"--runs: at least {LEAST}, each kind four times")
    # Each kind twice at least.
    warm = KINDS * max(2, options.runs // (10 * KINDS))
    noted: dict[int, tuple[float, int, int]] = {}
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        for number in range(options.runs):
            if number >= warm and number % KINDS == 0:
                noted[number] = held()
            if number == warm and options.trace:
                tracemalloc.start(10)
                first = tracemalloc.take_snapshot()
            one(number, Path(place) / str(number))
    noted[options.runs] = held()
    if options.trace:
        for line in tracemalloc.take_snapshot().compare_to(first, "lineno")[:12]:
            print(line)
    before, after = noted[warm], noted[options.runs]
    grown = statistics.median((noted[b][0] - noted[a][0]) / (b - a) for a, b in combinations(noted, 2))
    print(
        f"{options.runs} explorations in {time.monotonic() - started:.0f} s: memory {before[0]:.0f} MiB after {warm}, "
        f"{after[0]:.0f} MiB at the end ({1024 * grown:.0f} KiB a run); open files {before[1]} and {after[1]}, "
        f"threads {before[2]} and {after[2]}"
    )
    sys.exit(grown > MOST_A_RUN or after[1] > before[1] or after[2] > before[2])


if __name__ == "__main__":
    main()
