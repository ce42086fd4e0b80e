"""A grid says of each design what the design alone says: random grids over all axes of all families.

python -m tests.networks.grids_and_points [--grids 20000] [--seed 0]

Each grid has two or three axes of a published model, structural ones among them, and two number formats or devices now
and then. A handful of its designs are evaluated alone: all counts and times must be equal to the last bit, and what is
refused alone must be undefined in the grid, and the other way round. It ends with 1 where any differs.
"""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import dse
import dse.metrics  # records them
from dse.errors import InputError
from dse.glossary import lookup
from dse.networks import FAMILIES, MODELS
from dse.networks.levers import LEVERS
from dse.registry import METRICS

# Counts, and what is made of them op by op or under a plan of patches.
COUNTS = [
    name for name, variants in METRICS.items() if all(record.kind == "count" for record in variants.values())
]
MADE = ["latency", "peak_sram", "memory", "model_size", "weight_time", "activation_time", "arithmetic_intensity"]
POINTS = 5
# Values of axes whose default follows from others, and of some that have few values that are allowed.
VALUES: dict[str, list[Any]] = {
    "sparsity": [0.0, 0.25, 0.5, 0.9], "width": [0.25, 0.5, 1.0, 1.4], "patches": [1, 2, 3, 5],
    "in_channels": [1, 3, 64, 200], "depth": [18, 34, 50, 101, 121, 11, 16], "version": [1, 1.1, 2],
    "density": [0.1, 0.5, 1.0], "shift_share": [0.0, 0.125, 0.5], "page_tokens": [1, 16, 100], "phase": [
        "prefill", "decode"], "kv_heads": [1, 2, 4, 8], "d_head": [16, 64], "experts": [1, 4, 8],
    "chunk_tokens": [1, 64],
}  # fmt: skip


def values_of(axis: str, usual: Any, rng: np.random.Generator) -> list[Any]:
    """A few values of an axis, that of the model among those to choose from."""
    entry, base = lookup(axis), axis.removeprefix("vision_").removeprefix("text_").removeprefix("unet_")
    base = base.removeprefix("second_text_")
    if base in VALUES:
        pool = VALUES[base]
    elif entry.choices:
        pool = list(entry.choices)
    elif entry.integer and entry.maximum <= 2:
        pool = [v for v in (0, 1, 2) if entry.minimum <= v <= entry.maximum]
    elif entry.integer:
        middle = int(usual) if usual is not None else int(rng.choice([1, 2, 8, 48]))
        pool = [v for v in {middle, middle + 1, middle // 2, 2 * middle, 1, 3, 16} if v >= entry.minimum]
    else:
        middle = float(usual) if usual is not None else 1.0
        pool = [v for v in {middle, middle / 2, middle * 1.3} if v <= entry.maximum and v >= entry.minimum]
    if usual is not None and rng.random() < 0.7:
        pool = list(dict.fromkeys([usual, *pool]))
    number = min(len(pool), int(rng.integers(1, 4)))
    return [pool[i] for i in rng.permutation(len(pool))[:number]]


def draw(rng: np.random.Generator, family: str) -> tuple[str, dict[str, list[Any]]]:
    """A network of the family, and the axes of a grid of it."""
    models = [name for name, model in MODELS.items() if model.family == family]
    name = str(rng.choice(models)) if models else family
    kind = FAMILIES[family]
    known = {**kind.defaults, **(MODELS[name].axes if name in MODELS else {})}
    own = [axis for axis in kind.axes if axis not in LEVERS]
    few = [axis for axis in kind.structural if axis in own]
    weights = np.array([3.0 if axis in few or axis in ("patches", "in_channels") else 1.0 for axis in own])
    chosen = list(
        rng.choice(own, size=min(len(own), int(rng.integers(2, 4))), replace=False, p=weights / weights.sum())
    )
    if rng.random() < 0.3:
        chosen[0] = str(rng.choice([axis for axis in LEVERS if axis in kind.axes]))
    axes = {str(axis): values_of(str(axis), known.get(str(axis)), rng) for axis in dict.fromkeys(chosen)}
    if "batch" not in axes and rng.random() < 0.2:
        axes["batch"] = [1, 7]
    return name, axes


def differences(name: str, axes: dict[str, list[Any]], rng: np.random.Generator) -> Iterator[str]:
    """What a grid says otherwise than its designs alone."""
    settings = {
        "device": str(rng.choice(["a100-sxm-80gb", "stm32h743"])), "precision": str(rng.choice(["fp32", "int8"])),
        "metrics": [*COUNTS, *MADE], "latency_model": str(rng.choice(["roofline", "per_op", "calibrated"])), "engine": "plain",
    }  # fmt: skip
    try:
        grid = dse.evaluate(name, **axes, **settings)
    except InputError as error:
        grid = str(error)
    refused = isinstance(grid, str)
    sizes = [len(values) for values in axes.values()]
    total = int(np.prod(sizes))
    for place in rng.permutation(total)[:POINTS]:
        index = dict(zip(axes, map(int, np.unravel_index(place, sizes)), strict=True))
        point = {axis: axes[axis][i] for axis, i in index.items()}
        try:
            alone = dse.evaluate(name, **point, **settings)
        except InputError as error:
            if not refused:
                found = grid.isel(index)
                if "2^53" not in str(error) and not np.isnan(float(found.macs)):
                    yield f"{point}: refused alone ({error}), and {float(found.macs)} MACs in the grid"
            continue
        if refused:
            # A value that no network of the family has, and a count that is beyond what is exact, are refused at once.
            if "2^53" not in grid and "is not allowed" not in grid:
                yield f"{point}: refused in the grid ({grid}), and {float(alone.macs)} MACs alone"
            continue
        found = grid.isel(index)
        for metric in alone.data_vars:
            here, there = float(found[metric]), float(alone[metric])
            if not (here == there or (np.isnan(here) and np.isnan(there))):
                yield f"{point}: {metric} {here!r} in the grid, {there!r} alone"


def checked(seed: int, family: str | None = None) -> list[str]:
    """What the grid of a seed says otherwise than its designs alone, with what it takes to see it again."""
    rng = np.random.default_rng(seed)
    names = list(FAMILIES)
    name, axes = draw(rng, family or names[seed % len(names)])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            return [f"seed {seed}: {name} {axes}: {found}" for found in differences(name, axes, rng)]
    except Exception:
        return [f"seed {seed}: {name} {axes}: {traceback.format_exc(limit=-3)}"]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grids", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong = 0
    for seed in range(options.seed, options.seed + options.grids):
        for found in checked(seed):
            wrong += 1
            print(found, flush=True)
    print(f"{options.grids} grids from seed {options.seed}: {wrong} differences")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
