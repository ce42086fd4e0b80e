"""A grid says of each design what the design alone says: random grids over all axes of all families.

python -m tests.networks.grids_and_points [--grids 20000] [--seed 0]

Each grid has two or three axes of a published model, structural ones among them, on some device, of language models now
and then for requests or training. A handful of its designs are evaluated alone, and as a list: all counts and times
must be equal to the last bit; what is refused alone must be undefined in the grid, and the other way round; and what is
undefined must say why. It ends with 1 where any differs.
"""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

import dse
import dse.metrics  # records them
from dse.api import design_space
from dse.errors import InputError
from dse.glossary import lookup
from dse.grid import reasons
from dse.grid.dataset import with_ends
from dse.grid.evaluate import evaluate_values
from dse.networks import FAMILIES, MODELS
from dse.networks.levers import LEVERS
from dse.registry import METRICS

# Counts, and what is made of them op by op or under a plan of patches.
COUNTS = [name for name, variants in METRICS.items() if all(record.kind == "count" for record in variants.values())]
MADE = ["latency", "peak_sram", "memory", "model_size", "weight_time", "activation_time", "arithmetic_intensity"]
MADE += ["adapter_params", "trained_params"]
WANTED = [*COUNTS, *MADE]
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
    if rng.random() < 0.3:
        axes |= {"lora_rank": [int(r) for r in rng.permutation([0, 4, 9])[: rng.integers(1, 4)]]}
        axes |= {"lora_targets": [["qv"], ["all"], ["all", "qv"]][rng.integers(3)]}
    return name, axes


def circumstances(name: str, axes: dict[str, list[Any]], rng: np.random.Generator) -> dict[str, Any]:
    """What designs are evaluated on: a device, a number format, and now and then requests or training."""
    found: dict[str, Any] = {
        "device": str(rng.choice(["a100-sxm-80gb", "stm32h743"])), "precision": str(rng.choice(["fp32", "int8"])),
        "latency_model": str(rng.choice(["roofline", "per_op", "calibrated"])),
    }  # fmt: skip
    of_language = "context" in FAMILIES[MODELS[name].family if name in MODELS else name].axes
    if of_language and "phase" not in axes and "context" not in axes and rng.random() < 0.3:
        found["phase"] = str(rng.choice(["request", "train"]))
        if found["phase"] == "request":
            found |= {"prompt_tokens": int(rng.choice([1, 100, 700])), "output_tokens": int(rng.choice([1, 30]))}
    return found


def differences(name: str, axes: dict[str, list[Any]], rng: np.random.Generator, points: int = POINTS) -> Iterator[str]:
    """What a grid, or a list of its designs, says otherwise than its designs alone."""
    settings = circumstances(name, axes, rng)
    sizes = [len(values) for values in axes.values()]
    everywhere = rng.permutation(int(np.prod(sizes)))

    def evaluated(place: int) -> tuple[dict[str, int], xr.Dataset | str]:
        index = dict(zip(axes, map(int, np.unravel_index(place, sizes)), strict=True))
        return index, _evaluated(name, {axis: axes[axis][i] for axis, i in index.items()}, settings)

    grid = _evaluated(name, axes, settings)
    if isinstance(grid, str):
        yield from _refused(grid, axes, map(evaluated, everywhere))
        return
    yield from _without_reason(grid)
    places = everywhere[:points]
    listed = _listed(name, axes, settings, places)
    for row, (index, alone) in enumerate(map(evaluated, places)):
        where = f"{index} of {settings}"
        found = grid.isel(index)
        for metric in grid.data_vars:
            here, of_list = float(found[metric]), float(listed[metric][row])
            if not _same(here, of_list):
                yield f"{where}: {metric} {here!r} in the grid, {of_list!r} in a list"
        if isinstance(alone, str) and WITHOUT_MATRICES in alone:
            if not np.isnan(float(found.adapter_params)):
                yield f"{where}: refused alone ({alone}), and {float(found.adapter_params)} parameters in the grid"
            # What does not depend on adapters is that of the network without them.
            found = found[[metric for metric in found if not np.isnan(float(found[metric]))]]
            alone = _evaluated(name, {a: axes[a][i] for a, i in index.items()} | {"lora_rank": 0}, settings)
        if isinstance(alone, str):
            if BEYOND not in alone and "macs" in found and not np.isnan(float(found.macs)):
                yield f"{where}: refused alone ({alone}), and {float(found.macs)} MACs in the grid"
            continue
        for metric in found.data_vars:
            here, there = float(found[metric]), float(alone[metric])
            if not _same(here, there):
                yield f"{where}: {metric} {here!r} in the grid, {there!r} alone"


# Of a count that is no longer exact, and of adapters beside no matrix.
BEYOND, WITHOUT_MATRICES = "2^53", "has no matrices"


def _evaluated(name: str, axes: Mapping[str, Any], settings: Mapping[str, Any]) -> xr.Dataset | str:
    """The metrics, or why they are refused."""
    try:
        return dse.evaluate(name, metrics=WANTED, **axes, **settings, engine="plain")
    except InputError as error:
        return str(error)


def _same(a: float, b: float) -> bool:
    return a == b or (np.isnan(a) and np.isnan(b))


def _refused(why: str, axes: Mapping[str, Any], alone: Iterable[tuple[Any, xr.Dataset | str]]) -> Iterator[str]:
    """A grid is refused for a value that no network of the family has, and for a count that is no longer exact."""
    if "is not allowed" in why:
        return
    found = [told if isinstance(told, str) else "" for _, told in alone]
    if not (any(BEYOND in told for told in found) if BEYOND in why else all(found)):
        yield f"refused in the grid ({why}), and not alone"


def _without_reason(grid: xr.Dataset) -> Iterator[str]:
    """What is undefined says why, and never that the formula has no value."""
    for metric, values in grid.data_vars.items():
        reason = values.attrs.get("reason", "")
        if bool(np.isnan(values).any()) != bool(reason) or reasons.NO_VALUE in reason:
            yield f"{metric}: {int(np.isnan(values).sum())} undefined, for the reason {reason!r}"


def _listed(
    name: str, axes: Mapping[str, Any], settings: Mapping[str, Any], places: np.ndarray
) -> Mapping[str, np.ndarray]:
    """The metrics of some designs of a grid, evaluated as a list."""
    given = {axis: value for axis, value in settings.items() if axis not in ("device", "precision")}
    space = design_space(name, settings["device"], settings["precision"], WANTED, "trainable", {**axes, **given})
    index = dict(zip(axes, np.unravel_index(places, [len(values) for values in axes.values()]), strict=True))
    flat = np.ravel_multi_index([index[dim] for dim in space.dims], list(space.sizes.values()))
    found = evaluate_values(space.designs(flat), with_ends(WANTED, space), engine="plain")
    return {metric: np.broadcast_to(value.data, (len(places),)) for metric, value in found.items()}


def checked(seed: int, family: str | None = None, points: int = POINTS) -> list[str]:
    """What the grid of a seed says otherwise than its designs alone, with what it takes to see it again."""
    rng = np.random.default_rng(seed)
    names = list(FAMILIES)
    name, axes = draw(rng, family or names[seed % len(names)])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            return [f"seed {seed}: {name} {axes}: {found}" for found in differences(name, axes, rng, points)]
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
