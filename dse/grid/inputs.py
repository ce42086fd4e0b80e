"""Values of the inputs of a plan over a space: axes, figures from the catalogues, tables of quality.

Everything here is a `Labelled` array over the dimensions that it really varies along; the kernels get those arrays
and know nothing of families, devices or number formats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from dse import glossary
from dse.grid.calibrations import (
    ENGINE_RULES,
    OF_ENGINE,
    calibrated,
    constant,
    has_engine,
    is_ever_calibrated,
    of_engine,
    spreads,
)
from dse.grid.labelled import Labelled, along, places
from dse.grid.memories import dram_energy
from dse.grid.plan import Plan
from dse.grid.quality import quality, source_of
from dse.grid.sharing import DERIVED, shared
from dse.grid.space import Axis, Space
from dse.hardware import FIGURES
from dse.precision import Scheme, peak_table
from dse.regions import Region

PEAKS = tuple(name for name in FIGURES if name.startswith("peak_"))
# Settings that a region gives where they are not given themselves.
REGIONAL = ("carbon_intensity", "electricity_price")
REGION_AXIS = "region"
PROFILE_AXIS = "energy_profile"
# A figure of devices that may be given for all of them, among the settings of deployment.
RENT_AXIS = "price_per_hour"
# What derived figures of a device are made of, for those who are told that one is missing.
MADE_OF = {"hourly_cost": "price_per_hour or device_price", "owned_tdp": "tdp"}
RENT, OWNED = "rent", "amortised price and electricity"
SECONDS_PER_HOUR = 3600.0
ENERGIES = ("mac_energy", "sram_energy", "dram_energy")


def leaf(space: Space, name: str) -> Labelled:
    """The values of one input that is neither a metric nor a vector over ops."""
    axis = space.axes.get(name)
    if name in ENGINE_RULES and not (axis and axis.given) and has_engine(space):
        return of_engine(space, ENGINE_RULES[name], float(glossary.lookup(name).default or 0))
    if not (axis and axis.given):
        if name == "pue" and "device" in space.axes:
            return _looked_up(space.axes["device"], lambda device: space.devices[device].pue)
        if name in REGIONAL and REGION_AXIS in space.axes:
            return _looked_up(space.axes[REGION_AXIS], partial(_of_region, space.regions, name))
    if axis is not None:
        return along(axis.dim, axis.numbers)
    if name == "peak_ops":
        return compute_peak(space)[0]
    if name in MADE_OF:
        return _of_ownership(space, name)
    if name in ENERGIES:
        return operation_energy(space, name)
    if glossary.lookup(name).kind == "calibration":
        return _of_calibration(space, name)
    if name in DERIVED:
        return shared(space, name)
    if glossary.lookup(name).kind == "precision":
        return _looked_up(space.axes["precision"], lambda scheme: getattr(space.schemes[scheme], name))
    return device_figure(space, name)


def _of_region(regions: Mapping[str, Region], name: str, region: str) -> float:
    figure = regions[region].figure(name)
    return np.nan if figure is None else figure.value


def device_figure(space: Space, name: str) -> Labelled:
    """A figure of the devices, NaN where the catalogue has none; an axis of its name stands in place of it."""
    if name in space.axes:
        return along(space.axes[name].dim, space.axes[name].numbers)
    # Figures are axes of a single device only, and so is what is linear in them.
    linear = space.devices[space.axes["device"].values[0]].linear.get(name)
    if linear is not None:
        others = {n: device_figure(space, n) for n in linear.rates}
        dims = tuple(d for d in space.dims if any(d in v.dims for v in others.values()))
        return Labelled(dims, np.asarray(linear.value({n: v.over(dims) for n, v in others.items()})))
    return _looked_up(space.axes["device"], lambda device: space.devices[device].figure(name))


def _of_ownership(space: Space, name: str) -> Labelled:
    """What an hour of a device costs, or the power that its owner pays for: a device that has a rent is rented."""
    names = {"hourly_cost": ("device_price", "lifetime", "busy_share"), "owned_tdp": ("tdp",)}[name]
    rent, *own = (leaf(space, n) for n in ("price_per_hour", *names))
    dims = tuple(d for d in space.dims if any(d in v.dims for v in (rent, *own)))
    price, *rest = (v.over(dims) for v in own)
    if name == "owned_tdp":
        return Labelled(dims, np.where(np.isnan(rent.over(dims)), price, 0.0))
    lifetime, busy = rest
    return Labelled(
        dims, np.where(np.isnan(rent.over(dims)), price / (lifetime / SECONDS_PER_HOUR * busy), rent.over(dims))
    )


def cost_basis(space: Space) -> Labelled:
    """What the cost of each device is: its rent, or what its owner pays; "" where neither is known."""
    rent, price = (device_figure(space, n) for n in ("price_per_hour", "device_price"))
    dims = tuple(d for d in space.dims if d in (*rent.dims, *price.dims))
    owned = np.where(np.isnan(price.over(dims)), "", OWNED)
    return Labelled(dims, np.where(np.isnan(rent.over(dims)), owned, RENT).astype(object))


def _looked_up(axis: Axis, look_up: Callable[[Any], float]) -> Labelled:
    """A number for each value of an axis of names; each name is looked up once, however long a list is."""
    table = {name: look_up(name) for name in dict.fromkeys(axis.values)}
    return along(axis.dim, np.array([table[name] for name in axis.values], dtype=np.float64))


def operation_energy(space: Space, name: str) -> Labelled:
    """Joules of one MAC in the format computed in (NaN where the profile has none), or of one byte of a memory."""
    axis = space.axes[PROFILE_AXIS]
    if name == "dram_energy":
        return dram_energy(space, axis)
    if name != "mac_energy":
        return _looked_up(axis, lambda profile: getattr(space.profiles[profile], name.removesuffix("_energy")))
    used = compute_peak(space)[1]
    dims = tuple(d for d in space.dims if d in (*used.dims, axis.dim))
    formats, format_place = np.unique(np.asarray(used.data, dtype=str), return_inverse=True)
    profiles, profile_place = places(axis.dim, axis.values)
    table = np.array([[space.profiles[p].mac_energy(str(f)) for f in formats] for p in profiles])
    place = Labelled(used.dims, format_place.reshape(np.shape(used.data)))
    return Labelled(dims, table[profile_place.over(dims), place.over(dims)])


def compute_peak(space: Space) -> tuple[Labelled, Labelled]:
    """Peak rate in the format that each device computes in for each number format, and that format's name."""
    device, precision = space.axes["device"], space.axes["precision"]
    if any(p in space.axes for p in PEAKS):
        return _peak_over_axes(space, precision)
    devices, device_place = places(device.dim, device.values)
    precisions, precision_place = places(precision.dim, precision.values)
    table = {f: np.array([space.devices[d].figure(f) for d in devices]) for f in PEAKS}
    rates, used = peak_table(table, [space.schemes[p].compute for p in precisions])
    dims = tuple(d for d in space.dims if d in (device.dim, precision.dim))
    index = tuple(p.over(dims) for p in (device_place, precision_place))
    return Labelled(dims, np.asarray(rates[index])), Labelled(dims, np.asarray(used)[index].astype(object))


def _peak_over_axes(space: Space, precision: Axis) -> tuple[Labelled, Labelled]:
    """The same where peak rates are axes themselves."""
    figures = {f: device_figure(space, f) for f in PEAKS}
    used = {precision.dim}.union(*(v.dims for v in figures.values()))
    dims = tuple(d for d in space.dims if d in used)
    precisions, place = places(precision.dim, precision.values)
    table = {f: v.over(dims) for f, v in figures.items()}
    found = peak_table(table, [space.schemes[p].compute for p in precisions])
    index = place.over(dims)[..., None]
    rates, formats = (np.take_along_axis(array, index, axis=-1)[..., 0] for array in found)
    return Labelled(dims, rates), Labelled(dims, formats.astype(object))


def tables(space: Space, plan: Plan) -> dict[str, Labelled]:
    """Values that are looked up for each design: accuracy of the network, fidelity of the number format."""
    result: dict[str, Labelled] = {}
    for record in plan.tables:
        if "scheme" in record.inputs:
            of_scheme = partial(_of_scheme, record.function, space.schemes)
            result[record.name] = _looked_up(space.axes["precision"], of_scheme)
    wanted = [r.name for r in plan.tables if "quality" in r.inputs]
    if wanted:
        found = quality(space)
        result |= {name: found[name] for name in (*wanted, *map(source_of, wanted))}
    return result


def _of_scheme(function: Callable[..., float], schemes: Mapping[str, Scheme], name: str) -> float:
    return function(schemes[name])


def _of_calibration(space: Space, name: str) -> Labelled:
    """A constant of the calibration in force; no interval holds what a lower bound leaves out."""
    if name in OF_ENGINE:
        return of_engine(space, name, 0.0) if has_engine(space) else along(None, np.zeros(1))
    if name == "active_power":
        if "device" not in space.axes or not is_ever_calibrated(space):
            return along(None, np.full(1, np.nan))
        return constant(space, lambda c: c.constants.get(name, np.nan))
    if not calibrated(space):
        return along(None, np.full(1, np.nan))
    return spreads(space) if name == "latency_spread" else constant(space, lambda c: c.constant(name))
