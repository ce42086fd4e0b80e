"""Feed a parser many inputs, guided by coverage where atheris is installed (pip install 'dse[fuzz]').

python -m tests.fuzz.long_run TARGET [--inputs 100000] [--seconds 3600] [--seed 1] [--plain]
python -m tests.fuzz.long_run --list

It ends after so many inputs, or so many seconds, and tells after every 10,000 how many there were. It prints what came
out besides clear errors, each kind once with the input, and ends with 1 where there was any. An input may take at most
two seconds of the processor, and a minute until it is done (others may be at work on the machine); the memory of the
process may grow by at most two GiB.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from typing import Any

SECONDS, WAIT, GROWTH, LONGEST = 2.0, 60.0, 2 * 2**30, 100_000


class TooSlow(BaseException):
    """An input takes longer than it may."""


class Run:
    """Counts inputs, and keeps those that a parser failed on."""

    def __init__(self, target: Any, wanted: int, seconds: float) -> None:
        self.target, self.wanted, self.seconds = target, wanted, seconds
        self.outcomes: Counter[str] = Counter()
        self.failures: dict[str, tuple[int, bytes]] = {}
        self.slowest, self.started = 0.0, time.monotonic()

    def one(self, data: bytes) -> None:
        """Parse one input."""
        started = time.process_time()
        _limit(SECONDS, WAIT)
        try:
            told = self.target.run(data)
            self.outcomes["accepted" if told == "accepted" else "refused"] += 1
            if len(told) > LONGEST:
                self.fail(f"a message of {len(told):,} characters", data)
            if "\nTraceback" in told or told == "refused without a word":
                self.fail(told[:200], data)
        except (Exception, TooSlow) as error:
            _limit(0, 0)
            frames = traceback.extract_tb(error.__traceback__)
            own = [f for f in frames if f"{os.sep}dse{os.sep}" in f.filename] or frames
            where = f"{own[-1].filename.rpartition(f'{os.sep}dse{os.sep}')[2]}:{own[-1].lineno}"
            self.outcomes["failed"] += 1
            self.fail(f"{type(error).__name__} in {where}: {str(error)[:160]!r}", data, where + type(error).__name__)
        finally:
            _limit(0, 0)
        self.slowest = max(self.slowest, time.process_time() - started)
        if self.outcomes.total() % 10_000 == 0:
            gc.collect()
            if not self.done:
                self.report()

    def fail(self, what: str, data: bytes, kind: str = "") -> None:
        """Note a failure; of each kind one input is kept."""
        kind = kind or what[:60]
        if kind not in self.failures:
            print(f"  {what}\n    {data[:400]!r}", flush=True)
        count, first = self.failures.get(kind, (0, data))
        self.failures[kind] = count + 1, min(first, data, key=len)

    @property
    def done(self) -> bool:
        """Whether there were enough inputs, or there is no more time."""
        return self.outcomes.total() >= self.wanted or time.monotonic() - self.started > self.seconds

    def report(self) -> int:
        """Print a line, and give the exit status."""
        counts = ", ".join(f"{n:,} {what}" for what, n in sorted(self.outcomes.items()))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds = time.monotonic() - self.started
        print(
            f"{self.target.name}: {self.outcomes.total():,} inputs in {seconds:.0f} s: {counts}; "
            f"{len(self.failures)} kinds of failures; "
            f"slowest {self.slowest:.2f} s of the processor; peak memory {peak:,.0f} MiB",
            flush=True,
        )
        return 1 if self.failures else 0


def _limit(processor: float, wait: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, processor)
    signal.setitimer(signal.ITIMER_REAL, wait)


def _too_slow(number: int, _: object) -> None:
    took = f"{SECONDS:g} s of the processor" if number == signal.SIGPROF else f"{WAIT:g} s"
    raise TooSlow(f"longer than {took}")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="?")
    parser.add_argument("--list", action="store_true", help="print the names of all targets")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="mutations alone, not guided by coverage")
    options = parser.parse_args()
    if options.list or options.target is None:
        from tests.fuzz.targets import TARGETS

        print(*TARGETS, sep="\n")
        return
    guided = None
    if not options.plain:
        try:
            import atheris as guided
        except ImportError:
            print("atheris is not installed: not guided by coverage", file=sys.stderr)
    if guided is not None:
        with guided.instrument_imports(include=["dse"]):
            from tests.fuzz.targets import TARGETS, load

            load()
    else:
        from tests.fuzz.targets import TARGETS, load

        load()
    target = TARGETS[options.target]
    seeds = target.seeds()
    for seed in seeds:
        target.run(seed)
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, _too_slow)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + 4 * GROWTH
    resource.setrlimit(resource.RLIMIT_AS, (memory + 8 * 2**30, memory + 8 * 2**30))
    # Numbers that run over are told to nobody but a developer.
    warnings.simplefilter("error", RuntimeWarning)
    run = Run(target, options.inputs, options.seconds)
    if guided is None:
        rng, corpus = random.Random(options.seed), list(seeds)
        while not run.done:
            run.one(target.change(rng, rng.choice(corpus)))
        sys.exit(run.report())
    _guided(guided, run, seeds, options.seed)


def _guided(atheris: Any, run: Run, seeds: list[bytes], seed: int) -> None:
    import tempfile
    from pathlib import Path

    from tests.fuzz.target import clean

    corpus = Path(tempfile.mkdtemp(prefix="dse-corpus-"))
    for number, data in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(data)

    def one(data: bytes) -> None:
        run.one(data)
        if run.done:
            status = run.report()
            clean()
            os._exit(status)

    def mutate(data: bytes, most: int, number: int) -> bytes:
        rng = random.Random(number)
        if rng.random() < 0.2:
            return bytes(atheris.Mutate(data, most))
        try:
            return run.target.change(rng, data)[:most]
        except Exception:
            # An input that is no document any more.
            return run.target.change(rng, rng.choice(seeds))[:most]

    arguments = [sys.argv[0], str(corpus), f"-seed={seed}", "-max_len=200000", "-rss_limit_mb=0", "-timeout=0"]
    atheris.Setup([*arguments, "-verbosity=0", "-print_final_stats=0"], one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
