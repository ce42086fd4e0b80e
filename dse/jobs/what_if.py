"""What changes around one design: better hardware, larger batches, other values of two axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

import dse.metrics  # noqa: F401  (importing it records the metrics)
from dse import glossary, registry
from dse.errors import InputError, unknown
from dse.grid.blocks import Grid
from dse.grid.dataset import label
from dse.grid.evaluate import compute_formats, evaluate_values
from dse.grid.inputs import leaf
from dse.grid.program import plan_of
from dse.grid.space import NETWORK, ORDER, Axis, Space
from dse.pareto.cut import FIT, Cut, apply, broken_by, is_mcu
from dse.pareto.tally import Tally

MORE = 1.1
CONTEXTS = (512, 2048, 8192, 32768)
LARGEST_BATCH = 1024


def varied(space: Space, axes: Mapping[str, Sequence[Any]]) -> Space:
    """The space with axes of several values in place of what it has of their names, or besides."""
    found = {**space.axes, **{n: Axis(n, tuple(v), n) for n, v in axes.items()}}
    return replace(
        space, axes={a.name: a for a in sorted(found.values(), key=lambda a: (NETWORK, *ORDER).index(a.kind))}
    )


def with_model(space: Space, model: str) -> Space:
    """The space under one model of latency."""
    return replace(space, axes={**space.axes, "latency_model": Axis("latency_model", (model,), None)})


def sensitivity(space: Space, metrics: Sequence[str] = ()) -> xr.Dataset:
    """What 10 % more of each hardware figure does to metrics of a single design.

    All else stays as it is, but for what an own device states to be linear in the figure.

    Parameters
    ----------
    metrics
        By default latency, energy and, for a language model, time and cost of a token, where they are defined.

    Returns
    -------
    xr.Dataset
        `change` along "figure" and "metric", relative: −0.09 is 9 % less. Of latency and what follows from it there
        are two, by the roofline of the whole network and by that of each op. `value` and `unit` of each figure, and
        `direction` of each metric.
    """
    known = list(metrics or _defaults(space))
    for name in known:
        registry.metric_record(name)
    models = {"roofline": "whole network", "per_op": "each op"}
    columns: dict[str, tuple[str, str]] = {}
    for name in known:
        timed = name == "latency" or any(n.endswith("latency") for n in plan_of(space, [name]).needs[name])
        for model, words in models.items() if timed else [("roofline", "")]:
            columns[f"{name} ({words})" if words else name] = (name, model)
    figures = hardware_figures(space, known)
    change = np.array([[_change(with_model(space, m), f, n) for n, m in columns.values()] for f in figures])
    found = xr.Dataset(
        {"change": (("figure", "metric"), change.reshape(len(figures), len(columns)))},
        {"figure": np.array(figures, dtype=object), "metric": np.array(list(columns), dtype=object)},
    )
    values = [float(leaf(space, f).data) for f in figures]
    units = [glossary.lookup(f).unit for f in figures]
    directions = [registry.metric_record(n).direction or "" for n, _ in columns.values()]
    return found.assign_coords(
        value=("figure", values),
        unit=("figure", np.array(units, dtype=object)),
        direction=("metric", np.array(directions, dtype=object)),
    )


def _defaults(space: Space) -> list[str]:
    own = ("time_per_token", "energy", "cost_per_million_tokens") if space.family.domain == "language" else ()
    if "phase" in space.axes and space.axes["phase"].values[0] not in ("decode", "request"):
        own = ()
    wanted = [n for n in own or ("latency", "energy") if _is_known(space, n)]
    return wanted or ["latency"]


def _is_known(space: Space, metric: str) -> bool:
    return bool(np.isfinite(evaluate_values(space, [metric], engine="plain")[metric].data).all())


def hardware_figures(space: Space, metrics: Sequence[str]) -> list[str]:
    """The figures of the device that metrics of a single design depend on, by their names in the catalogue."""
    found: dict[str, None] = {}
    rented = np.isfinite(leaf(space, "price_per_hour").data)
    cost = "price_per_hour" if rented else "device_price"
    for name in plan_of(space, metrics).device_figures:
        made_of = {"peak_ops": f"peak_{compute_formats(space).data}", "hourly_cost": cost, "owned_tdp": "tdp"}
        found[made_of.get(name, name)] = None
    # What fitting is judged by: more of it buys room, not speed.
    capacities = ("memory_capacity", "flash_capacity")
    return [n for n in found if n not in capacities and np.isfinite(leaf(space, n).data)]


def _change(space: Space, figure: str, metric: str) -> float:
    base = float(leaf(space, figure).data)
    values = evaluate_values(varied(space, {figure: (base, base * MORE)}), [metric], engine="plain")[metric]
    before, after = np.broadcast_to(values.data.reshape(-1), (max(values.data.size, 2),))[[0, -1]]
    return float(after / before - 1)


def scaling(space: Space) -> xr.Dataset:
    """How throughput and latency of a single design go with the batch, and for a language model with the context.

    Returns
    -------
    xr.Dataset
        `throughput`, `latency` and `fits` along "batch" (powers of two, and that of the design) and, for a language
        model, "context" (or "prompt_tokens" of a request).
    """
    batch = int(space.axes["batch"].values[0])
    batches = sorted({batch, *(2**n for n in range(LARGEST_BATCH.bit_length()))})
    axes: dict[str, Sequence[Any]] = {"batch": batches}
    tokens = "prompt_tokens" if "prompt_tokens" in space.axes else "context"
    if tokens in space.axes and space.axes[tokens].values[0] is not None:
        axes[tokens] = sorted({int(space.axes[tokens].values[0]), *CONTEXTS})
    whole = varied(space, axes)
    phase = str(space.axes["phase"].values[0]) if "phase" in space.axes else ""
    speed = ["token_throughput", "time_per_token"] if phase in ("decode", "request") else ["throughput", "latency"]
    columns = [*speed, *FIT]
    values = evaluate_values(whole, columns)
    found = label(whole, {n: values[n] for n in speed})
    return found.assign(fits=_feasible(whole, Cut((), (), True), values)[0]).transpose(*reversed(list(axes)))


def _feasible(space: Space, cut: Cut, values: Mapping[str, Any]) -> tuple[xr.DataArray, xr.DataArray]:
    """Whether designs meet a cut, and the first constraint that each breaks: −1 none, −2 undefined."""
    dims, shape = space.dims, tuple(space.sizes.values())
    columns = {n: np.broadcast_to(values[n].over(dims), shape).reshape(-1) for n in cut.columns}
    small = np.broadcast_to(is_mcu(space).over(dims), shape).reshape(-1).astype(bool)
    alive = apply(cut, columns, small, Tally())
    first = np.where(alive, -1, -2)
    # Later ones are overwritten by earlier ones.
    for number, broken in reversed(list(enumerate(broken_by(cut, columns, small).values()))):
        first[broken] = number
    return xr.DataArray(alive.reshape(shape), dims=dims), xr.DataArray(first.reshape(shape), dims=dims)


def slice_of(grid: Grid, space: Space, cut: Cut, axes: Sequence[str], metrics: Sequence[str]) -> xr.Dataset:
    """Metrics over two axes of a part of a grid where no other has several values, and which designs meet a cut.

    Returns
    -------
    xr.Dataset
        The metrics, `feasible`, and `excluded_by`: −2 undefined, −1 nothing, else a place among the attribute
        `constraints` of the Dataset.
    """
    for axis in axes:
        if axis not in space.dims:
            raise InputError(unknown("axis of several values", axis, space.dims))
    columns = dict.fromkeys([*metrics, *cut.columns])
    values = grid.evaluate(space, list(columns))
    found = label(space, {n: values[n] for n in dict.fromkeys(metrics)}, grid)
    feasible, first = _feasible(space, cut, values)
    found = found.assign(feasible=feasible, excluded_by=first)
    found = found.isel({d: 0 for d in space.dims if d not in axes})
    found.attrs["constraints"] = list(cut.constraints)
    return found
