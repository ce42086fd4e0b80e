"""One design, in words: every metric with its unit, why a value is undefined, the chain of formulas behind it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from dse import faces, glossary, registry
from dse.grid.dataset import equation
from dse.grid.evaluate import MODEL_AXIS, evaluate_values, plan_of
from dse.grid.inputs import SOURCE, compute_peak, leaf
from dse.grid.plan import variants_of
from dse.grid.space import Space
from dse.hardware import DEVICES
from dse.units import format_quantity


def describe(data: xr.Dataset, space: Space) -> dict[str, Any]:
    """Facts of one design: its axes, its metrics with units, and what was assumed where nothing was said."""
    metrics: dict[str, Any] = {}
    for name, variable in data.data_vars.items():
        record = registry.metric_record(str(name), _model(space) if name == "latency" else None)
        value = float(variable)
        entry: dict[str, Any] = {"value": value, "unit": record.unit, "measure": record.measure}
        entry["what"] = variable.attrs["long_name"]
        if math.isnan(value):
            entry["reason"] = reason(space, str(name), data)
        metrics[str(name)] = entry
    design: dict[str, Any] = {n: a.values[0] for n, a in space.axes.items() if a.given}
    design = {"network": space.model or space.family.name, **design}
    return {"design": design, "metrics": metrics, "assumptions": assumptions(space)}


def assumptions(space: Space) -> dict[str, Any]:
    """Defaults in force, the counting convention, and the format really computed in, for one design."""
    found: dict[str, Any] = {"counting": space.counting}
    for name, axis in space.axes.items():
        if not axis.given and axis.values[0] is not None:
            value = leaf(space, name).data if name == "pue" else axis.values[0]
            named = isinstance(value, str)
            found[name] = value if named else {"value": float(value), "unit": glossary.lookup(name).unit}
    found[MODEL_AXIS] = _model(space)
    if "device" in space.axes:
        found["compute_format"] = str(compute_peak(space)[1].data)
        found["device_source"] = DEVICES[space.axes["device"].values[0]].source
    return found


def _model(space: Space) -> str:
    return str(space.axes[MODEL_AXIS].values[0]) if MODEL_AXIS in space.axes else variants_of("latency")[0]


def reason(space: Space, name: str, data: xr.Dataset) -> str:
    """Why a metric of one design is undefined."""
    if "reason" in data[name].attrs:
        return str(data[name].attrs["reason"])
    record = registry.metric_record(name)
    if name == "loss" and space.quality is None:
        return "undefined: no loss is published; give your own values in a table"
    if "quality" in record.inputs and SOURCE in data.coords:
        return str(data.coords[SOURCE].item())
    lacking = [f for f in plan_of(space, [name]).device_figures if np.isnan(leaf(space, f).data)]
    if lacking:
        return f"the catalogue has no {', '.join(lacking)} of {space.axes['device'].values[0]}"
    return "undefined for this number format" if record.kind == "table" else "undefined here"


def chain(space: Space, target: str) -> list[str]:
    """The formulas behind a metric of one design, from the metric down to counts and figures, numbers put in."""
    plan = plan_of(space, [target])
    names = [r.name for r in (*plan.counts, *plan.tables, *plan.steps)]
    values = {n: float(v.data) for n, v in evaluate_values(space, names).items() if n in names}
    values |= {n: float(leaf(space, n).data) for n in plan.leaves if not n.startswith("op_")}
    lines = []
    for record in reversed(plan.steps):
        shown = format_quantity(values[record.name], record.measure)
        label = f" ({record.label})" if record.label else ""
        lines.append(f"{record.name}{label} = {shown}")
        lines.append(f"    = {equation(record)}")
        if record.faces:
            lines.append(f"    = {faces.equation(record.function, {i: values[i] for i in record.inputs})}")
    for record in (*plan.counts, *plan.tables):
        lines.append(f"{record.name} = {format_quantity(values[record.name], record.measure)}: {record.summary}")
    for name in plan.leaves:
        if name in values:
            entry = glossary.lookup(name)
            lines.append(
                f"{name} = {format_quantity(values[name], entry.unit)}: {entry.meaning}, {_origin(space, name)}"
            )
    return lines


def _origin(space: Space, name: str) -> str:
    axis, kind = space.axes.get(name), glossary.lookup(name).kind
    if axis is not None:
        return "given" if axis.given else "by default"
    if kind == "precision":
        return f"of the number format {space.axes['precision'].values[0]}"
    if kind in ("device", "derived") and "device" in space.axes and name != "device_count":
        device = space.axes["device"].values[0]
        computing = f", computing in {compute_peak(space)[1].data}" if name == "peak_ops" else ""
        return f"of {device}{computing} ({DEVICES[device].source})"
    return "by default"
