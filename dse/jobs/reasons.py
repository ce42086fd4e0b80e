"""What makes a metric undefined: phases, figures of devices, number formats, tables; each with the designs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from dse import registry
from dse.grid.dataset import attributes
from dse.grid.inputs import MADE_OF, PROFILE_AXIS, calibrated, compute_peak, leaf, tables
from dse.grid.labelled import Labelled, along
from dse.grid.program import MODEL_AXIS, PHASE_AXIS, REUSE_AXIS, has_meaning, plan_of
from dse.grid.quality import source_of
from dse.grid.sharing import DIVIDED, refusals
from dse.grid.space import Space


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
        if not has_meaning(step, space):
            yield attributes(step, space)["reason"], Labelled((), np.array(True))
    if any(n in DIVIDED for n in plan.leaves):
        yield from refusals(space)
    yield from _of_figures(space, [n for n in plan.device_figures if n != "peak_ops"])
    if "peak_ops" in plan.device_figures or "mac_energy" in plan.leaves:
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
