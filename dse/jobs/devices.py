"""The devices of a spec: which ones it selects, and which figures they lack."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dse.errors import Fault, unknown
from dse.grid.inputs import MADE_OF, RENT_AXIS, leaf
from dse.grid.plan import SETTINGS, Plan, chosen_variants, make_plan, settings_in
from dse.grid.program import MODEL_AXIS, REUSE_AXIS
from dse.grid.space import Space, make_grid
from dse.jobs.axes import collect
from dse.jobs.names import repeated
from dse.jobs.own_devices import OwnDevices
from dse.jobs.spec import Spec
from dse.networks import Family
from dse.precision import PRECISIONS, Scheme

KEY = "hardware.device"
# Axes that decide which figures designs need, beside those of the devices themselves.
DECIDING = ("precision", RENT_AXIS, MODEL_AXIS, REUSE_AXIS, *dict.fromkeys(n for of in SETTINGS.values() for n in of))
# Figures by device, each with the metrics that need it.
Missing = dict[str, dict[str, tuple[str, ...]]]


def selected_devices(spec: Spec, own: OwnDevices, faults: list[Fault]) -> tuple[list[str], list[str]]:
    """All devices that the spec selects, and those among them that it names one by one."""
    given = spec.hardware.device
    if given is None:
        return [], []
    patterns = [given] if isinstance(given, str) else given
    if not patterns:
        faults.append(Fault(KEY, "the axis has no values; give at least one"))
    selected: dict[str, None] = {}
    named = []
    for pattern in patterns:
        found = _select(pattern, spec, own, faults)
        selected.update(dict.fromkeys(found))
        named += [d for d in found if d == pattern]
    if len(set(named)) != len(named):
        twice = repeated(named)[0]
        faults.append(Fault(KEY, f"{twice!r} stands twice; give each device once"))
    for name in (n for n in selected if own.axes.get(n)):
        if len(selected) > 1:
            figures = ", ".join(own.axes[name])
            faults.append(Fault(f"device.{name}", f"has axes ({figures}), so it must be the only device of the spec"))
    return list(selected), named


def _select(pattern: str, spec: Spec, own: OwnDevices, faults: list[Fault]) -> list[str]:
    """Names that a pattern stands for: an own device is named, classes are those of the catalogue."""
    if pattern in own.names:
        # One that is wrong has been told, and that of the catalogue does not stand in its place.
        return [pattern] if pattern in own.devices and pattern not in own.wrong else []
    if pattern == "*" or pattern.startswith("class:") or pattern in own.devices:
        return collect(faults, "", own.catalogues.select, pattern, spec.device, KEY) or []
    held = f" (figures are those of {own.catalogues.source})" if own.catalogues.replayed else ""
    faults.append(unknown("device", pattern, own.known, KEY).adding(held))
    return []


def usable_devices(
    spec: Spec,
    metrics: Sequence[str],
    axes: Mapping[str, Any],
    own: OwnDevices,
    schemes: Mapping[str, Scheme],
    faults: list[Fault],
) -> tuple[list[str], dict[str, tuple[str, ...]], list[str]]:
    """The devices that have every figure that `metrics` need, the figures that each of the others lacks, and all.

    One that the spec names and that lacks a figure is a fault; one that came in by class is left out.
    """
    selected, named = selected_devices(spec, own, faults)
    # What the figures of a device with axes are is known where it is alone; that it is not has been told.
    devices = selected if len(selected) == 1 else [d for d in selected if not own.axes.get(d)]
    # Any format will do where those of the spec are wrong, all that assumptions held among them: that has been told.
    schemes = schemes or PRECISIONS
    chosen = axes.get("precision", next(iter(schemes)))
    values: dict[str, Any] = {"device": devices, "precision": chosen if isinstance(chosen, list) else [chosen]}
    for name in own.axes.get(devices[0], ()) if len(devices) == 1 else ():
        # Whether there is a figure does not depend on its value.
        values[name] = own.axes[devices[0]][name][0]
    if RENT_AXIS in axes:
        rent = axes[RENT_AXIS]
        values[RENT_AXIS] = rent[0] if isinstance(rent, list) else rent
    probe = make_grid(_NO_NETWORK, values, devices=own.devices, schemes=schemes)
    missing = missing_figures(metrics, axes, probe) if devices else {}
    for name in named:
        for figure, needing in missing.get(name, {}).items():
            what = f"lacks {MADE_OF[figure]}" if figure in MADE_OF else f"lacks the figure {figure!r}"
            if figure == "peak_ops":
                what = f"computes neither in {_formats(probe)} nor in a wider format"
            faults.append(Fault(KEY, f"{name!r} {what}; needed by {', '.join(needing)}"))
    usable = [d for d in devices if d not in missing]
    if devices and not usable and not named:
        lacking = sorted({MADE_OF.get(figure, figure) for figures in missing.values() for figure in figures})
        faults.append(Fault(KEY, f"no device that was selected has all of: {', '.join(lacking)}"))
    left_out = {name: tuple(MADE_OF.get(f, f) for f in missing[name]) for name in devices if name in missing}
    return usable, left_out, devices


def missing_figures(metrics: Sequence[str], axes: Mapping[str, Any], probe: Space) -> Missing:
    """For each device of a space without a network the figures that it lacks, and the metrics that need them."""
    devices = probe.axes["device"].values
    needed: dict[str, tuple[str, ...]] = {}
    for plan in plans(metrics, axes):
        needed.update(plan.device_figures)
    missing: Missing = {}
    for figure, needing in needed.items():
        found = leaf(probe, figure).data
        # A format that runs on no unit of the device is a matter of single designs, not of the device.
        absent = np.atleast_1d(np.isnan(found).all(axis=0) if found.ndim == 2 else np.isnan(found))
        for place in np.flatnonzero(absent):
            missing.setdefault(devices[int(place)], {})[figure] = needing
    return missing


def plans(metrics: Sequence[str], axes: Mapping[str, Any]) -> list[Plan]:
    """The plan of metrics for each combination of the settings that choose formulas."""
    models, reuses = (v if isinstance(v := axes.get(n), list) else [v] for n in (MODEL_AXIS, REUSE_AXIS))
    settings = settings_in({n: v if isinstance(v, list) else [v] for n, v in axes.items()})
    choices = itertools.product(models, reuses)
    return [make_plan(metrics, chosen_variants(m, r), settings=settings) for m, r in choices]


def _formats(space: Space) -> str:
    return ", ".join(dict.fromkeys(space.schemes[n].compute for n in space.axes["precision"].values))


_NO_NETWORK = Family("", lambda net: None, (), {}, (), "vision", "")  # type: ignore[arg-type,return-value]
