"""Kill runs of a job again and again, and see that what comes out in the end is what an undisturbed run gives.

python tests/jobs/killed.py MODE FOLDER [--rounds 50] [--seed 0] [--events STEP | --interrupt | --together N]

MODE is one of the kinds of `kinds.py`. Each round is a process of its own that is killed (SIGKILL) at a random
moment of the time that an undisturbed one takes, or, with --events, just before one of the things that it does to
files: the first, then STEP later, and so on to the last. The next round goes on with what it left. Whenever a round
comes to its end the result is compared, byte for byte, with that of the undisturbed run, and the next one starts anew.
A search must go on with every population that it had told of.

With --interrupt the command line runs, and is interrupted (SIGINT): its status must be 130. With --together N
processes start at the same moment on the same folder: each must finish, or be refused because of another one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# For the modules beside this file, and for the package.
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

from kinds import KINDS, MERGES, SHARDS, SPECS, STANDING, Count, arguments, content_of, job, prepare  # noqa: E402
from long_run import LONG, small_units  # noqa: E402
from specs import to_toml  # noqa: E402

import dse  # noqa: E402
from dse.cli import INTERRUPTED  # noqa: E402
from dse.errors import InputError  # noqa: E402
from dse.jobs import work  # noqa: E402

# What is heard of through the interpreter's audit hooks.
EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree", "shutil.copyfile"}
EVENTS |= {"os.symlink", "os.link"}


def start(mode: str, folder: Path, shards: Path, count: Count, event: int = 0) -> int:
    """A process that does the job, and kills itself before its `event`-th change of files; its number."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        small_units()
        work.EVERY, work.SHARE, work.RATE = 0.0, 1e9, 1e18
        if event:
            _kill_at(event, str(folder.parent))
        job(mode, folder, shards, count.set)
        status = 0
    except InputError as error:
        status = error.exit_code if "another run is at work on it" in str(error) else 1
        if status == 1:
            print(error, flush=True)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", flush=True)
    os._exit(status)


def start_command(mode: str, folder: Path, shards: Path, told: Path) -> int:
    """A process that does the job by the command line, and writes what it tells into a file; its number."""
    from dse.cli import run

    spec = told.with_name("spec.toml")
    spec.write_text(to_toml(SPECS.get(mode, LONG)))
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        # A script that is run in the background is deaf to interrupts, and so is what it starts.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for stream in (1, 2):
            os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        small_units()
        work.EVERY, work.SHARE, work.RATE = 0.0, 1e9, 1e18
        # Between here and the end of the command an interrupt is the command's own.
        os.write(1, b"started\n")
        status = run(arguments(mode, folder, shards, spec))
    except KeyboardInterrupt:
        os.write(2, b"interrupted outside the command\n")
        status = INTERRUPTED
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode())
    os._exit(status)


def _kill_at(event: int, place: str) -> None:
    left = [event]

    def heard(name: str, arguments: tuple[Any, ...]) -> None:
        if name not in EVENTS or not any(str(a).startswith(place) for a in arguments[:2]):
            return
        if name == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(heard)


def finished(child: int) -> bool:
    """Whether the process came to its end rather than being killed. Raises RuntimeError where it failed."""
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == INTERRUPTED:
        return False
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"the run failed with status {os.waitstatus_to_exitcode(status)}")
    return True


def replayed(folder: Path) -> int:
    """How many trials a search had read from what was left."""
    return int(json.loads((folder / "manifest.json").read_text())["search"]["replayed"])


class Rounds:
    """Kills and compares."""

    def __init__(self, mode: str, base: Path) -> None:
        self.mode, self.base, self.shards, self.standing = mode, base, base / "shards-of-all", base / "standing"
        self.killed = self.compared = 0
        self.count = Count(base / "count")
        if mode in MERGES:
            for number in range(1, SHARDS + 1):
                child = os.fork()
                if not child:
                    small_units()
                    dse.explore(LONG, shard=(number, SHARDS), out=self.shards)
                    os._exit(0)
                assert finished(child)
        if mode == "replace":
            child = os.fork()
            if not child:
                dse.explore(STANDING, out=self.standing, plots=False)
                os._exit(0)
            assert finished(child)
        # Once to have all that is compiled, once for the time.
        for _ in range(2):
            shutil.rmtree(base / "whole", ignore_errors=True)
            (base / "whole").mkdir()
            prepare(mode, base / "whole" / "x", self.shards, self.standing)
            started = time.monotonic()
            assert finished(start(mode, base / "whole" / "x", self.shards, self.count))
            self.seconds = time.monotonic() - started
        self.expected = content_of(mode, base / "whole" / "x")
        self.count.set(0)

    def go(self, folder: Path, event: int = 0, after: float = 0.0) -> bool:
        """One round; whether it came to its end, with the right result."""
        # A result that stands is not searched again.
        before = 0 if folder.exists() else self.count.value
        child = start(self.mode, folder, self.shards, self.count, event)
        if after:
            time.sleep(after)
            os.kill(child, signal.SIGKILL)
        if not finished(child):
            self.killed += 1
            return False
        if self.mode == "search" and (kept := replayed(folder)) < before:
            raise SystemExit(f"{self.mode}: {before} trials had been told of, and {kept} were kept")
        self.count.set(0)
        return self.compare(folder)

    def interrupt(self, folder: Path, after: float) -> bool:
        """One round of the command line that is interrupted; whether it came to its end, with the right result."""
        told = self.base / "told.txt"
        told.unlink(missing_ok=True)
        child = start_command(self.mode, folder, self.shards, told)
        while not told.exists() or b"started" not in told.read_bytes():
            time.sleep(0.001)
        time.sleep(after)
        os.kill(child, signal.SIGINT)
        done = finished(child)
        # Python itself swallows an interrupt that comes while it tidies up after an import, and says so.
        if "Traceback" in told.read_text() and not (done and "Exception ignored in" in told.read_text()):
            raise SystemExit(f"{self.mode}: {told.read_text()}")
        if done:
            return self.compare(folder)
        self.killed += 1
        return False

    def together(self, folder: Path, number: int) -> None:
        """One round of several processes at the same moment."""
        children = [start(self.mode, folder, self.shards, self.count) for _ in range(number)]
        statuses = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
        if not set(statuses) <= {0, 2} or 0 not in statuses:
            raise SystemExit(f"{self.mode}: {number} processes at once ended with {statuses}")
        self.killed += statuses.count(2)
        self.compare(folder)

    def compare(self, folder: Path) -> bool:
        """True; SystemExit where the result is another one, or something lies beside it."""
        self.compared += 1
        found = content_of(self.mode, folder)
        wrong = [n for n in {*found, *self.expected} if found.get(n) != self.expected.get(n)]
        if wrong:
            raise SystemExit(f"{self.mode}: another result after kills: {', '.join(sorted(wrong))} in {folder}")
        beside = [p.name for p in (folder / "shards" if self.mode == "shard" else folder.parent).iterdir()]
        if beside != ([f"2-of-{SHARDS}.npz"] if self.mode == "shard" else [folder.name]):
            raise SystemExit(f"{self.mode}: {beside} lie beside the result")
        return True

    def folders(self) -> Iterator[Path]:
        """Fresh places for results; what is done with is removed."""
        number = 0
        while True:
            number += 1
            place = self.base / f"place-{number}"
            place.mkdir()
            prepare(self.mode, place / "x", self.shards, self.standing)
            yield place / "x"
            shutil.rmtree(place)

    def at_random(self, rounds: int, seed: int, interrupt: bool) -> None:
        """Kill or interrupt at random moments, and finish with a round that is left alone."""
        rng, folders = random.Random(seed), self.folders()
        folder = next(folders)
        while self.killed < rounds:
            after = max(1e-3, rng.random() * self.seconds)
            if self.interrupt(folder, after) if interrupt else self.go(folder, after=after):
                folder = next(folders)
        self.go(folder)

    def at_events(self, step: int) -> None:
        """Kill before every `step`-th change of files, each time in a fresh place, then let the next round finish."""
        event, folders = 1, self.folders()
        folder = next(folders)
        while not self.go(folder, event):
            if not self.go(folder):
                raise SystemExit(f"{self.mode}: killed by somebody else")
            event, folder = event + step, next(folders)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--interrupt", action="store_true")
    parser.add_argument("--together", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rounds = Rounds(options.mode, options.folder)
    what = f"kills before changes of files, {options.events} apart" if options.events else "kills at random moments"
    if options.events:
        rounds.at_events(options.events)
    elif options.together:
        what = f"refused of {options.rounds} times {options.together} processes at once"
        for _, folder in zip(range(options.rounds), rounds.folders()):
            rounds.together(folder, options.together)
    else:
        what = "interrupts at random moments" if options.interrupt else what
        rounds.at_random(options.rounds, options.seed, options.interrupt)
    print(f"{options.mode}: {rounds.killed} {what}, {rounds.compared} results compared, all the same")


if __name__ == "__main__":
    main()
