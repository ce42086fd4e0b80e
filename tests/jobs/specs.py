"""Small specs for the tests of jobs."""

from __future__ import annotations

import copy
from typing import Any

SMALL: dict[str, Any] = {
    "name": "small",
    "network": {"family": "mobilenet_v2", "width": [0.35, 0.5, 0.75, 1.0], "resolution": [96, 128, 160]},
    "precision": {"scheme": ["fp32", "int8"]},
    "hardware": {"device": ["stm32u575", "esp32"]},
    "objectives": {"minimize": ["latency", "energy"], "maximize": ["accuracy"], "per": ["device"]},
    "budgets": {"peak_sram": "320 KiB", "latency": "300 ms"},
    "output": {"metrics": ["params"]},
}
# Eight designs, none of which meets either budget.
INFEASIBLE: dict[str, Any] = {
    "name": "infeasible",
    "network": {"family": "mobilenet_v2", "width": [0.35, 0.5], "resolution": [96, 128]},
    "precision": {"scheme": "int8"},
    "hardware": {"device": ["stm32u575", "esp32"]},
    "objectives": {"minimize": ["latency"]},
    "budgets": {"latency": "1 ms", "peak_sram": "100 KiB"},
    "fit": False,
}
LANGUAGE: dict[str, Any] = {
    "name": "language",
    "network": {"model": "llama-2-7b"},
    "precision": {"scheme": ["fp16", "w4a16"]},
    "hardware": {"device": ["a100-sxm-80gb", "l4"]},
    "deployment": {"phase": ["prefill", "decode"], "context": [512, 2048], "batch": [1, 8]},
    "objectives": {"minimize": ["latency", "memory"]},
}


def changed(spec: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A copy of a spec with values at dotted keys replaced ("__" for the dot)."""
    document = copy.deepcopy(spec)
    for key, value in values.items():
        *parents, last = key.split("__")
        table = document
        for part in parents:
            table = table.setdefault(part, {})
        table[last] = value
    return document


def to_toml(spec: dict[str, Any]) -> str:
    """A spec as TOML: top-level values first, then tables; values are written as Python writes them."""

    def value(v: Any) -> str:
        if isinstance(v, dict):
            return "{ " + ", ".join(f"{n} = {value(x)}" for n, x in v.items()) + " }"
        return str(v).lower() if isinstance(v, bool) else repr(v)

    plain = [f"{k} = {value(v)}" for k, v in spec.items() if not isinstance(v, dict)]
    tables = [
        "\n".join([f"[{k}]", *(f"{n} = {value(v)}" for n, v in t.items())])
        for k, t in spec.items()
        if isinstance(t, dict)
    ]
    return "\n".join([*plain, *tables]) + "\n"
