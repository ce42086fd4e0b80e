"""A long search in memory, the sampler alone: its time and the most memory that the process held.

python tests/search/many_trials.py [--trials 100000] [--spec sweeps/search-tinyml.toml]
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import dse  # noqa: E402


def main() -> None:
    """Search, and print how far it is after a tenth, a half and all of the trials, and when all is gathered."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--spec", type=Path, default=ROOT / "sweeps" / "search-tinyml.toml")
    options = parser.parse_args()
    began, marks = time.perf_counter(), [options.trials, options.trials // 2, options.trials // 10]

    def tell(what: str) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{what}: {time.perf_counter() - began:.1f} s, at most {peak:,.0f} MiB", flush=True)

    def progress(done: int, _: int) -> None:
        while marks and done >= marks[-1]:
            tell(f"{marks.pop():,} trials")

    result = dse.search(options.spec, trials=options.trials, polish=False, progress=progress)
    tell(f"gathered, {result.counts['kept']:,} on the frontier")


if __name__ == "__main__":
    main()
