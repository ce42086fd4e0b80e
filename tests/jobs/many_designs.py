"""Designs that stream past by the thousand million: memory must not grow with them.

python tests/jobs/many_designs.py [--designs 1e10] [--threads 1]

Every design of a sheet (sizes of a decoder, number formats, accelerators and batches) is evaluated, with bounds off,
and the exact frontier of three objectives under three budgets is kept in a folder. A run of a hundredth of the designs
comes first, so that all that is imported and compiled is there. It prints the memory of the process after each tenth,
and ends with 1 where the most of it is more than MOST MiB above the beginning.
"""

from __future__ import annotations

import argparse
import functools
import gc
import math
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# For the modules beside this file, and for the package.
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

from many_runs import resident  # noqa: E402

import dse  # noqa: E402
from dse.pareto import scanner  # noqa: E402

MOST = 200.0
SPEC: dict[str, Any] = {
    "name": "many",
    "network": {"model": "llama-3.1-8b", "layers": {"start": 1, "stop": 32, "step": 1}},
    "precision": {"scheme": ["fp16", "fp8", "w8a16", "w4a16", "w4a8kv4"]},
    "hardware": {"device": ["class:datacentre-gpu", "class:tpu"]},
    "deployment": {"phase": "decode", "context": 4096, "electricity_price": "0.1 USD/kWh", "region": "WORLD"},
    "objectives": {"minimize": ["latency", "carbon"], "maximize": ["throughput"]},
    "budgets": {"latency": "50 ms", "total_power": "900 W", "electricity_cost": 1e-6},
    "bounds": False,
}
WIDTHS = 32


def spec(designs: float) -> dict[str, Any]:
    """The sheet with about so many designs."""
    widths = {"start": 1024, "stop": 1024 * WIDTHS, "step": 1024}
    one = {**SPEC, "network": {**SPEC["network"], "ffn": widths}}
    rows = dse.explore({**one, "network": SPEC["network"], "name": "rows"}).counts["enumerated"] * WIDTHS
    batches = {"start": 1, "stop": math.ceil(designs / rows), "step": 1}
    return {**one, "deployment": {**SPEC["deployment"], "batch": batches}}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", type=float, default=1e10)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        scanner.choose_engine = functools.partial(_with_threads, options.threads)
    seen: list[tuple[float, float]] = []

    def progress(done: int, size: int) -> None:
        if done >= (len(seen) + 1) * size / 10:
            seen.append((done, resident()))
            print(f"{done:,} designs: {seen[-1][1]:.0f} MiB", flush=True)

    with tempfile.TemporaryDirectory() as place:
        dse.explore(spec(options.designs / 100), out=Path(place) / "small", plots=False)
        gc.collect()
        before, started = resident(), time.monotonic()
        found = dse.explore(spec(options.designs), out=Path(place) / "x", plots=False, progress=progress)
    seconds, peak = time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = found.counts
    size = counts["enumerated"]
    print(
        f"{size:,} designs in {seconds:.0f} s ({size / seconds / 1e6:.0f} M/s, threads: {options.threads or 'all'}), "
        f"{counts['kept']:,} on the frontier: memory {before:.0f} MiB before, {seen[0][1]:.0f} MiB after a tenth, "
        f"{seen[-1][1]:.0f} MiB at the end, {peak:.0f} MiB at most"
    )
    sys.exit(peak - before > MOST)


def _with_threads(number: int, name: str, designs: int, threads: int | None = None, *rest: Any) -> Any:
    from dse.grid.engines import choose_engine

    return choose_engine(name, designs, threads or number, *rest)


if __name__ == "__main__":
    main()
