"""The sheet that is timed: sizes of a decoder, formats and batches on accelerators."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from dse.bench.sweeps import logarithmic
from dse.jobs.resolve import Job, read_job

# Metrics that vary along every axis of the sheet: on any hardware, and twelve in all on each.
COMMON = (
    "latency",
    "throughput",
    "achieved_ops_per_second",
    "energy",
    "energy_wh",
    "carbon",
    "electricity_cost",
    "ops_per_watt",
    "inferences_per_second_per_watt",
)
STORED = ("compute_time", "activation_time", "memory_time", *COMMON)
STORED_DRAWN = ("ops_per_wh", "tokens_per_second_per_watt", "carbon_per_million_tokens", *COMMON)
SCHEMES = ["fp16", "fp8", "w8a16", "w4a16", "w4a8kv4"]
# Accelerators of the catalogue, and rows of a chip that is still to be drawn: few hardware points, and many.
CATALOGUE: dict[str, Any] = {"device": ["class:datacentre-gpu", "class:tpu"]}
DRAWN: dict[str, Any] = {
    "device": "chip",
    "own": {
        "chip": {
            "class": "datacentre-accelerator",
            "peak_fp16": logarithmic("100 TFLOP/s", "2000 TFLOP/s", 24),
            "bandwidth": logarithmic("0.5 TB/s", "8 TB/s", 256),
            "memory_capacity": "141 GiB",
            "sram": "64 MiB",
            "tdp": {"base": "60 W", "peak_fp16": "0.25 W/TFLOPS", "bandwidth": "40 W*s/TB"},
        }
    },
}
# Latency [s], power [W] and price of the electricity for a token [USD], which the budgets allow.
LIMITS = (0.05, 900.0, 1e-6)


@cache
def job(designs: float, drawn: bool = False, third: str = "throughput") -> Job:
    """The sheet with about so many designs, of the chip that is still to be drawn or of the catalogue's.

    Three objectives, three budgets and the fit in memory need most of what STORED names, and more. The third
    objective is "throughput", or "params" in its place: then a design is good by being large, and the frontier is
    large.
    """
    hardware = DRAWN if drawn else CATALOGUE
    rows = read_job(_spec(hardware, 1, 1, 1, third)).size
    rest = max(1.0, designs / rows)
    layers = round(min(32.0, rest ** (1 / 3)))
    widths = round(min(32.0, (rest / layers) ** 0.5))
    return read_job(_spec(hardware, layers, widths, round(rest / layers / widths), third))


def _spec(hardware: Mapping[str, Any], layers: int, widths: int, batches: int, third: str) -> dict[str, Any]:
    network = {"model": "llama-3.1-8b", "layers": list(range(1, layers + 1))}
    return {
        "name": "bench",
        "bounds": False,
        "network": {**network, "ffn": [1024 * n for n in range(1, widths + 1)]},
        "precision": {"scheme": SCHEMES},
        "hardware": {"device": hardware["device"]},
        "device": hardware.get("own", {}),
        "deployment": {
            "phase": "decode",
            "context": 4096,
            "batch": list(range(1, batches + 1)),
            "electricity_price": "0.1 USD/kWh",
            "region": "WORLD",
        },
        "objectives": {"minimize": ["latency", "carbon"], "maximize": [third]},
        "budgets": {"latency": LIMITS[0], "total_power": LIMITS[1], "electricity_cost": LIMITS[2]},
    }
