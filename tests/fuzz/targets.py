"""What is fuzzed: each parser of a file or a text of the user's, with valid inputs to start from."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dse import units
from dse.errors import DseError
from tests.fuzz import calibrations, mutations, networks, searches
from tests.fuzz.mutations import document, octets, to_toml
from tests.fuzz.results import change_toml, targets
from tests.fuzz.target import Target, folder

ROOT = Path(__file__).resolve().parents[2]


def _sources(*folders: str, suffix: str) -> list[bytes]:
    return [p.read_bytes() for folder in folders for p in sorted((ROOT / folder).glob(f"*{suffix}"))]


# Specs

CHIP: dict[str, Any] = {
    "network": {"family": "decoder", "layers": 2, "d_model": 64, "heads": 4, "vocab": 100},
    "hardware": {"device": "chip"},
    "device": {
        "chip": {
            "class": "edge",
            "peak_fp32": ["1 TFLOP/s", "3 TFLOP/s"],
            "bandwidth": {"start": "8 GB/s", "stop": "32 GB/s", "step": "8 GB/s"},
            "tdp": {"base": "0.05 W", "peak_fp32": "0.3 W/TOPS"},
            "area": {"base": "4 mm2", "tdp": "2 mm2/W"},
        }
    },
    "deployment": {"phase": "request", "prompt_tokens": [16, 64], "output_tokens": 8},
    "objectives": {"minimize": ["latency", "area"]},
}
LANGUAGE: dict[str, Any] = {
    "network": {"model": "llama-2-7b"},
    "precision": {"scheme": ["fp16", "mine"], "mine": {"weight_bits": [2, 4], "group_size": 64, "compute": "fp16"}},
    "hardware": {"device": ["a100-sxm-80gb", "mine"]},
    "device": {"mine": {"base": "l4", "tdp": {"base": "0.05 W", "peak_int8": "0.3 W/TOPS"}, "bandwidth": "1 TB/s"}},
    "deployment": {"phase": ["prefill", "decode"], "context": [512, 2048], "batch": {"start": 1, "stop": 8, "num": 3}},
    "objectives": {"minimize": ["latency", "memory"], "per": ["device"]},
    "budgets": {"memory": {"max": "80 GB"}},
}
SEVERAL: dict[str, Any] = {
    "workload": {"combine": "together", "arena": "separate"},
    "network": [
        {"name": "person", "family": "mobilenet_v2", "width": [0.35, 0.5], "rate": "2 /s", "budgets": {"latency": 1}},
        {"name": "word", "family": "ds_cnn", "rate": "1 /s"},
    ],
    "hardware": {"device": "class:mcu"},
    "precision": {"scheme": "int8"},
    "objectives": {"minimize": ["energy"], "maximize": ["person.accuracy"]},
    "output": {"metrics": ["params"], "grid": False},
    "fit": False,
    "bounds": "auto",
    "counting": "weights",
}


def _specs() -> list[bytes]:
    # Paths in them are relative to the file.
    (folder() / "accuracy.csv").write_bytes((ROOT / "tests/users/accuracy.csv").read_bytes())
    return [*_sources("tests/users", "sweeps", suffix=".toml"), *map(to_toml, (LANGUAGE, SEVERAL, CHIP))]


def _read_spec(path: Path) -> object:
    from dse.jobs.resolve import read_job

    return read_job(path).size


# Quantities

UNITS = ("B", "s", "J", "W", "FLOP/s", "B/s", "1", "%", "g/kWh", "USD/kWh", "token", "USD", "mm2")
QUANTITIES = ("320 KiB", "10 mJ", "0.3 W/TOPS", "1.5e3 GB/s", "0.2 USD/kWh", "1 mW/KiB", "2 /s", "3 g·s^-2", "25 %")


def _quantity(rng: random.Random, given: bytes) -> bytes:
    text = given.decode("utf-8", "replace")
    parts = [*QUANTITIES, *mutations.TEXTS, *(str(n) for n in mutations.NUMBERS if n < 10**30), *UNITS, " ", "/", "^"]
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(parts) + text[at + rng.randint(0, 4) :]
    return text.encode()


def _read_quantity(text: str) -> object:
    # In the unit that it has is none of these by chance: it is read in its own, too.
    own = text.strip().rpartition(" ")[2] if " " in text.strip() else "1"
    value = units.quantity(text, own)
    with suppress(DseError):
        units.quantity(text, UNITS[len(text) % len(UNITS)])
    return value


QUALITY = b"""width,resolution,precision,device,accuracy,accuracy_low,accuracy_high,loss
0.35,96,int8,esp32,80.1,79,81,0.6
0.5,128,fp32,esp32,83.5 %,82,84,0.5
1,160,int8,stm32u575,88,87,89,0.4
"""


def _read_quality(path: Path) -> object:
    from dse.errors import InputError
    from dse.jobs.quality import read_table

    faults: list[Any] = []
    table = read_table(path, ("width", "resolution", "precision", "device", "gated", "person.width"), faults)
    if faults:
        raise InputError(faults)
    return table


SMALL: dict[str, Any] = {
    "network": {"family": "mobilenet_v2", "width": [0.35, 1.0], "resolution": [96, 160]},
    "precision": {"scheme": ["fp32", "int8"]},
    "hardware": {"device": ["stm32u575", "esp32"]},
    "deployment": {"region": "france"},
    "objectives": {"minimize": ["latency", "energy", "operation_energy"], "maximize": ["accuracy"]},
}
WITHOUT_REGION = {name: part for name, part in SMALL.items() if name != "deployment"}


@cache
def _assumptions() -> list[bytes]:
    from dse.jobs.assumptions import to_toml as assumptions
    from dse.jobs.resolve import read_job
    from dse.regions import REGIONS

    spec = {**SMALL, "deployment": {"region": next(iter(REGIONS))}}
    return [assumptions(read_job(s)).encode() for s in (spec, {**SEVERAL, "precision": SMALL["precision"]})]


def _read_assumptions(path: Path) -> object:
    from dse.jobs.resolve import read_job

    return read_job(WITHOUT_REGION, assumptions=path).size


# What runs leave


@cache
def _partials() -> list[bytes]:
    import dse

    return [dse.explore(WITHOUT_REGION, shard=(1, 1), out=folder() / "shard").path.read_bytes()]


def _change_shard(rng: random.Random, given: bytes) -> bytes:
    """A whole file with another header, or other arrays in it."""
    import io

    try:
        with np.load(io.BytesIO(given)) as file:
            arrays = dict(file)
    except Exception:  # already past reading
        return octets(rng, given)
    if rng.random() < 0.5:
        header = document(rng, json.loads(str(arrays["header"])))
        arrays["header"] = np.array(json.dumps(header))
    for name in rng.sample(sorted(arrays), rng.randint(0, 2)):
        array = arrays[name]
        number = rng.choice([2**40, -1, 0, 5])
        others = [np.repeat(array, 2), array.astype(str), -np.ones_like(array, float), array.ravel()]
        others += [
            np.array(rng.choice(mutations.TEXTS)),
            np.full(array.shape, number),
            array[:-1] if array.ndim else array,
        ]
        arrays[name] = rng.choice(others)
    made = io.BytesIO()
    np.savez(made, **arrays)
    return made.getvalue()


def _read_shard(path: Path) -> object:
    import dse

    return dse.merge([path]).counts


TARGETS = {
    target.name: target
    for target in (
        Target("spec", ".toml", _specs, change_toml, _read_spec),
        Target("quantity", "", lambda: [q.encode() for q in QUANTITIES], _quantity, _read_quantity),
        Target("quality", ".csv", lambda: [QUALITY], mutations.table, _read_quality),
        Target("assumptions", ".toml", _assumptions, change_toml, _read_assumptions),
        Target("shard", ".npz", _partials, _change_shard, _read_shard),
        *targets([CHIP, LANGUAGE, SEVERAL, WITHOUT_REGION], WITHOUT_REGION),
        *networks.TARGETS,
        *calibrations.TARGETS,
        *searches.TARGETS,
    )
}


def load() -> None:
    """Import all that the parsers need, so that no input pays for it."""
    import dse.calibration.shipped
    import dse.jobs.resolve
    import dse.jobs.shards
    import dse.networks.ingest
    import dse.search.entry  # noqa: F401
