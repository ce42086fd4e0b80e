"""Searches of three spaces of about a million designs beside the exact frontier, medians of five seeds.

`python -m tests.benchmarks.bench_search [TRIALS ...]` prints the table; the trials are 500 and 2000 by default.
Population and mutation were chosen on other spaces; moves along several axes were added after a first run on these.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator

import numpy as np
import optuna

from dse.jobs.resolve import Job, read_job
from dse.jobs.run import blocks_of
from dse.pareto.scanner import Scanner
from dse.search.driver import Driver, quiet
from dse.search.indicators import Frame, Points, frame
from dse.search.settings import Settings
from dse.search.storage import Nowhere

SEEDS = range(5)
VISION = {
    "name": "vision-mcu",
    "network": {
        "family": "mobilenet_v2",
        "width": {"start": 0.1, "stop": 1.4, "step": 0.02},
        "resolution": {"start": 48, "stop": 224, "step": 4},
        "classes": 1000,
        "in_channels": [1, 3],
    },
    "precision": {
        "scheme": ["int8", "w4a8", "mine"],
        "mine": {"weight_bits": [2, 3, 4, 5, 6, 7], "activation_bits": 8},
    },
    "hardware": {"device": ["stm32l4r5", "stm32u575", "esp32", "gap9", "stm32f412"]},
    "deployment": {"batch": [1, 2, 4, 8]},
    "objectives": {"minimize": ["latency", "energy"], "maximize": ["params"]},
    "budgets": {"peak_sram": "320 KiB", "flash": "1 MiB", "latency": "200 ms"},
}
SERVING = {
    "name": "llm-serving",
    "network": {
        "family": "decoder",
        "layers": {"start": 16, "stop": 80, "step": 8},
        "d_model": {"start": 2048, "stop": 8192, "step": 1024},
        "heads": [16, 32, 64],
        "kv_heads": [1, 4, 8, 16],
        "d_head": 128,
        "ffn": {"start": 8192, "stop": 28672, "step": 4096},
        "vocab": 128256,
    },
    "precision": {"scheme": ["fp16", "fp8", "w8a16", "w4a16", "w4a8kv4"]},
    "hardware": {"device": "class:datacentre-gpu"},
    "deployment": {
        "phase": "request",
        "prompt_tokens": 2048,
        "output_tokens": 256,
        "batch": [1, 2, 4, 8, 16, 32, 64, 128, 256],
        "compute_efficiency": 0.6,
        "bandwidth_efficiency": 0.8,
    },
    "objectives": {"minimize": ["cost_per_million_tokens", "energy_per_token", "time_per_token"]},
    "budgets": {"time_per_token": "50 ms", "time_to_first_token": "2 s", "params": {"min": 7e9}},
}
WHAT_IF = {
    "name": "what-if-hardware",
    "network": {"model": "resnet50"},
    "precision": {"scheme": ["int8", "w4a8"]},
    "hardware": {"device": "chip"},
    "device": {
        "chip": {
            "class": "edge",
            "peak_int8": {"start": "1 TOPS", "stop": "64 TOPS", "num": 40, "scale": "log"},
            "bandwidth": {"start": "4 GB/s", "stop": "256 GB/s", "num": 40, "scale": "log"},
            "sram": {"start": "256 KiB", "stop": "32 MiB", "num": 40, "scale": "log"},
            "memory_capacity": "4 GiB",
            "tdp": {"base": "0.3 W", "peak_int8": "0.15 W/TOPS", "bandwidth": "0.02 W*s/GB", "sram": "20 mW/MiB"},
            "area": {"base": "4 mm2", "peak_int8": "0.4 mm2/TOPS", "bandwidth": "0.05 mm2*s/GB", "sram": "0.8 mm2/MiB"},
        }
    },
    "deployment": {"on_chip_reuse": 1, "batch": [1, 2, 4, 8, 16, 32, 64, 128]},
    "objectives": {"minimize": ["latency", "energy", "area"]},
    "budgets": {"latency": "50 ms", "power": "6 W"},
}
SPACES = (VISION, SERVING, WHAT_IF)


def exact_frontier(job: Job) -> Points:
    """The frontier by enumeration."""
    found = Scanner(blocks_of(job)).scan()
    return Points(found.points, found.groups, found.places)


def searched(job: Job, measured: Frame, exact: Points, trials: int, seed: int, polish: bool = True) -> dict[str, float]:
    """How a search of this project did."""
    driver = Driver(job, Settings(trials, seed=seed, polish=polish), Nowhere(), np.empty(0, dtype=np.int64))
    driver.run()
    last = driver.steps[-1]
    return {
        "share": measured.share(last.points),
        "frontier": float(np.isin(exact.places, last.points.places).mean()),
        "designs": last.designs,
        "evaluation": driver.evaluator.seconds,
        "seconds": last.seconds,
    }


def plain(job: Job, measured: Frame, exact: Points, trials: int, seed: int) -> dict[str, float]:
    """How NSGA-II does as Optuna has it, with the same parameters and constraints."""
    driver = Driver(job, Settings(trials=trials, seed=seed, polish=False), Nowhere(), np.empty(0, dtype=np.int64))
    began = time.perf_counter()
    with quiet():
        study = driver.study
        study.sampler = optuna.samplers.NSGAIISampler(population_size=50, seed=seed)
        for start in range(0, trials, 50):
            asked = [driver._suggested(study.ask()) for _ in range(min(50, trials - start))]
            cells = [driver.space.encode(t.params) for t in asked]
            for trial, outcome in zip(asked, driver.evaluator.trials(cells), strict=True):
                driver._tell(trial, outcome)
    points, places, groups = driver.evaluator.archive.parts()
    return {
        "share": measured.share(Points(points, groups, places)),
        "frontier": float(np.isin(exact.places, places).mean()),
        "designs": driver.evaluator.designs,
        "evaluation": driver.evaluator.seconds,
        "seconds": time.perf_counter() - began,
    }


def alone(job: Job, measured: Frame, exact: Points, trials: int, seed: int) -> dict[str, float]:
    """How a search does without neighbours of the frontier."""
    return searched(job, measured, exact, trials, seed, polish=False)


WAYS = {"default": searched, "sampler alone": alone, "plain NSGA-II": plain}


def table(trials: list[int], spaces=SPACES, seeds=SEEDS) -> Iterator[str]:
    """Lines of the table, of each space and number of trials: medians of all seeds."""
    heads = f"{'space':<17}{'search':<15}{'trials':>7}{'volume':>9}{'least':>9}"
    yield heads + f"{'frontier':>10}{'designs':>9}{'eval.':>8}{'all':>8}"
    for space in spaces:
        job = read_job(space)
        exact = exact_frontier(job)
        measured = frame(exact)
        yield f"{space['name']}: {job.size:,} designs, {len(exact.places):,} on the exact frontier"
        for number in trials:
            for name, way in WAYS.items():
                found = [way(job, measured, exact, number, seed) for seed in seeds]
                median = {k: statistics.median(f[k] for f in found) for k in found[0]}
                least = min(f["share"] for f in found)
                yield (
                    f"{space['name']:<17}{name:<15}{number:>7,}{median['share']:>9.5f}{least:>9.5f}"
                    f"{median['frontier']:>10.4f}{median['designs']:>9,.0f}{median['evaluation']:>7.2f}s{median['seconds']:>7.2f}s"
                )


if __name__ == "__main__":
    for line in table([int(n) for n in sys.argv[1:]] or [500, 2000]):
        print(line, flush=True)
