"""Small results made by hand, for the tests of the plots."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import xarray as xr

CELLS_PER_DECADE = 256
LATENCY = {"units": "s", "long_name": "Time of a batch (roofline, lower bound)", "direction": "min"}
ACCURACY = {"units": "%", "long_name": "Top-1 accuracy", "direction": "max"}


def make_cloud(metrics, pairs, groups=None):
    """A cloud from {(x metric, y metric): [(x, y, group, feasible, designs), ...]} and {axis: values by group}."""
    order = [(a, b) for i, a in enumerate(metrics) for b in metrics[i + 1 :]]
    rows = [
        (order.index(pair), group, feasible, *(int(np.floor(np.log10(v) * CELLS_PER_DECADE)) for v in (x, y)), designs)
        for pair, cells in pairs.items()
        for x, y, group, feasible, designs in cells
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    names = ("pair", "group", "feasible", "x", "y", "designs")
    variables = {n: ("cell", table[:, i]) for i, n in enumerate(names)}
    variables |= {axis: ("groups", np.array(values, dtype=object)) for axis, values in (groups or {}).items()}
    return xr.Dataset(variables, attrs={"metrics": " ".join(metrics), "cells_per_decade": CELLS_PER_DECADE})


def make_result(frontier, cloud, objectives, **manifest):
    """A result with the given parts; what the manifest does not get is empty."""
    units = {n: frontier[n].attrs.get("units", "1") for n in frontier}
    number = int(cloud["designs"].sum())
    counts = {"enumerated": number, "undefined": 0, "excluded": {}, "skipped_by_bounds": 0, "dominated": 0, "kept": 0}
    axes = {n: len(set(map(str, np.atleast_1d(c.values)))) for n, c in frontier.coords.items()}
    full = {
        "name": "test",
        "objectives": [{"metric": m, "direction": d} for m, d in objectives],
        "budgets": [],
        "per": [],
        "axes": axes,
        "units": units,
        "counts": counts,
        "left_out_devices": {},
    }
    return SimpleNamespace(frontier=frontier, cloud=cloud, manifest={**full, **manifest})


def four_designs(**manifest):
    """Four designs of one group on a frontier of latency and accuracy, before twenty others."""
    frontier = xr.Dataset(
        {
            "latency": ("design", [0.01, 0.02, 0.05, 0.2], LATENCY),
            "accuracy": ("design", [50.0, 60.0, 65.0, 70.0], ACCURACY),
        },
        {
            "width": ("design", [0.35, 0.5, 0.75, 1.0], {"units": "1"}),
            "resolution": ("design", [96, 160, 160, 224], {"units": "1"}),
            "precision": ("design", np.array(["int8"] * 4, dtype=object)),
        },
    )
    cells = [(0.012, 40.0, 0, 1, 5), (0.3, 62.0, 0, 1, 7), (0.4, 71.0, 0, 0, 8)]
    cloud = make_cloud(("latency", "accuracy"), {("latency", "accuracy"): cells})
    return make_result(frontier, cloud, [("latency", "min"), ("accuracy", "max")], **manifest)
