"""The frontier of a Dataset that is already there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from dse.errors import Fault, InputError, unknown
from dse.glossary import is_circumstance
from dse.grid.inputs import RENT_AXIS
from dse.grid.plan import by_recipe
from dse.grid.space import DESIGN, RECIPE
from dse.pareto.archive import Archive
from dse.pareto.cut import Budget, Objective, check_objectives, make_budget
from dse.pareto.ties import INTERVAL, faults_of, interval_columns, leading


def frontier(
    data: xr.Dataset,
    *,
    minimize: str | Sequence[str] = (),
    maximize: str | Sequence[str] = (),
    budgets: Mapping[str, Any] | Sequence[Budget] | None = None,
    per: str | Sequence[str] = (),
    ties: str = "exact",
    choose: str | Sequence[str] = (),
) -> xr.Dataset:
    """The designs of a Dataset that meet the budgets and that no other such design dominates.

    Parameters
    ----------
    data
        Metrics over any dimensions, as `dse.evaluate` gives them.
    minimize, maximize
        Names of variables, one to five in all. Equal designs all stay.
    budgets
        Limits by variable: {"peak_sram": "320 KiB", "latency": {"max": 0.1}}.
    per
        Coordinates: one frontier for each combination of their values, and of those of every circumstance (context,
        region, utilization, a rent, ...) that the designs differ in: the kindest would always win.
    choose
        Circumstances that one frontier is to be drawn across all the same.
    ties
        "interval": of the frontier those that lead by less than the interval of a value (accuracy_low to accuracy_high)
        are tied, and left out (see `dse.pareto.ties`); "exact": any lead counts.

    Returns
    -------
    xr.Dataset
        All variables along the dimension "design", with every axis as a coordinate. Designs without a value of an
        objective or a budget are left out; where there are any, the attribute "undefined" counts them, and says why.

    Raises
    ------
    InputError
        For unknown names, none or more than five objectives, and limits of the wrong kind.

    Notes
    -----
    Accuracies of different recipes (the coordinate "recipe") do not compare: they never share a frontier.
    """
    low, high, groups, chosen = (_names(v) for v in (minimize, maximize, per, choose))
    objectives = [*(Objective(n, "min") for n in low), *(Objective(n, "max") for n in high)]
    check_objectives(objectives)
    if wrong := faults_of(ties, objectives, "ties"):
        raise InputError(wrong)
    limits = _budgets(data, budgets)
    for name in [*(o.metric for o in objectives), *(b.metric for b in limits)]:
        if name not in data.data_vars:
            raise InputError(unknown("variable", name, map(str, data.data_vars)))
    for name in [*groups, *chosen]:
        if name not in data.coords:
            raise InputError(unknown("coordinate", name, map(str, data.coords)))
    groups = _groups(data, objectives, groups, chosen)
    dims = tuple(str(d) for d in data.sizes)
    columns = {m: _flat(data, data[m], dims) for m in [*(o.metric for o in objectives), *(b.metric for b in limits)]}
    alive = np.ones(math.prod(data.sizes.values()), dtype=bool)
    for column in columns.values():
        alive &= ~np.isnan(column)
    for budget in limits:
        alive &= ~(budget.violation(columns[budget.metric]) > 0)
    places = np.flatnonzero(alive)
    points = np.column_stack([o.sign * columns[o.metric][places] for o in objectives])
    codes = _codes(data, groups, dims)
    found = Archive(len(objectives), int(codes.max(initial=0)) + 1)
    found.add(points, places, codes[places])
    kept = found.places()
    if ties == INTERVAL:
        bounds = _bounds(data, objectives, dims)
        undefined = np.full(codes.shape, np.nan)
        kept = kept[leading(objectives, lambda name: {**columns, **bounds}.get(name, undefined)[kept], codes[kept])]
    return designs(data, kept, dims).assign_attrs(_undefined(data, columns))


def _undefined(data: xr.Dataset, columns: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The attribute that tells how many designs are left out, since they lack a value, and why."""
    told = []
    for name, column in columns.items():
        if number := int(np.isnan(column).sum()):
            why = data[name].attrs.get("reason")
            told.append(f"{name} of {number:,} of {column.size:,} designs" + (f" ({why})" if why else ""))
    return {"undefined": "; ".join(told)} if told else {}


def _bounds(data: xr.Dataset, objectives: Sequence[Objective], dims: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The bounds of objectives that the Dataset holds."""
    wanted = interval_columns(objectives)
    found = {name: _flat(data, data[name], dims) for name in wanted if name in data.data_vars}
    if not found:
        raise InputError(f'ties = "interval" needs variables that the Dataset lacks: {", ".join(wanted)}')
    return found


def _names(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _groups(data: xr.Dataset, objectives: Sequence[Objective], per: list[str], choose: list[str]) -> list[str]:
    """Coordinates with one frontier a value: those asked for, and those across which nothing compares."""
    outer = [n for n in map(str, data.coords) if (is_circumstance(n) or n == RENT_AXIS) and n not in choose]
    if RECIPE in data.coords and by_recipe(o.metric for o in objectives):
        if RECIPE in choose:
            raise InputError(Fault("choose", f"{RECIPE!r}: accuracies and losses of different recipes do not compare"))
        outer.append(RECIPE)
    return list(dict.fromkeys([*per, *outer]))


def _budgets(data: xr.Dataset, budgets: Mapping[str, Any] | Sequence[Budget] | None) -> list[Budget]:
    if not isinstance(budgets, Mapping):
        return list(budgets or ())
    return [make_budget(name, limit, f"budgets.{name}") for name, limit in budgets.items()]


def _flat(data: xr.Dataset, variable: xr.DataArray, dims: tuple[str, ...]) -> np.ndarray:
    return np.asarray(_spread(variable, data, dims).values, dtype=np.float64).reshape(-1)


def _spread(variable: xr.DataArray, data: xr.Dataset, dims: tuple[str, ...]) -> xr.DataArray:
    missing = {d: data.sizes[d] for d in dims if d not in variable.dims}
    return variable.drop_vars(list(variable.coords)).expand_dims(missing).transpose(*dims)


def _codes(data: xr.Dataset, per: list[str], dims: tuple[str, ...]) -> np.ndarray:
    codes = np.zeros(math.prod(data.sizes.values()), dtype=np.int64)
    for name in per:
        _, number = np.unique(data[name].values.astype(str), return_inverse=True)
        own = xr.DataArray(number.reshape(data[name].shape), dims=data[name].dims)
        codes = codes * (int(number.max()) + 1) + _spread(own, data, dims).values.reshape(-1)
    return codes


def designs(data: xr.Dataset, places: np.ndarray, dims: tuple[str, ...]) -> xr.Dataset:
    """The designs at flat places (row-major in `dims`) of a Dataset, as a list."""
    shape = tuple(data.sizes[d] for d in dims)
    index = np.unravel_index(places, shape) if dims else ()
    along = {d: xr.Variable(DESIGN, i) for d, i in zip(dims, index, strict=True)}
    picked = data.isel(along) if dims else data.expand_dims(DESIGN).isel({DESIGN: slice(0, len(places))})
    size = {DESIGN: len(places)}
    flat = picked.reset_coords()
    listed = flat.map(lambda v: v if DESIGN in v.dims else v.expand_dims(size), keep_attrs=True).compute()
    names = [n for n in listed.data_vars if n in picked.coords]
    return listed.set_coords(names)
