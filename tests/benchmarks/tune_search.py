"""What a search is tuned on: seven spaces that are not those that `dse bench search` reports.

`python -m tests.benchmarks.tune_search [TRIALS ...]` prints how each way of searching does on them, medians of the
seeds. Every choice of `dse.search` (population, mutation, moves of the polish) was made by this table alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from dse.bench.search import exact_frontier, medians
from dse.bench.sweeps import logarithmic
from dse.jobs.resolve import read_job
from dse.search.indicators import frame

SEEDS = range(100, 105)
KEYWORDS = {
    "name": "mobilenet-v1",
    "network": {
        "family": "mobilenet_v1",
        "width": {"start": 0.1, "stop": 1.0, "step": 0.02},
        "resolution": {"start": 64, "stop": 256, "step": 8},
        "classes": [2, 10, 1000],
    },
    "precision": {"scheme": ["int8", "mine"], "mine": {"weight_bits": [2, 3, 4, 6], "activation_bits": [4, 6, 8]}},
    "hardware": {"device": ["stm32u575", "stm32f412", "esp32", "gap9"]},
    "deployment": {"batch": [1, 2, 3, 4, 6]},
    "objectives": {"minimize": ["latency", "flash"], "maximize": ["macs"]},
    "budgets": {"peak_sram": "256 KiB", "flash": "800 KiB", "energy": "30 mJ"},
}
DECODE = {
    "name": "decode",
    "network": {
        "family": "decoder",
        "layers": {"start": 12, "stop": 96, "step": 6},
        "d_model": {"start": 1024, "stop": 12288, "step": 1024},
        "heads": [8, 16, 32, 48],
        "kv_heads": [1, 2, 8, 16],
        "d_head": [64, 128],
        "ffn": {"start": 4096, "stop": 32768, "step": 4096},
        "vocab": 32000,
    },
    "precision": {"scheme": ["fp16", "w8a16", "w4a16"]},
    "hardware": {"device": ["rtx-4090", "rtx-3060-12gb", "l4", "l40s", "a100-sxm-80gb"]},
    "deployment": {"phase": "decode", "context": 4096, "batch": [1, 4, 16, 64]},
    "objectives": {"minimize": ["latency", "energy"], "maximize": ["params"]},
    "budgets": {"latency": "100 ms", "params": {"min": 1e9}},
}
CHIP = {
    "name": "chip",
    "network": {"model": "mobilenet_v2_1.0_224"},
    "precision": {"scheme": ["fp16", "int8"]},
    "hardware": {"device": "own"},
    "device": {
        "own": {
            "class": "edge",
            "peak_fp16": logarithmic("0.2 TFLOP/s", "20 TFLOP/s", 48),
            "peak_int8": logarithmic("0.4 TOPS", "40 TOPS", 48),
            "bandwidth": logarithmic("1 GB/s", "100 GB/s", 48),
            "memory_capacity": "2 GiB",
            "tdp": {
                "base": "0.1 W",
                "peak_int8": "0.1 W/TOPS",
                "peak_fp16": "0.2 W*s/TFLOP",
                "bandwidth": "0.03 W*s/GB",
            },
            "area": {
                "base": "2 mm2",
                "peak_int8": "0.3 mm2/TOPS",
                "peak_fp16": "0.7 mm2*s/TFLOP",
                "bandwidth": "0.04 mm2*s/GB",
            },
        }
    },
    "deployment": {"batch": [1, 2, 4, 8, 16]},
    "objectives": {"minimize": ["latency", "energy", "area"]},
    "budgets": {"latency": "30 ms", "power": "3 W", "area": "12 mm2"},
}


def cliffs(model: str, minimize: list[str], budgets: dict[str, str]) -> dict:
    """A chip whose memory holds the weights, or does not: what is better lies far away, along several axes at once."""
    chip = {
        "class": "edge",
        "peak_int8": logarithmic("0.5 TOPS", "50 TOPS", 36),
        "bandwidth": logarithmic("2 GB/s", "200 GB/s", 36),
        "sram": logarithmic("128 KiB", "16 MiB", 44),
        "memory_capacity": "2 GiB",
        "tdp": {"base": "0.2 W", "peak_int8": "0.1 W/TOPS", "bandwidth": "0.03 W*s/GB", "sram": "15 mW/MiB"},
        "area": {"base": "3 mm2", "peak_int8": "0.5 mm2/TOPS", "bandwidth": "0.04 mm2*s/GB", "sram": "1 mm2/MiB"},
    }
    return {
        "name": f"chip-{model}",
        "network": {"model": model},
        "precision": {"scheme": ["int8", "w4a8"]},
        "hardware": {"device": "chip"},
        "device": {"chip": chip},
        "deployment": {"on_chip_reuse": 1, "batch": [1, 2, 3, 4, 6, 8, 12, 16]},
        "objectives": {"minimize": minimize},
        "budgets": budgets,
    }


JOINT = {
    "name": "network-and-chip",
    "network": {"family": "resnet_cifar", "base_channels": [8, 12, 16, 24, 32, 48, 64], "blocks": [1, 2, 3, 5, 7, 9]},
    "precision": {"scheme": ["int8", "w4a8"]},
    "hardware": {"device": "own"},
    "device": {
        "own": {
            "class": "edge",
            "peak_int8": logarithmic("0.1 TOPS", "10 TOPS", 24),
            "bandwidth": logarithmic("0.2 GB/s", "20 GB/s", 24),
            "sram": logarithmic("32 KiB", "4 MiB", 22),
            "memory_capacity": "1 GiB",
            "tdp": {"base": "50 mW", "peak_int8": "0.2 W/TOPS", "bandwidth": "0.05 W*s/GB", "sram": "30 mW/MiB"},
        }
    },
    "deployment": {"on_chip_reuse": 1},
    "objectives": {"minimize": ["latency", "energy"], "maximize": ["params"]},
    "budgets": {"latency": "20 ms", "power": "0.8 W"},
}
DENSE = cliffs("densenet121", ["latency", "energy"], {"latency": "50 ms", "power": "4 W", "area": "25 mm2"})
SCALED = cliffs("efficientnet_b0", ["latency", "energy", "area"], {"latency": "40 ms", "power": "4 W"})
SEARCHED = cliffs("mobilenet_v3_large", ["energy", "area"], {"latency": "10 ms"})
SPACES = (KEYWORDS, DECODE, CHIP, JOINT, DENSE, SCALED, SEARCHED)


def table(trials: list[int], spaces=SPACES, seeds=SEEDS) -> Iterator[str]:
    """Lines of the table, of each space and number of trials: medians of all seeds."""
    for space in spaces:
        job = read_job(space)
        exact = exact_frontier(job)
        measured = frame(exact)
        yield f"{space['name']}: {job.size:,} designs, {len(exact.places):,} on the exact frontier"
        for number in trials:
            for name, middle in medians(job, measured, exact, number, seeds).items():
                yield (
                    f"  {name:<15}{number:>7,} trials: volume {middle['share']:.5f} (least {middle['least']:.5f}), "
                    f"frontier {middle['frontier']:.4f}, {middle['designs']:,.0f} designs, "
                    f"evaluation {middle['evaluation']:.3f} s of {middle['seconds']:.2f} s"
                )


if __name__ == "__main__":
    for line in table([int(n) for n in sys.argv[1:]] or [500, 2000]):
        print(line, flush=True)
