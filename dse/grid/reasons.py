"""Why values are undefined: networks, phases, figures of devices and regions, number formats, tables.

All that tells a reason takes it from here: the attributes of variables, the commands, and the counts of a manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dse import registry
from dse.errors import InputError
from dse.grid.adapters import RANK
from dse.grid.adapters import refusals as without_matrices
from dse.grid.blend import LOAD, Blend, projected
from dse.grid.blocks import Grid
from dse.grid.calibrations import calibrated
from dse.grid.evaluate import WITNESS, evaluate_values
from dse.grid.inputs import MADE_OF, PROFILE_AXIS, REGION_AXIS, REGIONAL, compute_peak, leaf, tables
from dse.grid.labelled import Labelled, along
from dse.grid.plan import Plan
from dse.grid.program import MODEL_AXIS, PHASE_AXIS, REUSE_AXIS, Values, meaningless, plan_of
from dse.grid.quality import source_of
from dse.grid.sharing import DIVIDED, refusals
from dse.grid.space import Space

NO_NETWORK = "the axes make no network"
NO_VALUE = "the formula has no value here"
UNCOUNTED = "{} are beyond 2^53, where float64 does not hold every count"


def reasons(grid: Grid, part: Space, values: Values) -> dict[str, str]:
    """For each column that is undefined anywhere in a part of a grid, why."""
    return {name: _told(grid, part, name, value) for name, value in values.items() if has_undefined(value)}


def has_undefined(value: Labelled) -> bool:
    """Whether any value is undefined."""
    # The least of values is NaN where one of them is: nothing as large as the values is made.
    return value.data.dtype.kind == "f" and value.data.size > 0 and bool(np.isnan(value.data.min()))


def _told(grid: Grid, part: Space, column: str, value: Labelled) -> str:
    missing, told = np.isnan(value.data), dict[str, None]()
    for reason, mask in _causes(grid, part, column):
        if not missing.any():
            break
        found = missing & _within(mask, value.dims)
        if found.any():
            told[reason] = None
            missing = missing & ~found
    if missing.any():
        told[NO_VALUE] = None
    return "; ".join(told)


def _within(mask: Labelled, dims: tuple[str, ...]) -> np.ndarray:
    """A mask over dimensions of a value; along others, wherever it holds at all."""
    others = tuple(i for i, d in enumerate(mask.dims) if d not in dims)
    reduced = np.logical_or.reduce(mask.data, axis=others) if others else mask.data
    return Labelled(tuple(d for d in mask.dims if d in dims), np.asarray(reduced)).over(dims)


def _causes(grid: Grid, part: Space, column: str) -> Iterator[tuple[str, Labelled]]:
    """What makes a column undefined in a part of a grid, each reason with where."""
    found = list(members(grid, part, [column]))
    for name, space, joint, metrics in found:
        before = f"{name}: " if name and len(found) > 1 else ""
        for metric in metrics:
            for reason, mask in masks(space, metric):
                yield before + reason, in_part(mask, joint, part)
    for name, space, joint, _ in found:
        before = f"{name}: " if name and len(found) > 1 else ""
        wrong = without_network(space)
        if wrong.data.any():
            yield f"{before}{NO_NETWORK}; the first: {example(space, wrong)}", in_part(wrong, joint, part)
    for name, space, joint, metrics in found:
        before = f"{name}: " if name and len(found) > 1 else ""
        for metric in metrics:
            for reason, mask in uncounted(space, metric):
                yield before + reason, in_part(mask, joint, part)


def members(
    grid: Grid, part: Space, columns: Sequence[str]
) -> Iterator[tuple[str, Space, Mapping[str, str], dict[str, list[str]]]]:
    """The networks of a part of a grid: name, space, what its dimensions are called in the part, metrics needed.

    Each metric with the columns that need it.
    """
    if not isinstance(grid, Blend):
        yield grid.name, part, {d: d for d in part.dims}, {grid.metric(c): [c] for c in columns}
        return
    for member in grid.members:
        space, joint = projected(member.space, member.name, part)
        metrics: dict[str, list[str]] = {}
        for column in columns:
            network, _, metric = column.rpartition(".")
            if network in ("", member.name):
                metrics.setdefault("latency" if column == LOAD else metric, []).append(column)
        yield member.name, space, joint, metrics


def in_part(mask: Labelled, joint: Mapping[str, str], part: Space) -> Labelled:
    """A mask over the dimensions of one network as one over those of the part."""
    names = [joint[d] for d in mask.dims]
    dims = tuple(d for d in part.dims if d in names)
    return Labelled(dims, np.transpose(mask.data, [names.index(d) for d in dims]))


def without_network(space: Space) -> Labelled:
    """Where the axes make no network."""
    found = evaluate_values(space, [WITNESS])[WITNESS]
    return Labelled(found.dims, np.isnan(found.data))


def example(space: Space, wrong: Labelled) -> str:
    """What is wrong with the first network that cannot be built."""
    everywhere = np.broadcast_to(wrong.over(space.dims), tuple(space.sizes.values()))
    try:
        evaluate_values(space.designs(np.flatnonzero(everywhere)[:1]).first(), [WITNESS])
    except InputError as error:
        return str(error)
    return "it has no parameters that can be counted"


def masks(space: Space, metric: str) -> Iterator[tuple[str, Labelled]]:
    """What makes a metric undefined in a space, each reason with where."""
    for name in (MODEL_AXIS, PHASE_AXIS, REUSE_AXIS):
        axis = space.axes.get(name)
        if axis is not None and len(set(axis.values)) > 1:
            for value in dict.fromkeys(axis.values):
                rows = np.array([v == value for v in axis.values])
                for reason, mask in masks(space.isel(str(axis.dim), np.flatnonzero(rows)), metric):
                    yield reason, _in_rows(mask, str(axis.dim), rows, space)
            return
    plan = plan_of(space, [metric])
    for step in plan.steps:
        if reason := meaningless(step, space):
            yield reason, Labelled((), np.array(True))
    yield from _of_regions(space, plan)
    if any(n in DIVIDED for n in plan.leaves):
        yield from refusals(space)
    if RANK in plan.leaves:
        yield from without_matrices(space)
    yield from _of_figures(space, [n for n in plan.device_figures if n != "peak_ops"])
    if "peak_ops" in plan.device_figures:
        yield from _of_rates(space)
    if "latency_spread" in plan.leaves and not calibrated(space):
        yield "a lower bound has no interval: set latency_model = calibrated", Labelled((), np.array(True))
    if "active_power" in plan.leaves:
        value = leaf(space, "active_power")
        yield "no power is measured of this device, software and format", Labelled(value.dims, np.isnan(value.data))
    if "mac_energy" in plan.leaves:
        yield from _of_energies(space)
    found = tables(space, plan)
    for record in plan.tables:
        yield from _of_table(space, record, found)


def uncounted(space: Space, metric: str) -> Iterator[tuple[str, Labelled]]:
    """Counts that a metric needs and that are too large to be exact, where the axes make a network."""
    for record in plan_of(space.first(), [metric]).counts:
        value = evaluate_values(space, [record.name])[record.name]
        yield UNCOUNTED.format(record.name), Labelled(value.dims, np.isnan(value.data))


def _of_regions(space: Space, plan: Plan) -> Iterator[tuple[str, Labelled]]:
    """Regions of which a figure that they are to give is not published."""
    if REGION_AXIS not in space.axes:
        return
    for name in (n for n in REGIONAL if n in plan.leaves and not space.axes[n].given):
        value, axis = leaf(space, name), space.axes[REGION_AXIS]
        for region in dict.fromkeys(axis.values):
            own = np.array([r == region for r in axis.values])
            mask = np.isnan(value.data) & along(axis.dim, own).data
            yield f"no {name} is published of {region}", Labelled(value.dims, mask)


def _in_rows(mask: Labelled, dim: str, rows: np.ndarray, space: Space) -> Labelled:
    dims = tuple(d for d in space.dims if d == dim or d in mask.dims)
    full = np.zeros([space.sizes[d] for d in dims], dtype=bool)
    place = tuple(rows if d == dim else slice(None) for d in dims)
    full[place] = np.broadcast_to(mask.over(dims), full[place].shape)
    return Labelled(dims, full)


def _of_figures(space: Space, figures: list[str]) -> Iterator[tuple[str, Labelled]]:
    for figure in figures:
        value = leaf(space, figure)
        for device, own in _of_devices(space):
            mask = Labelled(own.dims, own.data) if own.dims else Labelled((), np.array(True))
            dims = tuple(d for d in space.dims if d in (*value.dims, *mask.dims))
            yield (
                f"{device} lacks {MADE_OF.get(figure, figure)}",
                Labelled(dims, np.isnan(value.over(dims)) & mask.over(dims)),
            )


def _of_rates(space: Space) -> Iterator[tuple[str, Labelled]]:
    """Devices that lack a unit for a number format."""
    rate = compute_peak(space)[0]
    axis = space.axes["precision"]
    for device, own in _of_devices(space):
        for form in dict.fromkeys(space.schemes[p].compute for p in axis.values):
            right = np.array([space.schemes[p].compute == form for p in axis.values])
            chosen = Labelled((axis.dim,), right) if axis.dim else Labelled((), right[0])
            dims = tuple(d for d in space.dims if d in (*rate.dims, *own.dims, *chosen.dims))
            mask = np.isnan(rate.over(dims)) & own.over(dims) & chosen.over(dims)
            yield f"{device} computes neither in {form} nor in a wider format", Labelled(dims, mask)


def _of_devices(space: Space) -> Iterator[tuple[str, Labelled]]:
    axis = space.axes["device"]
    for device in dict.fromkeys(axis.values):
        own = np.array([d == device for d in axis.values])
        yield device, Labelled((axis.dim,), own) if axis.dim else Labelled((), own[0])


def _of_energies(space: Space) -> Iterator[tuple[str, Labelled]]:
    """Energy profiles without a MAC in a format that is computed in."""
    value, axis = leaf(space, "mac_energy"), space.axes[PROFILE_AXIS]
    found = compute_peak(space)[1]
    used = Labelled(found.dims, np.asarray(found.data, dtype=object))
    # A format that the device lacks has been told.
    missing = np.isnan(value.data) & (used.over(value.dims) != "")
    profiles = along(axis.dim, np.array(axis.values, dtype=object))
    names, formats = (np.broadcast_to(a.over(value.dims), missing.shape) for a in (profiles, used))
    for name, form in dict.fromkeys(zip(names[missing].tolist(), formats[missing].tolist(), strict=True)):
        text = f"the energy profile {name} has no energy of a MAC in {form} or wider"
        yield text, Labelled(value.dims, missing & (names == name) & (formats == form))


def _of_table(space: Space, record: registry.Record, found: Mapping[str, Labelled]) -> Iterator[tuple[str, Labelled]]:
    value = found[record.name]
    missing = np.isnan(value.data)
    if not missing.any():
        return
    if "scheme" in record.inputs:
        axis = space.axes["precision"]
        formats = along(axis.dim, np.array(axis.values, dtype=object))
        names = np.broadcast_to(formats.over(value.dims), missing.shape)
        for name in dict.fromkeys(names[missing].tolist()):
            yield f"undefined for the number format {name}", Labelled(value.dims, missing & (names == name))
    else:
        source = found[source_of(record.name)]
        texts = np.broadcast_to(source.over(value.dims), missing.shape)
        for text in dict.fromkeys(texts[missing].tolist()):
            yield str(text), Labelled(value.dims, missing & (texts == text))
