"""What searches read besides the spec: their journal, one that workers share, a result to start from, and options."""

from __future__ import annotations

import json
import random
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.fuzz.mutations import TEXTS, document, octets
from tests.fuzz.target import Target, folder

SPEC: dict[str, Any] = {
    "name": "x",
    "network": {"family": "mobilenet_v2", "width": [0.35, 0.5, 1.0], "resolution": [96, 160]},
    "precision": {"scheme": ["fp32", "int8"]},
    "hardware": {"device": ["stm32u575", "esp32"]},
    "objectives": {"minimize": ["latency"], "maximize": ["params"]},
    "budgets": {"peak_sram": "320 KiB"},
}
# Trials that a journal holds, and those that a search of it goes on to.
WRITTEN, TRIALS, POPULATION = 4, 8, 2
GOING_ON = ("nsga2", "nsga3", "tpe", "random")
# Of one search, and of several workers.
JOURNAL, SHARED = "Journal", "Shared"


@cache
def _job() -> Any:
    from dse.jobs.resolve import read_job

    return read_job(SPEC)


def _settings(trials: int, sampler: str) -> Any:
    from dse.search.settings import Settings

    return Settings(trials, sampler, 0, POPULATION, polish=False)


def _searched(kind: str, path: Path, trials: int = TRIALS) -> Any:
    """What a search goes on with: all that was written is evaluated again. Every sampler has its turn."""
    from dse.search.driver import Driver, directions, quiet
    from dse.search.journal import Journal
    from dse.search.shared import Shared
    from dse.search.warm import NOTHING

    turn = path.stat().st_size if path.exists() else 0
    with quiet():
        if kind == JOURNAL:
            mirror: Any = Journal(path, "x", directions(_job()), "stamp")
        else:
            mirror = Shared(str(path), "x", directions(_job()), "stamp")
        driver = Driver(_job(), _settings(trials, GOING_ON[turn % len(GOING_ON)]), mirror, NOTHING.cells)
        driver.run()
    return driver.replayed


def _seeds(kind: str) -> list[bytes]:
    path = folder() / "seed.journal"
    path.unlink(missing_ok=True)
    _searched(kind, path, WRITTEN)
    return [path.read_bytes()]


def _change_journal(rng: random.Random, given: bytes) -> bytes:
    """Entries changed, lost, doubled or in another order."""
    lines = given.split(b"\n")
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(lines))
        kind = rng.random()
        if kind < 0.6:
            try:
                lines[at] = json.dumps(document(rng, json.loads(lines[at]))).encode()
            except ValueError:
                lines[at] = octets(rng, lines[at])
        elif kind < 0.75:
            del lines[at]
        elif kind < 0.9:
            lines.insert(rng.randrange(len(lines) + 1), lines[at])
        else:
            other = rng.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        lines = lines or [b""]
    return b"\n".join(lines)


# Texts of options

OPTIONS = ("network.width=0.5", 'network.width=[0.35, 1]', "budgets.peak_sram=320 KiB", "fit=false", "bounds=auto",
           'hardware.device="class:mcu"', "deployment.batch={start=1, stop=8, step=1}", "name=y")  # fmt: skip
BUDGETS = ("peak_sram<=320 KiB", "latency>=1 ms", "latency <= 20 ms", "accuracy ≥ 70 %", "person.latency<=1")


def _change_text(rng: random.Random, given: bytes) -> bytes:
    text = given.decode("utf-8", "replace")
    parts = [*OPTIONS, *BUDGETS, *TEXTS, "=", "<=", ".", "[", '"', "\n", "budgets.", "network.", "[[network]]", "{a=1}"]
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(parts) + text[at + rng.randint(0, 6) :]
    return text.encode()


def _read_setting(text: str) -> object:
    from dse.cli.common import parse_settings
    from dse.jobs.resolve import read_job

    return read_job(SPEC, parse_settings([text])).size


def _read_budget(text: str) -> object:
    from dse.cli.frontier_command import parse_budgets
    from dse.jobs.resolve import read_job

    return read_job({**SPEC, "budgets": parse_budgets([text])}).size


TARGETS = (
    Target("journal", ".journal", partial(_seeds, JOURNAL), _change_journal, partial(_searched, JOURNAL)),
    Target("shared-journal", ".shared", partial(_seeds, SHARED), _change_journal, partial(_searched, SHARED)),
    Target("setting", "", lambda: [o.encode() for o in OPTIONS], _change_text, _read_setting),
    Target("budget", "", lambda: [b.encode() for b in BUDGETS[:3]], _change_text, _read_budget),
)
