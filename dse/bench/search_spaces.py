"""Three spaces of about a million designs each that searches are judged on: small enough to know the truth."""

from __future__ import annotations

from typing import Any

from dse.bench.sweeps import logarithmic

VISION: dict[str, Any] = {
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
SERVING: dict[str, Any] = {
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
WHAT_IF: dict[str, Any] = {
    "name": "what-if-hardware",
    "network": {"model": "resnet50"},
    "precision": {"scheme": ["int8", "w4a8"]},
    "hardware": {"device": "chip"},
    "device": {
        "chip": {
            "class": "edge",
            "peak_int8": logarithmic("1 TOPS", "64 TOPS", 40),
            "bandwidth": logarithmic("4 GB/s", "256 GB/s", 40),
            "sram": logarithmic("256 KiB", "32 MiB", 40),
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
