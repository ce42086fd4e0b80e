"""A search in a process of its own, for tests that kill it or run several: SPEC as JSON, options as JSON."""

from __future__ import annotations

import json
import sys
import time

import dse
from dse.search.driver import Driver

if __name__ == "__main__":
    spec, options, pause = json.loads(sys.argv[1]), json.loads(sys.argv[2]), float(sys.argv[3])
    own = Driver._generation

    def slowly(driver: Driver) -> None:
        """A population, and time for somebody to interfere."""
        own(driver)
        print(driver._count, flush=True)
        time.sleep(pause)

    Driver._generation = slowly
    dse.search(spec, plots=False, **options)
