"""Designs that a scan found, as labelled results: the frontier, and the cloud of all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from dse import registry
from dse.errors import InputError
from dse.grid.blocks import Grid
from dse.grid.capacity import available_memory
from dse.grid.dataset import label, with_ends
from dse.jobs.resolve import Job
from dse.pareto.groups import group_values
from dse.pareto.scan import Scan
from dse.pareto.ties import INTERVAL, interval_columns, leading
from dse.plots import roofline
from dse.units import format_quantity, value_text


def without_ties(job: Job, frontier: xr.Dataset, found: Scan) -> tuple[xr.Dataset, Scan]:
    """The frontier without designs that lead by less than an interval, and the counts of it."""
    labels = [frontier[axis].values.astype(str) for axis in job.cut.per]
    groups = np.unique(np.array(labels).T, axis=0, return_inverse=True)[1].reshape(-1) if labels else None
    groups = np.zeros(frontier.sizes["design"], dtype=np.int64) if groups is None else groups
    stays = leading(job.cut.objectives, lambda name: np.asarray(frontier[name].values), groups)
    tally = replace(found.tally, kept=int(stays.sum()), tied=int((~stays).sum()))
    return frontier.isel(design=np.flatnonzero(stays)), replace(found, tally=tally)


def check_size(job: Job, kept: int) -> None:
    """Refuse a frontier that the memory cannot hold: equal designs all stay, so it may be as large as the space."""
    columns = len(with_ends(job.metrics, job.space)) + len(roofline.NEEDED) + len(job.space.axes)
    needed, available = float(64 * columns * kept), available_memory()
    if needed > available:
        sizes = f"{format_quantity(needed, 'B', 3)} of memory, and {format_quantity(available, 'B', 3)} are available"
        raise InputError(f"{kept:,} designs on the frontier need {sizes}; add an objective that tells them apart")


def frontier_dataset(job: Job, found: Scan) -> xr.Dataset:
    """All metrics of the job, those of single networks that have budgets, and those that the roofline plot shows.

    What follows from a calibrated latency has both ends of its interval beside it. The designs are those of the
    frontier, sorted by group, then by objectives.
    """
    wanted = dict.fromkeys([*with_ends(job.metrics, job.space), *roofline.NEEDED])
    wanted |= dict.fromkeys(interval_columns(job.cut.objectives) if job.cut.ties == INTERVAL else ())
    parts: list[xr.Dataset] = []
    start = 0
    for grid in job.grids:
        own = found.places[(found.places >= start) & (found.places < start + grid.space.size)] - start
        start += grid.space.size
        # Without any design the first one lends names, units and types.
        if len(own) or (not len(found.places) and not parts):
            blended = [c for c in job.cut_of(grid).columns if grid.name == "" and c not in registry.METRICS]
            parts.append(flat(grid, own, [*wanted, *blended]))
    dataset = parts[0] if len(parts) == 1 else joined(parts)
    size = dataset.sizes["design"]
    absent = {axis: _nothing(job, axis) for axis in job.cut.per if axis not in dataset.coords}
    dataset = dataset.assign_coords({a: ("design", np.full(size, empty)) for a, empty in absent.items()})
    keys: list[Any] = [dataset[o.metric].values * o.sign for o in reversed(job.cut.objectives)]
    spaces = [grid.space for grid in job.grids]
    for axis in reversed(job.cut.per):
        found_in = [s.keys[axis] for s in spaces if axis in s.keys and s.keys[axis].given]
        order = dict.fromkeys(value_text(v) for found_axis in found_in for v in found_axis.values)
        keys.append(_ranks(list(order), list(map(value_text, dataset[axis].values.tolist()))))
    dataset = dataset.isel(design=np.lexsort(keys)[: len(found.places)])
    dataset.attrs["objectives"] = ", ".join(f"{o.direction} {o.metric}" for o in job.cut.objectives)
    return dataset


def flat(grid: Grid, places: np.ndarray, columns: Sequence[str]) -> xr.Dataset:
    """Columns at places of a grid along the dimension "design", with every axis as a coordinate."""
    # Two of the first where there is none, since a list of designs may hold networks that cannot be built, and a
    # single one may not.
    places = places if len(places) else np.zeros(2, dtype=np.int64)
    size = {"design": len(places)}
    designs = grid.space.designs(places) if grid.space.dims else grid.space
    flat = label(designs, grid.evaluate(designs, columns), grid).reset_coords()
    flat = flat.map(lambda v: v if "design" in v.dims else v.expand_dims(size), keep_attrs=True)
    axes = [n for n in flat if n not in columns]
    return flat[[*axes, *columns]].set_coords(axes)


def _nothing(job: Job, axis: str) -> np.ndarray:
    """What an axis has where networks lack it: NaN, or "" where its values are names."""
    kept = [grid.space.keys[axis] for grid in job.grids if axis in grid.space.keys]
    return _EMPTY[all(a.coordinate.dtype == object for a in kept)]


_EMPTY = {True: np.array("", dtype=object), False: np.array(np.nan)}


def joined(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Designs of several networks after each other; an axis that a network lacks is NaN there, a named one ""."""
    names = list(dict.fromkeys(n for kind in ("coords", "data_vars") for p in parts for n in getattr(p, kind)))
    variables: dict[Any, xr.Variable] = {}
    for name in names:
        first = next(p[name] for p in parts if name in p.variables)
        empty = _EMPTY[first.dtype == object]
        columns = [p[name].values if name in p.variables else np.full(p.sizes["design"], empty) for p in parts]
        own = [p[name].attrs for p in parts if name in p.variables]
        why = dict.fromkeys(str(attrs["reason"]) for attrs in own if "reason" in attrs)
        told = {**own[0], **({"reason": "; ".join(why)} if why else {})}
        variables[name] = xr.Variable(("design",), np.concatenate(columns), told)
    coordinates = {n for p in parts for n in p.coords}
    attrs = {k: v for k, v in parts[0].attrs.items() if all(p.attrs.get(k) == v for p in parts)}
    return xr.Dataset(variables, attrs=attrs).set_coords(coordinates)


def _ranks(order: Sequence[Any], values: Sequence[Any]) -> list[int]:
    """Places of values in an order; what stands not in it comes last."""
    place = {v: i for i, v in enumerate(order)}
    return [place.get(v, len(order)) for v in values]


def cloud_dataset(job: Job, found: Scan) -> xr.Dataset:
    """The histograms of all designs, with the values of the axes `per` for each group along "groups".

    `possible` tells groups that designs can be in from those that no network has: one of them may lack an axis.
    """
    per, spaces = job.cut.per, [g.space for g in job.grids]
    values = group_values(spaces, per)
    names: dict[str, Any] = {a: ("groups", np.array(v, dtype=object)) for a, v in values.items()}
    if per:
        own = {group for s in spaces for group in zip(*group_values([s], per).values(), strict=True)}
        names["possible"] = ("groups", np.array([g in own for g in zip(*values.values(), strict=True)]))
    return found.cloud.dataset().assign(names)
